# cmake -D NAME=value ... -P build.cmake: configures and builds a consumer from scratch.
#   PROJECT   folder of crestmax               CONSUMER  folder of the consumer's CMakeLists.txt
#   BUILD     folder to build in, made anew    COMPILER, GENERATOR   those of the tests
#   INSTALL   a prefix to install crestmax into first, checked for all that belongs there
#   OPTIONS   what else to configure with      VERSION   of crestmax
#   REFUSED   configuring must fail and say this
#   RUN       programs to run afterwards
# OPTIONS and RUN are separated by |.
cmake_minimum_required(VERSION 3.22)
string(REPLACE "|" ";" OPTIONS "${OPTIONS}")
string(REPLACE "|" ";" RUN "${RUN}")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE failed OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(failed)
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "failed: ${command}\n${text}")
  endif()
  set(text "${text}" PARENT_SCOPE)
endfunction()

set(configure ${CMAKE_COMMAND} -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER})
file(REMOVE_RECURSE "${BUILD}")
file(MAKE_DIRECTORY "${BUILD}")

if(INSTALL)
  file(REMOVE_RECURSE "${INSTALL}")
  run(${configure} -S "${PROJECT}" -B "${BUILD}/crestmax" "-DCMAKE_INSTALL_PREFIX=${INSTALL}" ${OPTIONS}
      -DCRESTMAX_BUILD_TESTS=OFF -DCRESTMAX_BUILD_EXAMPLES=OFF)
  run(${CMAKE_COMMAND} --install "${BUILD}/crestmax")
  file(GLOB_RECURSE ours RELATIVE "${PROJECT}/include" "${PROJECT}/include/*.hpp" "${PROJECT}/include/*.inc" "${PROJECT}/include/*.h")
  file(GLOB_RECURSE theirs RELATIVE "${INSTALL}/include" "${INSTALL}/include/*")
  if(NOT ours OR NOT ours STREQUAL theirs)
    message(FATAL_ERROR "the headers here:\n${ours}\nthose installed:\n${theirs}")
  endif()
  foreach(file share/licenses/crestmax/LICENSE share/cmake/crestmax/crestmaxConfig.cmake
               share/cmake/crestmax/crestmaxConfigVersion.cmake share/cmake/crestmax/crestmaxTargets.cmake
               share/cmake/crestmax/crestmaxC.cmake share/cmake/crestmax/crestmaxKernels.cmake share/pkgconfig/crestmax.pc)
    if(NOT EXISTS "${INSTALL}/${file}")
      message(FATAL_ERROR "not installed: ${file}")
    endif()
  endforeach()
  # Moved elsewhere, a package must not remember where it came from.
  file(REMOVE_RECURSE "${BUILD}/crestmax" "${INSTALL}.moved")
  file(GLOB package "${INSTALL}/share/cmake/crestmax/*.cmake" "${INSTALL}/share/pkgconfig/*.pc")
  foreach(file ${package})
    file(READ "${file}" text)
    foreach(place "${PROJECT}" "${BUILD}" "${INSTALL}")
      string(FIND "${text}" "${place}" at)
      if(NOT at EQUAL -1)
        message(FATAL_ERROR "${file} speaks of ${place}")
      endif()
    endforeach()
  endforeach()
  file(RENAME "${INSTALL}" "${INSTALL}.moved")
  list(APPEND OPTIONS "-DCMAKE_PREFIX_PATH=${INSTALL}.moved" "-DVERSION=${VERSION}")
endif()

set(command ${configure} -S "${CONSUMER}" -B "${BUILD}/consumer" -DCRESTMAX=${PROJECT} ${OPTIONS})
if(REFUSED)
  execute_process(COMMAND ${command} RESULT_VARIABLE failed OUTPUT_VARIABLE text ERROR_VARIABLE text)
  string(REGEX REPLACE "[ \n]+" " " words "${text}")
  string(FIND "${words}" "${REFUSED}" at)
  if(NOT failed OR at EQUAL -1)
    message(FATAL_ERROR "it should be refused with: ${REFUSED}\n${text}")
  endif()
  return()
endif()
run(${command})
run(${CMAKE_COMMAND} --build "${BUILD}/consumer" --parallel 2)
foreach(program ${RUN})
  run("${BUILD}/consumer/${program}")
  message(STATUS "${program}: ${text}")
endforeach()
