# cmake -D BUILD=folder [-D ALSO=flag|flag] -P check_build_tag.cmake -- COMPILER FLAGS...: every extension of an instruction set that some -march of
# this compiler has, or one of the flags in ALSO, and its default has not, is in the name of the namespace (build_tag.hpp): with the extension's
# macro the name is another than without.
cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/../support/command.cmake")
set(ENV{LC_ALL} C)

# Macros that vary with -march and say nothing of the code that a compiler makes of this library's sources.
set(changes_nothing
    # Processors: these names are in lower case, but for one letter.
    "__[a-z0-9_]+(__)?" "__tune_.*"
    # What only an intrinsic asks for: cryptography, random numbers, cache lines, transactions, tiles, and what systems use.
    __AES__ __ADX__ __SHA__ __VAES__ __KL__ __WIDEKL__ __RDRND__ __RDSEED__ __CLDEMOTE__ __CLFLUSHOPT__ __CLWB__ __CLZERO__
    __WBNOINVD__ __RTM__ __TSXLDTRK__ "__AMX_?[A-Z0-9_]+__" __AVX512VP2INTERSECT__ __ENQCMD__ __FSGSBASE__ __HRESET__ __INVPCID__ __LWP__
    __MOVDIR64B__ __MOVDIRI__ __MWAITX__ __PCONFIG__ __PKU__ __PTWRITE__ __RDPID__ __RDPRU__ __SERIALIZE__ __SGX__ __SHSTK__ __UINTR__
    __USERMSR__ __USER_MSR__ __PREFETCHI__ __WAITPKG__ "__XSAVE[A-Z]*__" "__SHA512__" "__SM[34]__" "__3dNOW(_A)?__"
    "__ARM_FEATURE_(CRYPTO|SHA2|SHA512|SM3|SM4|SVE2_SM4|RNG|TME|LS64|MEMORY_TAGGING|SYSREG128)" __ARM_ARCH_PROFILE
    # What types and arithmetic of other macros follow from.
    __ABM__ "__FLT.*" "__FP_FAST_.*" __BIGGEST_ALIGNMENT__ "__GCC_(CON|DE)STRUCTIVE_SIZE" __ARM_FEATURE_SVE_VECTOR_OPERATORS __ARM_BF16_FORMAT_ALTERNATIVE
    __ARM_NEON_SVE_BRIDGE)
list(JOIN changes_nothing "|" changes_nothing)

# Names that the compiler lists when it is given one that it does not know.
function(values_of option result)
  execute_process(COMMAND ${command} "${option}nonesuch" -x c++ -c /dev/null -o /dev/null
                  RESULT_VARIABLE refused OUTPUT_QUIET ERROR_VARIABLE text)
  set(values "")
  if(refused AND text MATCHES "valid (arguments|target CPU values)[^:]*: ([^;\n]*)")
    string(REGEX MATCHALL "[A-Za-z0-9.+_-]+" values "${CMAKE_MATCH_2}")
  endif()
  set(${result} ${values} PARENT_SCOPE)
endfunction()

# Sets `result` to the macros with these flags, each with its value; empty where the compiler refuses them.
function(macros_of result)
  execute_process(COMMAND ${command} ${ARGN} -dM -E -x c++ /dev/null RESULT_VARIABLE refused OUTPUT_VARIABLE text ERROR_QUIET)
  set(macros "")
  if(NOT refused)
    string(REGEX MATCHALL "#define [A-Za-z_][A-Za-z0-9_]* [^\n;]*" macros "${text}")
  endif()
  set(${result} ${macros} PARENT_SCOPE)
endfunction()

string(MD5 key "${command}")  # checks of several compilers run at a time
set(probe "${BUILD}/build_tag_${key}.cpp")
file(WRITE "${probe}" "#include <crestmax/build_tag.hpp>\ntag CRESTMAX_BUILD\n")
function(tag_with result)
  execute_process(COMMAND ${command} ${ARGN} -E -P "${probe}" RESULT_VARIABLE refused OUTPUT_VARIABLE text ERROR_VARIABLE said)
  if(refused OR NOT text MATCHES "tag ([a-z0-9_]+) *\n")
    message(FATAL_ERROR "no tag with ${ARGN}:\n${text}${said}")
  endif()
  set(${result} "${CMAKE_MATCH_1}" PARENT_SCOPE)
endfunction()

set(settings "")
foreach(option -march= -mcpu=)
  values_of("${option}" values)
  list(TRANSFORM values PREPEND "${option}")
  list(APPEND settings ${values})
endforeach()
values_of(-march=armv8-a+ extensions)
list(TRANSFORM extensions PREPEND -march=armv8-a+)
list(APPEND settings ${extensions})
string(REPLACE "|" ";" ALSO "${ALSO}")
list(APPEND settings ${ALSO})

macros_of(base)
set(known 0)
set(macros "")
foreach(setting ${settings})
  macros_of(with "${setting}")
  if(with)
    math(EXPR known "${known} + 1")
    list(REMOVE_ITEM with ${base})
    list(APPEND macros ${with})
  endif()
endforeach()
if(known LESS 8)
  message(FATAL_ERROR "${known} instruction sets are known to this compiler: is the command right?")
endif()
list(REMOVE_DUPLICATES macros)

set(checked 0)
set(mistakes "")
foreach(macro ${macros})
  string(REGEX MATCH "#define ([^ ]+) (.*)" unused "${macro}")
  set(name "${CMAKE_MATCH_1}")
  set(value "${CMAKE_MATCH_2}")
  if(name MATCHES "^(${changes_nothing})$" OR value STREQUAL "0")
    continue()
  endif()
  math(EXPR checked "${checked} + 1")
  tag_with(without)
  tag_with(with "-U${name}" "-D${name}=${value}")
  if(with STREQUAL without)
    string(APPEND mistakes "\n  ${name}")
  endif()
endforeach()
if(checked LESS 8)
  message(FATAL_ERROR "only ${checked} extensions seen: is the command right?")
endif()
if(mistakes)
  message(FATAL_ERROR "of an instruction set, and not in the table of build_tag.hpp:${mistakes}")
endif()
message(STATUS "${checked} extensions of ${known} settings, each with a name of its own")
