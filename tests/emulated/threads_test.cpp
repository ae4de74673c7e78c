// Threads that share few processors: the operating system has to keep the vectors of each. Not where the emulator has one
// thread: tests/run names what it leaves out.
#include "support/contract.hpp"
#include "support/make_case.hpp"

namespace crestmax_test {
namespace {

TEST(EmulatedThreads, DoNotChangeABit) {
  for (const scalar_kind kind : {scalar_kind::float32, scalar_kind::bfloat16}) {
    const case_shape shape{.batch = 2, .q_len = 70, .kv_len = 300, .q_heads = 4, .kv_heads = 2, .d_qk = 32, .d_v = 32};
    const attention_case c = normal_case(shape.with_types(kind), 23);
    const attention_result expected = run(c);
    ASSERT_TRUE(is_exact(c, expected, 6));
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
      const test_executor threads{.kind = executor_kind::shuffled_threads, .threads = 4, .seed = seed};
      EXPECT_EQ(run(c, {.executor = threads}).output.memory(), expected.output.memory());
    }
  }
}

TEST(EmulatedThreads, DoNotChangeABitOfASplitDecode) {
  attention_case c = normal_case({.kv_len = 900, .q_heads = 8, .kv_heads = 4, .d_qk = 32, .d_v = 32}, 24);
  c.options.tiles.splits = 4;
  const attention_result expected = run(c);
  ASSERT_TRUE(is_exact(c, expected, 6));
  const test_executor threads{.kind = executor_kind::shuffled_threads, .threads = 4, .seed = 5};
  EXPECT_EQ(run(c, {.executor = threads}).output.memory(), expected.output.memory());
}

}  // namespace
}  // namespace crestmax_test
