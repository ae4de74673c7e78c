// Terms of two score modifiers that cancel leave their rounding behind, which a certificate has to know.
#include <crestmax/crestmax.hpp>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace crestmax_test {
namespace {

using crestmax::index_type;

// 32 keys of score 0 are kept, the others left out; ALiBi takes up to a million from scores, and the bias gives it back.
struct cancelling_call {
  static constexpr index_type kv_len = 4096, kept = 32;
  static constexpr float low = -7.97f, slope = 244;

  template <class Backend>
  double dropped_mass(Backend backend, index_type q_len) const {
    const auto rows = static_cast<std::size_t>(q_len), keys = static_cast<std::size_t>(kv_len);
    const std::vector<float> query(rows, 1.0f);
    std::vector<float> key(keys, low), value(keys, 1.0f), bias(rows * keys), output(rows), dropped(rows);
    for (std::size_t j = 0; j < static_cast<std::size_t>(kept); ++j) key[j] = value[j] = 0;
    for (index_type i = 0; i < q_len; ++i) {
      for (index_type j = 0; j < kv_len; ++j) {
        bias[static_cast<std::size_t>(i * kv_len + j)] = slope * static_cast<float>(i + kv_len - q_len - j);
      }
    }
    const crestmax::tensor<const float> q{query.data(), {1, q_len, 1, 1}}, k{key.data(), {1, kv_len, 1, 1}}, v{value.data(), {1, kv_len, 1, 1}};
    const crestmax::tensor<float> out{output.data(), {1, q_len, 1, 1}};
    crestmax::options o{.softmax = crestmax::anchor_shift{.first_keys = kept, .nearest_keys = 0}, .coverage = crestmax::above(6), .scale = 1.0};
    o.tiles.splits = 1;  // the tile of a split's first keys is kept whole for those of score 0
    o.dropped_mass = crestmax::row_tensor<float>{dropped.data(), {1, q_len, 1}};
    const crestmax::tensor<const float> table{bias.data(), {1, 1, q_len, kv_len}};
    const crestmax::status s = crestmax::attention(q, k, v, out, o, crestmax::alibi{{&slope, 1}} | crestmax::additive_bias{table}, backend);
    EXPECT_TRUE(s.ok()) << s.message();
    EXPECT_EQ(output.back(), 0.0f) << "all keys past the first are meant to be left out";
    return static_cast<double>(dropped.back());
  }

  static double lost() {
    const double weight = static_cast<double>(kv_len - kept) * std::exp(static_cast<double>(low));
    return weight / (static_cast<double>(kept) + weight);
  }
};

TEST(CancellingModifiers, DoNotTakeACertificateBelowTheTruth) {
  const cancelling_call c;
  for (const index_type q_len : {1, 40}) {
    EXPECT_GE(c.dropped_mass(crestmax::backend::cpu{}, q_len), cancelling_call::lost()) << q_len;
    EXPECT_GE(c.dropped_mass(crestmax::backend::portable{}, q_len), cancelling_call::lost()) << q_len;
  }
}

}  // namespace
}  // namespace crestmax_test
