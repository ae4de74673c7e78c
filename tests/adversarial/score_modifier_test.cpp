// A modifier of the caller's own that indexes a table by the score: it may be called for visible keys only, whatever hidden
// ones hold and wherever they stand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <crestmax/crestmax.hpp>
#include <vector>

#include "support/random.hpp"

namespace crestmax_test {
namespace {

using crestmax::index_type;
using crestmax::score_position;

constexpr index_type steps = 8;
constexpr index_type table_size = 2 * 16 * steps;

// What a modifier was called for, and what masks were asked.
struct calls {
  index_type good = 0;
  index_type hidden = 0;        // of pairs that a mask hides, or past the sequence's end
  index_type outside = 0;       // with a score that is none
  index_type least_query = 0;
};

std::size_t place_of(double score) {
  return static_cast<std::size_t>(static_cast<index_type>(std::floor(score * steps)) + static_cast<index_type>(table_size / 2));
}

// Adds table[score * 8]; a score that is no visible key's would read elsewhere.
struct by_score {
  const std::vector<float>* table;
  const std::uint8_t* mask;  // (q_len, rows of the cache)
  index_type q_len, kv_len, cache;
  calls* seen;

  template <class T>
  T operator()(T score, score_position at) const {
    const bool inside = at.key >= 0 && at.key < kv_len && at.query_index >= 0 && at.query_index < q_len;
    if (!inside || at.key > at.query || mask[at.query_index * cache + at.key] == 0) {
      ++seen->hidden;
      return score;
    }
    if (!(std::fabs(score) < T(16))) {
      ++seen->outside;
      return score;
    }
    ++seen->good;
    return score + static_cast<T>((*table)[place_of(static_cast<double>(score))]);
  }
};

// Sees everything; notes where queries stand.
struct watcher {
  calls* seen;
  bool visible(score_position at) const {
    seen->least_query = std::min(seen->least_query, at.query);
    return true;
  }
  crestmax::visibility classify(crestmax::score_range r) const {
    seen->least_query = std::min(seen->least_query, r.first_query);
    return crestmax::visibility::partial;
  }
};

struct shape {
  index_type q_len, kv_len, rows_of_cache;
};

class ScoreModifier : public ::testing::TestWithParam<shape> {
 protected:
  static constexpr index_type d = 16, d_v = 12;

  void SetUp() override {
    const auto [q_len, kv_len, cache] = GetParam();
    const auto fill = [&](std::vector<float>& numbers, index_type count) {
      numbers.resize(static_cast<std::size_t>(count));
      for (float& x : numbers) x = 0.25f * static_cast<float>(random.integer(-4, 4));  // so that scores are exact
    };
    fill(q, q_len * d);
    fill(k, cache * d);
    fill(v, cache * d_v);
    fill(table, table_size);
    out.assign(static_cast<std::size_t>(q_len * d_v), 0.0f);
    mask.assign(static_cast<std::size_t>(q_len * cache), std::uint8_t{1});
    for (index_type j = 0; j < cache; ++j) {
      if (j < kv_len && j % 7 != 3) continue;
      for (index_type i = 0; i < q_len; ++i) mask[static_cast<std::size_t>(i * cache + j)] = 0;
      std::fill_n(k.begin() + j * d, d, std::numeric_limits<float>::quiet_NaN());
      std::fill_n(v.begin() + j * d_v, d_v, std::numeric_limits<float>::quiet_NaN());
    }
  }

  template <class Backend>
  void expect_visible_pairs_only(Backend backend, const crestmax::softmax_method& softmax) {
    const auto [q_len, kv_len, cache] = GetParam();
    calls seen;
    const by_score modifier{&table, mask.data(), q_len, kv_len, cache, &seen};
    const std::int32_t lengths[] = {static_cast<std::int32_t>(kv_len)};
    const crestmax::boolean_mask hiding(crestmax::tensor<const std::uint8_t>(mask.data(), {1, 1, q_len, cache}));
    const crestmax::tensor query{q.data(), {1, q_len, 1, d}};
    const auto source = crestmax::make_source(crestmax::tensor{k.data(), {1, cache, 1, d}}, crestmax::tensor{v.data(), {1, cache, 1, d_v}});
    const crestmax::tensor output{out.data(), {1, q_len, 1, d_v}};
    crestmax::options options{.softmax = softmax, .key_lengths = lengths};
    const auto chain = crestmax::causal{} | modifier | hiding | watcher{&seen};
    // Memory that holds no scores holds NaN.
    std::size_t bytes = 0;
    ASSERT_TRUE(crestmax::workspace_bytes(crestmax::tensors(query, source, output), 1, bytes, options, chain, backend).ok());
    std::vector<std::byte> memory(bytes + 64, std::byte{0xff});
    options.workspace = {memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64), bytes};
    const crestmax::status status = crestmax::attention(query, source, output, options, chain, backend);
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(seen.hidden, 0);
    EXPECT_EQ(seen.outside, 0);
    EXPECT_GT(seen.good, 0);
    EXPECT_EQ(seen.least_query, std::min<index_type>(0, kv_len - q_len));
    for (index_type i = 0; i < q_len; ++i) expect_row(i);
  }

  void expect_row(index_type i) const {
    const auto [q_len, kv_len, cache] = GetParam();
    double sum = 0;
    std::vector<double> expected(d_v, 0.0);
    for (index_type j = 0; j < kv_len && j <= i + kv_len - q_len; ++j) {
      if (mask[static_cast<std::size_t>(i * cache + j)] == 0) continue;
      double score = 0;
      for (index_type c = 0; c < d; ++c) score += double(q[static_cast<std::size_t>(i * d + c)]) * double(k[static_cast<std::size_t>(j * d + c)]);
      score /= std::sqrt(double(d));
      const double weight = std::exp(score + double(table[place_of(score)]));
      sum += weight;
      for (index_type c = 0; c < d_v; ++c) expected[static_cast<std::size_t>(c)] += weight * double(v[static_cast<std::size_t>(j * d_v + c)]);
    }
    for (index_type c = 0; c < d_v; ++c) {
      const double wanted = sum > 0 ? expected[static_cast<std::size_t>(c)] / sum : 0;
      ASSERT_NEAR(out[static_cast<std::size_t>(i * d_v + c)], wanted, 1e-5) << "query " << i;
    }
  }

  random_source random{4};
  std::vector<float> q, k, v, out, table;
  std::vector<std::uint8_t> mask;
};

TEST_P(ScoreModifier, IsCalledForVisiblePairsOnly) {
  const crestmax::softmax_method methods[] = {
      crestmax::sampled_max{}, crestmax::running_max{},
      crestmax::sampled_max{.stride = 16, .radius = 8, .coarse = crestmax::choice::on}};
  for (const auto& softmax : methods) {
    expect_visible_pairs_only(crestmax::backend::portable{}, softmax);
    expect_visible_pairs_only(crestmax::backend::cpu{}, softmax);
    expect_visible_pairs_only(crestmax::backend::cpu{crestmax::instruction_set::generic}, softmax);
    expect_visible_pairs_only(crestmax::backend::cpu{crestmax::instruction_set::avx2}, softmax);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, ScoreModifier,
                         ::testing::Values(shape{1, 37, 37}, shape{3, 301, 333}, shape{37, 301, 333}, shape{67, 1021, 1024},
                                           shape{130, 77, 77}, shape{9, 5, 64}));

}  // namespace
}  // namespace crestmax_test
