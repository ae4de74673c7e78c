# Programs that use crestmax as a user would, each built from scratch with the compiler of the tests.
set(crestmax_consumers "${crestmax_tests}/consumers")
set(crestmax_consumers_build "${PROJECT_BINARY_DIR}/consumers")

function(crestmax_add_consumer name folder)
  crestmax_add_test("consumers: ${name}" consumers
                    ${CMAKE_COMMAND} "-DPROJECT=${PROJECT_SOURCE_DIR}" "-DCONSUMER=${crestmax_consumers}/${folder}"
                    "-DBUILD=${crestmax_consumers_build}/${ARGV2}" "-DCOMPILER=${CMAKE_CXX_COMPILER}"
                    "-DGENERATOR=${CMAKE_GENERATOR}" "-DVERSION=${PROJECT_VERSION}" ${ARGN}
                    -P "${crestmax_consumers}/build.cmake")
endfunction()

list(GET crestmax_eigen 0 crestmax_eigen_folder)
set(crestmax_no_eigen "-DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON")
# Its package, where there is one; else it is the user's own.
set(crestmax_find_eigen -DEIGEN_MAJOR=3)
if(NOT Eigen3_FOUND OR Eigen3_VERSION VERSION_GREATER_EQUAL 5)
  set(crestmax_find_eigen "-DEIGEN=${crestmax_eigen_folder}")
endif()
crestmax_add_consumer("an installed package, found by find_package" find_package find_package
                      "-DINSTALL=${crestmax_consumers_build}/prefix" "-DOPTIONS=${crestmax_find_eigen}|-DWITH_C=ON"
                      "-DRUN=consumer|c_engine|c_engine_alone")
crestmax_add_consumer("a folder of the project, by add_subdirectory" subdirectory subdirectory -DRUN=consumer)
crestmax_add_consumer("FetchContent, with an Eigen of the user's own" fetch_content fetch_content -DRUN=consumer
                      "-DOPTIONS=${crestmax_no_eigen}|-DFETCHCONTENT_SOURCE_DIR_EIGEN=${crestmax_eigen_folder}")
crestmax_add_consumer("without Eigen and without a download the message is clear" fetch_content no_eigen
                      "-DOPTIONS=${crestmax_no_eigen}|-DFETCHCONTENT_FULLY_DISCONNECTED=ON"
                      "-DREFUSED=crestmax needs Eigen 3.4 or 5: install it (Debian: libeigen3-dev)")
# The libraries of the fake are built with the tests.
crestmax_add_consumer("crestmax::cann, with a fake of the toolkit" cann cann -DRUN=consumer
                      "-DOPTIONS=-DCRESTMAX_CANN=${crestmax_fake_cann}")

# Without CMake: the compiler, an include path, and flags that users have.
function(crestmax_add_plain_consumer name program)
  crestmax_add_test("consumers: ${name}" consumers
                    ${CMAKE_COMMAND} -P "${crestmax_consumers}/compile_and_run.cmake" --
                    "${crestmax_consumers_build}/plain/${program}" ${crestmax_compile} ${ARGN}
                    "${crestmax_consumers}/consumer.cpp")
endfunction()
crestmax_add_plain_consumer("-ffast-math -fno-finite-math-only is survived" fast_math
                            -O2 -ffast-math -fno-finite-math-only)
crestmax_add_plain_consumer("an include path, -O2 and a user's strict flags: no warning, without exceptions and RTTI" strict
                            -O2 ${crestmax_strict_flags} -fno-exceptions -fno-rtti)
# Without optimisation, where most functions of one file may serve another.
crestmax_add_test("consumers: calls that need different kernels live in one program" consumers
                  ${CMAKE_COMMAND} -P "${crestmax_consumers}/compile_and_run.cmake" --
                  "${crestmax_consumers_build}/plain/needs" ${crestmax_compile} -O0
                  "${crestmax_consumers}/needs/needs.cpp" "${crestmax_consumers}/needs/needs_of_bfloat16.cpp")
# Flags that no macro tells of: compilers other than clang have none.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  foreach(lost nans infinities)
    crestmax_add_test("consumers: -fno-honor-${lost} is refused by a status" consumers
                      ${CMAKE_COMMAND} -P "${crestmax_consumers}/compile_and_run.cmake" --
                      "${crestmax_consumers_build}/plain/no_${lost}" ${crestmax_compile} -O1 -fno-honor-${lost}
                      "${crestmax_consumers}/lost_nan.cpp")
  endforeach()
endif()

include("${crestmax_consumers}/mixed/mixed.cmake")

set(crestmax_compile_other ${crestmax_compile})
list(FILTER crestmax_compile_other EXCLUDE REGEX "^-I")
crestmax_add_test("consumers: two versions of the headers share nothing in one program" consumers
                  ${CMAKE_COMMAND} "-DNM=${CMAKE_NM}" "-DBUILD=${crestmax_consumers_build}/versions"
                  "-DINCLUDE=${PROJECT_SOURCE_DIR}/include" -P "${crestmax_consumers}/versions/versions.cmake" --
                  ${crestmax_compile_other})
