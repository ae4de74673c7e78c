# Whatever the build's own flags are, this one is about what an optimising compiler may assume.
set_source_files_properties("${crestmax_tests}/interop/aliasing_test.cpp" PROPERTIES
                            COMPILE_OPTIONS "-O2;-fstrict-aliasing" SKIP_PRECOMPILE_HEADERS ON)

# What the interop headers refuse when compiling, with a word on how to go on. The compiler needs no
# warnings for that: the message must come from our own assertion.
function(crestmax_add_interop_refusal sentence case words)
  set(name "interop: ${sentence}")
  crestmax_add_test("${name}" interop ${crestmax_compile} -fsyntax-only -DCASE=${case}
                    "${crestmax_tests}/interop/refused.cpp")
  if(words)
    set_tests_properties("${name}" PROPERTIES PASS_REGULAR_EXPRESSION "error: static.assert[a-z]* failed.*${words}")
  endif()
endfunction()

crestmax_add_interop_refusal("row-major matrices and tensors compile" 0 "")
crestmax_add_interop_refusal("a column-major matrix is refused" 1 "give it the transpose")
crestmax_add_interop_refusal("a column-major matrix of several heads is refused" 2 "give it the transpose")
crestmax_add_interop_refusal("a column-major Eigen tensor is refused" 3 "needs RowMajor tensors")
crestmax_add_interop_refusal("a temporary matrix is refused" 4 "is a temporary")
crestmax_add_interop_refusal("an Eigen tensor of rank five is refused" 5 "has 2 to 4 dimensions")
