// In which places of a workspace an item of a call has run: a place is a worker's memory, or that of an item where those
// are fewer. Time that a call spends on places follows those in use: none is touched before its first item.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>

#include "compiler.hpp"
#include "error.hpp"
#include "tensor.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// A view of memory at the beginning of a workspace: a bit per place, and the first misuse that was seen.
class place_marks {
 public:
  using word = compiler::atomic<std::uint32_t>;
  static_assert(word::is_always_lock_free && sizeof(word) == sizeof(std::uint32_t));
  // Values that memory hardly holds by chance: what holds none of them was not cleared.
  enum class misuse : std::uint32_t { none = 0x5d3a9e01u, stage, item, worker };

  place_marks() = default;
  place_marks(std::byte* memory, int places) : words_(static_cast<word*>(static_cast<void*>(memory))), count_(words_for(places)) {}

  // Whole cache lines.
  static constexpr std::size_t bytes(int places) {
    constexpr std::size_t line = 64;
    return (words_for(places) * sizeof(word) + line - 1) / line * line;
  }

  void clear() const {
    new (words_) word(static_cast<std::uint32_t>(misuse::none));
    for (std::size_t i = 1; i < count_; ++i) new (words_ + i) word(0);
  }
  // Whether it was: before that nothing else here means anything.
  bool are_clear() const {
    const auto first = static_cast<misuse>(words_[0].load_relaxed());
    return first >= misuse::none && first <= misuse::worker;
  }

  // Of a place, by whoever runs an item there: nobody else changes its bit.
  bool has(int place) const { return (word_of(place).load_relaxed() & bit_of(place)) != 0; }
  void set(int place) const { word_of(place).fetch_or(bit_of(place)); }

  // Calls f(place) for every place that an item has run in, in rising order.
  template <class F>
  void for_each(F&& f) const {
    for (std::size_t i = first_mark; i < count_; ++i) {
      for (std::uint32_t bits = words_[i].load_relaxed(); bits != 0; bits &= bits - 1) {
        f(static_cast<int>(i - first_mark) * bits_per_word + std::countr_zero(bits));
      }
    }
  }

  // Notes the first of all misuses; numbers that a word does not hold come near.
  void note(misuse what, index_type given) const {
    if (!words_[0].replace(static_cast<std::uint32_t>(misuse::none), static_cast<std::uint32_t>(what))) return;
    constexpr index_type most = std::numeric_limits<std::int32_t>::max();
    const index_type near = given > most ? most : given < -most ? -most : given;
    words_[1].store_relaxed(static_cast<std::uint32_t>(near));
  }
  // What was noted, as a status.
  status verdict() const {
    if (!are_clear()) return error_text(status_code::bad_index, "begin", "a call of it before items run", "none");
    const auto what = static_cast<misuse>(words_[0].load_relaxed());
    const auto given = static_cast<std::int32_t>(words_[1].load_relaxed());
    const auto bad = [&](const char* argument, const char* expected) { return error(status_code::bad_index, argument, expected, given); };
    switch (what) {
      case misuse::stage: return bad("stage", "one of the call's stages");
      case misuse::item: return bad("item", "one of the stage's items");
      case misuse::worker: return bad("worker", "one of the workers that the call was attached for");
      case misuse::none: break;
    }
    return success();
  }

 private:
  static constexpr int bits_per_word = 32;
  static constexpr std::size_t first_mark = 2;  // behind the misuse
  static constexpr std::size_t words_for(int places) {
    return first_mark + (static_cast<std::size_t>(places) + bits_per_word - 1) / bits_per_word;
  }
  word& word_of(int place) const { return words_[first_mark + static_cast<std::size_t>(place / bits_per_word)]; }
  static std::uint32_t bit_of(int place) { return std::uint32_t{1} << (place % bits_per_word); }

  word* words_ = nullptr;
  std::size_t count_ = 0;
};

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
