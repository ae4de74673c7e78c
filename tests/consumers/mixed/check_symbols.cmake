# cmake -D BUILD=... -D NM=... -D OBJDUMP=... -D OPTIMISATION=O0|O2 -P check_symbols.cmake: looks into the
# objects of a mixed program. A function of the same name in two objects is one function in the program, so a
# unit for an old machine could get code for a new one.
#
# What crestmax may share where nothing is inlined: constructors and accessors of vocabulary types, which
# store and return what they were given: tensor, row_output, softmax_method, status, report, options, kv_run and what stands beside encoded
# rows; and what kinds are, in integers: size_of, alignment_of, name, is_encoded, row_elements and the like.
cmake_minimum_required(VERSION 3.22)
set(vocabulary "^_ZNK?8crestmax[0-9]+v[0-9]+_[0-9]+_[0-9]+(6tensorI|10row_output|14softmax_method|6status|6report|7options|7size_of|12alignment_of|4name|10is_encoded|12row_elements|12row_bytes_of|14bytes_of_block|16numbers_in_block|13keys_in_block|14key_blocks_for|14coding_numbers|10row_coding|10run_coding|6kv_run|9open_rows)")
set(tagged "x86_[0-9a-f]+_[0-9a-f]+_[0-9a-f]+_serial")

set(ENV{LC_ALL} C)
function(run_to file)
  execute_process(${ARGN} RESULTS_VARIABLE failed OUTPUT_FILE "${file}")
  if(NOT failed MATCHES "^[0;]*$")
    message(FATAL_ERROR "failed: ${ARGN}")
  endif()
endfunction()

file(GLOB lists "${BUILD}/*.object")
set(parts "")
foreach(list ${lists})
  get_filename_component(part "${list}" NAME_WE)
  list(APPEND parts ${part})
  file(READ "${list}" ${part}_object)
  # Functions that the linker merges: weak, or unique in the program.
  run_to("${BUILD}/${part}.symbols" COMMAND "${NM}" --defined-only "${${part}_object}"
         COMMAND awk "$2 ~ /^[WVu]$/ && $3 !~ /^DW.ref/ { print $3 }" COMMAND sort -u)
endforeach()

# Each object has symbols of its own name, or there would be nothing to find here.
set(tags "")
foreach(part ${parts})
  file(STRINGS "${BUILD}/${part}.symbols" own LIMIT_COUNT 1 REGEX "${tagged}")
  string(REGEX MATCH "${tagged}" tag "${own}")
  if(NOT own OR tag IN_LIST tags)
    message(FATAL_ERROR "${part}: no symbol has a tag that is not another's: ${tag}")
  endif()
  list(APPEND tags "${tag}")
endforeach()

# With optimisation nothing at all is shared. At -O0 every program shares what the standard library and Eigen
# define in headers; of crestmax itself it may be the vocabulary.
set(mistakes "")
set(allowed "")
set(ours ".")
if(OPTIMISATION STREQUAL "O0")
  set(ours "^_Z[A-Z]+8crestmax")
endif()
foreach(part ${parts})
  foreach(other ${parts})
    if(NOT part STRLESS other)
      continue()
    endif()
    run_to("${BUILD}/shared.symbols" COMMAND comm -12 "${BUILD}/${part}.symbols" "${BUILD}/${other}.symbols"
           COMMAND awk "/${ours}/")
    file(STRINGS "${BUILD}/shared.symbols" shared)
    foreach(symbol ${shared})
      if(OPTIMISATION STREQUAL "O0" AND symbol MATCHES "${vocabulary}")
        list(APPEND allowed "${symbol}")
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
string(REPLACE ";" "\n  " allowed "${allowed}")
message(STATUS "of the vocabulary, shared:\n  ${allowed}")

# The unit for the oldest machine holds instructions of newer ones in the namespaces of their kernels alone.
run_to("${BUILD}/wide.symbols" COMMAND "${OBJDUMP}" -d --no-show-raw-insn "${baseline_object}" COMMAND awk
       "/>:$/ { name = $2 } $1 ~ /^[0-9a-f]+:$/ && $2 ~ /^v[a-z]/ { print name }" COMMAND sort -u)
file(STRINGS "${BUILD}/wide.symbols" wide)
list(LENGTH wide count)
if(count EQUAL 0)
  message(FATAL_ERROR "no wide kernel found in ${baseline_object}")
endif()
list(FILTER wide EXCLUDE REGEX "3cpu4avx2|3cpu6avx512")
if(wide)
  message(FATAL_ERROR "baseline code with instructions of newer machines: ${wide}")
endif()
