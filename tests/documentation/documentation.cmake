# Every block of C++ or C of the pages compiles as it stands, and every path that they name exists.
set(crestmax_documentation "${PROJECT_BINARY_DIR}/documentation")

file(GLOB crestmax_uses CONFIGURE_DEPENDS "${crestmax_tests}/documentation/uses/*.cpp")

# Writes the blocks of a page that are C++ (cpp) or C (c) to files, one per block, and adds a test for each.
function(crestmax_add_blocks page language)
  set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${page}")
  string(MAKE_C_IDENTIFIER "${page}" name)
  file(READ "${PROJECT_SOURCE_DIR}/${page}" text)
  set(flags "")
  if(page MATCHES "backend/ascend/")  # its blocks are for builds with CANN, for whose headers the fake's stand in
    set(flags -DCRESTMAX_WITH_CANN "-I${crestmax_tests}/ascend_fake/include")
  endif()
  if(page MATCHES "tests/ascend_model/")
    set(flags "-I${crestmax_tests}")
  endif()
  set(fence "\n```${language}\n")
  string(LENGTH "${fence}" fence_length)
  set(number 0)
  while(TRUE)
    string(FIND "${text}" "${fence}" begin)
    if(begin EQUAL -1)
      break()
    endif()
    math(EXPR begin "${begin} + ${fence_length}")
    string(SUBSTRING "${text}" ${begin} -1 text)
    string(FIND "${text}" "\n```" end)
    if(end EQUAL -1)
      message(FATAL_ERROR "${page}: a block of ${language} without an end")
    endif()
    string(SUBSTRING "${text}" 0 ${end} block)
    string(SUBSTRING "${text}" ${end} -1 text)
    math(EXPR number "${number} + 1")
    set(source "${crestmax_documentation}/${name}_${number}.${language}")
    # A template shows little until it is used: uses/NAME.cpp follows the block that defines NAME.
    foreach(use ${crestmax_uses})
      get_filename_component(function "${use}" NAME_WE)
      if(block MATCHES "[a-z_]+ ${function}\\(")
        file(READ "${use}" more)
        string(APPEND block "${more}")
      endif()
    endforeach()
    file(WRITE "${source}" "${block}\n")
    if(language STREQUAL "c")
      crestmax_add_test("documentation: ${page} block ${number} of C compiles" documentation
                        "${CMAKE_C_COMPILER}" -std=c99 "-I${PROJECT_SOURCE_DIR}/include" ${crestmax_strict_flags} "${source}" -fsyntax-only)
    elseif(block MATCHES "int main\\(")
      crestmax_add_test("documentation: ${page} block ${number} runs" documentation
                        ${CMAKE_COMMAND} -P "${crestmax_tests}/consumers/compile_and_run.cmake" --
                        "${crestmax_documentation}/${name}_${number}"
                        ${crestmax_compile} ${crestmax_strict_flags} "${source}")
    else()
      crestmax_add_test("documentation: ${page} block ${number} compiles" documentation
                        ${crestmax_compile} ${crestmax_strict_flags} ${flags} "${source}" -fsyntax-only)
    endif()
  endwhile()
  set(crestmax_blocks ${number} PARENT_SCOPE)
endfunction()

file(GLOB crestmax_pages CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/README.md"
     "${PROJECT_SOURCE_DIR}/include/crestmax/README.md" "${PROJECT_SOURCE_DIR}/include/crestmax/c/README.md"
     "${PROJECT_SOURCE_DIR}/include/crestmax/backend/*/README.md"
     "${PROJECT_SOURCE_DIR}/*/README.md" "${PROJECT_SOURCE_DIR}/bench/*/README.md" "${PROJECT_SOURCE_DIR}/tests/*/README.md")
set(crestmax_check_paths ${CMAKE_COMMAND} -P "${crestmax_tests}/documentation/check_paths.cmake" --)
set(crestmax_check_test_names ${CMAKE_COMMAND} -P "${crestmax_tests}/documentation/check_test_names.cmake" --)
foreach(page ${crestmax_pages})
  crestmax_add_blocks("${page}" c)
  crestmax_add_blocks("${page}" cpp)
  if(page STREQUAL "README.md" AND crestmax_blocks EQUAL 0)
    message(FATAL_ERROR "README.md has no C++ block: is it still written as ```cpp?")
  endif()
  crestmax_add_test("documentation: every path in ${page} exists" documentation
                    ${crestmax_check_paths} "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/${page}")
  crestmax_add_test("documentation: every test that ${page} names exists" documentation
                    ${crestmax_check_test_names} "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/${page}")
endforeach()

# The checks themselves are checked.
file(WRITE "${crestmax_documentation}/mistakes/test_names.md" "It promises much (`Exact.NormalInputs`, `Exact.Missing`).\n")
crestmax_add_test("documentation: the check finds a test that does not exist" documentation ${crestmax_check_test_names}
                  "${PROJECT_SOURCE_DIR}" "${crestmax_documentation}/mistakes/test_names.md")
set_tests_properties("documentation: the check finds a test that does not exist" PROPERTIES
                     PASS_REGULAR_EXPRESSION "no such test: `Exact[.]Missing`[^`]*$")
foreach(mistake "`include/missing.hpp`" "```\nexamples/missing --flag\n```" "```\nplan.hpp missing.hpp\n```")
  string(MAKE_C_IDENTIFIER "${mistake}" name)
  file(WRITE "${crestmax_documentation}/mistakes/${name}.md" "A page.\n\nIt names\n${mistake}\nin vain.\n")
  string(REGEX REPLACE "[`\n]+" " " words "${mistake}")
  string(STRIP "${words}" words)
  crestmax_add_test("documentation: the check finds what is missing of: ${words}" documentation
                    ${crestmax_check_paths} "${PROJECT_SOURCE_DIR}" "${crestmax_documentation}/mistakes/${name}.md")
  set_tests_properties("documentation: the check finds what is missing of: ${words}" PROPERTIES
                       PASS_REGULAR_EXPRESSION "does not exist: [a-z/]*missing")
endforeach()
