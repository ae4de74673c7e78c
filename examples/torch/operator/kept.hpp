// What a thread keeps from call to call: plans by shape, and memory.
#pragma once

#include <crestmax/crestmax.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "arguments.hpp"

namespace crestmax_torch {

inline void require(const crestmax::status& s) {
  if (!s.ok()) throw bad_argument(s.message());
}

// Everything that a plan follows from, of calls whose sequences are all as long as their tensors: extents, types, workers, and of
// the options the scale alone.
using plan_key = std::array<std::int64_t, 11>;

inline plan_key key_of(const crestmax::problem& p, const crestmax::options& o) {
  // The output has the query's type.
  std::int64_t kinds = 0;
  for (const crestmax::scalar_kind kind : {p.query_kind, p.key_kind, p.value_kind}) kinds = 256 * kinds + static_cast<std::int64_t>(kind);
  return {p.sequences, p.q_len, p.kv_len, p.q_heads, p.kv_heads, p.d_qk, p.d_v, kinds, p.workers, o.scale ? 1 : 0,
          std::bit_cast<std::int64_t>(o.scale.value_or(0))};
}

// Bytes that are kept; what was in them is lost when there have to be more.
class kept_memory {
 public:
  std::span<std::byte> at_least(std::size_t bytes) {
    if (bytes > size_) {
      data_.reset();
      size_ = 0;
      data_.reset(new (std::align_val_t{alignment}) std::byte[bytes]);
      size_ = bytes;
    }
    return {data_.get(), bytes};
  }

 private:
  static constexpr std::size_t alignment = crestmax::workspace_size::alignment;
  struct release {
    void operator()(std::byte* data) const { ::operator delete[](data, std::align_val_t{alignment}); }
  };
  std::unique_ptr<std::byte[], release> data_;
  std::size_t size_ = 0;
};

// The plans that were used last: as many as a model has kinds of layers, and some more.
class kept_plans {
 public:
  static constexpr std::size_t most = 8;

  // The plan of a key; where none is kept it is made by make(memory, plan).
  template <class Make>
  crestmax::plan find(const plan_key& key, std::int64_t sequences, Make&& make) {
    for (entry& e : entries_) {
      if (!e.plan || e.key != key) continue;
      e.used = ++uses_;
      return e.plan;
    }
    const auto is_older = [](const entry& a, const entry& b) { return a.used < b.used; };
    entry& e = *std::min_element(entries_.begin(), entries_.end(), is_older);
    e.plan = {};  // until the new one is made
    require(make(e.memory.at_least(crestmax::plan::bytes(sequences)), e.plan));
    e.key = key;
    e.used = ++uses_;
    return e.plan;
  }

 private:
  struct entry {
    plan_key key{};
    std::uint64_t used = 0;
    crestmax::plan plan;
    kept_memory memory;
  };
  std::array<entry, most> entries_;
  std::uint64_t uses_ = 0;
};

struct kept_state {
  kept_plans plans;
  kept_memory plan;  // of a call whose plan is for this once
  kept_memory workspace;
  kept_memory mask_map;
  std::vector<float> sinks;
};

}  // namespace crestmax_torch
