// Plans by shape: the layers of a step share one, and the steps of a prompt do.
#pragma once

#include <array>
#include <tuple>
#include <vector>

#include <crestmax/attention.hpp>

namespace adapter {

using crestmax::index_type;

// All that a plan of this adapter's depends on.
struct plan_key {
  crestmax::problem problem{};
  std::vector<std::int32_t> key_lengths{};  // of each sequence, or none
  double scale = 1;
  index_type splits = 0;

  friend bool operator==(const plan_key& a, const plan_key& b) {
    const auto numbers = [](const plan_key& k) {
      const crestmax::problem& p = k.problem;
      return std::tuple(p.sequences, p.q_len, p.kv_len, p.q_heads, p.kv_heads, p.d_qk, p.d_v, p.query_kind, p.key_kind, p.value_kind,
                        p.output_kind, p.workers, k.splits);
    };
    return numbers(a) == numbers(b) && crestmax::equals(a.scale, b.scale) && a.key_lengths == b.key_lengths;
  }

  crestmax::options options() const {
    crestmax::options o;
    o.products = crestmax::products::integer;  // of quantised caches; ggml rounds their queries to 8 bits
    o.scale = scale;
    o.tiles.splits = splits;
    o.key_lengths = key_lengths;
    return o;
  }
};

class kept_plans {
 public:
  static constexpr std::size_t most = 8;

  // The plan of a key, made if there is none. It and the key that it is kept under are valid until the next call.
  struct found {
    crestmax::status status{};
    crestmax::plan plan{};
    const plan_key* key = nullptr;
  };
  found of(const plan_key& key) {
    entry* oldest = &entries_[0];
    for (entry& e : entries_) {
      if (e.plan && e.key == key) {
        e.last_use = ++uses_;
        return {{}, e.plan, &e.key};
      }
      if (e.last_use < oldest->last_use) oldest = &e;
    }
    return make(*oldest, key);
  }

  index_type made() const { return made_; }  // so far

 private:
  struct entry {
    plan_key key;
    std::vector<std::uint64_t> memory;  // as a plan is aligned
    crestmax::plan plan;
    index_type last_use = 0;
  };

  found make(entry& e, const plan_key& key) {
    e.key = key;
    e.plan = {};
    const std::size_t bytes = crestmax::plan::bytes(key.problem.sequences);
    e.memory.resize((bytes + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t));
    const auto memory = std::as_writable_bytes(std::span(e.memory));
    const crestmax::status status = crestmax::make_plan(key.problem, memory, e.plan, e.key.options());
    if (!status.ok()) e.plan = {};
    e.last_use = ++uses_;
    ++made_;
    return {status, e.plan, &e.key};
  }

  std::array<entry, most> entries_;
  index_type uses_ = 0;
  index_type made_ = 0;
};

}  // namespace adapter
