// Which keys a query block has already taken: a short sorted list of disjoint intervals.
#pragma once

#include <algorithm>
#include <array>

#include "modifiers/concepts.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// Holds at most `capacity` disjoint intervals; inserting touches O(capacity) of them.
class interval_set {
 public:
  static constexpr int capacity = 72;  // anchors and the most windows that an option may ask for

  int size() const { return count_; }
  key_interval operator[](int i) const { return parts_[static_cast<std::size_t>(i)]; }

  bool contains(index_type key) const {
    for (int i = 0; i < count_; ++i) {
      if (key >= at(i).begin && key < at(i).end) return true;
    }
    return false;
  }

  // Calls f(interval) for every part of [begin, end) that is not in the set, in rising order.
  template <class F>
  void for_each_gap(key_interval range, F&& f) const {
    index_type begin = range.begin;
    for (int i = 0; i < count_ && begin < range.end; ++i) {
      if (at(i).end <= begin) continue;
      const index_type end = std::min(at(i).begin, range.end);
      if (begin < end) f(key_interval{begin, end});
      begin = std::max(begin, at(i).end);
    }
    if (begin < range.end) f(key_interval{begin, range.end});
  }

  // The first part of [begin, end) that is not in the set; empty if there is none.
  key_interval gap_after(index_type begin, index_type end) const {
    for (int i = 0; i < count_; ++i) {
      if (at(i).end <= begin) continue;
      if (at(i).begin > begin) return {begin, std::min(at(i).begin, std::max(begin, end))};
      begin = at(i).end;
    }
    return {begin, std::max(begin, end)};
  }

  // Adds an interval, merging what it touches.
  void insert(key_interval added) {
    if (added.begin >= added.end) return;
    int kept = 0;
    for (int i = 0; i < count_; ++i) {
      if (at(i).end < added.begin || at(i).begin > added.end) {
        at(kept++) = at(i);
      } else {
        added = {std::min(added.begin, at(i).begin), std::max(added.end, at(i).end)};
      }
    }
    count_ = kept;
    if (count_ == capacity) return;
    int place = count_++;
    for (; place > 0 && at(place - 1).begin > added.begin; --place) at(place) = at(place - 1);
    at(place) = added;
  }

 private:
  key_interval& at(int i) { return parts_[static_cast<std::size_t>(i)]; }
  const key_interval& at(int i) const { return parts_[static_cast<std::size_t>(i)]; }

  std::array<key_interval, capacity> parts_{};
  int count_ = 0;
};

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
