/* What a C program sees of the library, compiled and not run. */
#include <crestmax/c/crestmax.h>
#include <crestmax/c/crestmax.h>

extern crestmax_code (*const a_function)(const crestmax_tensors*, const crestmax_options*, const crestmax_parallel_for*, crestmax_status*);
crestmax_code (*const a_function)(const crestmax_tensors*, const crestmax_options*, const crestmax_parallel_for*, crestmax_status*) = crestmax_attention;
