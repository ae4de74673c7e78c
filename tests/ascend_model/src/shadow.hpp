// What a memory remembers of each of its bytes: who wrote it last, who has read it since, whether it has meaning.
// Kept per 32 bytes, and per 2 bytes where accesses have split a block.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace ascend_model {

constexpr int cores = 3;
constexpr int pipes = 7;

// An instruction's place in time: its pipe (core * 7 + pipe) and the number of the instruction there, from 1.
struct epoch {
  static constexpr int shift = 27;
  static std::uint32_t of(int pipe, std::uint32_t count) { return (static_cast<std::uint32_t>(pipe) << shift) | count; }
  static int pipe(std::uint32_t e) { return static_cast<int>(e >> shift); }
  static std::uint32_t count(std::uint32_t e) { return e & ((1u << shift) - 1); }
};

// For every pipe, the last of its instructions that is known to be complete.
struct clock {
  std::array<std::uint32_t, cores * pipes> at{};
  void join(const clock& other) {
    for (std::size_t i = 0; i < at.size(); ++i) at[i] = at[i] < other.at[i] ? other.at[i] : at[i];
  }
  bool knows(std::uint32_t e) const { return at[static_cast<std::size_t>(epoch::pipe(e))] >= epoch::count(e); }
};

struct access {
  std::uint32_t self = 0;      // epoch of the instruction
  const clock* seen = nullptr;
  bool in_order = false;  // the own pipe's earlier writes count as complete
};

enum class trouble { none, uninitialised, unordered_write, unordered_read, twice };

struct verdict {
  trouble what = trouble::none;
  std::uint32_t other = 0;   // the epoch in conflict
  std::uint64_t offset = 0;  // where it was found
};

class shadow {
 public:
  shadow() = default;
  shadow(std::uint64_t bytes, bool initialised) : cells_((bytes + 31) / 32), parts_(1) {
    if (initialised) {
      for (cell& c : cells_) c.initialised = ~0u;
    }
  }

  verdict read(std::uint64_t offset, std::uint64_t bytes, const access& by) {
    return each(offset, bytes, [&](cell& c, std::uint32_t mask) -> verdict {
      if ((c.initialised & mask) != mask) return {trouble::uninitialised, 0, first_of(mask & ~c.initialised)};
      if (c.split == 0 && mask != ~0u) split(c);
      if (c.split == 0) return read(c.all, by);
      return each_part(c, mask, [&](history& h) { return read(h, by); });
    });
  }

  verdict write(std::uint64_t offset, std::uint64_t bytes, const access& by) {
    return each(offset, bytes, [&](cell& c, std::uint32_t mask) -> verdict {
      verdict v;
      if (c.split == 0 && mask != ~0u) split(c);
      if (c.split == 0) {
        v = write(c.all, by);
      } else {
        v = each_part(c, mask, [&](history& h) { return write(h, by); });
        if (mask == ~0u) join(c);
      }
      c.initialised |= mask;
      return v;
    });
  }

  // The last writer of one byte; 0: none in this launch.
  std::uint32_t writer(std::uint64_t offset) const {
    const cell& c = cells_[offset / 32];
    return c.split == 0 ? c.all.writer : parts_[c.split][offset % 32 / 2].writer;
  }

  void forget(std::uint64_t offset, std::uint64_t bytes) {
    each(offset, bytes, [&](cell& c, std::uint32_t mask) -> verdict {
      c.initialised &= ~mask;
      return {};
    });
  }

 private:
  // In one memory at most six pipes read: MTE2, S and one more of each core, or the few of one core.
  struct history {
    std::uint32_t writer = 0;
    std::array<std::uint32_t, 6> readers{};
  };
  struct cell {
    history all;  // while split is 0
    std::uint32_t split = 0;
    std::uint32_t initialised = 0;  // one bit per byte
  };
  using parts = std::array<history, 16>;

  static std::uint64_t first_of(std::uint32_t mask) { return static_cast<std::uint64_t>(std::countr_zero(mask)); }

  template <class F>
  verdict each(std::uint64_t offset, std::uint64_t bytes, F f) {
    const std::uint64_t end = offset + bytes;
    for (std::uint64_t block = offset / 32; block * 32 < end; ++block) {
      const std::uint64_t start = block * 32;
      std::uint32_t mask = ~0u;
      if (offset > start) mask &= ~0u << (offset - start);
      if (end < start + 32) mask &= ~0u >> (start + 32 - end);
      verdict v = f(cells_[block], mask);
      if (v.what != trouble::none) {
        v.offset = v.what == trouble::uninitialised ? start + v.offset : (offset > start ? offset : start);
        return v;
      }
    }
    return {};
  }

  template <class F>
  verdict each_part(cell& c, std::uint32_t mask, F f) {
    for (std::size_t part = 0; part < 16; ++part) {
      if (((mask >> (2 * part)) & 3u) == 0) continue;
      const verdict v = f(parts_[c.split][part]);
      if (v.what != trouble::none) return v;
    }
    return {};
  }

  static bool unordered(std::uint32_t other, const access& by) {
    if (other == 0 || by.seen->knows(other)) return false;
    return !(by.in_order && epoch::pipe(other) == epoch::pipe(by.self));
  }

  static verdict read(history& h, const access& by) {
    if (h.writer != by.self && unordered(h.writer, by)) return {trouble::unordered_write, h.writer, 0};
    std::uint32_t* place = nullptr;
    for (std::uint32_t& reader : h.readers) {
      if (reader != 0 && epoch::pipe(reader) == epoch::pipe(by.self)) {
        place = &reader;
        break;
      }
      // Whatever comes after this read also comes after a read that this one is ordered after.
      if (place == nullptr && (reader == 0 || by.seen->knows(reader))) place = &reader;
    }
    if (place != nullptr) *place = by.self;
    return {};
  }

  static verdict write(history& h, const access& by) {
    if (h.writer == by.self) return {trouble::twice, h.writer, 0};
    if (unordered(h.writer, by)) return {trouble::unordered_write, h.writer, 0};
    for (std::uint32_t reader : h.readers) {
      // A pipe starts its instructions in order, so its earlier reads are over before its later writes.
      if (reader != 0 && epoch::pipe(reader) != epoch::pipe(by.self) && unordered(reader, by)) {
        return {trouble::unordered_read, reader, 0};
      }
    }
    h.writer = by.self;
    h.readers = {};
    return {};
  }

  void split(cell& c) {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(parts_.size()));
      parts_.emplace_back();
    }
    c.split = free_.back();
    free_.pop_back();
    parts_[c.split].fill(c.all);
  }
  void join(cell& c) {
    c.all = parts_[c.split][0];
    free_.push_back(c.split);
    c.split = 0;
  }

  std::vector<cell> cells_;
  std::vector<parts> parts_;  // the first is not used
  std::vector<std::uint32_t> free_;
};

}  // namespace ascend_model
