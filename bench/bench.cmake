# The benchmark: one binary, so that every ratio comes from one process.
find_package(benchmark QUIET)
if(NOT TARGET benchmark::benchmark)
  set(BENCHMARK_ENABLE_TESTING OFF)
  set(BENCHMARK_ENABLE_INSTALL OFF)
  FetchContent_MakeAvailable(benchmark)
endif()
find_package(Threads REQUIRED)

file(GLOB crestmax_bench_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/*.cpp")
add_executable(crestmax_bench ${crestmax_bench_sources})
target_link_libraries(crestmax_bench PRIVATE crestmax_kernels benchmark::benchmark Threads::Threads)
# The library chooses its kernels at run time; ceilings and the materialised baseline are compiled for
# this machine, so that they are what the machine can do.
set_property(SOURCE "${PROJECT_SOURCE_DIR}/bench/ceilings.cpp" "${PROJECT_SOURCE_DIR}/bench/materialised.cpp"
             PROPERTY COMPILE_OPTIONS -march=native)

# The library and the ceilings behind C functions, for bench/peers/run.
add_library(crestmax_peers SHARED "${PROJECT_SOURCE_DIR}/bench/peers/crestmax_c.cpp"
                                  "${PROJECT_SOURCE_DIR}/bench/ceilings.cpp" "${PROJECT_SOURCE_DIR}/bench/machine.cpp")
set_target_properties(crestmax_peers PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
target_link_libraries(crestmax_peers PRIVATE crestmax_kernels Threads::Threads)

# What bench/before_and_after builds, held to the same warnings. Kernels are not compiled for it.
add_executable(crestmax_paired "${PROJECT_SOURCE_DIR}/bench/paired/main.cpp" "${PROJECT_SOURCE_DIR}/bench/paired/lines.cpp")
target_link_libraries(crestmax_paired PRIVATE crestmax_strict ${CMAKE_DL_LIBS})
add_library(crestmax_paired_adapter OBJECT "${PROJECT_SOURCE_DIR}/bench/paired/adapter.cpp")
target_compile_definitions(crestmax_paired_adapter PRIVATE CRESTMAX_EXTERN_KERNELS)
target_link_libraries(crestmax_paired_adapter PRIVATE crestmax_strict)

# Calls from C beside those from C++, for bench/c/run.
add_executable(crestmax_bench_c "${PROJECT_SOURCE_DIR}/bench/c/main.cpp")
target_link_libraries(crestmax_bench_c PRIVATE crestmax_c_of_kernels)

# Every kernel of every set, for bench/check_kernels.
add_executable(crestmax_bench_kernels "${PROJECT_SOURCE_DIR}/bench/kernels/main.cpp" "${PROJECT_SOURCE_DIR}/bench/ceilings.cpp"
                                      "${PROJECT_SOURCE_DIR}/bench/machine.cpp")
target_link_libraries(crestmax_bench_kernels PRIVATE crestmax_kernels Threads::Threads)
if(NOT CRESTMAX_BUILD_TESTS)  # with them the kernels have these already
  target_sources(crestmax_bench_kernels PRIVATE "${PROJECT_SOURCE_DIR}/bench/kernels/portable.cpp")
endif()

# What encodings do to outputs, for bench/quality/run alone.
file(GLOB crestmax_quality_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/quality/*.cpp")
add_executable(crestmax_quality EXCLUDE_FROM_ALL ${crestmax_quality_sources})
target_link_libraries(crestmax_quality PRIVATE crestmax_kernels)
