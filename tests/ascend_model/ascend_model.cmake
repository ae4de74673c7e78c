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
endif()

crestmax_add_tests(ascend_model)
target_link_libraries(crestmax_ascend_model_tests PRIVATE crestmax_ascend_model)
