// Rows that are read in place, and how those that follow are asked for while others are multiplied.
#pragma once

#include "../../compiler.hpp"
#include "../../planner.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Where the keys or values of a run lie that are read in place: at equal distances. Addresses that were looked up one
// by one would halve the speed of reading.
struct row_run {
  const char* first;
  index_type distance;  // bytes
};

inline constexpr index_type direct_run = 16;  // keys of a block of few rows that are in hand at a time

// What follows a run in the order of memory: the next one, wanted in the first cache, and a later one, wanted in the
// second. Where `first` is null there is none.
struct rows_ahead {
  row_run soon;
  row_run later;
};
inline constexpr index_type later_runs = 3;  // how far ahead the later one lies: 8 to 24 KB (measured in bench/README.md)

// Asks for the rows ahead, a share of a row with every key in hand. All passes over the keys in hand ask, one where the
// other left off: asked for in one pass, rows come in bursts, and memory is idle during the others. Asking for memory
// that is not there is harmless.
class row_asker {
 public:
  // Of a row, in whole cache lines.
  static index_type share_of(index_type bytes, index_type passes) { return planner::round_up(planner::divide_up(bytes, passes), index_type{64}); }

  row_asker(const rows_ahead& ahead, index_type share, index_type passes)
      : share_(ahead.soon.first != nullptr ? share : 0), row_(share * passes), soon_(ahead.soon),
        later_(ahead.later.first != nullptr ? ahead.later : ahead.soon), row_end_(share_ > 0 ? soon_.first + row_ : nullptr) {}

  // So many keys come into hand; what is to be asked for with them may be spread over the work on them.
  void start(index_type keys) { left_ = keys * share_; }
  void ask_line() {
    if (left_ == 0) return;
    left_ -= 64;
    CRESTMAX_PREFETCH(soon_.first, 3);
    CRESTMAX_PREFETCH(later_.first, 2);
    soon_.first += 64;
    later_.first += 64;
    if (soon_.first != row_end_) return;
    soon_.first += soon_.distance - row_;
    later_.first += later_.distance - row_;
    row_end_ += soon_.distance;
  }
  void ask_rest() {
    while (left_ > 0) ask_line();
  }

 private:
  index_type share_;  // bytes
  index_type row_;    // all shares of one
  index_type left_ = 0;  // to be asked for with the keys in hand
  row_run soon_, later_;  // what comes next
  const char* row_end_;
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
