// The state of a softmax over part of the keys, and how two states become one.
//
// With weights w_j = exp(s_j - shift):  sum = sum_j w_j,  output = sum_j w_j * v_j.
// States over disjoint keys merge exactly: bring both to the larger shift, then add. With one common
// shift merging is a plain sum. Source of the formula: Milakov and Gimelshein 2018 (online softmax).
// The result of a finished call is a state too: shift = lse, sum = 1, output = its output.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "config.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// One query row. shift in nats; shift = -inf is the state over no keys, whatever its memory holds. Views the caller's memory.
template <class T>
struct softmax_state {
  T shift = -std::numeric_limits<T>::infinity();
  T sum = 0;
  std::span<T> output;  // d_v numbers

  bool empty() const { return shift == -std::numeric_limits<T>::infinity(); }

  // Brings the weights to another shift. exp(old - new) may round: prefer common shifts.
  void shift_to(T new_shift) {
    if (new_shift == shift) return;
    if (empty()) {
      sum = 0;
      for (T& o : output) o = 0;
    } else {
      const T factor = std::exp(shift - new_shift);
      sum *= factor;
      for (T& o : output) o *= factor;
    }
    shift = new_shift;
  }

  // Adds a state over other keys, with any shift.
  void merge(softmax_state<const T> other) {
    if (other.empty()) return;
    if (!(other.shift <= shift)) shift_to(other.shift);  // a NaN too: it stays visible
    const T factor = other.shift == shift ? T(1) : std::exp(other.shift - shift);
    sum += factor * other.sum;
    for (std::size_t i = 0; i < output.size(); ++i) output[i] += factor * other.output[i];
  }

  // Adds a state that has the same shift: a plain sum. One of them may be over no keys.
  void merge_common_shift(softmax_state<const T> other) {
    if (other.empty()) return;
    if (empty()) return merge(other);
    sum += other.sum;
    for (std::size_t i = 0; i < output.size(); ++i) output[i] += other.output[i];
  }

  // Adds a logit that has no value.
  void add_sink(T logit) {
    if (logit > shift) shift_to(logit);
    if (logit > -std::numeric_limits<T>::infinity()) sum += std::exp(logit - shift);
  }

  // Natural log of the sum of exp(score); -inf over no keys.
  T lse() const { return empty() ? shift : shift + std::log(sum); }

  // output /= sum, so that it is the attention output; zero over no keys.
  void normalise() {
    for (T& o : output) o = empty() || sum == 0 ? T(0) : o / sum;
  }
};

// The read-only side of a merge.
template <class T>
struct softmax_state<const T> {
  T shift;
  T sum;
  std::span<const T> output;

  softmax_state(T s, T l, std::span<const T> o) : shift(s), sum(l), output(o) {}
  softmax_state(const softmax_state<T>& s) : shift(s.shift), sum(s.sum), output(s.output) {}
  bool empty() const { return shift == -std::numeric_limits<T>::infinity(); }
};

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
