# The runtime of backend::ascend, compiled against a small fake of CANN's entry points.
file(GLOB crestmax_ascend_fake CONFIGURE_DEPENDS "${crestmax_tests}/ascend_fake/*.cpp")
add_executable(crestmax_ascend_fake_tests ${crestmax_ascend_fake})
target_include_directories(crestmax_ascend_fake_tests PRIVATE "${crestmax_tests}" "${crestmax_tests}/ascend_fake/include")
target_compile_definitions(crestmax_ascend_fake_tests PRIVATE CRESTMAX_WITH_CANN CRESTMAX_EXTERN_KERNELS)
target_link_libraries(crestmax_ascend_fake_tests PRIVATE crestmax_strict GTest::gtest_main Threads::Threads)
if(CRESTMAX_SANITIZE)
  target_compile_options(crestmax_ascend_fake_tests PRIVATE -fsanitize=${CRESTMAX_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(crestmax_ascend_fake_tests PRIVATE -fsanitize=${CRESTMAX_SANITIZE})
endif()
gtest_discover_tests(crestmax_ascend_fake_tests TEST_PREFIX "ascend_fake: " DISCOVERY_TIMEOUT 60
                     PROPERTIES TIMEOUT 300 LABELS ascend_fake)
