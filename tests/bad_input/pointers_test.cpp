// Pointers to elements: those that are misaligned or null, of every kind of array that a call takes; and strides that
// mean nothing.
#include "bad_input.hpp"

namespace crestmax_test {
namespace {

// The same pointer, a byte further on.
template <class T>
T* askew(T* pointer) {
  return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(pointer) + 1);
}
template <class T>
std::span<const T> askew(std::span<const T> array) {
  return {askew(array.data()), array.size()};
}
template <class T>
std::span<const T> null_of(std::span<const T> array) {
  return {static_cast<const T*>(nullptr), array.size()};
}

using floats = std::span<const float>;
using numbers = std::span<const std::int32_t>;

class Pointers : public BadInput {
 protected:
  // A call that takes every kind of array but those of a paged cache.
  std::vector<std::int32_t> query_offsets{0, 2, 6}, key_offsets{0, 12, 20}, query_lengths{2, 3}, key_lengths{11, 8};
  std::vector<float> per_head = std::vector<float>(q_heads, 0.5f);
  crestmax::row_tensor<float> row_max{at(5000), {1, 6, q_heads}};
  crestmax::row_tensor<float> dropped_mass{at(5200), {1, 6, q_heads}};
  crestmax::tensor<float> bias{at(6000), {1, 1, 6, 20}};
  std::vector<std::uint16_t> mask_memory = std::vector<std::uint16_t>(120, 1);
  crestmax::tensor<const std::uint16_t> mask{mask_memory.data(), {1, 1, 6, 20}};
  crestmax::alibi alibi{per_head};
  crestmax::attention_sinks sinks{per_head};

  void SetUp() override {
    query = crestmax::tensor<float>(at(0), {1, 6, q_heads, d_qk});
    key = crestmax::tensor<float>(at(1024), {1, 20, kv_heads, d_qk});
    value = crestmax::tensor<float>(at(2048), {1, 20, kv_heads, d_v});
    output = crestmax::tensor<float>(at(3072), {1, 6, q_heads, d_v});
    lse = crestmax::row_tensor<float>(at(4096), {1, 6, q_heads});
    options.query_offsets = query_offsets;
    options.key_offsets = key_offsets;
    options.query_lengths = query_lengths;
    options.key_lengths = key_lengths;
  }
  crestmax::status whole_call() {
    options.lse = lse;
    options.row_max = row_max;
    options.dropped_mass = dropped_mass;
    return crestmax::attention(query, key, value, output, options,
                               alibi | crestmax::additive_bias(bias) | crestmax::boolean_mask(mask) | sinks);
  }

  // The call, with one argument broken, is refused by the name of that argument, and nothing is written.
  template <class Argument>
  void expect_refusal(const char* name, Argument& argument, Argument broken, status_code code) {
    const Argument kept = argument;
    argument = broken;
    const std::vector<float> before = memory;
    const crestmax::status s = whole_call();
    argument = kept;
    EXPECT_EQ(s.code, code) << name << ": " << s.message();
    EXPECT_EQ(std::string(s.message()).rfind(name, 0), 0u) << "'" << name << "' is not named: " << s.message();
    EXPECT_EQ(before, memory) << name;
  }
  template <class View>
  void expect_view_refusals(const char* name, View& view) {
    View broken = view;
    broken.data = askew(view.data);
    expect_refusal(name, view, broken, status_code::misaligned);
    broken.data = nullptr;
    expect_refusal(name, view, broken, status_code::null_pointer);
  }
  template <class T>
  void expect_array_refusals(const char* name, std::span<const T>& array) {
    expect_refusal(name, array, askew(array), status_code::misaligned);
    expect_refusal(name, array, null_of(array), status_code::null_pointer);
  }
};

TEST_F(Pointers, OfTheGoodCallAreAccepted) {
  const crestmax::status s = whole_call();
  EXPECT_TRUE(s.ok()) << s.message();
}

TEST_F(Pointers, ToTensorsAreNamedWhereTheyAreMisalignedOrNull) {
  expect_view_refusals("query", query);
  expect_view_refusals("key", key);
  expect_view_refusals("value", value);
  expect_view_refusals("output", output);
}

TEST_F(Pointers, ToRowOutputsAreNamedWhereTheyAreMisalignedOrNull) {
  expect_view_refusals("lse", lse);
  expect_view_refusals("row_max", row_max);
  expect_view_refusals("dropped_mass", dropped_mass);
}

TEST_F(Pointers, ToRowOutputsOfOtherTypesThanFloatAndDoubleAreNamed) {
  for (const auto kind : {crestmax::scalar_kind::float16, crestmax::scalar_kind::bfloat16, static_cast<crestmax::scalar_kind>(77)}) {
    crestmax::row_output* const outputs[] = {&options.lse, &options.row_max, &options.dropped_mass};
    const char* const names[] = {"lse", "row_max", "dropped_mass"};
    for (std::size_t i = 0; i < 3; ++i) {
      *outputs[i] = lse;
      outputs[i]->kind = kind;
      const std::vector<float> before = memory;
      const crestmax::status s = crestmax::attention(query, key, value, output, options);
      EXPECT_EQ(s.code, status_code::mismatch);
      EXPECT_EQ(std::string(s.message()).rfind(names[i], 0), 0u) << s.message();
      EXPECT_EQ(before, memory) << names[i];
      *outputs[i] = {};
    }
  }
}

TEST_F(Pointers, ToTablesOfModifiersAreNamedWhereTheyAreMisalignedOrNull) {
  expect_view_refusals("additive_bias", bias);
  expect_view_refusals("boolean_mask", mask);
}

TEST_F(Pointers, ToNumbersPerHeadAreNamedWhereTheyAreMisalignedOrNull) {
  expect_array_refusals("alibi.slopes", alibi.slopes);
  expect_array_refusals("attention_sinks.logits", sinks.logits);
}

TEST_F(Pointers, ToOffsetsAndLengthsAreNamedWhereTheyAreMisalignedOrNull) {
  expect_array_refusals("query_offsets", options.query_offsets);
  expect_array_refusals("key_offsets", options.key_offsets);
  expect_array_refusals("query_lengths", options.query_lengths);
  expect_array_refusals("key_lengths", options.key_lengths);
}

TEST_F(Pointers, ToAWorkspaceAreNamedWhereTheyAreNull) {
  expect_refusal("workspace", options.workspace, {static_cast<std::byte*>(nullptr), std::size_t{1} << 24},
                 status_code::null_pointer);
}

TEST_F(Pointers, ToTablesWhoseStridesReachNowhereAreNamed) {
  crestmax::tensor<float> broken = bias;
  broken.strides[2] = index_type{1} << 61;
  expect_refusal("additive_bias", bias, broken, status_code::bad_stride);
}

TEST_F(Pointers, ToSixteenBitNumbersNeedTheirOwnAlignmentOnly) {
  std::vector<crestmax::bfloat16> halves(4096);
  crestmax::bfloat16* const odd = halves.data() + (reinterpret_cast<std::uintptr_t>(halves.data()) / 2 % 2 == 0 ? 1 : 2);
  const crestmax::tensor<crestmax::bfloat16> in(odd, {1, 6, 1, 8}), out(odd + 2048, {1, 6, 1, 8});
  EXPECT_TRUE(crestmax::attention(in, in, in, out).ok());
  const crestmax::tensor<crestmax::bfloat16> crooked(askew(odd), {1, 6, 1, 8});
  EXPECT_EQ(crestmax::attention(in, crooked, in, out).code, status_code::misaligned);
}

class PagePointers : public BadInput {
 protected:
  numbers block_table = table, key_lengths = lengths, offsets;

  crestmax::status paged_call() {
    return crestmax::attention(query,
                               crestmax::paged_cache<float>{.key_pages = key_pages,
                                                            .value_pages = value_pages,
                                                            .block_table = block_table,
                                                            .key_lengths = key_lengths,
                                                            .table_stride = table_stride,
                                                            .page_offsets = offsets},
                               output);
  }
  template <class Argument>
  void expect_refusal(const char* name, Argument& argument, Argument broken, status_code code) {
    const Argument kept = argument;
    argument = broken;
    const crestmax::status s = paged_call();
    argument = kept;
    EXPECT_EQ(s.code, code) << s.message();
    EXPECT_EQ(std::string(s.message()).rfind(name, 0), 0u) << "'" << name << "' is not named: " << s.message();
  }
};

TEST_F(PagePointers, ToPagesAreNamedWhereTheyAreMisalignedOrNull) {
  expect_refusal("key_pages", key_pages.data, askew(key_pages.data), status_code::misaligned);
  expect_refusal("value_pages", value_pages.data, askew(value_pages.data), status_code::misaligned);
  expect_refusal("key_pages", key_pages.data, static_cast<float*>(nullptr), status_code::null_pointer);
  expect_refusal("value_pages", value_pages.data, static_cast<float*>(nullptr), status_code::null_pointer);
}

TEST_F(PagePointers, ToTableAndLengthsAreNamedWhereTheyAreMisalignedOrNull) {
  expect_refusal("block_table", block_table, askew(block_table), status_code::misaligned);
  expect_refusal("block_table", block_table, null_of(block_table), status_code::null_pointer);
  expect_refusal("key_lengths", key_lengths, askew(key_lengths), status_code::misaligned);
  expect_refusal("key_lengths", key_lengths, null_of(key_lengths), status_code::null_pointer);
}

TEST_F(PagePointers, ToPageOffsetsAreNamedWhereTheyAreMisalignedOrNull) {
  const std::vector<std::int32_t> good{0, 3, 6};
  offsets = good;
  EXPECT_TRUE(paged_call().ok());
  expect_refusal("page_offsets", offsets, askew(offsets), status_code::misaligned);
  expect_refusal("page_offsets", offsets, null_of(offsets), status_code::null_pointer);
}

TEST_F(Pointers, ToOffsetsGivenTwiceAreNamedWhereTheyAreMisalignedOrNull) {
  for (const numbers& broken : {null_of(numbers(key_offsets)), askew(numbers(key_offsets))}) {
    options.key_offsets = broken;
    const crestmax::status s = crestmax::attention(query, crestmax::make_source(key, value, key_offsets), output, options);
    EXPECT_FALSE(s.ok());
    EXPECT_EQ(std::string(s.message()).rfind("key_offsets", 0), 0u) << s.message();
  }
}

// Off is what default construction says, and nothing else.
using Off = BadInput;

TEST_F(Off, IsADefaultConstructedModifier) {
  EXPECT_TRUE(crestmax::attention(query, key, value, output, {},
                                  crestmax::chain(crestmax::alibi{}, crestmax::additive_bias<float>{},
                                                  crestmax::boolean_mask<bool>{}, crestmax::attention_sinks{}))
                  .ok());
}

TEST_F(Off, IsNoMaskOfNullWithExtents) {
  const crestmax::tensor<const bool> failed(nullptr, {1, 1, q_len, kv_len});
  const crestmax::status s = crestmax::attention(query, key, value, output, {}, crestmax::boolean_mask(failed));
  EXPECT_EQ(s.code, status_code::null_pointer) << s.message();
}

TEST_F(Off, IsNoBiasOfNullWithOneExtent) {
  const crestmax::tensor<const float> failed(nullptr, {0, 0, 0, kv_len});
  const crestmax::status s = crestmax::attention(query, key, value, output, {}, crestmax::additive_bias(failed));
  EXPECT_FALSE(s.ok());
}

TEST_F(Off, IsNoArrayOfNullWithASize) {
  const crestmax::status s =
      crestmax::attention(query, key, value, output, {}, crestmax::alibi{floats(static_cast<const float*>(nullptr), q_heads)});
  EXPECT_EQ(s.code, status_code::null_pointer) << s.message();
}

TEST_F(Off, IsNoArrayWithoutEntriesThatIsSomewhere) {
  const float somewhere[1] = {};
  const crestmax::status s = crestmax::attention(query, key, value, output, {}, crestmax::attention_sinks{floats(somewhere, 0)});
  EXPECT_EQ(s.code, status_code::mismatch) << s.message();
}

TEST_F(Off, MayBeATableOfNoKeys) {
  key = crestmax::tensor<float>(nullptr, {batch, 0, kv_heads, d_qk});
  value = crestmax::tensor<float>(nullptr, {batch, 0, kv_heads, d_v});
  const crestmax::tensor<const float> none(nullptr, {batch, 1, q_len, 0});
  const crestmax::status s = crestmax::attention(query, key, value, output, {}, crestmax::additive_bias(none));
  EXPECT_TRUE(s.ok()) << s.message();
}

// One row of one head of one sequence, and pages of one key: all strides but the last mean nothing.
class IdleStrides : public ::testing::Test {
 protected:
  static constexpr index_type d = 8;
  static constexpr index_type largest = std::numeric_limits<index_type>::max();
  float query[d] = {1, -1, 0.5f, 0, 2, 0, 0, 1}, key[d] = {1, 2, 3, 4, 5, 6, 7, 8}, value[d] = {3, 1, 4, 1, 5, 9, 2, 6};
  float output[d] = {}, lse = 0;

  template <class T>
  static crestmax::tensor<T> idle(T* data, index_type stride) {
    return {data, {1, 1, 1, d}, {stride, stride, stride, 1}};
  }
  void expect_the_value() {
    for (index_type i = 0; i < d; ++i) EXPECT_EQ(output[i], value[i]);
  }
};

TEST_F(IdleStrides, OfTensorsMayBeAnything) {
  for (const index_type stride : {largest, index_type{-1}, -largest - 1}) {
    std::fill_n(output, d, 0.0f);
    const crestmax::row_tensor<float> rows(&lse, {1, 1, 1}, {stride, stride, stride});
    const crestmax::status s = crestmax::attention(idle(query, stride), idle(key, stride), idle(value, stride),
                                                   idle(output, stride), {.lse = rows, .row_max = {}});
    ASSERT_TRUE(s.ok()) << s.message();
    expect_the_value();
  }
}

TEST_F(IdleStrides, OfPagesMayBeAnything) {
  const std::int32_t table[] = {0, 0, 0, 0, 0}, lengths[] = {5};
  for (const index_type stride : {largest, index_type{-1}}) {
    const crestmax::paged_cache<float> cache{
        .key_pages = idle<const float>(key, stride), .value_pages = idle<const float>(value, stride), .block_table = table,
        .key_lengths = lengths, .table_stride = 5};
    const crestmax::status s = crestmax::attention(idle(query, 0), cache, idle(output, stride));
    ASSERT_TRUE(s.ok()) << s.message();
    expect_the_value();
  }
}

TEST_F(IdleStrides, OfTablesOfModifiersMayBeAnything) {
  const float bias = 1;
  const crestmax::tensor<const float> table(&bias, {1, 1, 1, 1}, {largest, -largest, largest, largest});
  const crestmax::status s = crestmax::attention(idle(query, 0), idle(key, 0), idle(value, 0), idle(output, 0), {},
                                                 crestmax::additive_bias(table));
  ASSERT_TRUE(s.ok()) << s.message();
  expect_the_value();
}

TEST(WithoutIdleStrides, KeepsThoseThatMeanSomething) {
  float memory[64];
  const crestmax::tensor<float> t(memory, {1, 2, 0, 3}, {7, 8, 9, 1});
  EXPECT_EQ(crestmax::without_idle_strides(t).strides, (std::array<index_type, 4>{0, 8, 0, 1}));
}

}  // namespace
}  // namespace crestmax_test
