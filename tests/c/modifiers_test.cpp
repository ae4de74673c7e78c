// Modifiers of a list: each beside the C++ call that it stands for, and what callbacks are promised.
#include <crestmax/attention.hpp>

#include <cmath>
#include <cstring>
#include <mutex>
#include <set>

#include "broken_call.hpp"

namespace crestmax_test {
namespace {

class ModifierFromC : public BadInputFromC {
 protected:
  void SetUp() override {
    random_source random(3);
    for (float& x : memory) x = static_cast<float>(random.normal());
  }
  float* const numbers = at(6000);  // of tables and heads

  std::vector<float> output() const { return {memory.begin() + 3072, memory.begin() + 3072 + batch * q_len * q_heads * d_v}; }

  std::vector<float> from_c(const std::vector<crestmax_modifier>& list) {
    options.modifiers = list.data();
    options.modifier_count = list.size();
    EXPECT_EQ(call(), CRESTMAX_OK) << status.message;
    return output();
  }
  template <class Chain>
  std::vector<float> from_cpp(const Chain& chain) {
    const crestmax::tensor<float> q{at(0), {batch, q_len, q_heads, d_qk}}, k{at(1024), {batch, kv_len, kv_heads, d_qk}},
        v{at(2048), {batch, kv_len, kv_heads, d_v}}, o{at(3072), {batch, q_len, q_heads, d_v}};
    const crestmax::status s = crestmax::attention(q, k, v, o, {}, chain);
    EXPECT_TRUE(s.ok()) << s.message();
    return output();
  }
  // The same bits, and others than without the modifier.
  template <class Chain>
  void expect_same(const std::vector<crestmax_modifier>& list, const Chain& chain) {
    const std::vector<float> plain = from_c({});
    EXPECT_EQ(from_c(list), from_cpp(chain));
    EXPECT_NE(from_c(list), plain) << "the modifier changes nothing";
  }
  template <class T>
  void expect_same_bias(crestmax_type type) {
    std::vector<T> bias(static_cast<std::size_t>(q_len * kv_len));
    random_source random(5);
    for (T& x : bias) x = crestmax::convert<T>(random.normal());
    const crestmax::tensor<const T> table(bias.data(), {1, 1, q_len, kv_len});
    expect_same({crestmax_additive_bias(crestmax_dense(bias.data(), type, 1, 1, q_len, kv_len))}, crestmax::additive_bias<T>(table));
  }
};

TEST_F(ModifierFromC, CausalIsThatOfCpp) { expect_same({crestmax_causal()}, crestmax::causal{}); }
TEST_F(ModifierFromC, SlidingWindowIsThatOfCpp) { expect_same({crestmax_sliding_window(3, 1)}, crestmax::sliding_window{3, 1}); }
TEST_F(ModifierFromC, AlibiIsThatOfCpp) {
  expect_same({crestmax_alibi(numbers, q_heads)}, crestmax::alibi{{numbers, static_cast<std::size_t>(q_heads)}});
}
TEST_F(ModifierFromC, SoftCapIsThatOfCpp) { expect_same({crestmax_soft_cap(0.75f)}, crestmax::soft_cap{0.75f}); }
TEST_F(ModifierFromC, SinksAreThoseOfCpp) {
  expect_same({crestmax_attention_sinks(numbers, q_heads)}, crestmax::attention_sinks{{numbers, static_cast<std::size_t>(q_heads)}});
}
TEST_F(ModifierFromC, BiasInFloat32IsThatOfCpp) { expect_same_bias<float>(CRESTMAX_FLOAT32); }
TEST_F(ModifierFromC, BiasInFloat64IsThatOfCpp) { expect_same_bias<double>(CRESTMAX_FLOAT64); }
TEST_F(ModifierFromC, BiasInFloat16IsThatOfCpp) { expect_same_bias<crestmax::float16>(CRESTMAX_FLOAT16); }
TEST_F(ModifierFromC, BiasInBfloat16IsThatOfCpp) { expect_same_bias<crestmax::bfloat16>(CRESTMAX_BFLOAT16); }
TEST_F(ModifierFromC, MaskIsThatOfCpp) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(q_len * kv_len));
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % 3 == 0 ? 1 : 0;
  const crestmax::tensor<const std::uint8_t> table(mask.data(), {1, 1, q_len, kv_len});
  expect_same({crestmax_boolean_mask(crestmax_dense(mask.data(), CRESTMAX_BYTE, 1, 1, q_len, kv_len))}, crestmax::boolean_mask<std::uint8_t>(table));
}
// A mask, and its map as C builds it.
struct mask_from_c {
  std::vector<float> entries;
  std::vector<std::uint64_t> words = std::vector<std::uint64_t>(1000);
  crestmax_tensor tensor;
  crestmax_memory map{words.data(), words.size() * 8};

  mask_from_c(int64_t queries, int64_t keys) : entries(static_cast<std::size_t>(queries * keys)) {
    random_source random(8);
    for (float& x : entries) x = random.chance(0.4) ? -std::numeric_limits<float>::infinity() : random.chance(0.5) ? 0.0f : static_cast<float>(random.normal());
    tensor = crestmax_dense(entries.data(), CRESTMAX_FLOAT32, 1, 1, queries, keys);
  }
};

TEST_F(ModifierFromC, MaskTensorIsThatOfCpp) {
  mask_from_c m(q_len, kv_len);
  ASSERT_EQ(crestmax_build_mask_map(&m.tensor, m.map, nullptr, &status), CRESTMAX_OK) << status.message;
  const crestmax::mask_view view(crestmax::tensor<const float>(m.entries.data(), {1, 1, q_len, kv_len}));
  expect_same({crestmax_mask_tensor(m.tensor, m.map)}, crestmax::mask_tensor(view, std::as_bytes(std::span(m.words))));
}
TEST_F(ModifierFromC, MaskTensorOfBytesIsThatOfABooleanMask) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(q_len * kv_len));
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % 3 == 0 ? 1 : 0;
  const crestmax_tensor table = crestmax_dense(mask.data(), CRESTMAX_BYTE, 1, 1, q_len, kv_len);
  std::vector<std::uint64_t> map(100);
  const crestmax_memory memory_of_map{map.data(), map.size() * 8};
  ASSERT_EQ(crestmax_build_mask_map(&table, memory_of_map, nullptr, &status), CRESTMAX_OK) << status.message;
  EXPECT_EQ(from_c({crestmax_mask_tensor(table, memory_of_map)}), from_c({crestmax_boolean_mask(table)}));
}
TEST_F(ModifierFromC, MaskTensorTakesFactorsOfHeads) {
  mask_from_c m(q_len, kv_len);
  ASSERT_EQ(crestmax_build_mask_map(&m.tensor, m.map, nullptr, &status), CRESTMAX_OK) << status.message;
  const crestmax::mask_view view(crestmax::tensor<const float>(m.entries.data(), {1, 1, q_len, kv_len}));
  crestmax::mask_tensor tensor(view, std::as_bytes(std::span(m.words)));
  tensor.factors = {numbers, static_cast<std::size_t>(q_heads)};
  crestmax_modifier modifier_of_c = crestmax_mask_tensor(m.tensor, m.map);
  modifier_of_c.per_head = numbers;
  modifier_of_c.heads = static_cast<std::size_t>(q_heads);
  expect_same({modifier_of_c}, tensor);
}
TEST_F(ModifierFromC, MaskTensorMayBeginBeforeTheFirstKeyOfACall) {
  mask_from_c m(q_len, kv_len + 5);
  ASSERT_EQ(crestmax_build_mask_map(&m.tensor, m.map, nullptr, &status), CRESTMAX_OK) << status.message;
  const crestmax::mask_view view(crestmax::tensor<const float>(m.entries.data(), {1, 1, q_len, kv_len + 5}));
  crestmax::mask_tensor tensor(view, std::as_bytes(std::span(m.words)));
  tensor.first_key = 5;
  crestmax_modifier modifier_of_c = crestmax_mask_tensor(m.tensor, m.map);
  modifier_of_c.first_key = 5;
  expect_same({modifier_of_c}, tensor);
}
TEST_F(ModifierFromC, MaskMapInStepsIsThatOfOneStep) {
  mask_from_c m(40, 90), in_steps(40, 90);
  in_steps.tensor = m.tensor;
  size_t bytes = 0;
  int64_t items = 0;
  ASSERT_EQ(crestmax_mask_map_bytes(&m.tensor, &bytes, &status), CRESTMAX_OK) << status.message;
  ASSERT_LE(bytes, m.map.bytes);
  const crestmax_parallel_for two{2, [](void*, int64_t count, crestmax_item body, void* context) {
    for (int64_t item = count - 1; item >= 0; --item) body(context, item, static_cast<int32_t>(item % 2));
  }, nullptr};
  ASSERT_EQ(crestmax_build_mask_map(&m.tensor, m.map, &two, &status), CRESTMAX_OK) << status.message;
  ASSERT_EQ(crestmax_begin_mask_map(&in_steps.tensor, in_steps.map, &items, &status), CRESTMAX_OK) << status.message;
  ASSERT_EQ(items, 3);
  for (int64_t item = 0; item < items; ++item) ASSERT_EQ(crestmax_run_mask_map(&in_steps.tensor, in_steps.map, item, &status), CRESTMAX_OK) << status.message;
  ASSERT_EQ(crestmax_finish_mask_map(&in_steps.tensor, in_steps.map, &status), CRESTMAX_OK) << status.message;
  EXPECT_EQ(std::memcmp(m.map.data, in_steps.map.data, bytes), 0);
}

TEST_F(ModifierFromC, TablesMayHaveStridesAndBeBroadcast) {
  crestmax_tensor bias = crestmax_dense(numbers, CRESTMAX_FLOAT32, 1, q_heads, 1, kv_len);
  bias.strides[0] = 1000;
  bias.strides[1] = 2;
  bias.strides[2] = 1000;
  bias.strides[3] = 5;
  const crestmax::tensor<const float> table(numbers, {1, q_heads, 1, kv_len}, {1000, 2, 1000, 5});
  expect_same({crestmax_additive_bias(bias)}, crestmax::additive_bias<float>(table));
}
TEST_F(ModifierFromC, OrderIsThatOfTheList) {
  const crestmax_modifier cap = crestmax_soft_cap(0.75f), alibi = crestmax_alibi(numbers, q_heads);
  const crestmax::alibi slopes{{numbers, static_cast<std::size_t>(q_heads)}};
  expect_same({cap, alibi}, crestmax::soft_cap{0.75f} | slopes);
  expect_same({alibi, cap}, slopes | crestmax::soft_cap{0.75f});
  EXPECT_NE(from_c({cap, alibi}), from_c({alibi, cap}));
}
TEST_F(ModifierFromC, ThatIsOffIsAsIfItWereNotThere) {
  crestmax_modifier cap = crestmax_soft_cap(0.75f);
  const std::vector<float> plain = from_c({});
  EXPECT_NE(from_c({cap}), plain);
  cap.off = 1;
  EXPECT_EQ(from_c({cap}), plain);
}

// A list of the same value as the standard modifier, by callbacks.
struct causal_seen {
  std::mutex lock;
  std::set<std::pair<int64_t, int64_t>> pairs;  // query, key
};
int32_t sees_the_past(void*, const crestmax_position* at) { return at->key <= at->query ? 1 : 0; }
int32_t classify_the_past(void*, const crestmax_range* r) {
  if (r->first_key > r->last_query) return CRESTMAX_SEES_NONE;
  return r->last_key <= r->first_query ? CRESTMAX_SEES_ALL : CRESTMAX_SEES_SOME;
}
void reach_the_past(void*, const crestmax_range* r, int64_t* begin, int64_t* end) {
  *begin = 0;
  *end = r->last_query + 1;
}
double note_pair(void* user, double score, const crestmax_position* at) {
  auto& seen = *static_cast<causal_seen*>(user);
  const std::lock_guard held(seen.lock);
  seen.pairs.emplace(at->query, at->key);
  return score;
}

TEST_F(ModifierFromC, CustomMaskOfCausalIsCausal) {
  EXPECT_EQ(from_c({crestmax_custom_mask(sees_the_past, nullptr)}), from_c({crestmax_causal()}));
}
TEST_F(ModifierFromC, CustomMaskMayClassifyAndReach) {
  crestmax_modifier mask = crestmax_custom_mask(sees_the_past, nullptr);
  mask.classify = classify_the_past;
  mask.reachable = reach_the_past;
  EXPECT_EQ(from_c({mask}), from_c({crestmax_causal()}));
}
TEST_F(ModifierFromC, CustomScoreIsCalledForVisiblePairsOnly) {
  causal_seen seen;
  from_c({crestmax_custom_score(note_pair, &seen), crestmax_causal()});
  std::set<std::pair<int64_t, int64_t>> visible;
  for (int64_t query = kv_len - q_len; query < kv_len; ++query) {
    for (int64_t key = 0; key <= query; ++key) visible.emplace(query, key);
  }
  EXPECT_EQ(seen.pairs, visible);
}
TEST_F(ModifierFromC, CustomScoreIsToldItsPlace) {
  // Hides all but one key of each query by its place, so that the output is that key's value.
  const auto only = [](void*, double, const crestmax_position* at) {
    return at->key == at->query_index + at->sequence + at->head ? 0.0 : -std::numeric_limits<double>::infinity();
  };
  const std::vector<float> given = from_c({crestmax_custom_score(only, nullptr)});
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t q = 0; q < q_len; ++q) {
      for (int64_t h = 0; h < q_heads; ++h) {
        const int64_t key = q + b + h;
        const float* const value = at(2048) + ((b * kv_len + key) * kv_heads + h / 2) * d_v;
        for (int64_t k = 0; k < d_v; ++k) {
          EXPECT_EQ(given[static_cast<std::size_t>(((b * q_len + q) * q_heads + h) * d_v + k)], value[k]) << b << q << h;
        }
      }
    }
  }
}

}  // namespace
}  // namespace crestmax_test
