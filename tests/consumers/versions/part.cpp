// Compiled once for each version of the headers: PART is the name of this copy and of all that it shares with no other.
#define consumer PART
#include "../check_attention.hpp"

// The checks of both copies are in one program.
int PART_CHECK() { return PART::check(); }
