// The CPU kernels sum outputs in blocks of at most 512 keys. Here O is summed in L0C over all key blocks: what that costs, measured
// on the model, whose multiply adds one product after the other in float32 (the order inside the hardware's is not known).
#include "on_model.hpp"
#include "support/plain_formula.hpp"

namespace crestmax_test {
namespace {

attention_case flat(index_type n) {  // equal scores and values from 1 to 2: sums only grow
  attention_case c = device_case(scalar_kind::float16, 128, n, 64, 64, false);
  c.query.fill(0);
  random_source random(7);
  c.value.for_each([&](index_type a, index_type b, index_type h, index_type d) { c.value.set(a, b, h, d, random.uniform(1, 2)); });
  return c;
}

// Relative error of sums of n products in float32: straight, as O is in L0C, and in blocks of 256.
void measure_sums(index_type n) {
  const attention_case c = flat(n);
  constexpr double margin = -5.3;  // weights whose products with values need more bits than a sum has
  const double weight = rounded_to(scalar_kind::float16, std::exp(-margin));
  const model_result result = run_on_model(c, {.margin = margin});
  ASSERT_TRUE(result_is_exact(c, result, 32));
  ASSERT_EQ(result.counters.corrected_tiles, 0u);
  double straight = 0, blocks = 0, drift = 0;
  for (index_type d = 0; d < 64; ++d) {
    double truth = 0;
    float sum = 0, block_sum = 0;
    for (index_type j = 0; j < n; ++j) {
      truth += weight * c.value.at(0, j, 0, d);
      block_sum += static_cast<float>(weight * c.value.at(0, j, 0, d));
      if (j % 256 == 255) {
        sum += block_sum;
        block_sum = 0;
      }
    }
    const double given = static_cast<double>(result.scratch_output[static_cast<std::size_t>(d)]);
    straight = std::max(straight, std::fabs(given - truth) / truth);
    drift += (given - truth) / truth / 64;
    blocks = std::max(blocks, std::fabs(static_cast<double>(sum + block_sum) - truth) / truth);
  }
  std::printf("[note] O summed in L0C over all key blocks, n = %lld, equal scores, values 1..2: relative error at most %.1e, mean %+.1e "
              "(in blocks of 256: %.1e); rounding the output to float16 costs up to 4.9e-04\n",
              static_cast<long long>(n), straight, drift, blocks);
  EXPECT_LT(straight, static_cast<double>(n) * 0x1p-24);  // each addition off by half a unit, all the same way
  EXPECT_LT(straight, 0x1p-11 / 16);                      // far below what the output is rounded by
}

void measure_call(index_type n) {
  const attention_case c = device_case(scalar_kind::float16, 128, n, 128, 128, false);
  const model_result result = run_on_model(c, {.cores = 2});
  ASSERT_TRUE(result_is_exact(c, result, 32));
  attention_case strict = c;
  strict.options.weights = crestmax::weight_type::float16;
  strict.row_kind = scalar_kind::float32;
  const accuracy a = measure(strict, result.attention, some_rows(c, 32));
  std::printf("[note] the whole call, n = %lld, normal inputs: error %.1e of max |V| (plain formula %.1e), LSE %.1e (%.1e)\n",
              static_cast<long long>(n), a.error / a.value_max, a.plain_error / a.value_max, a.lse_error, a.plain_lse_error);
}

TEST(SumsInL0C, OverAllKeyBlocksAreWithinTheContractAt2048) {
  measure_sums(2048);
  measure_call(2048);
}

TEST(SumsInL0C, OverAllKeyBlocksAreWithinTheContractAt16384) {
  if (!long_tier("sums in L0C over 16384 keys")) GTEST_SKIP();
  measure_sums(16384);
  measure_call(16384);
}

TEST(LongContexts, AreExactAt16384) {
  if (!long_tier("16384 keys, both types, causal and full")) GTEST_SKIP();
  for (const scalar_kind kind : {scalar_kind::float16, scalar_kind::bfloat16}) {
    for (const bool causal : {false, true}) {
      EXPECT_TRUE(is_exact_on_model(device_case(kind, 256, 16384, 128, 128, causal), {}, 24));
    }
  }
  EXPECT_TRUE(is_exact_on_model(device_case(scalar_kind::float16, 2048, 2048, 128, 128, true, 2, 1), {.cores = 2}));
}

}  // namespace
}  // namespace crestmax_test
