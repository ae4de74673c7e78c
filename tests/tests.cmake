# Each folder of tests with *_test.cpp files is one program and one prefix in ctest's list.
enable_testing()
include(GoogleTest)
find_package(GTest QUIET)
if(NOT TARGET GTest::gtest_main)
  set(INSTALL_GTEST OFF)
  FetchContent_MakeAvailable(googletest)
endif()
find_package(Threads REQUIRED)
option(CRESTMAX_EMULATED "Build the cut-down set of tests for instruction emulators, and no other" OFF)
set(crestmax_tests "${PROJECT_SOURCE_DIR}/tests")
if(CRESTMAX_EMULATED)
  include("${crestmax_tests}/emulated/emulated.cmake")
  return()
endif()
set(CRESTMAX_SANITIZE "" CACHE STRING "Sanitizers that the tests are built with: address,undefined or thread")
if(NOT CRESTMAX_SANITIZE)
  find_package(OpenMP QUIET)  # its runtime library would look like a race
endif()

file(GLOB crestmax_support_sources CONFIGURE_DEPENDS "${crestmax_tests}/support/*.cpp")
add_library(crestmax_test_support STATIC ${crestmax_support_sources})
target_include_directories(crestmax_test_support PUBLIC "${crestmax_tests}")
target_link_libraries(crestmax_test_support PUBLIC crestmax_kernels GTest::gtest Threads::Threads)
if(CRESTMAX_SANITIZE)
  target_compile_options(crestmax_kernels PUBLIC -fsanitize=${CRESTMAX_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(crestmax_kernels PUBLIC -fsanitize=${CRESTMAX_SANITIZE})
endif()
# Tiles in plain C++ are kernels too, of the tests alone: without the precompiled header, whose flags are others.
set_source_files_properties("${crestmax_tests}/support/kernels_tiled.cpp" PROPERTIES
                            COMPILE_OPTIONS "${CRESTMAX_KERNEL_FLAGS};${CRESTMAX_TEST_KERNEL_FLAGS}" SKIP_PRECOMPILE_HEADERS ON)
# What nearly every test includes of others is parsed once. Not our own: g++ forgets which warnings precompiled text asked it
# to leave out.
target_precompile_headers(crestmax_test_support PRIVATE <gtest/gtest.h> <Eigen/Core> <functional> <random> <map> <span>)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_precompile_headers(crestmax_test_support PRIVATE <immintrin.h>)
endif()
if(TARGET OpenMP::OpenMP_CXX)
  set_source_files_properties("${crestmax_tests}/support/executors.cpp" "${crestmax_tests}/unit/execution_test.cpp" PROPERTIES
                              COMPILE_OPTIONS "${OpenMP_CXX_FLAGS}" SKIP_PRECOMPILE_HEADERS ON)
  target_link_libraries(crestmax_test_support PUBLIC ${OpenMP_CXX_LIBRARIES})
endif()

# crestmax_add_program(FOLDER TIMEOUT [LABEL]): the tests of the program crestmax_FOLDER_tests, one by one in ctest's list. Under
# sanitizers, where starting a program takes longer than most tests, in a few runs.
function(crestmax_add_program folder timeout)
  set(label ${folder})
  if(ARGC GREATER 2)
    set(label ${ARGV2})
  endif()
  if(NOT CRESTMAX_SANITIZE)
    gtest_discover_tests(crestmax_${folder}_tests TEST_PREFIX "${folder}: " DISCOVERY_TIMEOUT 60
                         PROPERTIES TIMEOUT ${timeout} LABELS ${label})
    return()
  endif()
  set(shards 4)
  foreach(shard RANGE 1 ${shards})
    math(EXPR number "${shard} - 1")
    set(name "${folder}: part ${shard} of ${shards}")
    add_test(NAME "${name}" COMMAND crestmax_${folder}_tests --gtest_brief=1)
    set_tests_properties("${name}" PROPERTIES TIMEOUT 1200 LABELS ${label}
                         ENVIRONMENT "GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${number}")
  endforeach()
endfunction()

# crestmax_add_tests(FOLDER [NAME]): the folder's tests, or those of NAME_test.cpp alone.
function(crestmax_add_tests folder)
  file(GLOB sources CONFIGURE_DEPENDS "${crestmax_tests}/${folder}/*${ARGV1}_test.cpp")
  add_executable(crestmax_${folder}_tests ${sources})
  target_link_libraries(crestmax_${folder}_tests PRIVATE crestmax_test_support GTest::gtest_main)
  target_precompile_headers(crestmax_${folder}_tests REUSE_FROM crestmax_test_support)
  crestmax_add_program(${folder} 900)
endfunction()

# The thread sanitizer has nothing to see where no thread is: it gets the tests that start some.
set(crestmax_folders unit determinism)
if(NOT CRESTMAX_SANITIZE STREQUAL "thread")
  list(APPEND crestmax_folders stages check_kernels property adversarial bad_input captures interop append)
else()
  set(crestmax_tests_of_unit execution)
endif()
set(CRESTMAX_TEST_FOLDERS "" CACHE STRING "Folders of tests to build; empty: all")
option(CRESTMAX_TEST_WHOLE "Also what takes long and finds little: tests/run whole" OFF)
function(crestmax_is_wanted folder result)
  set(wanted TRUE)
  if(CRESTMAX_TEST_FOLDERS AND NOT folder IN_LIST CRESTMAX_TEST_FOLDERS)
    set(wanted FALSE)
  endif()
  set(${result} ${wanted} PARENT_SCOPE)
endfunction()
foreach(folder ${crestmax_folders})
  crestmax_is_wanted(${folder} wanted)
  if(wanted)
    crestmax_add_tests(${folder} ${crestmax_tests_of_${folder}})
  endif()
endforeach()

# Its library would look like a race, as OpenMP's would.
find_package(TBB QUIET)
if(TARGET TBB::tbb AND TARGET crestmax_unit_tests AND NOT CRESTMAX_SANITIZE)
  target_link_libraries(crestmax_unit_tests PRIVATE TBB::tbb)
  target_compile_definitions(crestmax_unit_tests PRIVATE CRESTMAX_TEST_TBB)
endif()

# The Ascend path: the model of its devices, the kernel on it, attention() over both, and the runtime on a fake of
# CANN's entry points. The model's own threads run one at a time. And the adapter for ggml, without ggml.
if(NOT CRESTMAX_SANITIZE STREQUAL "thread")
  foreach(folder ascend_model ascend ascend_backend ascend_fake ggml)
    crestmax_is_wanted(${folder} wanted)
    if(wanted)
      include("${crestmax_tests}/${folder}/${folder}.cmake")
    endif()
  endforeach()
endif()

# PyTorch's operators without PyTorch.
crestmax_is_wanted(torch wanted)
if(wanted AND NOT CRESTMAX_SANITIZE STREQUAL "thread")
  include("${crestmax_tests}/torch/torch.cmake")
endif()

# Random bytes as calls.
crestmax_is_wanted(fuzz wanted)
if(wanted AND NOT CRESTMAX_SANITIZE STREQUAL "thread")
  include("${crestmax_tests}/fuzz/fuzz.cmake")
endif()

# The C interface.
crestmax_is_wanted(c wanted)
if(wanted AND NOT CRESTMAX_SANITIZE STREQUAL "thread")
  include("${crestmax_tests}/c/c.cmake")
endif()

# What follows builds programs of its own, or replaces the allocator: not under sanitizers.
if(CRESTMAX_SANITIZE)
  return()
endif()

# Tests that are runs of the compiler or of a script, not of a program of ours.
function(crestmax_add_test name label)
  add_test(NAME "${name}" COMMAND ${ARGN})
  set_tests_properties("${name}" PROPERTIES LABELS ${label} TIMEOUT 300)
endfunction()

get_target_property(crestmax_eigen Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
get_target_property(crestmax_strict_flags crestmax_strict INTERFACE_COMPILE_OPTIONS)
set(crestmax_compile ${CMAKE_CXX_COMPILER} -std=c++20 "-I${PROJECT_SOURCE_DIR}/include")
foreach(folder ${crestmax_eigen})
  list(APPEND crestmax_compile -isystem "${folder}")
endforeach()

foreach(folder headers compile_fail interop consumers eigen_5 documentation no_allocation first_use compile_cost peers ascend_device memory_sanitizer)
  crestmax_is_wanted(${folder} wanted)
  if(wanted)
    include("${crestmax_tests}/${folder}/${folder}.cmake")
  endif()
endforeach()
