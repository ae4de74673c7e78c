# The cut-down set of tests for instruction emulators, one static program: tests/run arm and tests/run avx512 build it
# with CRESTMAX_EMULATED and nothing else.

# What an emulator in user mode can read is in the program: the first 64 tokens of each capture's first head.
set(crestmax_excerpt_tokens 64)
function(crestmax_write_excerpts file)
  set(text "")
  foreach(capture "tinyllama_code_L11 true 64" "minimind2_zh_L01 true 64" "moonshine_enc_speech_L01 false 36")
    string(REPLACE " " ";" capture "${capture}")
    list(GET capture 0 name)
    list(GET capture 1 causal)
    list(GET capture 2 head_dim)
    string(APPEND text "{\"${name}\", ${causal}, ${head_dim},\n")
    foreach(part q k v)
      set(array "${PROJECT_SOURCE_DIR}/examples/data/${name}_${part}.npy")
      set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${array}")
      file(READ "${array}" header OFFSET 10 LIMIT 118)
      if(NOT header MATCHES "'descr': '<f2', 'fortran_order': False, 'shape': .[0-9]+, [0-9]+, ${head_dim}.,")
        message(FATAL_ERROR "${array} is not float16 in C order with a head_dim of ${head_dim}, behind 128 bytes of header")
      endif()
      math(EXPR bytes "2 * ${crestmax_excerpt_tokens} * ${head_dim}")
      file(READ "${array}" numbers OFFSET 128 LIMIT ${bytes} HEX)
      string(REGEX REPLACE "(..)(..)" "0x\\2\\1," numbers "${numbers}")
      string(APPEND text "{${numbers}},\n")
    endforeach()
    string(APPEND text "},\n")
  endforeach()
  file(CONFIGURE OUTPUT "${file}" CONTENT "${text}" @ONLY)
endfunction()
crestmax_write_excerpts("${PROJECT_BINARY_DIR}/emulated/capture_excerpts.inc")

# Of the kernels and their tests: whatever an ordinary build of this architecture does not run everywhere.
file(GLOB crestmax_emulated_sources CONFIGURE_DEPENDS
     "${crestmax_tests}/emulated/*.cpp"
     "${crestmax_tests}/stages/*_test.cpp")
list(FILTER crestmax_emulated_sources EXCLUDE REGEX "stages/[a-z_]*_(generic|portable|tiles|avx2|pairs)_test")
if(WIN32)  # what is tested there is a program of another system, not its kernels: whole calls
  list(FILTER crestmax_emulated_sources EXCLUDE REGEX "/stages/")
endif()
# AArch64's dispatch, its kernels one by one and products of pairs have no other machine to be tested on.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  list(APPEND crestmax_emulated_sources
       "${crestmax_tests}/check_kernels/check_kernels_test.cpp"
       "${crestmax_tests}/unit/instruction_set_test.cpp"
       "${crestmax_tests}/property/pairs_test.cpp" "${crestmax_tests}/property/pairs_in_place_test.cpp")
endif()
foreach(name contract make_case random_case executors)
  list(APPEND crestmax_emulated_sources "${crestmax_tests}/support/${name}.cpp")
endforeach()
add_executable(crestmax_emulated_tests ${crestmax_emulated_sources})
target_include_directories(crestmax_emulated_tests PRIVATE "${crestmax_tests}" "${PROJECT_BINARY_DIR}/emulated")
target_compile_definitions(crestmax_emulated_tests PRIVATE CRESTMAX_TEST_EMULATED)
target_link_libraries(crestmax_emulated_tests PRIVATE crestmax_kernels GTest::gtest_main Threads::Threads)
target_link_options(crestmax_emulated_tests PRIVATE -static -no-pie)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  foreach(target crestmax_kernels crestmax_emulated_tests)
    target_compile_options(${target} PRIVATE "SHELL:-include \"${crestmax_tests}/emulated/two_halves.hpp\"")
  endforeach()
endif()
