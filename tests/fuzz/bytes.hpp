// Decisions taken from bytes, as a fuzzer hands them out: each takes as few as it needs, and after the last byte every one is the
// first of its choices.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

namespace crestmax_test {

class fuzz_bytes {
 public:
  explicit fuzz_bytes(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::int64_t integer(std::int64_t low, std::int64_t high) {  // both included
    const auto range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    std::uint64_t number = 0;
    for (std::uint64_t reach = range; reach > 0; reach >>= 8) number = number << 8 | next();
    const std::uint64_t step = range == ~std::uint64_t{0} ? number : number % (range + 1);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + step);
  }
  bool chance(double probability) { return !bytes_.empty() && next() < probability * 256; }
  template <class T>
  T pick(std::initializer_list<T> choices) {
    return choices.begin()[integer(0, static_cast<std::int64_t>(choices.size()) - 1)];
  }

 private:
  std::uint8_t next() {
    if (bytes_.empty()) return 0;
    const std::uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  std::span<const std::uint8_t> bytes_;
};

}  // namespace crestmax_test
