// What is wrong with the arguments of PyTorch's operators is an exception that names the argument.
#include <gtest/gtest.h>

#include "support.hpp"

namespace crestmax_test {
namespace {

namespace check = crestmax_torch::check;

// What a check says; nothing if it has no objection.
template <class Check>
std::string said_by(Check&& run) {
  try {
    run();
  } catch (const crestmax_torch::bad_argument& wrong) {
    return wrong.what();
  }
  return {};
}

struct batched {
  stored<float> query{{2, 4, 3, 16}}, key{{2, 2, 5, 16}}, value{{2, 2, 5, 8}};
  array q = query.described("query"), k = key.described("key"), v = value.described("value");
  std::string said() const {
    return said_by([&] { check::batched(q, k, v); });
  }
};

TEST(Arguments, OfOneBatchAreAccepted) { EXPECT_EQ(batched{}.said(), ""); }

TEST(Arguments, OfAnotherRankAreNamed) {
  for (array batched::*which : {&batched::q, &batched::k, &batched::v}) {
    batched b;
    (b.*which).extents = (b.*which).extents.first(3);
    EXPECT_EQ(b.said(), std::string((b.*which).name) + ": expected rank 4, (batch, heads, len, d), given rank 3");
  }
}

TEST(Arguments, OfAnotherTypeAreNamed) {
  batched b;
  b.k.type = element::float16;
  EXPECT_EQ(b.said(), "key: expected dtype float32 (that of query), int8, float8_e4m3fn or float8_e5m2, given float16");
  b = {};
  b.q.type = element::int32;
  EXPECT_EQ(b.said(), "query: expected dtype float32, float64, float16 or bfloat16, given int32 dtype");
}

TEST(Arguments, MayBeCodesButForTheQuery) {
  for (const element code : {element::int8, element::float8_e4m3, element::float8_e5m2}) {
    batched b;
    b.k.type = b.v.type = code;
    EXPECT_EQ(b.said(), "");
    b.q.type = code;
    EXPECT_EQ(b.said(), std::string("query: expected dtype float32, float64, float16 or bfloat16, given ") + name(code) + " dtype");
  }
}

std::string said_of_scales(std::vector<index_type> extents, element rows = element::int8, element type = element::float32) {
  batched b;
  b.k.type = rows;
  const stored<float> scales(std::move(extents));
  array given = scales.described("k_scale");
  given.type = type;
  return said_by([&] { check::scales(given, b.k, 1, "(batch, heads, len)"); });
}

TEST(Scales, AreOneOrThoseOfHeadsOrOfRows) {
  for (const std::vector<index_type>& extents : std::vector<std::vector<index_type>>{{}, {1}, {2}, {2, 2, 5}, {1, 2, 5}, {2, 1, 1}}) {
    for (const element type : {element::float32, element::float16, element::bfloat16}) EXPECT_EQ(said_of_scales(extents, element::float8_e4m3, type), "");
  }
}

TEST(Scales, OfAnotherShapeAreNamed) {
  EXPECT_EQ(said_of_scales({5}), "k_scale: expected one scale or those of heads, 2, given 5");
  EXPECT_EQ(said_of_scales({2, 5}), "k_scale: expected one scale, (heads,) or (batch, heads, len), given rank 2");
  EXPECT_EQ(said_of_scales({2, 2, 4}), "k_scale: expected (batch, heads, len), each extent 1 or that of key, here 5, given 4");
}

TEST(Scales, OfAnotherTypeAreNamed) {
  EXPECT_EQ(said_of_scales({2}, element::int8, element::float64), "k_scale: expected dtype float32, float16 or bfloat16, given float64");
  EXPECT_EQ(said_of_scales({2}, element::int8, element::int32), "k_scale: expected dtype float32, float16 or bfloat16, given int32");
}

TEST(Scales, OfNumbersAreRefused) {
  EXPECT_EQ(said_of_scales({2}, element::float32), "k_scale: expected none for key without codes of int8, float8_e4m3fn or float8_e5m2, given float32");
}

TEST(Arguments, OnAnotherDeviceAreNamed) {
  batched b;
  b.v.on_cpu = false;
  EXPECT_EQ(b.said(), "value: expected a tensor on the CPU, given one on another device");
}

TEST(Arguments, OfAnotherSizeAreNamed) {
  const struct { array batched::*which; std::vector<index_type> extents; const char* said; } cases[] = {
      {&batched::k, {1, 2, 5, 16}, "key: expected batch (that of query) 2, given 1"},
      {&batched::v, {3, 2, 5, 8}, "value: expected batch (that of query) 2, given 3"},
      {&batched::k, {2, 3, 5, 16}, "key: expected heads that divide those of query, 4, given 3"},
      {&batched::k, {2, 0, 5, 16}, "key: expected heads that divide those of query, 4, given 0"},
      {&batched::v, {2, 1, 5, 8}, "value: expected heads (those of key) 2, given 1"},
      {&batched::v, {2, 2, 4, 8}, "value: expected len (that of key) 5, given 4"},
      {&batched::k, {2, 2, 5, 8}, "key: expected d (that of query) 16, given 8"}};
  for (const auto& c : cases) {
    batched b;
    (b.*c.which).extents = c.extents;
    EXPECT_EQ(b.said(), c.said);
  }
}

std::string said_of_mask(element type, std::vector<index_type> extents) {
  const batched b;
  array mask = b.q;
  mask.name = "mask";
  mask.type = type;
  mask.extents = extents;
  return said_by([&] { check::mask(mask, b.q, 5); });
}

TEST(Arguments, OfMasksBroadcastFromTheRight) {
  for (const std::vector<index_type>& extents : std::vector<std::vector<index_type>>{{2, 4, 3, 5}, {1, 1, 3, 5}, {4, 1, 5}, {3, 5}, {5}, {1}, {}}) {
    EXPECT_EQ(said_of_mask(element::boolean, extents), "");
    EXPECT_EQ(said_of_mask(element::float32, extents), "");
  }
}

TEST(Arguments, OfMasksThatFitNothingAreNamed) {
  EXPECT_EQ(said_of_mask(element::boolean, {3, 4}), "mask: expected a kv_len of 1 or 5, given 4");
  EXPECT_EQ(said_of_mask(element::boolean, {2, 5}), "mask: expected a q_len of 1 or 3, given 2");
  EXPECT_EQ(said_of_mask(element::boolean, {2, 3, 3, 5}), "mask: expected heads of 1 or 4, given 3");
  EXPECT_EQ(said_of_mask(element::boolean, {3, 4, 3, 5}), "mask: expected a batch of 1 or 2, given 3");
  EXPECT_EQ(said_of_mask(element::boolean, {1, 1, 1, 3, 5}), "mask: expected rank 4 or less, given 5");
  EXPECT_EQ(said_of_mask(element::bfloat16, {3, 5}), "mask: expected dtype bool, float32 or that of query, given bfloat16");
}

TEST(Arguments, OfSettingsAreNamed) {
  using crestmax_torch::settings;
  const auto said = [](auto&& spoil) {
    settings s;
    spoil(s);
    return said_by([&] { check::options(s, 4); });
  };
  EXPECT_EQ(said([](settings&) {}), "");
  EXPECT_EQ(said([](settings& s) { s.causal = 3; }), "causal: expected 0 (none), 1 (upper left) or 2 (lower right), given 3");
  EXPECT_EQ(said([](settings& s) { s.window_left = -2; }), "window_left: expected -1 (all keys) or more, given -2");
  EXPECT_EQ(said([](settings& s) { s.window_right = -9; }), "window_right: expected -1 (all keys) or more, given -9");
  EXPECT_EQ(said([](settings& s) { s.softcap = -1; }).substr(0, 9), "softcap: ");
  EXPECT_EQ(said([](settings& s) { s.softcap = std::nan(""); }).substr(0, 9), "softcap: ");
  EXPECT_EQ(said([](settings& s) { s.scale = std::numeric_limits<double>::infinity(); }).substr(0, 7), "scale: ");
  const stored<float> three({3});
  EXPECT_EQ(said([&](settings& s) { s.sinks = three.described("sinks"); }), "sinks: expected one number per query head, 4, given 3");
}

std::string said_of_offsets(const std::vector<std::int32_t>& entries) {
  const stored<std::int32_t> offsets({static_cast<index_type>(entries.size())});
  std::copy(entries.begin(), entries.end(), offsets.numbers.get());
  return said_by([&] { check::offsets(offsets.described("cu_seqlens_q"), 7, "the total of query,"); });
}

TEST(Arguments, OfOffsetsRiseFromZeroToAllRows) {
  EXPECT_EQ(said_of_offsets({0, 3, 3, 7}), "");
  EXPECT_EQ(said_of_offsets({1, 7}), "cu_seqlens_q, entry 0: expected the first sequence's begin, 0, given 1");
  EXPECT_EQ(said_of_offsets({0, 5, 4, 7}), "cu_seqlens_q, entry 2: expected rising offsets, at least 5, given 4");
  EXPECT_EQ(said_of_offsets({0, 6}), "cu_seqlens_q, entry 1: expected the total of query, 7, given 6");
  EXPECT_EQ(said_of_offsets({}), "cu_seqlens_q: expected sequences + 1 entries, given none");
}

TEST(Arguments, OfCachesLieAsTheyAreRead) {
  stored<float> query({2, 4, 16}), cache({6, 8, 2, 16});
  const array q = query.described("query");
  array c = cache.described("key_cache");
  EXPECT_EQ(said_by([&] { check::paged(q, c, c); }), "");
  std::vector<index_type> columns = cache.strides;
  columns.back() = 2;
  c.strides = columns;
  EXPECT_EQ(said_by([&] { check::paged(q, c, c); }), "key_cache: expected strides that end with 1, given 2");
}

}  // namespace
}  // namespace crestmax_test
