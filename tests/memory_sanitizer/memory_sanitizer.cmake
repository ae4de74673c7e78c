# One program of the memory sanitizer, which clang has. All of it is built with it: kernels too, but no library.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang" OR NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  return()
endif()
crestmax_add_test("memory_sanitizer: what was not written decides nothing" memory_sanitizer
                  ${CMAKE_COMMAND} -P "${crestmax_tests}/consumers/compile_and_run.cmake" --
                  "${PROJECT_BINARY_DIR}/memory_sanitizer/program" ${crestmax_compile} "-I${crestmax_tests}/memory_sanitizer"
                  ${crestmax_strict_flags} -O1 -g1 -fsanitize=memory -fno-sanitize-recover=all
                  "${crestmax_tests}/memory_sanitizer/main.cpp")
