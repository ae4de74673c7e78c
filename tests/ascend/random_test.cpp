// Shapes, types, options and spikes at random: exact, without an error of the model.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "on_model.hpp"

namespace crestmax_test {
namespace {

struct random_call {
  attention_case c;
  model_settings s;
  std::string text;
};

void multiply(test_tensor& t, double factor) {
  t.for_each([&](index_type a, index_type b, index_type h, index_type d) {
    const double most = t.kind() == scalar_kind::float16 ? 60000 : 1e36;
    t.set(a, b, h, d, std::clamp(factor * t.at(a, b, h, d), -most, most));
  });
}

random_call call_of(std::uint64_t seed) {
  random_source random(seed);
  const auto [d_qk, d_v] = random.pick<std::pair<index_type, index_type>>({{64, 64}, {64, 64}, {128, 128}, {192, 128}, {256, 256}});
  const index_type kv_heads = random.integer(1, 2), q_heads = kv_heads * random.integer(1, 3), batch = random.integer(1, 2);
  const index_type q_len = random.spread_integer(1, 400), kv_len = random.spread_integer(1, 1500);
  const scalar_kind kind = random.chance(0.5) ? scalar_kind::float16 : scalar_kind::bfloat16;
  const bool causal = random.chance(0.5);
  random_call r{device_case(kind, q_len, kv_len, d_qk, d_v, causal, q_heads, kv_heads, batch), {}, ""};
  if (random.chance(0.3)) r.c.query.fill_normal(random, random.uniform(0.1, 6));
  for (index_type n = random.integer(0, 5); n > 0; --n) {  // keys far above others for some row
    const index_type j = random.integer(0, kv_len - 1), i = random.integer(0, q_len - 1);
    const double size = random.uniform(0.2, 3);
    for (index_type d = 0; d < d_qk; ++d) r.c.key.set(0, j, 0, d, size * r.c.query.at(0, i, 0, d));
  }
  if (random.chance(0.2)) multiply(r.c.query, std::pow(10.0, random.uniform(-3, kind == scalar_kind::float16 ? 3 : 14)));
  if (random.chance(0.2)) multiply(r.c.value, std::pow(10.0, random.uniform(-3, kind == scalar_kind::float16 ? 3 : 34)));
  r.s.mutation.slowest = static_cast<int>(random.integer(-1, 2));  // one core held back
  if (random.chance(0.2)) r.c.options.scale = random.uniform(0.01, 0.5);
  r.c.wants_lse = random.chance(0.8);
  r.s.on = random.chance(0.3) ? crestmax::ascend::device::atlas_3510 : crestmax::ascend::device::atlas_2201;
  r.s.cores = random.integer(1, 5);
  r.s.sample_stride = random.pick<index_type>({0, 4, 16, 16, 16, 64});
  r.s.windows = random.pick<index_type>({0, 2, 4, 4, 8});
  if (random.chance(0.2)) r.s.guard_tile_limit = random.uniform(1e-3, 100);
  if (random.chance(0.2)) r.s.padding = 16 * random.integer(1, 3);
  std::ostringstream text;
  text << "seed " << seed << ": " << crestmax::ascend::name(r.s.on) << (causal ? ", causal" : ", full") << ", cores " << r.s.cores
       << ", stride " << r.s.sample_stride << ", windows " << r.s.windows << ", limit " << r.s.guard_tile_limit << ", padding " << r.s.padding;
  r.text = text.str();
  return r;
}

TEST(RandomCalls, AreExact) {
  std::uint32_t tiles = 0, corrected = 0;
  for (index_type seed = 1; seed <= cases(120); ++seed) {
    const random_call r = call_of(static_cast<std::uint64_t>(seed));
    const model_result result = run_on_model(r.c, r.s);
    ASSERT_TRUE(result_is_exact(r.c, result, 24)) << r.text;
    tiles += result.counters.query_tiles;
    corrected += result.counters.corrected_tiles;
  }
  std::printf("%u of %u query tiles corrected\n", corrected, tiles);
  if (cases(120) >= 120) { EXPECT_GT(corrected, 20u); }
}

}  // namespace
}  // namespace crestmax_test
