# The C interface, from C, from C++ and from Python. Its implementation shares the kernels that all tests share.
set(crestmax_c_folder "${crestmax_tests}/c")

# A second copy, in a shared library, whose functions have a prefix.
add_library(crestmax_c_other SHARED "${crestmax_c_source}")
target_compile_definitions(crestmax_c_other PRIVATE CRESTMAX_C_SHARED CRESTMAX_C_PREFIX=other_)
set_target_properties(crestmax_c_other PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
target_compile_options(crestmax_c_other PRIVATE -fno-rtti)
target_link_libraries(crestmax_c_other PRIVATE crestmax_kernels)

# Functions beside the C++ calls that they stand for.
file(GLOB crestmax_c_sources CONFIGURE_DEPENDS "${crestmax_c_folder}/*_test.cpp")
add_executable(crestmax_c_tests ${crestmax_c_sources} "${crestmax_c_folder}/from_c.cpp")
target_link_libraries(crestmax_c_tests PRIVATE crestmax_c_of_kernels crestmax_c_other crestmax_test_support GTest::gtest_main)
target_precompile_headers(crestmax_c_tests REUSE_FROM crestmax_test_support)
set_source_files_properties("${crestmax_c_folder}/two_copies_test.cpp" PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
crestmax_add_program(c 300)

if(CRESTMAX_SANITIZE)
  return()
endif()

function(crestmax_add_c_test sentence)
  add_test(NAME "c: ${sentence}" COMMAND ${ARGN})
  set_tests_properties("c: ${sentence}" PROPERTIES LABELS c TIMEOUT 300)
endfunction()

# The header, by every C compiler that is here, as C and as C++, with every warning that its users may have.
set(crestmax_c_warnings -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wcast-align -Wfloat-equal -Wdouble-promotion
                        -Wswitch-enum -Wundef -Werror)
set(crestmax_warnings_of_c -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wc++-compat -Wdeclaration-after-statement)
set(crestmax_warnings_of_cxx -Wold-style-cast)
foreach(compiler gcc clang)
  find_program(crestmax_${compiler} ${compiler})
  if(NOT crestmax_${compiler})
    message(STATUS "crestmax: no ${compiler} here, the C header is not compiled by it")
    continue()
  endif()
  set(crestmax_c_compile "${crestmax_${compiler}}" "-I${PROJECT_SOURCE_DIR}/include" ${crestmax_c_warnings} -fsyntax-only)
  foreach(standard c99 c11 c17)
    crestmax_add_c_test("the header is ${standard} to ${compiler}, without a warning" ${crestmax_c_compile} ${crestmax_warnings_of_c}
                        -std=${standard} "${crestmax_c_folder}/header.c")
  endforeach()
  crestmax_add_c_test("the header takes its macros with ${compiler}" ${crestmax_c_compile} ${crestmax_warnings_of_c} -std=c99
                      -DCRESTMAX_C_PREFIX=mine_ -DCRESTMAX_C_HIDDEN "${crestmax_c_folder}/header.c")
  foreach(standard c++11 c++20)
    crestmax_add_c_test("the header is ${standard} to ${compiler}, without a warning" ${crestmax_c_compile} ${crestmax_warnings_of_cxx}
                        -std=${standard} -x c++ "${crestmax_c_folder}/header.c")
  endforeach()
endforeach()

crestmax_add_c_test("a shared library exports its functions under their prefix and nothing else" ${CMAKE_COMMAND} "-DNM=${CMAKE_NM}"
                    "-DLIBRARY=$<TARGET_FILE:crestmax_c_other>" -DPREFIX=other_ "-DHEADERS=${PROJECT_SOURCE_DIR}/include/crestmax/c"
                    -P "${crestmax_c_folder}/check_symbols.cmake")

# A plug-in that has the library inside.
add_library(crestmax_c_plug_in SHARED "${crestmax_c_folder}/plug_in.c")
set_target_properties(crestmax_c_plug_in PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF C_VISIBILITY_PRESET hidden)
target_link_libraries(crestmax_c_plug_in PRIVATE crestmax_c_of_kernels)
crestmax_add_c_test("a plug-in that links it exports its own function and nothing else" ${CMAKE_COMMAND} "-DNM=${CMAKE_NM}"
                    "-DLIBRARY=$<TARGET_FILE:crestmax_c_plug_in>" -DWANTED=plug_in_attends -P "${crestmax_c_folder}/check_symbols.cmake")

find_program(crestmax_python python3)
if(crestmax_python)
  crestmax_add_c_test("Python's ctypes" "${crestmax_python}" "${crestmax_c_folder}/ctypes_test.py" "$<TARGET_FILE:crestmax_c_other>" other_)
else()
  message(STATUS "crestmax: no python3 here, the C interface is not tested from Python")
endif()
