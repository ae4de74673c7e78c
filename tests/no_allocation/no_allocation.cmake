# Two programs, without and with OpenMP. They replace the allocator of the GNU C
# library, so they are not built under sanitizers, and not where there is another C library.
include(CheckCXXSourceCompiles)
check_cxx_source_compiles("#include <cstdlib>\n#if !defined(__GLIBC__)\n#error\n#endif\nint main() {}"
                          crestmax_has_glibc)
if(NOT crestmax_has_glibc)
  message(STATUS "crestmax: no GNU C library here, the no-allocation tests are not built")
  return()
endif()

function(crestmax_add_no_allocation name)
  cmake_parse_arguments(of "" "" "SOURCES;LIBRARIES" ${ARGN})
  list(TRANSFORM of_SOURCES PREPEND "${crestmax_tests}/no_allocation/")
  add_executable(crestmax_${name}_tests ${of_SOURCES})
  target_include_directories(crestmax_${name}_tests PRIVATE "${crestmax_tests}")
  target_link_libraries(crestmax_${name}_tests PRIVATE crestmax_strict ${of_LIBRARIES} GTest::gtest_main Threads::Threads
                                                       ${CMAKE_DL_LIBS})
  gtest_discover_tests(crestmax_${name}_tests TEST_PREFIX "${name}: " DISCOVERY_TIMEOUT 60
                       PROPERTIES TIMEOUT 300 LABELS no_allocation)
endfunction()

crestmax_add_no_allocation(no_allocation SOURCES counter.cpp counter_test.cpp attention_test.cpp two_steps_test.cpp c_interface_test.cpp
                           LIBRARIES crestmax_test_support crestmax_c_of_kernels)
if(TARGET OpenMP::OpenMP_CXX)
  crestmax_add_no_allocation(no_allocation_openmp SOURCES counter.cpp counter_test.cpp openmp_test.cpp kernels.cpp
                             LIBRARIES OpenMP::OpenMP_CXX)
  target_compile_definitions(crestmax_no_allocation_openmp_tests PRIVATE CRESTMAX_EXTERN_KERNELS)  # kernels.cpp has them
endif()
