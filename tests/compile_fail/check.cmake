# cmake -P check.cmake -- SOURCE AHEAD COMPILER FLAGS...: SOURCE must be refused, and its twin accepted.
# AHEAD is a header that was compiled ahead; sources with flags of their own do without it.
#
# The source begins with comments:
#   // A sentence that names the test.
#   // expects: a regular expression that the compiler's output matches; every such line must match
#   // refused with: flags    the default is -DREFUSED
#   // accepted with: flags   the twin, so that the failure is for the right reason; the default is none
cmake_minimum_required(VERSION 3.22)
set(ENV{LC_ALL} C)
include("${CMAKE_CURRENT_LIST_DIR}/../support/command.cmake")
list(POP_FRONT command source ahead)

set(use_ahead -include "${ahead}")
set(refused_with -DREFUSED)
set(accepted_with "")
set(expected "")
file(STRINGS "${source}" comments REGEX "^// [a-z]+( with)?: ")
foreach(line ${comments})
  if(line MATCHES "^// expects: (.*)$")
    list(APPEND expected "${CMAKE_MATCH_1}")
  elseif(line MATCHES "^// refused with: (.*)$")
    separate_arguments(refused_with UNIX_COMMAND "${CMAKE_MATCH_1}")
    set(use_ahead "")
  elseif(line MATCHES "^// accepted with: (.*)$")
    separate_arguments(accepted_with UNIX_COMMAND "${CMAKE_MATCH_1}")
  endif()
endforeach()
if(NOT expected)
  message(FATAL_ERROR "${source} has no line '// expects: ...'")
endif()

execute_process(COMMAND ${command} ${use_ahead} ${accepted_with} -fsyntax-only "${source}"
                RESULT_VARIABLE failed OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(failed)
  message(FATAL_ERROR "the twin was refused, and should be accepted:\n${text}")
endif()
execute_process(COMMAND ${command} ${use_ahead} ${refused_with} -fsyntax-only "${source}"
                RESULT_VARIABLE failed OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(NOT failed)
  message(FATAL_ERROR "it was accepted, and should be refused with: ${refused_with}")
endif()
foreach(reason ${expected})
  if(NOT text MATCHES "${reason}")
    message(FATAL_ERROR "it was refused, but the compiler does not say: ${reason}\n${text}")
  endif()
endforeach()
