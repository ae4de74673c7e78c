# What a translation unit costs that makes calls, measured with the compiler in use at -O2: times as long as a file that includes
# Eigen/Core alone. The numbers are lines with [note] in the tests' log.
add_executable(crestmax_measure_compilation "${crestmax_tests}/compile_cost/measure.cpp")
target_link_libraries(crestmax_measure_compilation PRIVATE crestmax_strict)

set(crestmax_at_o2 ${crestmax_compile} -O2 -c)
set(crestmax_yardstick --yardstick ${crestmax_at_o2} -o "${PROJECT_BINARY_DIR}/yardstick.o" "${crestmax_tests}/compile_cost/eigen_core.cpp")
# crestmax_add_compile_cost(SENTENCE TIMES MEGABYTES ARGUMENTS...): one compilation, at most so many times the yardstick's time.
function(crestmax_add_compile_cost sentence times megabytes)
  crestmax_add_test("compile_cost: ${sentence}" compile_cost crestmax_measure_compilation "${sentence}" ${times} ${megabytes}
                    ${crestmax_at_o2} -o "${PROJECT_BINARY_DIR}/compile_cost.o" ${ARGN} ${crestmax_yardstick})
  set_tests_properties("compile_cost: ${sentence}" PROPERTIES RESOURCE_LOCK compile_cost TIMEOUT 900)
endfunction()

set(crestmax_one_call "${crestmax_tests}/compile_cost/one_call.cpp")
set(crestmax_one_call_elsewhere 2)
set(crestmax_one_call_whole 13)  # aimed at: 5; this much is no regression
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  set(crestmax_one_call_elsewhere 1.5)
  set(crestmax_one_call_whole 11)
endif()
crestmax_add_compile_cost("one fp32 call with kernels compiled elsewhere" ${crestmax_one_call_elsewhere} 0 -DCRESTMAX_EXTERN_KERNELS
                          "${crestmax_one_call}")
crestmax_add_compile_cost("one fp32 call with kernels of its own (aimed at: 5 times)" ${crestmax_one_call_whole} 0 "${crestmax_one_call}")
# In times of the float call, whose kernels it has as well.
set(crestmax_encoded_call_whole 1.45)  # aimed at: 1.25; this much is no regression
if(CRESTMAX_TEST_WHOLE)
  crestmax_add_test("compile_cost: one call with an encoded cache, in float calls (aimed at: 1.25 times)" compile_cost crestmax_measure_compilation
                    "one call with an encoded cache, in float calls (aimed at: 1.25 times)" ${crestmax_encoded_call_whole} 0
                    ${crestmax_at_o2} -o "${PROJECT_BINARY_DIR}/compile_cost.o" "${crestmax_tests}/compile_cost/one_encoded_call.cpp"
                    --yardstick ${crestmax_at_o2} -o "${PROJECT_BINARY_DIR}/yardstick.o" "${crestmax_one_call}")
  set_tests_properties("compile_cost: one call with an encoded cache, in float calls (aimed at: 1.25 times)" PROPERTIES
                       RESOURCE_LOCK compile_cost TIMEOUT 900)
  crestmax_add_compile_cost("three types, contiguous and paged, causal and full" 0 1536 "${crestmax_tests}/compile_cost/many_calls.cpp")
  foreach(checked -fsanitize=undefined --coverage)
    crestmax_add_compile_cost("one fp32 call with kernels compiled elsewhere and ${checked}" 6 0 ${checked} -DCRESTMAX_EXTERN_KERNELS
                              "${crestmax_one_call}")
  endforeach()
endif()

# The measurement itself can fail.
set(crestmax_parsed ${crestmax_compile} -fsyntax-only "${crestmax_tests}/compile_cost/measure.cpp")
crestmax_add_test("compile_cost: more than the bar of time is refused" compile_cost
                  crestmax_measure_compilation - 0.01 0 ${crestmax_parsed} --yardstick ${crestmax_parsed})
crestmax_add_test("compile_cost: more than the bar of memory is refused" compile_cost
                  crestmax_measure_compilation - 0 0.1 ${crestmax_parsed} --yardstick ${crestmax_parsed})
foreach(what time memory)
  set_tests_properties("compile_cost: more than the bar of ${what} is refused" PROPERTIES PASS_REGULAR_EXPRESSION "too much ${what}")
endforeach()
crestmax_add_test("compile_cost: a compilation that fails is no measurement" compile_cost
                  crestmax_measure_compilation - 0 0 ${crestmax_compile} -fsyntax-only no_such_file.cpp --yardstick ${crestmax_parsed})
set_tests_properties("compile_cost: a compilation that fails is no measurement" PROPERTIES
                     PASS_REGULAR_EXPRESSION "the command failed")

# Kernels that one translation unit compiles serve a call in another.
add_executable(crestmax_extern_kernels_tests "${crestmax_tests}/compile_cost/extern_kernels_test.cpp")
target_link_libraries(crestmax_extern_kernels_tests PRIVATE crestmax_test_support GTest::gtest_main)
gtest_discover_tests(crestmax_extern_kernels_tests TEST_PREFIX "compile_cost: " DISCOVERY_TIMEOUT 60
                     PROPERTIES TIMEOUT 300 LABELS compile_cost)
