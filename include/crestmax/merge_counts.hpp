// How many splits of a block are done. Whoever does the last of them merges them all, in the order of the splits: who that is changes
// no bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "compiler.hpp"
#include "tensor.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// A view of memory that all workers share.
class merge_counts {
 public:
  using word = compiler::atomic<std::uint32_t>;
  static_assert(word::is_always_lock_free && sizeof(word) == sizeof(std::uint32_t));

  merge_counts(std::byte* memory, index_type count) : words_(static_cast<word*>(static_cast<void*>(memory))), count_(count) {}

  static constexpr std::size_t word_bytes = sizeof(word);

  void clear() const {
    for (index_type i = 0; i < count_; ++i) new (words_ + i) word(0);
  }
  // Counts splits that are done; whether all are.
  bool add(index_type which, index_type done, index_type all) const {
    const auto before = words_[which].fetch_add_ordered(static_cast<std::uint32_t>(done));
    return before + static_cast<std::uint32_t>(done) == static_cast<std::uint32_t>(all);
  }

 private:
  word* words_;
  index_type count_;
};

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
