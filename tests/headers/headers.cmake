# Every header compiles on its own, included first and twice; and includes go one way, downwards.
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

# A text of kernels stands in an instruction set; opened by itself it stands in none, and an editor can follow it.
file(GLOB crestmax_texts CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/include/crestmax/*.inc"
     "${PROJECT_SOURCE_DIR}/include/crestmax/backend/cpu/text/*.inc")
foreach(text ${crestmax_texts})
  crestmax_add_test("headers: ${text} can be opened alone" headers
                    ${crestmax_compile} -fsyntax-only -x c++ "${PROJECT_SOURCE_DIR}/include/${text}")
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
crestmax_add_layer_mistake("Eigen outside of its views" tensor.hpp "#include <Eigen/Core>"
                           "tensor.hpp includes Eigen/Core")

# The name of the namespace, against what compilers say of every instruction set that they know. A compiler for AArch64 is asked
# as well where there is one.
set(crestmax_check_build_tag ${CMAKE_COMMAND} "-DBUILD=${crestmax_headers_folder}")
set(crestmax_build_tag_script -P "${crestmax_tests}/headers/check_build_tag.cmake" --)
crestmax_add_test("headers: every extension of an instruction set is in the name of the namespace" headers
                  ${crestmax_check_build_tag} ${crestmax_build_tag_script} ${crestmax_compile})
set(crestmax_for_arm "")
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")  # it lists no names for this architecture
  set(crestmax_for_arm "${CMAKE_CXX_COMPILER}" --target=aarch64-linux-gnu)
  set(crestmax_arm_settings "-DALSO=-march=armv8.1-a|-march=armv8.2-a|-march=armv8.3-a|-march=armv8.4-a+fp16+fp16fml+sha3|\
-march=armv8.5-a|-march=armv8.6-a+sve2+sve2-bitperm+sve2-sha3+f32mm+f64mm|-march=armv8.7-a|-march=armv9-a")
else()
  find_program(CRESTMAX_AARCH64_COMPILER aarch64-linux-gnu-g++)
  if(CRESTMAX_AARCH64_COMPILER)
    set(crestmax_for_arm "${CRESTMAX_AARCH64_COMPILER}")
  endif()
endif()
if(crestmax_for_arm)
  crestmax_add_test("headers: every extension of AArch64 is in the name of the namespace" headers
                    ${crestmax_check_build_tag} ${crestmax_arm_settings} ${crestmax_build_tag_script} ${crestmax_for_arm} -std=c++20
                    "-I${PROJECT_SOURCE_DIR}/include")
endif()

# This check is checked as well.
file(READ "${PROJECT_SOURCE_DIR}/include/crestmax/build_tag.hpp" crestmax_text)
string(REGEX REPLACE "__FMA__|__ARM_FEATURE_DOTPROD" "__NO_SUCH_EXTENSION__" crestmax_text "${crestmax_text}")
file(WRITE "${crestmax_headers_folder}/mistakes/build_tag/crestmax/build_tag.hpp" "${crestmax_text}")
crestmax_add_test("headers: the check finds an extension that no name has" headers
                  ${crestmax_check_build_tag} ${crestmax_build_tag_script} ${CMAKE_CXX_COMPILER} -std=c++20
                  "-I${crestmax_headers_folder}/mistakes/build_tag")
set_tests_properties("headers: the check finds an extension that no name has" PROPERTIES
                     PASS_REGULAR_EXPRESSION "not in the table of build_tag.hpp:[\n ]*(__FMA__|__ARM_FEATURE_DOTPROD)")

# Programs that the headers find themselves in.
set(crestmax_surroundings "${crestmax_tests}/headers/surroundings")
function(crestmax_add_surroundings sentence source)
  crestmax_add_test("headers: ${sentence}" headers ${crestmax_compile} ${crestmax_strict_flags} ${ARGN} -fsyntax-only
                    "${crestmax_surroundings}/${source}")
endfunction()
crestmax_add_surroundings("using namespace crestmax beside C, POSIX and Eigen" using_namespace.cpp)
crestmax_add_surroundings("macros named min, max, far, near, small, check and I" macros.cpp -DCRESTMAX_EXTERN_KERNELS)
# Optimised or not: in a program that is not, some intrinsics are macros, whose text warns where they stand.
set(crestmax_stricter -Wold-style-cast -Wsign-conversion -Wdouble-promotion -Wswitch-enum -Wfloat-equal)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND crestmax_stricter -Wuseless-cast -Wcast-align=strict)
else()
  list(APPEND crestmax_stricter -Wcast-align)
endif()
foreach(level 0 1)
  crestmax_add_surroundings("no warning under stricter flags than the project's at -O${level}" strict_use.cpp -O${level} ${crestmax_stricter})
endforeach()
crestmax_add_test("headers: no warning of the C interface under them, without exceptions and RTTI" headers ${crestmax_compile} ${crestmax_strict_flags}
                  -O1 ${crestmax_stricter} -fno-exceptions -fno-rtti -DCRESTMAX_EXTERN_KERNELS -fsyntax-only "${crestmax_c_source}")

# Functions of a program that have the names of the library's own.
set(crestmax_greedy "${crestmax_headers_folder}/greedy")
crestmax_add_test("headers: the names that are called in the headers" headers
                  ${CMAKE_COMMAND} "-DINCLUDE=${PROJECT_SOURCE_DIR}/include" "-DOUTPUT=${crestmax_greedy}/greedy.inc"
                  -P "${crestmax_surroundings}/greedy.cmake")
set_tests_properties("headers: the names that are called in the headers" PROPERTIES FIXTURES_SETUP crestmax_greedy)
crestmax_add_surroundings("no call finds a function of the program's" types_of_a_program.cpp -DCRESTMAX_EXTERN_KERNELS
                          "-I${crestmax_greedy}")
set_tests_properties("headers: no call finds a function of the program's" PROPERTIES FIXTURES_REQUIRED crestmax_greedy)
