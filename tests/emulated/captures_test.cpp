// Excerpts of the captures in examples/data, compiled in: emulators in user mode have no files.
#include "sets.hpp"
#include "support/make_case.hpp"

namespace crestmax_test {
namespace {

// The first tokens of the first head, as float16 patterns.
struct excerpt {
  const char* name;
  bool causal;
  index_type head_dim;
  std::vector<std::uint16_t> query, key, value;
};

const std::vector<excerpt>& excerpts() {
  static const std::vector<excerpt> all = {
#include "capture_excerpts.inc"  // written by emulated.cmake
  };
  return all;
}

attention_case case_of(const excerpt& from, scalar_kind kind, index_type queries) {
  const index_type tokens = static_cast<index_type>(from.query.size()) / from.head_dim;
  attention_case c = empty_case(
      case_shape{.q_len = queries, .kv_len = tokens, .d_qk = from.head_dim, .d_v = from.head_dim}.with_types(kind));
  const auto copy = [&](test_tensor& to, const std::vector<std::uint16_t>& numbers, index_type first) {
    to.for_each([&](index_type, index_type i, index_type, index_type k) {
      to.set(0, i, 0, k, decode(half_format, numbers[static_cast<std::size_t>((first + i) * from.head_dim + k)]));
    });
  };
  copy(c.query, from.query, tokens - queries);
  copy(c.key, from.key, 0);
  copy(c.value, from.value, 0);
  c.modifiers.causal.enabled = from.causal;
  return c;
}

void expect_exact_in_every_storage_type(index_type queries) {
  for (const excerpt& from : excerpts()) {
    for (const scalar_kind kind : {scalar_kind::float32, scalar_kind::float16, scalar_kind::bfloat16}) {
      SCOPED_TRACE(from.name);
      expect_exact(case_of(from, kind, queries), 8);
    }
  }
}

TEST(EmulatedCaptures, AreThere) {
  ASSERT_EQ(excerpts().size(), 3u);
  for (const excerpt& from : excerpts()) {
    EXPECT_EQ(from.query.size(), static_cast<std::size_t>(64 * from.head_dim)) << from.name;
    EXPECT_EQ(from.key.size(), from.query.size()) << from.name;
    EXPECT_EQ(from.value.size(), from.query.size()) << from.name;
  }
}

TEST(EmulatedCaptures, AreExactInPrefill) { expect_exact_in_every_storage_type(64); }
TEST(EmulatedCaptures, AreExactInDecode) { expect_exact_in_every_storage_type(1); }

TEST(EmulatedCaptures, AreExactWithAForcedSampleAndWithoutAnchors) {
  for (const excerpt& from : excerpts()) {
    attention_case c = case_of(from, scalar_kind::float32, 20);
    c.options.softmax = crestmax::sampled_max{
        .stride = 8, .radius = 4, .windows = 2, .coarse = crestmax::choice::on, .first_keys = 0, .nearest_keys = 0};
    EXPECT_TRUE(is_exact(c, surroundings{}, 8)) << from.name;
  }
}

}  // namespace
}  // namespace crestmax_test
