// A status that nobody looks at is an error with -Werror=unused-result.
// expects: unused-result
#include <crestmax/error.hpp>

void look() {
#ifdef REFUSED
  crestmax::success();
#else
  (void)crestmax::success();
#endif
}
