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
  # What runs on a device needs its vendor's header, for which the model's stands in; it is C++17.
  set(on_device "")
  if(header MATCHES "backend/ascend/kernel(|_cube|_vector|_rows|_traits)\\.hpp")
    set(on_device "-I${crestmax_tests}/ascend_model/include")
  endif()
  crestmax_add_test("headers: ${header} compiles alone and twice" headers
                    ${crestmax_compile} ${crestmax_strict_flags} ${on_device} -fsyntax-only "${source}")
  if(header MATCHES "backend/ascend/(kernel|schedule|arguments|target)")
    crestmax_add_test("headers: ${header} is C++17" headers ${crestmax_compile} -std=c++17 ${crestmax_strict_flags}
                      -isystem "${crestmax_tests}/ascend_model/include" -fsyntax-only "${source}")
  endif()
endforeach()

# The runtime of Ascend devices is nothing without its vendor's headers, for which the fake's stand in.
foreach(header backend/ascend/runtime.hpp crestmax.hpp)
  string(MAKE_C_IDENTIFIER "crestmax/${header}" name)
  crestmax_add_test("headers: ${header} compiles with CANN" headers ${crestmax_compile} ${crestmax_strict_flags}
                    -DCRESTMAX_WITH_CANN "-I${crestmax_tests}/ascend_fake/include" -fsyntax-only
                    "${crestmax_headers_folder}/${name}.cpp")
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
crestmax_add_layer_mistake("the standard library in device code" backend/ascend/kernel.hpp "#include <vector>"
                           "backend/ascend/kernel.hpp is device code and has #include <vector>")
crestmax_add_layer_mistake("Eigen outside of the generic backend" tensor.hpp "#include <Eigen/Core>"
                           "tensor.hpp includes Eigen/Core")
