# Two programs of the same tests, without and with OpenMP. They replace the allocator of the GNU C
# library, so they are not built under sanitizers, and not where there is another C library.
include(CheckCXXSourceCompiles)
check_cxx_source_compiles("#include <cstdlib>\n#if !defined(__GLIBC__)\n#error\n#endif\nint main() {}"
                          crestmax_has_glibc)
if(NOT crestmax_has_glibc)
  message(STATUS "crestmax: no GNU C library here, the no-allocation tests are not built")
  return()
endif()

function(crestmax_add_no_allocation name)
  file(GLOB sources CONFIGURE_DEPENDS "${crestmax_tests}/no_allocation/*.cpp")
  add_executable(crestmax_${name}_tests ${sources})
  target_include_directories(crestmax_${name}_tests PRIVATE "${crestmax_tests}")
  target_compile_definitions(crestmax_${name}_tests PRIVATE CRESTMAX_EXTERN_KERNELS)  # kernels.cpp has them
  target_link_libraries(crestmax_${name}_tests PRIVATE crestmax_strict GTest::gtest_main Threads::Threads
                                                       ${CMAKE_DL_LIBS} ${ARGN})
  gtest_discover_tests(crestmax_${name}_tests TEST_PREFIX "${name}: " DISCOVERY_TIMEOUT 60
                       PROPERTIES TIMEOUT 300 LABELS no_allocation)
endfunction()

crestmax_add_no_allocation(no_allocation)
if(TARGET OpenMP::OpenMP_CXX)
  crestmax_add_no_allocation(no_allocation_openmp OpenMP::OpenMP_CXX)
endif()
