// One call on the vector pipe: operands with their strides, the lanes of a repeat, and the rules that all calls share.
#pragma once

#include <array>
#include <vector>

#include "tensor.hpp"

namespace ascend_model {

// A number of repeats, elements or a stride, wide enough that no caller's mistake is cut off. Less than 0 counts as too
// much.
struct amount {
  template <class N, class = std::enable_if_t<std::is_integral_v<N>>>
  constexpr amount(N n) : value(n < N{0} ? ~std::uint64_t{0} : static_cast<std::uint64_t>(n)) {}  // NOLINT
  std::uint64_t value;
};

// Which elements of a repeat take part: the first `count` ones, or those whose bits are set.
struct vector_mask {
  template <class N, class = std::enable_if_t<std::is_integral_v<N>>>
  vector_mask(N first) : count(amount(first).value) {}  // NOLINT: as the calls take it
  vector_mask(const std::uint64_t bit_sets[2]) : is_bits(true), bits{bit_sets[0], bit_sets[1]} {}
  bool is_bits = false;
  std::uint64_t count = 0;
  std::array<std::uint64_t, 2> bits{};
};

class vector_call {
 public:
  static constexpr std::uint64_t repeat_bytes = 256;

  vector_call(const char* name, site where) : instruction_(PIPE_V, name, where), name_(name) {}

  // Operands, the destination first; strides in 32 B.
  void lanes_of(const local_place& at, std::uint32_t element, amount block_stride, amount repeat_stride);
  // `bytes` side by side for each repeat, the next repeat `step` bytes further.
  void run_of(const local_place& at, std::uint32_t element, std::uint64_t bytes, std::uint64_t step, std::uint32_t alignment);
  // A destination of eight blocks of 32 B for each repeat (Brcb).
  void blocks_of(const local_place& at, amount block_stride, amount repeat_stride);

  // Checks and remembers all accesses; false if the call is to do nothing. `widest`: bytes of the largest element.
  bool begin(const vector_mask& mask, amount repeat, std::uint32_t widest);
  // All operands are `count` elements side by side.
  bool begin(amount count);

  std::uint64_t repeats() const { return repeats_; }
  const std::vector<std::uint32_t>& lanes() const { return lanes_; }  // elements that take part
  bool is_contiguous() const { return contiguous_; }
  std::uint64_t count() const { return count_; }

  // An operand's first element of a repeat, and the distance of lane `lane` from it in elements.
  template <class T>
  T* at(std::size_t operand, std::uint64_t repeat) const {
    return reinterpret_cast<T*>(operands_[operand].data + repeat * operands_[operand].step);
  }
  std::uint32_t offset(std::size_t operand, std::uint32_t lane) const {
    const operand_t& o = operands_[operand];
    const std::uint32_t in_block = 32 / o.element;
    return lane / in_block * static_cast<std::uint32_t>(o.block_stride) * in_block + lane % in_block;
  }
  const instruction& call() const { return instruction_; }
  bool scalar_lost() const { return instruction_.mutated() == action::scalar_lost; }

 private:
  struct run {
    std::uint64_t offset, bytes;
  };
  struct operand_t {
    local_place place;
    std::uint32_t element;
    std::uint64_t block_stride;
    std::uint64_t step;
    std::uint32_t alignment;
    bool has_lanes;
    std::vector<run> runs;  // of one repeat
    std::byte* data;
  };
  void finish();
  void displace();
  void touch(operand_t& o, bool is_destination);
  void check_overlap(const operand_t& source) const;
  std::vector<bool> blocks(const operand_t& o) const;

  instruction instruction_;
  const char* name_;
  std::vector<operand_t> operands_;
  std::vector<std::uint32_t> lanes_;
  std::uint64_t repeats_ = 1;
  std::uint64_t count_ = 0;
  bool contiguous_ = false;
};

template <class D, class... S, class F, std::size_t... i>
void for_each_lane(const vector_call& c, F f, std::index_sequence<i...>) {
  if (c.is_contiguous()) {
    D* d = c.at<D>(0, 0);
    const std::tuple<const S*...> s{c.at<S>(i + 1, 0)...};
    for (std::uint64_t e = 0; e < c.count(); ++e) d[e] = f(std::get<i>(s)[e]...);
    return;
  }
  for (std::uint64_t r = 0; r < c.repeats(); ++r) {
    D* d = c.at<D>(0, r);
    const std::tuple<const S*...> s{c.at<S>(i + 1, r)...};
    for (std::uint32_t lane : c.lanes()) d[c.offset(0, lane)] = f(std::get<i>(s)[c.offset(i + 1, lane)]...);
  }
}
// d[i] = f(s[i]...) over all lanes of all repeats.
template <class D, class F, class... S>
void for_each_lane(const vector_call& c, F f) {
  for_each_lane<D, S...>(c, f, std::index_sequence_for<S...>{});
}

}  // namespace ascend_model
