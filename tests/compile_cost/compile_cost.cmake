# What a translation unit costs that makes calls, measured with the compiler in use at -O2. The numbers are
# lines with [note] in the tests' log.
add_executable(crestmax_measure_compilation "${crestmax_tests}/compile_cost/measure.cpp")
target_link_libraries(crestmax_measure_compilation PRIVATE crestmax_strict)

# Code of others, which takes 2 s where the bars were set: how slow is this machine?
set(crestmax_yardstick ${crestmax_compile} -O2 -c -o "${PROJECT_BINARY_DIR}/yardstick.o"
    "${crestmax_tests}/compile_cost/yardstick.cpp")
function(crestmax_add_compile_cost sentence seconds megabytes)
  crestmax_add_test("compile_cost: ${sentence}" compile_cost
                    crestmax_measure_compilation "${sentence}" ${seconds} ${megabytes} ${crestmax_compile} -O2 -c
                    -o "${PROJECT_BINARY_DIR}/compile_cost.o" ${ARGN} --yardstick 2 ${crestmax_yardstick})
  set_tests_properties("compile_cost: ${sentence}" PROPERTIES RESOURCE_LOCK compile_cost TIMEOUT 900)
endfunction()

set(crestmax_one_call "${crestmax_tests}/compile_cost/one_call.cpp")
if(CRESTMAX_TEST_WHOLE)
  crestmax_add_compile_cost("one fp32 call on one instruction set" 6 0 -DONE_SET "${crestmax_one_call}")
  crestmax_add_compile_cost("three types, contiguous and paged, causal and full" 40 1536
                            "${crestmax_tests}/compile_cost/many_calls.cpp")
  crestmax_add_compile_cost("the C interface on all instruction sets" 25 0 "${crestmax_c_source}")
  crestmax_add_compile_cost("the C interface with kernels of another translation unit" 6 0 -DCRESTMAX_EXTERN_KERNELS "${crestmax_c_source}")
endif()
crestmax_add_compile_cost("one fp32 call on all instruction sets" 10 0 "${crestmax_one_call}")
crestmax_add_compile_cost("one fp32 call with kernels of another translation unit" 3 0 -DCRESTMAX_EXTERN_KERNELS
                          "${crestmax_one_call}")

# The measurement itself can fail.
crestmax_add_test("compile_cost: more than twice the bar of time is refused" compile_cost
                  crestmax_measure_compilation - 0.001 0 ${crestmax_compile} -fsyntax-only
                  "${crestmax_tests}/compile_cost/measure.cpp")
crestmax_add_test("compile_cost: more than twice the bar of memory is refused" compile_cost
                  crestmax_measure_compilation - 0 0.1 ${crestmax_compile} -fsyntax-only
                  "${crestmax_tests}/compile_cost/measure.cpp")
crestmax_add_test("compile_cost: more than twice the bar of time on a slow machine is refused" compile_cost
                  crestmax_measure_compilation - 0.0001 0 ${crestmax_compile} -fsyntax-only
                  "${crestmax_tests}/compile_cost/measure.cpp" --yardstick 0.1 ${crestmax_compile} -fsyntax-only
                  "${crestmax_tests}/compile_cost/measure.cpp")
crestmax_add_test("compile_cost: a machine that is slow by its yardstick has more time" compile_cost
                  crestmax_measure_compilation - 0.001 0 ${crestmax_compile} -fsyntax-only
                  "${crestmax_tests}/compile_cost/measure.cpp" --yardstick 0.0001 ${crestmax_compile} -fsyntax-only
                  "${crestmax_tests}/compile_cost/measure.cpp")
foreach(sentence "time" "memory" "time on a slow machine")
  set_tests_properties("compile_cost: more than twice the bar of ${sentence} is refused" PROPERTIES
                       PASS_REGULAR_EXPRESSION "by more than twice: too much")
endforeach()
crestmax_add_test("compile_cost: a compilation that fails is no measurement" compile_cost
                  crestmax_measure_compilation - 0 0 ${crestmax_compile} -fsyntax-only no_such_file.cpp)
set_tests_properties("compile_cost: a compilation that fails is no measurement" PROPERTIES
                     PASS_REGULAR_EXPRESSION "the command failed")

# Kernels that one translation unit compiles serve a call in another.
add_executable(crestmax_extern_kernels_tests "${crestmax_tests}/compile_cost/extern_kernels_test.cpp")
target_link_libraries(crestmax_extern_kernels_tests PRIVATE crestmax_test_support GTest::gtest_main)
gtest_discover_tests(crestmax_extern_kernels_tests TEST_PREFIX "compile_cost: " DISCOVERY_TIMEOUT 60
                     PROPERTIES TIMEOUT 300 LABELS compile_cost)
