# cmake -D BUILD=folder -P check_tags.cmake -- COMPILER FLAGS...: the namespace of each of these
# settings has a name of its own; tests/headers/check_build_tag.cmake goes through all extensions of instruction sets. Those that the compiler does not know are left out.
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/../../support/command.cmake")

set(probe "${BUILD}/tag.cpp")
file(WRITE "${probe}" "#include <crestmax/config.hpp>\ntag CRESTMAX_BUILD\n")
set(tags "")
set(count 0)
foreach(flags "-march=x86-64" "-march=core2" "-march=x86-64-v2" "-march=sandybridge" "-mfma" "-mbmi" "-mbmi2" "-mavx2" "-mavx2;-mfma"
              "-mavx2;-mfma;-mf16c" "-march=x86-64-v3" "-mavx512f" "-march=x86-64-v4" "-march=cascadelake"
              "-march=cooperlake" "-march=icelake-server" "-march=sapphirerapids"
              "-march=x86-64-v3;-fopenmp" "-march=x86-64-v3;-fno-exceptions" "-march=x86-64-v3;-DCRESTMAX_WITH_CANN"
              "-march=x86-64-v3;-ffast-math;-fno-finite-math-only")
  execute_process(COMMAND ${command} ${flags} -E -P "${probe}" RESULT_VARIABLE failed OUTPUT_VARIABLE text ERROR_QUIET)
  if(failed)
    message(STATUS "not known to this compiler: ${flags}")
    continue()
  endif()
  if(NOT text MATCHES "tag ([a-z0-9_]+)")
    message(FATAL_ERROR "no tag with ${flags}:\n${text}")
  endif()
  set(tag "${CMAKE_MATCH_1}")
  if(tag IN_LIST tags)
    message(FATAL_ERROR "${flags} shares the tag ${tag} with another instruction set")
  endif()
  list(APPEND tags "${tag}")
  math(EXPR count "${count} + 1")
endforeach()
if(count LESS 8)
  message(FATAL_ERROR "only ${count} instruction sets are known to this compiler: is the command right?")
endif()
list(JOIN tags "\n  " text)
message(STATUS "tags:\n  ${text}")
