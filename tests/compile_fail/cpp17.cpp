// C++17 is refused by name.
// refused with: -std=c++17
// accepted with: -std=c++20
// expects: crestmax needs C\+\+20: compile with -std=c\+\+20
#include <crestmax/config.hpp>
