// attention() with a workspace of the caller's allocates nothing and starts no thread.
#include "quiet.hpp"

namespace crestmax_test {
namespace {

using crestmax::bfloat16;
using crestmax::float16;

// What a test of this kind must be able to see.
TEST(NoAllocation, IsNotPromisedWithoutAWorkspace) {
  quiet_call<float> c;
  crestmax::status s{};
  const traces t = count([&] {
    s = crestmax::attention(c.query.view<float>(), c.contiguous(), c.output.view<float>(), c.options);
  });
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(t.allocations, 1) << "one for plan and workspace";
  EXPECT_EQ(t.threads, 0);
}

TEST(NoAllocation, InFloat32) { quiet_call<float>().expect_quiet(); }
TEST(NoAllocation, InFloat64) { quiet_call<double>().expect_quiet(); }
TEST(NoAllocation, InFloat16) { quiet_call<float16>().expect_quiet(); }
TEST(NoAllocation, InBfloat16) { quiet_call<bfloat16>().expect_quiet(); }
TEST(NoAllocation, WithFloat32QueriesOver16BitKeys) {
  quiet_call<float, float16, float>().expect_quiet();
  quiet_call<float, bfloat16, float>().expect_quiet();
}

TEST(NoAllocation, WithPagesInFloat32) { quiet_call<float>().expect_quiet_pages(); }
TEST(NoAllocation, WithPagesInFloat64) { quiet_call<double>().expect_quiet_pages(); }
TEST(NoAllocation, WithPagesInFloat16) { quiet_call<float16>().expect_quiet_pages(); }
TEST(NoAllocation, WithPagesInBfloat16) { quiet_call<bfloat16>().expect_quiet_pages(); }

TEST(NoAllocation, WithACausalMask) { quiet_call<float>().expect_quiet(crestmax::causal{}); }
TEST(NoAllocation, WithACausalMaskOverPages) { quiet_call<bfloat16>().expect_quiet_pages(crestmax::causal{}); }

TEST(NoAllocation, WithEveryStandardModifier) {
  quiet_call<float> c;
  const std::vector<float> slopes(4, 0.5f), sinks(4, 1.0f), bias(5 * 300, 0.25f);
  const std::vector<std::uint8_t> mask(5 * 300, 1);
  const crestmax::additive_bias<float> bias_table{{bias.data(), {1, 1, 5, 300}}};
  const crestmax::boolean_mask<std::uint8_t> mask_table{{mask.data(), {1, 1, 5, 300}}};
  c.expect_quiet(crestmax::chain(crestmax::alibi{.slopes = slopes}, crestmax::soft_cap{30.0f}, bias_table,
                                 crestmax::causal{}, crestmax::sliding_window{.left = 100}, mask_table,
                                 crestmax::attention_sinks{.logits = sinks}));
}

TEST(NoAllocation, WithAMaskTensorWhoseMapIsBuilt) {
  quiet_call<float> c;
  const std::vector<float> numbers(5 * 300, 0.25f);
  std::vector<std::uint64_t> memory(200);
  const std::span<std::byte> map = std::as_writable_bytes(std::span(memory));
  const crestmax::mask_view mask(crestmax::tensor<const float>(numbers.data(), {1, 1, 5, 300}));
  crestmax::status built{};
  const traces t = count([&] { built = crestmax::build_mask_map(mask, map); });
  ASSERT_TRUE(built.ok()) << built.message();
  EXPECT_EQ(t.allocations, 0);
  EXPECT_EQ(t.threads, 0);
  c.expect_quiet(crestmax::mask_tensor(mask, map));
}

struct halved {
  template <class T>
  T operator()(T score, crestmax::score_position) const {
    return score / 2;
  }
};
TEST(NoAllocation, WithAModifierOfTheUsers) { quiet_call<float>().expect_quiet(halved{} | crestmax::causal{}); }

TEST(NoAllocation, WithASplitOverTheKeys) {
  quiet_call<float> c({.batch = 1, .q_len = 1, .kv_len = 20000});
  c.options.tiles.splits = 5;
  c.expect_quiet();
  c.expect_quiet_pages(crestmax::causal{});
  EXPECT_EQ(c.report.rows_corrected, 0);
}

TEST(NoAllocation, WhenEveryRowIsCorrected) {
  quiet_call<float> c;
  c.options.guard_limit = 1e-30;
  c.expect_quiet();
  EXPECT_EQ(c.report.rows_corrected, 2 * 5 * 4);
  c.expect_quiet_pages(crestmax::causal{});
  EXPECT_EQ(c.report.rows_corrected, 2 * 5 * 4);
}

TEST(NoAllocation, WhenEveryRowOfASplitIsCorrected) {
  quiet_call<float> c({.batch = 1, .q_len = 1, .kv_len = 20000});
  c.options.tiles.splits = 5;
  c.options.guard_limit = 1e-30;
  c.expect_quiet();
  EXPECT_GT(c.report.rows_corrected, 0);
}

TEST(NoAllocation, InEveryCoverage) {
  quiet_call<float> c({.batch = 1, .q_len = 3, .kv_len = 4000});
  std::vector<float> dropped(3 * 4);
  c.options.dropped_mass = crestmax::row_tensor<float>(dropped.data(), {1, 3, 4});
  c.options.tiles.splits = 1;
  for (const crestmax::coverage_mode coverage :
       {crestmax::everything, crestmax::above(2.0), crestmax::plateaus}) {
    c.options.coverage = coverage;
    c.expect_quiet();
    c.expect_quiet(crestmax::causal{});
    EXPECT_EQ(c.report.pairs_skipped > 0, coverage.kind != crestmax::coverage_kind::everything);
  }
}

TEST(NoAllocation, OnEveryInstructionSet) {
  using crestmax::instruction_set;
  for (const instruction_set most : {instruction_set::generic, instruction_set::avx2, instruction_set::avx512}) {
    quiet_call<float> c;
    c.backend = crestmax::backend::cpu(most);
    c.expect_quiet(crestmax::causal{});
    EXPECT_STREQ(c.report.instruction_set, crestmax::name(c.backend.chosen()));
    quiet_call<double> in_double;
    in_double.backend = c.backend;
    in_double.expect_quiet();
  }
}

TEST(NoAllocation, InEveryMethod) {
  quiet_call<float> c({.batch = 1, .q_len = 3, .kv_len = 4000});
  const crestmax::sampled_max forced{.coarse = crestmax::choice::on};
  for (const crestmax::softmax_method& method :
       {crestmax::softmax_method(crestmax::running_max{}), crestmax::softmax_method(crestmax::lazy_max{}),
        crestmax::softmax_method(crestmax::anchor_shift{}), crestmax::softmax_method(forced)}) {
    c.options.softmax = method;
    c.expect_quiet();
  }
  EXPECT_GT(c.report.pairs_sampled, 0);
}

TEST(NoAllocation, WithDiagnosticsAndTheRowMaximum) {
  quiet_call<float> c({.batch = 1, .q_len = 3, .kv_len = 4000});
  std::vector<double> top(3 * 4);
  c.options.row_max = crestmax::row_tensor<double>(top.data(), {1, 3, 4});
  c.options.diagnostics = true;
  c.expect_quiet();
  EXPECT_GT(c.report.lipschitz, 0);
}

TEST(NoAllocation, WithPackedSequences) {
  quiet_call<float> c({.batch = 1, .q_len = 12, .kv_len = 300});
  const std::vector<std::int32_t> queries{0, 5, 12}, keys{0, 100, 300};
  c.options.query_offsets = queries;
  c.options.key_offsets = keys;
  c.expect_quiet(crestmax::causal{});
}

TEST(NoAllocation, WithNothingToDo) {
  quiet_call<float> none({.q_len = 0});
  none.expect_quiet();
  quiet_call<float> no_keys({.kv_len = 0});
  no_keys.expect_quiet();
}

// Threads of the caller's own: the call adds none.
struct two_workers {
  int workers() const { return 2; }
  template <class Body>
  void run(index_type count, Body&& body) const {
    for (index_type item = 0; item < count; ++item) body(item, static_cast<int>(item % 2));
  }
};
TEST(NoAllocation, WithSeveralWorkers) { quiet_call<float>().expect_quiet(crestmax::causal{}, two_workers{}); }

}  // namespace
}  // namespace crestmax_test
