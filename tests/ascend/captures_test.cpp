// Queries, keys and values of real models on the model of the device: the shipped captures.
#include <filesystem>

#include "on_model.hpp"
#include "support/npy.hpp"

namespace crestmax_test {
namespace {

// The last `queries` queries over all keys. The device serves head dims of 64 and more: smaller ones are filled up with zeros,
// which changes no score and no output.
attention_case shipped_capture(const std::string& name, scalar_kind kind, bool causal, index_type queries) {
  const auto folder = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path() / "examples/data";
  npy_array query, key, value;
  for (const auto& [part, array] : {std::pair{"_q.npy", &query}, {"_k.npy", &key}, {"_v.npy", &value}}) {
    const std::string trouble = read_npy((folder / (name + part)).string(), *array);
    EXPECT_TRUE(trouble.empty()) << trouble;
    if (!trouble.empty()) return device_case(kind, 1, 1, 64, 64, causal);
  }
  const index_type kv_len = key.shape[1], dim = key.shape[2];
  const index_type rows = std::min(queries, query.shape[1]);
  attention_case c = device_case(kind, rows, kv_len, 64, 64, causal, query.shape[0], key.shape[0]);
  const auto fill = [&](test_tensor& t, const npy_array& from, index_type first_row) {
    t.for_each([&](index_type, index_type i, index_type h, index_type d) {
      t.set(0, i, h, d, d < dim ? from.at((h * from.shape[1] + first_row + i) * dim + d) : 0.0);
    });
  };
  fill(c.query, query, query.shape[1] - rows);
  fill(c.key, key, 0);
  fill(c.value, value, 0);
  c.options.scale = 1 / std::sqrt(static_cast<double>(dim));
  return c;
}

void expect_exact(const std::string& name, scalar_kind kind, bool causal, index_type queries = 4096) {
  const attention_case c = shipped_capture(name, kind, causal, queries);
  const model_result result = run_on_model(c, {.cores = 2});
  EXPECT_TRUE(result_is_exact(c, result, 96)) << name;
  const auto& n = result.counters;
  std::printf("%-26s %-9s query tiles corrected %u of %u, rows failing their guard %u of %lld; keys sampled %.1f %%, for the crest %.1f %%\n",
              name.c_str(), crestmax::name(kind), n.corrected_tiles, n.query_tiles, n.failing_rows,
              static_cast<long long>(c.query.extent(1) * c.q_heads()), 100.0 * n.keys_sampled / n.keys_swept,
              100.0 * n.keys_crest / n.keys_swept);
}

TEST(CapturesOnTheModel, OfATextDecoderAreExact) {
  expect_exact("minimind2_zh_L01", scalar_kind::float16, true);
  expect_exact("tinyllama_code_L11", scalar_kind::float16, true);
}

TEST(CapturesOnTheModel, OfATextDecoderAreExactInBfloat16) {
  expect_exact("minimind2_zh_L01", scalar_kind::bfloat16, true, 300);
  expect_exact("tinyllama_code_L11", scalar_kind::bfloat16, true, 300);
}

TEST(CapturesOnTheModel, OfASpeechEncoderAreExact) {
  expect_exact("moonshine_enc_speech_L01", scalar_kind::float16, false);
  expect_exact("moonshine_enc_speech_L01", scalar_kind::bfloat16, false, 300);
}

}  // namespace
}  // namespace crestmax_test
