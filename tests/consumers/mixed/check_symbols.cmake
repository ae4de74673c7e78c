# cmake -D BUILD=... -D NM=... -D OBJDUMP=... -D OPTIMISATION=O0|O2 -P check_symbols.cmake: looks into the
# objects of a mixed program. A function of the same name in two objects is one function in the program, so a
# unit for an old machine could get code for a new one.
#
# What crestmax may share where nothing is inlined: constructors and accessors of vocabulary types, which
# store and return what they were given.
cmake_minimum_required(VERSION 3.22)
set(vocabulary "^_ZNK?8crestmax(6tensorI|10row_output|14softmax_method|6status|13coverage_mode|7options)"
               "^_ZN8crestmax(7size_of|4name)E")

file(GLOB lists "${BUILD}/*.object")
set(parts "")
foreach(list ${lists})
  get_filename_component(part "${list}" NAME_WE)
  list(APPEND parts ${part})
  file(READ "${list}" ${part}_object)
  # Functions that the linker merges: weak, or unique in the program.
  execute_process(COMMAND "${NM}" --defined-only "${${part}_object}" COMMAND awk "$2 ~ /^[WVu]$/ { print $3 }"
                  COMMAND sort -u RESULTS_VARIABLE failed OUTPUT_VARIABLE text)
  if(NOT failed MATCHES "^[0;]*$")
    message(FATAL_ERROR "nm failed: ${failed}")
  endif()
  string(REGEX REPLACE "\n" ";" ${part}_symbols "${text}")
endforeach()

# Each object has symbols of its own name, or there would be nothing to find here.
set(tag_of_baseline baseline)
set(tag_of_v3 avx2_fma_f16c)
set(tag_of_v4 avx512)
foreach(part ${parts})
  set(own ${${part}_symbols})
  list(FILTER own INCLUDE REGEX "8crestmax[0-9]+${tag_of_${part}}_(serial|openmp)")
  list(LENGTH own count)
  if(count EQUAL 0)
    message(FATAL_ERROR "${part}: no symbol is tagged ${tag_of_${part}}")
  endif()
endforeach()

set(mistakes "")
set(allowed "")
set(others 0)
foreach(part ${parts})
  foreach(other ${parts})
    if(NOT part STRLESS other)
      continue()
    endif()
    foreach(symbol ${${part}_symbols})
      if(NOT symbol IN_LIST ${other}_symbols OR symbol MATCHES "^DW\\.ref\\.")
        continue()
      endif()
      set(is_vocabulary FALSE)
      foreach(pattern ${vocabulary})
        if(symbol MATCHES "${pattern}")
          set(is_vocabulary TRUE)
        endif()
      endforeach()
      if(OPTIMISATION STREQUAL "O0" AND is_vocabulary)
        list(APPEND allowed "${symbol}")
      elseif(OPTIMISATION STREQUAL "O0" AND NOT symbol MATCHES "^_ZNK?8crestmax")
        math(EXPR others "${others} + 1")  # the standard library's and Eigen's: every program at -O0 shares them
      else()
        string(APPEND mistakes "\n  ${part} and ${other}: ${symbol}")
      endif()
    endforeach()
  endforeach()
endforeach()
if(mistakes)
  message(FATAL_ERROR "shared between instruction sets:${mistakes}")
endif()
list(REMOVE_DUPLICATES allowed)
list(LENGTH allowed count)
message(STATUS "shared: ${count} functions of the vocabulary, ${others} of other libraries")

# The unit for the oldest machine holds instructions of newer ones in the namespaces of their kernels alone.
execute_process(COMMAND "${OBJDUMP}" -d --no-show-raw-insn "${baseline_object}" COMMAND awk
                "/>:$/ { name = $2 } $1 ~ /^[0-9a-f]+:$/ && $2 ~ /^v[a-z]/ { print name }"
                COMMAND sort -u RESULTS_VARIABLE failed OUTPUT_VARIABLE text)
if(NOT failed MATCHES "^[0;]*$")
  message(FATAL_ERROR "objdump failed: ${failed}")
endif()
string(REGEX REPLACE "\n" ";" wide "${text}")
list(LENGTH wide count)
if(count EQUAL 0)
  message(FATAL_ERROR "no wide kernel found in ${baseline_object}")
endif()
list(FILTER wide EXCLUDE REGEX "3cpu4avx2|3cpu6avx512")
if(wide)
  message(FATAL_ERROR "baseline code with instructions of newer machines: ${wide}")
endif()
