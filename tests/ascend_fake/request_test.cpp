// What the device does not serve is refused by name, before anything is written.
#include "fake_call.hpp"

namespace crestmax_test {
namespace {

class Request : public FakeDevice {
 protected:
  template <class Q, class K, class V, class O>
  void expect_types(const char* argument, const char* given) {
    options.workspace = workspace;
    const auto as = [](auto* unused, crestmax::tensor<float16> t) {
      using T = std::remove_pointer_t<decltype(unused)>;
      return crestmax::tensor<T>(reinterpret_cast<T*>(t.data), t.extents, t.strides);
    };
    const crestmax::status s = crestmax::attention(as(static_cast<Q*>(nullptr), query), as(static_cast<K*>(nullptr), key),
                                                   as(static_cast<V*>(nullptr), value), as(static_cast<O*>(nullptr), output),
                                                   options, crestmax::no_modifiers{}, backend);
    EXPECT_EQ(s.code, status_code::unsupported) << s.message();
    EXPECT_EQ(std::string(s.message()).rfind(argument, 0), 0u) << s.message();
    EXPECT_NE(std::string(s.message()).find(std::string("given ") + given), std::string::npos) << s.message();
    EXPECT_TRUE(ascend_fake::now().launches.empty());
  }
};

TEST_F(Request, ThatIsGoodIsServed) { expect_success(); }

TEST_F(Request, OfOtherTypesIsNamed) {
  using crestmax::bfloat16;
  expect_types<float, float, float, float>("query", "float32");
  expect_types<float16, float, float16, float16>("key", "float32");
  expect_types<float16, float16, bfloat16, float16>("value", "bfloat16");
  expect_types<bfloat16, bfloat16, bfloat16, float>("output", "float32");
  expect_types<float16, float16, double, float16>("value", "float64");
}

TEST_F(Request, OfOtherHeadDimensionsIsNamed) {
  query.extents[3] = key.extents[3] = 48;
  expect_error(status_code::unsupported, {"head_dim", "64/64, 128/128, 192/128 or 256/256", "given 48/64"});
  query.extents[3] = key.extents[3] = 64;
  value.extents[3] = output.extents[3] = 32;
  expect_error(status_code::unsupported, {"head_dim", "given 64/32"});
}

TEST_F(Request, OfEveryServedHeadDimensionIsServed) {
  for (const auto& [d_qk, d_v] : {std::pair<index_type, index_type>{64, 64}, {128, 128}, {192, 128}, {256, 256}}) {
    query = {place(0), {1, 2, 1, d_qk}};
    key = {place(1 << 18), {1, 64, 1, d_qk}};
    value = {place(2 << 18), {1, 64, 1, d_v}};
    output = {place(3 << 18), {1, 2, 1, d_v}};
    lse = {place<float>(4 << 18), {1, 2, 1}};
    expect_success();
    const std::string kernel = "_" + std::to_string(d_qk) + "_" + std::to_string(d_v) + "_";
    EXPECT_NE(ascend_fake::now().launches.back().kernel.find(kernel), std::string::npos);
  }
}

TEST_F(Request, WithAnActiveModifierBeyondCausalIsNamed) {
  const std::vector<float> numbers(64, 0.5f);
  const std::vector<std::uint8_t> seen(static_cast<std::size_t>(kv_len), 1);
  const auto expect_named = [&](const char* named) {
    expect_error(status_code::unsupported, {"modifiers", "causal or none", named});
    modifiers = {};
  };
  modifiers.window = {10, 10};
  expect_named("sliding_window");
  modifiers.sinks.logits = std::span(numbers).first(q_heads);
  expect_named("attention_sinks");
  modifiers.mask = crestmax::boolean_mask(crestmax::tensor<const std::uint8_t>(seen.data(), {1, 1, 1, kv_len}));
  expect_named("boolean_mask");
  modifiers.causal.enabled = true;
  modifiers.scores.parts.emplace_back(crestmax::soft_cap{30});
  expect_named("a modifier of the caller's own");
}

TEST_F(Request, WithAModifierOfTheLibraryIsNamedByItsName) {
  options.workspace = workspace;
  const std::vector<float> numbers(64, 0.5f);
  const auto named = [&](const auto& chain) {
    const crestmax::status s = crestmax::attention(query, key, value, output, options, chain, backend);
    EXPECT_EQ(s.code, status_code::unsupported) << s.message();
    return std::string(s.message());
  };
  EXPECT_NE(named(crestmax::causal{} | crestmax::soft_cap{30}).find("given soft_cap"), std::string::npos);
  EXPECT_NE(named(crestmax::alibi{std::span(numbers).first(q_heads)}).find("given alibi"), std::string::npos);
  EXPECT_NE(named(crestmax::additive_bias<float>(crestmax::tensor<const float>(numbers.data(), {1, 1, 1, kv_len})))
                .find("given additive_bias"),
            std::string::npos);
}

TEST_F(Request, WithModifiersThatAreOffIsServed) {
  modifiers.scores.parts.emplace_back(crestmax::soft_cap{0});
  modifiers.causal.enabled = true;
  expect_success();
}

TEST_F(Request, OfPagesIsNamed) {
  const std::vector<std::int32_t> table{0, 1}, lengths{100, 100};
  const crestmax::paged_cache<float16> pages{.key_pages = key, .value_pages = value, .block_table = table,
                                             .key_lengths = lengths, .table_stride = 1};
  options.workspace = workspace;
  const crestmax::status s = crestmax::attention(query, pages, output, options, crestmax::no_modifiers{}, backend);
  EXPECT_EQ(s.code, status_code::unsupported) << s.message();
  EXPECT_NE(std::string(s.message()).find("key_pages"), std::string::npos) << s.message();
}

TEST_F(Request, WithLengthsIsNamed) {
  const std::vector<std::int32_t> short_ones{2, 3}, offsets{0, 3, 3};
  options.query_lengths = short_ones;
  expect_error(status_code::unsupported, {"query_lengths", "one length"});
  options.query_lengths = {};
  options.key_lengths = short_ones;
  expect_error(status_code::unsupported, {"key_lengths", "one length"});
}

TEST_F(Request, WithOffsetsIsNamed) {
  const std::vector<std::int32_t> offsets{0, 1, 3};
  query.extents[0] = key.extents[0] = value.extents[0] = output.extents[0] = lse.extents[0] = 1;
  options.query_offsets = offsets;
  key.extents[0] = value.extents[0] = 2;
  expect_error(status_code::unsupported, {"query_offsets"});
  options.query_offsets = {};
  key.extents[0] = value.extents[0] = 1;
  const std::vector<std::int32_t> one{0, 100};
  options.key_offsets = one;
  expect_error(status_code::unsupported, {"key_offsets"});
}

TEST_F(Request, ForAnotherMethodIsNamed) {
  options.softmax = crestmax::running_max{};
  expect_error(status_code::unsupported, {"softmax", "given running_max"});
  options.softmax = crestmax::lazy_max{};
  expect_error(status_code::unsupported, {"softmax", "given lazy_max"});
}

TEST_F(Request, ForLessThanEverythingIsNamed) {
  options.coverage = crestmax::above(8);
  expect_error(status_code::unsupported, {"coverage", "everything", "given above"});
  options.coverage = crestmax::plateaus;
  expect_error(status_code::unsupported, {"coverage", "given plateaus"});
}

TEST_F(Request, ForOutputsThatTheKernelDoesNotWriteIsNamed) {
  options.diagnostics = true;
  expect_error(status_code::unsupported, {"diagnostics"});
  options.diagnostics = false;
  options.row_max = crestmax::row_tensor<float>{place<float>(4 << 18), {batch, q_len, q_heads}};
  expect_error(status_code::unsupported, {"row_max"});
  options.row_max = {};
  options.dropped_mass = crestmax::row_tensor<float>{place<float>(4 << 18), {batch, q_len, q_heads}};
  expect_error(status_code::unsupported, {"dropped_mass"});
}

TEST_F(Request, ForAnLseInDoubleIsNamed) {
  lse = {};
  auto with_double = options;
  with_double.lse = crestmax::row_tensor<double>{place<double>(4 << 18), {batch, q_len, q_heads}};
  with_double.workspace = workspace;
  const crestmax::status s = crestmax::attention(query, key, value, output, with_double, crestmax::no_modifiers{}, backend);
  EXPECT_EQ(s.code, status_code::unsupported) << s.message();
  EXPECT_NE(std::string(s.message()).find("lse: expected float32, given float64"), std::string::npos) << s.message();
}

TEST_F(Request, ForWeightsOfAnotherTypeIsNamed) {
  options.weights = crestmax::weight_type::float16;
  expect_success();
  for (const auto type : {crestmax::weight_type::float32, crestmax::weight_type::bfloat16}) {
    options.weights = type;
    expect_error(status_code::unsupported, {"weights", "float16", crestmax::name(type)}, 1);
  }
}

TEST_F(Request, WithTileSizesIsNamed) {
  options.tiles.query_block = 64;
  expect_error(status_code::unsupported, {"tiles.query_block", "given 64"});
  options.tiles = {.key_tile = 128};
  expect_error(status_code::unsupported, {"tiles.key_tile", "given 128"});
  options.tiles = {.splits = 2};
  expect_error(status_code::unsupported, {"tiles.splits", "given 2"});
}

TEST_F(Request, WithAScaleThatIsNotPositiveIsNamed) {
  for (const double scale : {0.0, -0.125}) {
    options.scale = scale;
    expect_error(status_code::unsupported, {"scale", "positive"});
  }
}

TEST_F(Request, WithAScaleOutOfRangeIsNamed) {
  for (const double scale : {1e-12, 1e12}) {
    options.scale = scale;
    expect_error(status_code::unsupported, {"scale", "1e-9 to 1e9"});
  }
}

TEST_F(Request, WithAStrideThatIsTooLongIsNamed) {
  options.softmax = crestmax::sampled_max{.stride = 1025};
  expect_error(status_code::unsupported, {"stride", "1024", "given 1025"});
}

TEST_F(Request, WithWindowsThatDoNotComeInPairsIsNamed) {
  options.softmax = crestmax::sampled_max{.windows = 3};
  expect_error(status_code::unsupported, {"windows", "an even number, at most 8", "given 3"});
  options.softmax = crestmax::sampled_max{.windows = 10};
  expect_error(status_code::unsupported, {"windows", "at most 8, given 10"});
}

TEST_F(Request, WithAnchorsBeyondATileIsNamed) {
  options.softmax = crestmax::sampled_max{.radius = 33};
  expect_error(status_code::unsupported, {"radius", "32, given 33"});
  options.softmax = crestmax::sampled_max{.first_keys = 100};
  expect_error(status_code::unsupported, {"first_keys", "64, given 100"});
  options.softmax = crestmax::anchor_shift{.nearest_keys = 33};
  expect_error(status_code::unsupported, {"nearest_keys", "32, given 33"});
}

TEST_F(Request, TooLargeForTheKernelsCountsIsNamed) {
  key.extents[1] = value.extents[1] = index_type{1} << 31;
  expect_error(status_code::unsupported, {"kv_len", "2147483648"});
}

class Memory : public FakeDevice {
 protected:
  crestmax::tensor<float16>* tensors[4] = {&query, &key, &value, &output};
  const char* names[4] = {"query", "key", "value", "output"};
};

TEST_F(Memory, OffBy16BytesIsNamed) {
  for (int i = 0; i < 4; ++i) {
    tensors[i]->data += 8;
    expect_error(status_code::misaligned, {names[i], "a multiple of 32 bytes, given one that is 16 past"});
    tensors[i]->data -= 8;
  }
}

TEST_F(Memory, OffByAnElementIsNamed) {
  key.data += 1;
  expect_error(status_code::misaligned, {"key", "32 bytes, given one that is 2 past"});
}

TEST_F(Memory, WithStridesThatAreNot32BytesIsNamed) {
  key.extents[1] = value.extents[1] = 20;
  for (int i = 0; i < 4; ++i) {
    for (const std::size_t dimension : {0u, 1u, 2u}) {
      auto before = tensors[i]->strides;
      tensors[i]->strides[0] *= 3;  // room for wider rows
      tensors[i]->strides[1] *= 2;
      tensors[i]->strides[dimension] += 8;
      const std::string given = "given " + std::to_string(tensors[i]->strides[dimension]);
      expect_error(status_code::bad_stride, {names[i], "multiples of 16 elements", given});
      tensors[i]->strides = before;
    }
  }
}

TEST_F(Memory, WithOddStridesOfSingleRowsIsServed) {
  query = {place(0), {batch, 1, q_heads, head_dim}};
  output = {place(3 << 18), {batch, 1, q_heads, head_dim}};
  lse = {place<float>(4 << 18), {batch, 1, q_heads}};
  query.strides[1] = 7;
  expect_success();
  EXPECT_EQ(launched().query.row_stride, head_dim);
}

TEST_F(Memory, WithRowsThatFallIsNamed) {
  key.data += (kv_len - 1) * key.strides[1];
  key.strides[1] = -key.strides[1];
  expect_error(status_code::bad_stride, {"key", "row stride", "given -128"});
}

TEST_F(Memory, WithRowsTooFarApartForOneCopyIsNamed) {
  key.extents[1] = value.extents[1] = 2;
  key.strides[1] = 65536;
  key.strides[0] = 0;
  expect_error(status_code::bad_stride, {"key", "to 65535 elements, given 65536"});
}

TEST_F(Memory, WithSampledRowsTooFarApartForOneCopyIsSampledMoreOften) {
  options.softmax = crestmax::sampled_max{.stride = 600, .coarse = crestmax::choice::on};
  expect_success();
  EXPECT_EQ(launched().sample_stride, 300);
}

TEST_F(Memory, OfALseOffByABitOfAFloatIsNamed) {
  lse.data = reinterpret_cast<float*>(at((4 << 18) + 2));
  expect_error(status_code::misaligned, {"lse", "multiple of 4, given 2"});
}

TEST_F(Memory, ThatIsNullIsNamed) {
  for (int i = 0; i < 4; ++i) {
    float16* const before = tensors[i]->data;
    tensors[i]->data = nullptr;
    expect_error(status_code::null_pointer, {names[i], "null"});
    tensors[i]->data = before;
  }
}

TEST_F(Memory, OfAnOutputThatIsAnInputIsNamed) {
  output.data = value.data;
  expect_error(status_code::overlap, {"output", "value"});
}

TEST_F(Memory, OfAWorkspaceThatIsAnInputIsNamed) {
  workspace = {at(1 << 18), std::size_t{5} << 20};
  expect_error(status_code::overlap, {"key"});
}

TEST_F(Memory, OfAWorkspaceOffAlignmentIsNamed) {
  workspace = workspace.subspan(16);
  expect_error(status_code::misaligned, {"workspace", "64, given 16"});
}

}  // namespace
}  // namespace crestmax_test
