# Each file here must be refused by the compiler, for the reason that it states; see check.cmake.
file(GLOB crestmax_compile_fail CONFIGURE_DEPENDS "${crestmax_tests}/compile_fail/*.cpp")

# Parsed once for all of them; both compilers find the .gch beside the header that -include names.
set(ahead "${PROJECT_BINARY_DIR}/compile_fail/ahead.hpp")
file(CONFIGURE OUTPUT "${ahead}" CONTENT "#include <crestmax/crestmax.hpp>\n")
crestmax_add_test("compile_fail: the headers compile ahead" compile_fail
                  ${crestmax_compile} -x c++-header "${ahead}" -o "${ahead}.gch")
set_tests_properties("compile_fail: the headers compile ahead" PROPERTIES FIXTURES_SETUP crestmax_ahead)

foreach(source ${crestmax_compile_fail})
  file(STRINGS "${source}" sentence LIMIT_COUNT 1)
  string(REGEX REPLACE "^// (.*)\\.$" "\\1" sentence "${sentence}")
  crestmax_add_test("compile_fail: ${sentence}" compile_fail
                    ${CMAKE_COMMAND} -P "${crestmax_tests}/compile_fail/check.cmake" --
                    "${source}" "${ahead}" ${crestmax_compile} -Werror=unused-result)
  set_tests_properties("compile_fail: ${sentence}" PROPERTIES FIXTURES_REQUIRED crestmax_ahead)
endforeach()

# The check itself is checked: a file that compiles, one that fails for another reason, and a wrong twin.
function(crestmax_add_compile_fail_mistake sentence content message)
  string(MAKE_C_IDENTIFIER "${sentence}" name)
  set(source "${PROJECT_BINARY_DIR}/compile_fail/${name}.cpp")
  file(CONFIGURE OUTPUT "${source}" CONTENT "// A mistake.\n// expects: no such reason\n${content}\n" @ONLY)
  set(name "compile_fail: the check finds ${sentence}")
  crestmax_add_test("${name}" compile_fail ${CMAKE_COMMAND} -P "${crestmax_tests}/compile_fail/check.cmake" --
                    "${source}" "${ahead}" ${crestmax_compile})
  set_tests_properties("${name}" PROPERTIES PASS_REGULAR_EXPRESSION "${message}" FIXTURES_REQUIRED crestmax_ahead)
endfunction()
crestmax_add_compile_fail_mistake("a file that compiles" "int fine;" "was accepted, and should be refused")
crestmax_add_compile_fail_mistake("a file that fails for another reason" "#ifdef REFUSED\n#error other\n#endif"
                                  "does not say: no such reason")
crestmax_add_compile_fail_mistake("a file that fails in any case" "#error always" "the twin was refused")
