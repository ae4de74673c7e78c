/* A shared library in C that has the whole library inside, as a plug-in of an engine would. */
#include <crestmax/c/crestmax.h>

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
crestmax_code plug_in_attends(const crestmax_tensors* tensors, const crestmax_options* options, crestmax_status* status);

crestmax_code plug_in_attends(const crestmax_tensors* tensors, const crestmax_options* options, crestmax_status* status) {
  return crestmax_attention(tensors, options, NULL, status);
}
