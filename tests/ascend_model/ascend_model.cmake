# The host model of the Ascend cores. What links crestmax_ascend_model finds <kernel_operator.h> and
# <ascend_model/run.hpp>.
file(GLOB crestmax_ascend_model_sources CONFIGURE_DEPENDS "${crestmax_tests}/ascend_model/src/*.cpp")
add_library(crestmax_ascend_model STATIC ${crestmax_ascend_model_sources})
target_include_directories(crestmax_ascend_model PUBLIC "${crestmax_tests}" "${crestmax_tests}/ascend_model/include")
# The same sums everywhere: no multiply-add where the source has none.
target_compile_options(crestmax_ascend_model PRIVATE -O2 -ffp-contract=off)
target_link_libraries(crestmax_ascend_model PUBLIC crestmax_strict Threads::Threads)
if(CRESTMAX_SANITIZE)
  target_compile_options(crestmax_ascend_model PUBLIC -fsanitize=${CRESTMAX_SANITIZE} -fno-sanitize-recover=all
                                                      -fno-omit-frame-pointer)
  target_link_options(crestmax_ascend_model PUBLIC -fsanitize=${CRESTMAX_SANITIZE})
endif()

file(GLOB crestmax_ascend_model_tests CONFIGURE_DEPENDS "${crestmax_tests}/ascend_model/*_test.cpp")
add_executable(crestmax_ascend_model_tests ${crestmax_ascend_model_tests})
target_link_libraries(crestmax_ascend_model_tests PRIVATE crestmax_ascend_model GTest::gtest_main)
crestmax_add_program(ascend_model 300)
