# Translation units of different instruction sets in one program; see part.cpp.
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  return()
endif()
# Each compiler builds it once in the usual tests, in the way in which it shares more.
set(crestmax_optimisations O0 O2)
if(NOT CRESTMAX_TEST_WHOLE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set(crestmax_optimisations O2)
  else()
    set(crestmax_optimisations O0)
  endif()
endif()
foreach(optimisation ${crestmax_optimisations})
  set(name "instruction sets mixed in one program at -${optimisation}")
  crestmax_add_consumer("${name}" mixed mixed_${optimisation} "-DOPTIONS=-DOPTIMISATION=-${optimisation}"
                        "-DRUN=forward|backward")
  set_tests_properties("consumers: ${name}" PROPERTIES FIXTURES_SETUP crestmax_mixed_${optimisation} PROCESSORS 2)
  crestmax_add_test("consumers: no untagged code is shared between instruction sets at -${optimisation}" consumers
                    ${CMAKE_COMMAND} "-DNM=${CMAKE_NM}" "-DOBJDUMP=${CMAKE_OBJDUMP}" -DOPTIMISATION=${optimisation}
                    "-DBUILD=${crestmax_consumers_build}/mixed_${optimisation}/consumer"
                    -P "${crestmax_consumers}/mixed/check_symbols.cmake")
  set_tests_properties("consumers: no untagged code is shared between instruction sets at -${optimisation}" PROPERTIES
                       FIXTURES_REQUIRED crestmax_mixed_${optimisation})
endforeach()
crestmax_add_test("consumers: every instruction set has a namespace of its own" consumers
                  ${CMAKE_COMMAND} "-DBUILD=${crestmax_consumers_build}"
                  -P "${crestmax_consumers}/mixed/check_tags.cmake" -- ${crestmax_compile})
