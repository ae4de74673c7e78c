#define TARGET crestmax::ascend::target_3510
#define FUNCTION kernel_3510
#include "kernels.inc"
