# What of bench/peers can be tested without installing a peer. The comparison itself is run by hand.
find_program(crestmax_python python3)
if(NOT crestmax_python)
  message(STATUS "crestmax: no python3 here, bench/peers is not tested")
  return()
endif()
crestmax_add_test("peers: judgement, turns and every file" peers
                  ${crestmax_python} "${crestmax_tests}/peers/peers_test.py" "${PROJECT_SOURCE_DIR}/bench/peers")
foreach(script run plot)
  crestmax_add_test("peers: bench/peers/${script} tells how it is used" peers
                    "${PROJECT_SOURCE_DIR}/bench/peers/${script}" --help)
  set_tests_properties("peers: bench/peers/${script} tells how it is used" PROPERTIES
                       PASS_REGULAR_EXPRESSION "bench/peers/${script} --[a-z]+ ")
endforeach()
