# attention() on backend::ascend, with the model of a device in place of one: the same test bodies as the CPU's.
file(GLOB crestmax_ascend_backend CONFIGURE_DEPENDS "${crestmax_tests}/ascend_backend/*.cpp")
add_executable(crestmax_ascend_backend_tests ${crestmax_ascend_backend})
target_link_libraries(crestmax_ascend_backend_tests PRIVATE crestmax_test_support crestmax_ascend_model GTest::gtest_main)
crestmax_add_program(ascend_backend 900 ascend)
