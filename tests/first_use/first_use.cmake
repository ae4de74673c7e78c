# What a process asks of its system, and when: a program of its own, as what one test asks for is granted to all that follow.
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" OR NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  return()
endif()
add_executable(crestmax_asks_for_nothing "${crestmax_tests}/first_use/asks_for_nothing.cpp")
target_link_libraries(crestmax_asks_for_nothing PRIVATE crestmax_test_support)
crestmax_add_test("first_use: a program asks for tiles with its first call, not before" first_use crestmax_asks_for_nothing)
set_tests_properties("first_use: a program asks for tiles with its first call, not before" PROPERTIES SKIP_RETURN_CODE 77)
