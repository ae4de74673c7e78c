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
crestmax_add_program(ascend_fake 300)

# The same fake as the libraries of a toolkit, for a consumer of crestmax::cann (tests/consumers).
if(NOT CRESTMAX_SANITIZE)
  set(crestmax_fake_cann "${PROJECT_BINARY_DIR}/fake_cann")
  file(COPY "${crestmax_tests}/ascend_fake/include" DESTINATION "${crestmax_fake_cann}")
  foreach(library ascendcl acl_rtc)
    add_library(crestmax_fake_${library} SHARED "${crestmax_tests}/ascend_fake/fake.cpp")
    target_include_directories(crestmax_fake_${library} PRIVATE "${crestmax_fake_cann}/include")
    target_compile_features(crestmax_fake_${library} PRIVATE cxx_std_20)
    set_target_properties(crestmax_fake_${library} PROPERTIES OUTPUT_NAME ${library}
                          LIBRARY_OUTPUT_DIRECTORY "${crestmax_fake_cann}/lib64")
  endforeach()
endif()
