// ggml's blocks, as its reference functions write them.
#include <gtest/gtest.h>

#include "block_numbers.hpp"
#include "test_cache.hpp"

namespace crestmax_test {
namespace {

constexpr scalar_kind block_kinds[] = {scalar_kind::q8_0, scalar_kind::q4_0, scalar_kind::q4_1, scalar_kind::q5_0, scalar_kind::q5_1, scalar_kind::iq4_nl};

const std::vector<std::uint8_t>& ggml_block(scalar_kind kind, int block) {
  static const std::vector<std::vector<std::vector<std::uint8_t>>> all = {
#include "ggml_bytes.inc"
  };
  return all.at(static_cast<std::size_t>(kind) - static_cast<std::size_t>(scalar_kind::q8_0)).at(static_cast<std::size_t>(block));
}

std::vector<std::uint8_t> written_block(scalar_kind kind, const std::array<float, 32>& x, crestmax::instruction_set most) {
  std::vector<std::uint8_t> to(static_cast<std::size_t>(plain_row_bytes(kind, 32)), 0xa5);
  const auto bytes = static_cast<index_type>(to.size());
  const std::int64_t slot = 0;
  const crestmax::status s = run_append({x.data(), scalar_kind::float32, {1, 1, 32}, {32, 32, 1}},
                                        {to.data(), kind, {1, 1, 1, 32}, {bytes, bytes, bytes, 1}}, {&slot, 1}, {.most = most});
  EXPECT_TRUE(s.ok()) << s.message();
  return to;
}

double error_of(scalar_kind kind, const std::vector<std::uint8_t>& coded, const std::array<float, 32>& x) {
  double error = 0;
  for (int i = 0; i < 32; ++i) {
    const double read = decode_in_block(kind, reinterpret_cast<const std::byte*>(coded.data()), i);
    error += std::pow(read - static_cast<double>(x[static_cast<std::size_t>(i)]), 2);
  }
  return error;
}

class Blocks : public ::testing::TestWithParam<scalar_kind> {};
INSTANTIATE_TEST_SUITE_P(OfGgml, Blocks, ::testing::ValuesIn(block_kinds), [](const auto& kind) { return crestmax::name(kind.param); });

TEST_P(Blocks, AreWrittenByteForByteAsByGgml) {
  if (GetParam() == scalar_kind::iq4_nl) return;  // the next test
  for (const auto set : all_sets) {
    for (int block = 0; block < number_of_blocks; ++block) {
      EXPECT_EQ(written_block(GetParam(), numbers_of_block(block), set), ggml_block(GetParam(), block)) << block << " by " << crestmax::name(set);
    }
  }
}

TEST_P(Blocks, ErrNoMoreThanThoseOfGgml) {
  for (const auto set : all_sets) {
    for (int block = 0; block < number_of_blocks; ++block) {
      const auto x = numbers_of_block(block);
      EXPECT_LE(error_of(GetParam(), written_block(GetParam(), x, set), x), error_of(GetParam(), ggml_block(GetParam(), block), x)) << block;
    }
  }
}

TEST_P(Blocks, OfZerosReadAsZeros) {
  for (const int block : {4, 5}) {
    const auto coded = written_block(GetParam(), numbers_of_block(block), crestmax::instruction_set::widest);
    EXPECT_EQ(error_of(GetParam(), coded, numbers_of_block(block)), 0);
  }
}

TEST_P(Blocks, WithANumberThatIsNotFiniteReadAsNaNAndNoOtherDoes) {
  const cache_facts facts{.kind = GetParam(), .dim = 96};
  for (const double poison : {not_a_number, -not_a_number, infinity, -infinity}) {
    test_cache cache(facts);
    test_rows rows(scalar_kind::float32, 2, facts);
    rows.set(1, 0, 40, poison);
    append_all(cache, rows, slots_from(0, 2));
    for (index_type token = 0; token < 2; ++token) {
      for (index_type head = 0; head < facts.heads; ++head) {
        const auto row = cache.row(token, head);
        for (std::size_t i = 0; i < row.size(); ++i) EXPECT_EQ(std::isnan(row[i]), token == 1 && head == 0 && i / 32 == 1) << i;
      }
    }
  }
}

TEST_P(Blocks, OfSizesBelowAFloat16AreZeros) {
  for (const float size : {1e-30f, 1e-42f}) {
    std::array<float, 32> x{};
    x[3] = size;
    x[9] = -size / 2;
    for (const auto set : all_sets) {
      const auto coded = written_block(GetParam(), x, set);
      for (int i = 0; i < 32; ++i) EXPECT_EQ(decode_in_block(GetParam(), reinterpret_cast<const std::byte*>(coded.data()), i), 0);
    }
  }
}

TEST_P(Blocks, OfSixteenBitNumbersAreThoseOfTheSameFloats) {
  const cache_facts facts{.kind = GetParam(), .dim = 320};
  for (const scalar_kind kind : {scalar_kind::float16, scalar_kind::bfloat16, scalar_kind::float64}) {
    test_rows rows(kind, 3, facts, memory_layout::padded), same(scalar_kind::float32, 3, facts);
    for (index_type t = 0; t < 3; ++t) {
      for (index_type h = 0; h < facts.heads; ++h) {
        for (index_type i = 0; i < facts.dim; ++i) same.set(t, h, i, rows.at(t, h, i));
      }
    }
    for (const auto set : all_sets) {
      test_cache cache(facts), other(facts);
      append_all(cache, rows, slots_from(5, 3), {.most = set});
      append_all(other, same, slots_from(5, 3));
      EXPECT_EQ(cache.memory(), other.memory()) << crestmax::name(kind);
    }
  }
}

}  // namespace
}  // namespace crestmax_test
