# What needs Huawei's toolkit, or a device: said to be not run where they are missing. The script itself is tested.
set(crestmax_ascend_device "${crestmax_tests}/ascend_device/run")
foreach(what compile device)
  add_custom_target(crestmax_ascend_${what} COMMAND "${crestmax_ascend_device}" ${what} USES_TERMINAL VERBATIM)
endforeach()
if(TARGET crestmax_cann)
  add_executable(crestmax_ascend_device_tests "${crestmax_tests}/ascend_device/device_test.cpp")
  target_link_libraries(crestmax_ascend_device_tests PRIVATE crestmax_cann crestmax_test_support GTest::gtest)
endif()

crestmax_add_test("ascend_device: every kernel compiles by bisheng" ascend_device "${crestmax_ascend_device}" compile)
crestmax_add_test("ascend_device: calls are exact on a device" ascend_device "${crestmax_ascend_device}" device)
set_tests_properties("ascend_device: every kernel compiles by bisheng" "ascend_device: calls are exact on a device"
                     PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 3600)

foreach(what compile device)
  crestmax_add_test("ascend_device: without CANN the script says that ${what} was not run" ascend_device
                    ${CMAKE_COMMAND} -E env --unset=ASCEND_HOME_PATH "${crestmax_ascend_device}" ${what})
  set_tests_properties("ascend_device: without CANN the script says that ${what} was not run" PROPERTIES
                       PASS_REGULAR_EXPRESSION "ascend_device ${what}: not run: no CANN")
endforeach()

# A toolkit of two headers and a compiler that only reads: the sources that the runtime generates are C++17 that it accepts.
crestmax_add_test("ascend_device: generated sources compile, by a stand-in for bisheng" ascend_device
                  ${CMAKE_COMMAND} -E env "ASCEND_HOME_PATH=${crestmax_fake_cann}"
                  "CRESTMAX_ASCEND_BUILD=${PROJECT_BINARY_DIR}/ascend_device"
                  "CXX=${CMAKE_CXX_COMPILER}" "PATH=${crestmax_tests}/ascend_device/stand_in:$ENV{PATH}"
                  "${crestmax_ascend_device}" compile "2201_float16_64_64_full|3510_bfloat16_128_128_causal")
set_tests_properties("ascend_device: generated sources compile, by a stand-in for bisheng" PROPERTIES
                     PASS_REGULAR_EXPRESSION "2 kernels compiled by [^ ]*stand_in/bisheng")
crestmax_add_test("ascend_device: the tests for a device compile" ascend_device
                  ${crestmax_compile} ${crestmax_strict_flags} -DCRESTMAX_WITH_CANN -DCRESTMAX_EXTERN_KERNELS
                  "-I${crestmax_tests}" "-I${crestmax_tests}/ascend_fake/include" -fsyntax-only
                  "${crestmax_tests}/ascend_device/device_test.cpp")
