#define CRESTMAX_ASCEND_TARGET 3510
#define TARGET crestmax::ascend::target_3510
#define FUNCTION kernel_3510
#include "kernels.inc"
