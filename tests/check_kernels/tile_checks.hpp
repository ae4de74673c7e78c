// Tiles have state: checks of what opens and closes them.
#pragma once

#include "check.hpp"
#include "stages/tables.hpp"

namespace crestmax_test {

// Of hardware: bits 17 and 18 of what the processor has in use.
inline bool tiles_of_hardware_are_open() {
#if CRESTMAX_X86_SETS
  if (crestmax::cpu::machine_has(crestmax::instruction_set::amx)) {
    std::uint32_t low = 0, high = 0;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
    return (low >> 17 & 3) != 0;
  }
#endif
  return false;
}
inline bool tiles_are_open() {
#if !defined(CRESTMAX_TEST_EMULATED)
  if (plain_tiles::is_configured()) return true;
#endif
  return tiles_of_hardware_are_open();
}

template <class T>
void check_open_tiles(kernel_check<T>& c) {
  for (int turn = 0; turn < 3; ++turn) {
    c.expect(!tiles_are_open(), "tiles are open before");
    c.table.open_tiles();
    c.expect(tiles_are_open(), "tiles are not open");
    c.table.close_tiles();
  }
}
template <class T>
void check_close_tiles(kernel_check<T>& c) {
  for (int turn = 0; turn < 3; ++turn) {
    c.table.open_tiles();
    c.table.close_tiles();
    c.expect(!tiles_are_open(), "tiles are still open");
  }
}

// Tiles that are open as long as it lives.
template <class T>
class open_tiles {
 public:
  explicit open_tiles(const crestmax::cpu::kernel_table<T>* of) : of_(of) {
    if (of_ != nullptr) of_->open_tiles();
  }
  ~open_tiles() {
    if (of_ != nullptr) of_->close_tiles();
  }
  open_tiles(const open_tiles&) = delete;
  open_tiles& operator=(const open_tiles&) = delete;

 private:
  const crestmax::cpu::kernel_table<T>* of_;
};

}  // namespace crestmax_test
