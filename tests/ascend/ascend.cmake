# The Ascend kernel on the host model of its cores: one program, ctest prefix "ascend".
crestmax_add_tests(ascend)
target_sources(crestmax_ascend_tests PRIVATE "${crestmax_tests}/ascend/on_model.cpp" "${crestmax_tests}/ascend/kernels_2201.cpp"
                                             "${crestmax_tests}/ascend/kernels_3510.cpp")
target_link_libraries(crestmax_ascend_tests PRIVATE crestmax_ascend_model)
set_source_files_properties("${crestmax_tests}/ascend/kernels_2201.cpp" "${crestmax_tests}/ascend/kernels_3510.cpp" PROPERTIES
                            COMPILE_OPTIONS "${CRESTMAX_KERNEL_FLAGS}" SKIP_PRECOMPILE_HEADERS ON)
