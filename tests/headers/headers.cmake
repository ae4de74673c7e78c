# Every header compiles on its own, included first and twice; and includes go one way, downwards.
find_package(TBB QUIET)
set(crestmax_headers_folder "${PROJECT_BINARY_DIR}/headers")
file(GLOB_RECURSE crestmax_headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/include"
     "${PROJECT_SOURCE_DIR}/include/crestmax/*.hpp")

foreach(header ${crestmax_headers})
  if(header MATCHES "interop/tbb" AND NOT TARGET TBB::tbb)
    message(STATUS "crestmax: no oneTBB here, ${header} is not tested")
    continue()
  endif()
  string(MAKE_C_IDENTIFIER "${header}" name)
  set(source "${crestmax_headers_folder}/${name}.cpp")
  file(CONFIGURE OUTPUT "${source}" CONTENT "#include <${header}>\n#include <${header}>\n")
  crestmax_add_test("headers: ${header} compiles alone and twice" headers
                    ${crestmax_compile} ${crestmax_strict_flags} -fsyntax-only "${source}")
endforeach()

set(crestmax_check_layers ${CMAKE_COMMAND} -P "${crestmax_tests}/headers/check_layers.cmake" --)
crestmax_add_test("headers: no file includes upwards" headers
                  ${crestmax_check_layers} "${PROJECT_SOURCE_DIR}/include/crestmax")

# The check itself is checked: a tree with one mistake each, and what it must say.
function(crestmax_add_layer_mistake sentence file line message)
  string(MAKE_C_IDENTIFIER "${sentence}" name)
  set(tree "${crestmax_headers_folder}/mistakes/${name}")
  file(REMOVE_RECURSE "${tree}")
  file(COPY "${PROJECT_SOURCE_DIR}/include/crestmax" DESTINATION "${tree}")
  file(APPEND "${tree}/crestmax/${file}" "${line}\n")
  crestmax_add_test("headers: the check finds ${sentence}" headers
                    ${crestmax_check_layers} "${tree}/crestmax")
  set_tests_properties("headers: the check finds ${sentence}" PROPERTIES PASS_REGULAR_EXPRESSION "${message}")
endfunction()
crestmax_add_layer_mistake("an upward include" call.hpp "#include \"attention.hpp\""
                           "call.hpp includes attention.hpp, which is above it")
crestmax_add_layer_mistake("an include on the same level" plan.hpp "#include \"intervals.hpp\""
                           "plan.hpp includes intervals.hpp, which is on its own level")
crestmax_add_layer_mistake("a file without a level" unplaced.hpp "#pragma once"
                           "unplaced.hpp has no level")
crestmax_add_layer_mistake("a missing file" call.hpp "#include \"missing.hpp\""
                           "call.hpp includes missing.hpp, which does not exist")
crestmax_add_layer_mistake("Eigen outside of the generic backend" tensor.hpp "#include <Eigen/Core>"
                           "tensor.hpp includes Eigen/Core")
