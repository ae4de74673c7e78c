// Rows that are read in place, and how those that follow are asked for while others are multiplied.
#pragma once

#include "../../planner.hpp"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Where the keys or values of a run lie that are read in place: at equal distances. Addresses that were looked up one
// by one would halve the speed of reading.
struct row_run {
  const char* first;
  index distance;  // bytes
};

inline constexpr index direct_run = 16;  // keys of a block of few rows that are in hand at a time

// What follows a run in the order of memory: the next one, wanted in the first cache, and a later one, wanted in the
// second. Where `first` is null there is none.
struct rows_ahead {
  row_run soon;
  row_run later;
};
inline constexpr index later_runs = 3;  // how far ahead the later one lies: 8 to 24 KB (measured in bench/README.md)

// Asks for the rows ahead, a share of a row with every key in hand. Passes over the keys in hand take equal parts, one
// after the other: asked for in one pass, rows come in bursts, and memory is idle during the others. Asking for memory
// that is not there is harmless.
class row_asker {
 public:
  row_asker(const rows_ahead& ahead, index bytes, index pass, index passes, index keys)
      : share_(planner::round_up(planner::divide_up(bytes, passes), index{64})), parts_(passes), part_(pass * keys % passes),
        soon_(start(ahead.soon, pass * keys)), later_(start(ahead.later.first != nullptr ? ahead.later : ahead.soon, pass * keys)) {}

  void next() {
    if (soon_.first == nullptr) return;
    for (index line = 0; line < share_; line += 64) {
      __builtin_prefetch(soon_.first + line, 0, 3);
      __builtin_prefetch(later_.first + line, 0, 2);
    }
    const bool last = ++part_ == parts_;
    if (last) part_ = 0;
    soon_.first += last ? soon_.distance : share_;
    later_.first += last ? later_.distance : share_;
  }

 private:
  // From here on the distance is that of a row's last share and the next row.
  row_run start(row_run of, index shares) const {
    if (of.first == nullptr) return {nullptr, share_};
    return {of.first + shares / parts_ * of.distance + shares % parts_ * share_, of.distance - (parts_ - 1) * share_};
  }

  index share_;  // bytes
  index parts_;  // shares of a row
  index part_;   // that comes next
  row_run soon_, later_;
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE
