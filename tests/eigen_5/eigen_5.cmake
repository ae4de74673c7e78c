# The views of matrices over Eigen 5, whose headers lie in a Python package. No network, no test: a note says so.
# One compiler is enough: what differs are headers.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  return()
endif()
set(crestmax_eigen_5 "${PROJECT_BINARY_DIR}/eigen_5")
set(crestmax_wheel
    "${crestmax_eigen_5}/eigency-5.0.1.1-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl")
if(NOT EXISTS "${crestmax_eigen_5}/eigency/eigen/Eigen/Core")
  find_package(Python3 COMPONENTS Interpreter QUIET)
  if(Python3_FOUND AND NOT EXISTS "${crestmax_wheel}")
    execute_process(COMMAND "${Python3_EXECUTABLE}" -m pip download --quiet --no-deps --only-binary=:all: --implementation cp --abi cp311
                            --python-version 311 --platform manylinux2014_x86_64 --dest "${crestmax_eigen_5}" eigency==5.0.1.1
                    TIMEOUT 60 RESULT_VARIABLE crestmax_failed OUTPUT_VARIABLE crestmax_said ERROR_VARIABLE crestmax_said)
  endif()
  set(crestmax_hash none)
  if(EXISTS "${crestmax_wheel}")
    file(SHA256 "${crestmax_wheel}" crestmax_hash)
  endif()
  if(crestmax_hash STREQUAL "5a34a04a6039e067b7fe5ed4b876522fdbab81383b2f9286e94e45e15ae50676")
    file(ARCHIVE_EXTRACT INPUT "${crestmax_wheel}" DESTINATION "${crestmax_eigen_5}" PATTERNS "eigency/eigen/*")
  endif()
endif()
if(NOT EXISTS "${crestmax_eigen_5}/eigency/eigen/Eigen/Core")
  set(crestmax_note "[note] not executed: Eigen 5 (eigency 5.0.1.1) is not to be had by pip")
  message(STATUS "${crestmax_note}\n${crestmax_said}")
  crestmax_add_test("eigen_5: the headers can be had" eigen_5 ${CMAKE_COMMAND} -E echo "${crestmax_note}")
  set_tests_properties("eigen_5: the headers can be had" PROPERTIES SKIP_REGULAR_EXPRESSION "not executed")
  return()
endif()

add_executable(crestmax_eigen_5_tests "${crestmax_tests}/interop/eigen_test.cpp" "${crestmax_tests}/eigen_5/eigen_5_test.cpp")
target_include_directories(crestmax_eigen_5_tests SYSTEM BEFORE PRIVATE "${crestmax_eigen_5}/eigency/eigen")
target_link_libraries(crestmax_eigen_5_tests PRIVATE crestmax_test_support GTest::gtest_main)
crestmax_add_program(eigen_5 900)

# Found as a package: Eigen 5's own files of the package are like these.
include(CMakePackageConfigHelpers)
set(crestmax_eigen_package "${crestmax_eigen_5}/package/share/eigen3/cmake")
write_basic_package_version_file("${crestmax_eigen_package}/Eigen3ConfigVersion.cmake" VERSION 5.0.1
                                 COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
file(WRITE "${crestmax_eigen_package}/Eigen3Config.cmake" "\
if(NOT TARGET Eigen3::Eigen)
  add_library(Eigen3::Eigen INTERFACE IMPORTED)
  target_include_directories(Eigen3::Eigen SYSTEM INTERFACE \"${crestmax_eigen_5}/eigency/eigen\")
endif()
")
# No other package can be seen.
set(crestmax_this_eigen "-DEigen3_ROOT=${crestmax_eigen_5}/package|-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF|\
-DCMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH=OFF|-DCMAKE_MAKE_PROGRAM=${CMAKE_MAKE_PROGRAM}")
if(COMMAND crestmax_add_consumer)
  crestmax_add_consumer("an installed package, with Eigen 5" find_package find_package_eigen_5 -DRUN=consumer
                        "-DINSTALL=${crestmax_consumers_build}/prefix_eigen_5" "-DOPTIONS=${crestmax_this_eigen}|-DEIGEN_MAJOR=5")
endif()
