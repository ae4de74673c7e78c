// The multiplies of pairs of bfloat16, each alone, against sums in double.
#include <cmath>

#include "stage_call.hpp"

namespace crestmax_test {
namespace {

using crestmax::bfloat16;

class PairStages : public OnTables {};
INSTANTIATE_TEST_SUITE_P(Tables, PairStages, ::testing::ValuesIn(every_table_of_pairs()), name_of_table);

// One head; rows of keys and values stand a few elements apart, with NaN between them, at no alignment.
class packed_pairs {
 public:
  struct sizes { index_type rows, keys, d, d_v; };
  packed_pairs(const table_under_test& table, sizes s, float query_factor = 1, float value_factor = 1) : of(s) {
    fill(query_, s.rows, s.d, query_factor);
    fill(key_, s.keys, s.d, 1);
    fill(value_, s.keys, s.d_v, value_factor);
    output_.resize(static_cast<std::size_t>(s.rows * s.d_v));
    const auto view = [](std::vector<bfloat16>& numbers, index_type count, index_type width) {
      return crestmax::tensor<bfloat16>(numbers.data() + 1, {1, count, 1, width}, {0, width + gap, 0, 1});
    };
    const table_backend backend(table);
    call_ = std::make_unique<call_type>(
        crestmax::tensors(view(query_, s.rows, s.d), view(key_, s.keys, s.d), view(value_, s.keys, s.d_v),
                          crestmax::tensor<bfloat16>(output_.data(), {1, s.rows, 1, s.d_v})),
        crestmax::options{.scale = 0.5}, crestmax::no_modifiers{}, backend);
    data_ = (*call_)->data();
    session_ = std::make_unique<session_type>(*table.table, data_.plan.header());
    backend.begin(data_, 0);
    block = crestmax::cpu::make_block(*table.table, data_, 0);
    crestmax::cpu::start_block(block, 0);
  }

  void set_first_value(bfloat16 x) { value_[1] = x; }
  double query(index_type r, index_type k) const { return at(query_, r, k, of.d); }
  double key(index_type j, index_type k) const { return at(key_, j, k, of.d); }
  double value(index_type j, index_type c) const { return at(value_, j, c, of.d_v); }
  double score(index_type r, index_type j) const {
    double sum = 0;
    for (index_type k = 0; k < of.d; ++k) sum += query(r, k) * key(j, k);
    return sum;
  }
  // What the last tile's weights were rounded to; the rows are one strip.
  double rounded(index_type r, index_type j) const {
    return crestmax::convert<double>(block.scratch.rounded[r * crestmax::cpu::weight_stride + j]);
  }

  bool multiplies_pairs() const { return block.operands.packed->numbers == 2; }
  bool multiplies_pairs_in_place() const {
    return is_read_in_place(block) && block.operands.score_in_place == block.kernels->in_place.score_pairs;
  }
  bool has_values_in_pairs() const { return block.operands.of_value->numbers == 2; }
  // Takes the values of a tile.
  bool takes_pairs(index_type keys, crestmax::visibility seen) {
    crestmax::cpu::packed_operands<float>::take_values(block, {0, 1, keys, seen});
    return has_values_in_pairs();
  }

  sizes of;
  crestmax::cpu::block<float> block{};

 private:
  using tensors_type = crestmax::call_tensors<bfloat16, crestmax::contiguous_source<bfloat16, bfloat16>, bfloat16>;
  using call_type = attached_call<tensors_type, crestmax::no_modifiers, table_backend>;
  using session_type = crestmax::cpu::kernel_session<float>;
  static constexpr index_type gap = 5;

  void fill(std::vector<bfloat16>& numbers, index_type count, index_type width, float factor) {
    numbers.assign(static_cast<std::size_t>(count * (width + gap) + 1), crestmax::to_bfloat16(std::numeric_limits<float>::quiet_NaN()));
    for (index_type i = 0; i < count; ++i) {
      for (index_type k = 0; k < width; ++k) {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        const float x = static_cast<float>(state_ >> 40) * 0x1p-23f - 1.0f;
        numbers[static_cast<std::size_t>(i * (width + gap) + k + 1)] = crestmax::to_bfloat16(x * factor);
      }
    }
  }
  static double at(const std::vector<bfloat16>& numbers, index_type i, index_type k, index_type width) {
    return crestmax::convert<double>(numbers[static_cast<std::size_t>(i * (width + gap) + k + 1)]);
  }

  std::uint64_t state_ = 1;
  std::vector<bfloat16> query_, key_, value_, output_;
  std::unique_ptr<call_type> call_;
  std::unique_ptr<session_type> session_;
  crestmax::call_data<float> data_{};
};

TEST_P(PairStages, ScoresAreDotProducts) {
  for (const index_type rows : {17, 33, 44}) {
    for (const index_type d : {1, 2, 7, 31, 32, 33, 64, 101}) {
      packed_pairs p(GetParam(), {rows, 120, d, 3});
      ASSERT_TRUE(p.multiplies_pairs());
      crestmax::cpu::score_keys(p.block, {2, 3, 37, crestmax::visibility::all}, [](crestmax::cpu::row_span) {});
      for (index_type r = 0; r < rows; ++r) {
        double highest = -1e9;
        for (index_type j = 0; j < 37; ++j) {
          const double got = static_cast<double>(p.block.scratch.scores[r * crestmax::cpu::score_stride + j]);
          highest = std::max(highest, got);
          ASSERT_NEAR(got, p.score(r, 2 + 3 * j), 1e-6 * static_cast<double>(d)) << rows << " rows, d " << d;
        }
        ASSERT_EQ(static_cast<double>(p.block.state.tile_max[r]), highest);
      }
    }
  }
}

// Sums and outputs of a tile against what its rounded weights say, and those against exp.
void expect_sums(packed_pairs& p, index_type first, index_type keys) {
  for (index_type r = 0; r < p.of.rows; ++r) {
    double sum = 0;
    double exact_sum = 0;
    for (index_type j = 0; j < keys; ++j) {
      const double below = (p.score(r, first + j) - static_cast<double>(p.block.state.shift[r])) * 0.5;
      const double weight = std::exp(below) * std::ldexp(1.0, -p.block.weighing.margin);
      ASSERT_NEAR(p.rounded(r, j), weight, weight * 0x1.01p-8);
      sum += p.rounded(r, j);
      exact_sum += weight;
    }
    ASSERT_NEAR(static_cast<double>(p.block.state.sum[r]), sum, 1e-6 * sum);
    ASSERT_NEAR(static_cast<double>(p.block.state.exact_sum[r]), exact_sum, 3e-6 * exact_sum);
    for (index_type c = 0; c < p.of.d_v; ++c) {
      double output = 0;
      for (index_type j = 0; j < keys; ++j) output += p.rounded(r, j) * p.value(first + j, c);
      const double got = static_cast<double>(p.block.state.output[r * p.block.state.output_stride + c]);
      ASSERT_NEAR(got, output, 1e-6 * sum) << p.of.rows << " rows, " << keys << " keys, column " << c << " of " << p.of.d_v;
    }
  }
}

TEST_P(PairStages, OutputsAreSumsOverRoundedWeights) {
  for (const index_type rows : {17, 40}) {
    for (const index_type keys : {1, 2, 31, 32, 33, 75, 256}) {
      for (const index_type d_v : {1, 31, 32, 40, 97}) {
        packed_pairs p(GetParam(), {rows, keys + 3, 10, d_v});
        crestmax::cpu::accumulate_tile(p.block, {3, 1, keys, crestmax::visibility::all}, crestmax::cpu::raise::always);
        ASSERT_TRUE(p.has_values_in_pairs());
        ASSERT_NO_FATAL_FAILURE(expect_sums(p, 3, keys));
      }
    }
  }
}

TEST_P(PairStages, WeightsOfAFixedShiftLeaveTheRegistersRounded) {
  for (const index_type rows : {17, 32, 45}) {
    for (const index_type keys : {32, 64, 256}) {
      packed_pairs p(GetParam(), {rows, keys, 33, 40});
      for (index_type r = 0; r < rows; ++r) p.block.state.shift[r] = 1.5f;
      crestmax::cpu::note_set_rows(p.block);
      crestmax::cpu::accumulate_tile(p.block, {0, 1, keys, crestmax::visibility::all}, crestmax::cpu::raise::never);
      ASSERT_NO_FATAL_FAILURE(expect_sums(p, 0, keys));
    }
  }
}

TEST_P(PairStages, ScoresOfKeysReadInPlaceAreDotProducts) {
  for (const index_type rows : {1, 3, 4, 9, 16}) {
    for (const index_type d : {32, 64, 96, 128, 256}) {
      packed_pairs p(GetParam(), {rows, 120, d, 3});
      ASSERT_TRUE(p.multiplies_pairs_in_place());
      for (const index_type step : {1, 3}) {
        crestmax::cpu::score_keys(p.block, {2, step, 37, crestmax::visibility::all}, [](crestmax::cpu::row_span) {});
        for (index_type r = 0; r < rows; ++r) {
          for (index_type j = 0; j < 37; ++j) {
            const double got = static_cast<double>(p.block.scratch.scores[r * crestmax::cpu::score_stride + j]);
            ASSERT_NEAR(got, p.score(r, 2 + step * j), 1e-6 * static_cast<double>(d)) << rows << " rows, d " << d;
          }
        }
      }
    }
  }
}

TEST_P(PairStages, RowsReadInPlaceThatAreNoWholeVectorsOfPairsAreNumbers) {
  EXPECT_FALSE(packed_pairs(GetParam(), {4, 40, 40, 8}).multiplies_pairs_in_place());
}

TEST_P(PairStages, QueriesInPlaceThatInstructionsTakeForZeroAreMultipliedAsNumbers) {
  EXPECT_FALSE(packed_pairs(GetParam(), {4, 40, 64, 8}, 0x1p-125f).multiplies_pairs_in_place());
  EXPECT_TRUE(packed_pairs(GetParam(), {4, 40, 64, 8}, 0x1p-100f).multiplies_pairs_in_place());
}

TEST_P(PairStages, QueriesInPlaceThatMakeSubnormalKeysCountAreMultipliedAsNumbers) {
  EXPECT_FALSE(packed_pairs(GetParam(), {4, 40, 64, 8}, 0x1p100f).multiplies_pairs_in_place());
  EXPECT_TRUE(packed_pairs(GetParam(), {4, 40, 64, 8}, 0x1p60f).multiplies_pairs_in_place());
}

TEST_P(PairStages, QueriesThatInstructionsTakeForZeroAreMultipliedAsNumbers) {
  EXPECT_FALSE(packed_pairs(GetParam(), {20, 40, 10, 10}, 0x1p-125f).multiplies_pairs());
  EXPECT_TRUE(packed_pairs(GetParam(), {20, 40, 10, 10}, 0x1p-100f).multiplies_pairs());
}

TEST_P(PairStages, QueriesThatMakeSubnormalKeysCountAreMultipliedAsNumbers) {
  EXPECT_FALSE(packed_pairs(GetParam(), {20, 40, 10, 10}, 0x1p100f).multiplies_pairs());
  EXPECT_TRUE(packed_pairs(GetParam(), {20, 40, 10, 10}, 0x1p60f).multiplies_pairs());
}

TEST_P(PairStages, TinyValuesAreMultipliedAsNumbers) {
  for (const bool tiny : {false, true}) {
    packed_pairs p(GetParam(), {20, 64, 10, 10}, 1, tiny ? 0x1p-90f : 0x1p-70f);
    crestmax::cpu::accumulate_tile(p.block, {0, 1, 64, crestmax::visibility::all}, crestmax::cpu::raise::always);
    EXPECT_EQ(p.has_values_in_pairs(), !tiny);
    for (index_type r = 0; r < 20; ++r) {
      double output = 0;
      double sum = 0;
      for (index_type j = 0; j < 64; ++j) {
        const double weight = tiny ? static_cast<double>(p.block.scratch.scores[r * crestmax::cpu::score_stride + j]) : p.rounded(r, j);
        output += weight * p.value(j, 3);
        sum += weight;
      }
      EXPECT_NEAR(static_cast<double>(p.block.state.sum[r]), sum, 1e-6 * sum);
      EXPECT_NEAR(static_cast<double>(p.block.state.output[r * p.block.state.output_stride + 3]), output,
                  1e-6 * sum * (tiny ? 0x1p-90 : 0x1p-70));
    }
  }
}

TEST_P(PairStages, ATinyValueAmongOthersIsMultipliedAsANumberWhereATileIsSeenInPart) {
  packed_pairs p(GetParam(), {20, 64, 10, 10}, 1, 1.0f);
  EXPECT_TRUE(p.takes_pairs(64, crestmax::visibility::partial));
  p.set_first_value({0x0100});
  EXPECT_TRUE(p.takes_pairs(64, crestmax::visibility::all));
  EXPECT_FALSE(p.takes_pairs(64, crestmax::visibility::partial));
}

TEST_P(PairStages, ValuesThatALargeMarginMakesTinyAreMultipliedAsNumbers) {
  for (const int margin : {-20, 0, 9, 14, 40}) {
    packed_pairs p(GetParam(), {20, 64, 10, 10}, 1, 0x1p-70f);
    p.block.weighing.margin = margin;
    EXPECT_EQ(p.takes_pairs(64, crestmax::visibility::all), margin < 10) << margin;
  }
}

}  // namespace
}  // namespace crestmax_test
