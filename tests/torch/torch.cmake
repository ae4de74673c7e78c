# What of PyTorch's operators needs no PyTorch: checks of arguments, how they become a call, and what is kept between calls.
crestmax_add_tests(torch)
target_include_directories(crestmax_torch_tests PRIVATE "${PROJECT_SOURCE_DIR}/examples/torch/operator")
