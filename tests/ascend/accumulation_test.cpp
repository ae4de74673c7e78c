// The CPU kernels sum outputs in blocks of at most 512 keys. Here O is summed in L0C over all key blocks: what that costs, measured
// on the model, whose multiply adds one product after the other in float32 (the order inside the hardware's is not known).
#include "on_model.hpp"
#include "support/plain_formula.hpp"

namespace crestmax_test {
namespace {

void measure_sums(index n, const char* what, const attention_case& c) {
  const model_result result = run_on_model(c, {.cores = 2});
  ASSERT_TRUE(result_is_exact(c, result, 32)) << what;
  attention_case strict = c;
  strict.options.weights = crestmax::weight_type::float16;
  strict.row_kind = scalar_kind::float32;
  const accuracy a = measure(strict, result.attention, some_rows(c, 32));
  std::printf("[note] O summed in L0C over all key blocks, n = %lld, %s: error %.2e of max |V| (plain formula, blocks of 256: %.2e), "
              "LSE %.2e (%.2e); query tiles corrected %u of %u\n",
              static_cast<long long>(n), what, a.error / a.value_max, a.plain_error / a.value_max, a.lse_error, a.plain_lse_error,
              result.counters.corrected_tiles, result.counters.query_tiles);
}

attention_case flat(index n) {  // equal scores and values near 1: the sums of longest straight addition
  attention_case c = device_case(scalar_kind::float16, 128, n, 64, 64, false);
  c.query.fill(0);
  random_source random(7);
  c.value.for_each([&](index a, index b, index h, index d) { c.value.set(a, b, h, d, 1 + 0.25 * random.uniform()); });
  return c;
}

TEST(SumsInL0C, OverAllKeyBlocksAreWithinTheContractAt2048) {
  measure_sums(2048, "normal", device_case(scalar_kind::float16, 128, 2048, 128, 128, false));
  measure_sums(2048, "equal scores", flat(2048));
}

TEST(SumsInL0C, OverAllKeyBlocksAreWithinTheContractAt16384) {
  if (!long_tier("sums in L0C over 16384 keys")) GTEST_SKIP();
  measure_sums(16384, "normal", device_case(scalar_kind::float16, 128, 16384, 128, 128, false));
  measure_sums(16384, "equal scores", flat(16384));
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
