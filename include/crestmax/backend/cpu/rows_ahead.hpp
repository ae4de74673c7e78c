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
      : share_(ahead.soon.first != nullptr ? share : 0), row_(share * passes), left_(row_), at_(ahead.soon.first),
        next_(ahead.soon.distance - row_), farther_(0), rises_(0) {
    if (ahead.soon.first == nullptr || ahead.later.first == nullptr) return;
    farther_ = static_cast<index_type>(reinterpret_cast<std::uintptr_t>(ahead.later.first) - reinterpret_cast<std::uintptr_t>(at_));
    rises_ = ahead.later.distance - ahead.soon.distance;
  }

  // So many keys come into hand; what is to be asked for with them may be spread over the work on them.
  void start(index_type keys) { due_ = keys * share_; }
  // Some lines of it; all of the row's that is in hand, or one by one.
  template <int Lines>
  void ask_lines() {
    constexpr index_type bytes = 64 * Lines;
    if (Lines > 1 && (due_ < bytes || left_ < bytes)) {
      for (int i = 0; i < Lines; ++i) ask_lines<1>();
      return;
    }
    if (due_ == 0) return;
    CRESTMAX_UNROLL for (index_type line = 0; line < bytes; line += 64) ask_for(at_ + line);
    asked(bytes);
  }
  void ask_rest() {
    while (due_ > 0) {
      const index_type bytes = std::min(due_, left_);
      const char* line = at_;
      do {
        ask_for(line);
        line += 64;
      } while (line != at_ + bytes);
      asked(bytes);
    }
  }

 private:
  void ask_for(const char* line) const {
    CRESTMAX_PREFETCH(line, 3);
    CRESTMAX_PREFETCH(line + farther_, 2);
  }
  void asked(index_type bytes) {
    due_ -= bytes;
    left_ -= bytes;
    at_ += bytes;
    if (left_ == 0) turn();
  }
  // To the next row.
  void turn() {
    at_ += next_;
    farther_ += rises_;
    left_ = row_;
  }

  // In bytes.
  index_type share_;
  index_type row_;  // all shares of one
  index_type left_;  // of the row in hand
  index_type due_ = 0;  // to be asked for with the keys in hand
  const char* at_;      // what comes next
  index_type next_;     // from a row's end to the row behind it
  index_type farther_;  // what is wanted later lies so far away
  index_type rises_;    // and so much farther with every row
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
