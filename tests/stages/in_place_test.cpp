// Blocks of few rows, which read keys and values in place.
#include "stage_call.hpp"

namespace crestmax_test {
namespace {

class InPlace : public OnTables {};
INSTANTIATE_TEST_SUITE_P(Tables, InPlace, ::testing::ValuesIn(every_table()), name_of_table);

// One head, `rows` queries, no mask; rows of keys and values stand `gap` elements apart, with NaN between them:
// what is read beyond a row shows.
template <class KV>
class in_place {
 public:
  in_place(const table_under_test& table, index_type rows, index_type keys, index_type d, index_type d_v, index_type gap)
      : rows_(rows), keys_(keys), d_(d), d_v_(d_v) {
    const auto fill = [&](auto& numbers, index_type count, index_type used, index_type stride) {
      using number = typename std::remove_reference_t<decltype(numbers)>::value_type;
      numbers.assign(static_cast<std::size_t>(count * stride + 1),
                     crestmax::convert<number>(std::numeric_limits<float>::quiet_NaN()));
      for (index_type i = 0; i < count; ++i) {
        for (index_type k = 0; k < used; ++k) {
          state_ = state_ * 6364136223846793005u + 1442695040888963407u;
          const float x = static_cast<float>(state_ >> 40) * 0x1p-23f - 1.0f;
          numbers[static_cast<std::size_t>(i * stride + k + 1)] = crestmax::convert<number>(x);
        }
      }
    };
    fill(query_, rows, d, d);
    fill(key_, keys, d, d + gap);
    fill(value_, keys, d_v, d_v + gap);
    output_.resize(static_cast<std::size_t>(rows * d_v));
    const table_backend backend(table);
    // Data begins one element off any alignment.
    call_ = std::make_unique<call_type>(
        crestmax::tensors(crestmax::tensor<float>(query_.data() + 1, {1, rows, 1, d}),
                          crestmax::tensor<KV>(key_.data() + 1, {1, keys, 1, d}, {0, d + gap, 0, 1}),
                          crestmax::tensor<KV>(value_.data() + 1, {1, keys, 1, d_v}, {0, d_v + gap, 0, 1}),
                          crestmax::tensor<float>(output_.data(), {1, rows, 1, d_v})),
        crestmax::options{.scale = 1.0}, crestmax::no_modifiers{}, backend);
    data_ = (*call_)->data();
    backend.begin(data_, 0);
    block = crestmax::cpu::make_block(*table.table, data_, 0);
    crestmax::cpu::start_block(block, 0);
  }

  double score(index_type r, index_type j) const { return dot(query_, r * d_, key_, j * (d_ + gap()), d_); }
  double value(index_type j, index_type c) const {
    return crestmax::convert<double>(value_[static_cast<std::size_t>(j * (d_v_ + gap()) + c + 1)]);
  }

  crestmax::cpu::block<float> block{};

 private:
  using backend_type = table_backend;
  using tensors_type = crestmax::call_tensors<float, crestmax::contiguous_source<KV, KV>, float>;
  using call_type = attached_call<tensors_type, crestmax::no_modifiers, backend_type>;

  index_type gap() const { return static_cast<index_type>(key_.size() - 1) / keys_ - d_; }
  template <class A, class B>
  static double dot(const A& a, index_type at, const B& b, index_type bt, index_type count) {
    double sum = 0;
    for (index_type k = 0; k < count; ++k) {
      sum += crestmax::convert<double>(a[static_cast<std::size_t>(at + k + 1)]) *
             crestmax::convert<double>(b[static_cast<std::size_t>(bt + k + 1)]);
    }
    return sum;
  }

  index_type rows_, keys_, d_, d_v_;
  std::uint64_t state_ = 1;
  std::vector<float> query_, output_;
  std::vector<KV> key_, value_;
  std::unique_ptr<call_type> call_;
  crestmax::call_data<float> data_{};
};

template <class KV>
void expect_scores_in_place(const table_under_test& table) {
  for (const index_type rows : {1, 2, 3, 4, 7, 16}) {
    for (const index_type d : {1, 7, 16, 33, 64, 100}) {
      in_place<KV> of(table, rows, 75, d, 3, 5);
      ASSERT_EQ(is_read_in_place(of.block), table.table->in_place.score != nullptr);
      crestmax::cpu::score_keys(of.block, {2, 3, 24, crestmax::visibility::all}, [](crestmax::cpu::row_span) {});
      for (index_type r = 0; r < rows; ++r) {
        for (index_type j = 0; j < 24; ++j) {
          const double got = static_cast<double>(of.block.scratch.scores[r * crestmax::cpu::score_stride + j]);
          ASSERT_NEAR(got, of.score(r, 2 + 3 * j), 1e-6 * static_cast<double>(d)) << rows << " rows, d " << d;
        }
      }
    }
  }
}

template <class KV>
void expect_outputs_in_place(const table_under_test& table) {
  for (const index_type rows : {1, 2, 3, 4, 7, 16}) {
    for (const index_type d_v : {1, 15, 16, 40, 128, 145}) {
      in_place<KV> of(table, rows, 75, 4, d_v, 2);
      crestmax::cpu::accumulate_tile(of.block, {0, 1, 75, crestmax::visibility::all}, crestmax::cpu::raise::always);
      for (index_type r = 0; r < rows; ++r) {
        const double shift = static_cast<double>(of.block.state.shift[r]) + of.block.weighing.margin * crestmax::ln2;
        for (index_type c = 0; c < d_v; ++c) {
          double sum = 0;
          for (index_type j = 0; j < 75; ++j) sum += std::exp(of.score(r, j) - shift) * of.value(j, c);
          const double got = static_cast<double>(of.block.state.output[r * of.block.state.output_stride + c]);
          ASSERT_NEAR(got, sum, 2e-5) << rows << " rows, d_v " << d_v;
        }
      }
    }
  }
}

TEST_P(InPlace, ScoresOfFewRowsAreDotProductsWithFloatKeysInPlace) { expect_scores_in_place<float>(GetParam()); }
TEST_P(InPlace, ScoresOfFewRowsAreDotProductsWithFloat16KeysInPlace) { expect_scores_in_place<crestmax::float16>(GetParam()); }
TEST_P(InPlace, ScoresOfFewRowsAreDotProductsWithBfloat16KeysInPlace) { expect_scores_in_place<crestmax::bfloat16>(GetParam()); }
TEST_P(InPlace, OutputsOfFewRowsAreWeightedSumsOfFloatValuesInPlace) { expect_outputs_in_place<float>(GetParam()); }
TEST_P(InPlace, OutputsOfFewRowsAreWeightedSumsOfFloat16ValuesInPlace) { expect_outputs_in_place<crestmax::float16>(GetParam()); }
TEST_P(InPlace, OutputsOfFewRowsAreWeightedSumsOfBfloat16ValuesInPlace) { expect_outputs_in_place<crestmax::bfloat16>(GetParam()); }

TEST_P(InPlace, BlocksOfManyRowsPackTheirKeys) {
  EXPECT_EQ(is_read_in_place(in_place<float>(GetParam(), crestmax::cpu::most_direct_rows, 40, 8, 8, 0).block), GetParam().table->in_place.score != nullptr);
  EXPECT_FALSE(is_read_in_place(in_place<float>(GetParam(), crestmax::cpu::most_direct_rows + 1, 40, 8, 8, 0).block));
}

}  // namespace
}  // namespace crestmax_test
