// Nothing outside a call's buffers is read or written: each stands against a page that nobody may touch, at its
// end, then at its beginning; inputs are read-only; then each is aligned to no more than its elements. Shapes
// leave every tail of vectors, groups of rows, tiles and pages.
#include <csignal>

#include "support/contract.hpp"
#include "support/instruction_sets.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

constexpr index_type head_dims[] = {1, 3, 8, 15, 16, 17, 31, 33, 64, 80, 96, 128};
constexpr index_type key_lengths[] = {1, 2, 7, 15, 16, 17, 31, 33, 63, 65, 255, 257, 300};
constexpr index_type query_lengths[] = {1, 2, 3, 5, 17, 49};
// The first two have no common divisor: as many calls pair each with each.
constexpr index_type pairs_of_lengths = static_cast<index_type>(std::size(head_dims) * std::size(key_lengths));

// Says which call a fault belongs to, then lets the fault happen again.
class fault_message {
 public:
  explicit fault_message(const std::string& text) {
    std::snprintf(message, sizeof message, "a fault in this call:\n%s\n", text.c_str());
    struct sigaction action = {};
    action.sa_handler = [](int signal) {
      [[maybe_unused]] const auto written = write(STDERR_FILENO, message, std::strlen(message));
      sigaction(signal, signal == SIGBUS ? &before_bus : &before_segv, nullptr);
    };
    sigaction(SIGSEGV, &action, &before_segv);
    sigaction(SIGBUS, &action, &before_bus);
  }
  ~fault_message() {
    sigaction(SIGSEGV, &before_segv, nullptr);
    sigaction(SIGBUS, &before_bus, nullptr);
  }
  fault_message(const fault_message&) = delete;
  fault_message& operator=(const fault_message&) = delete;

 private:
  static inline char message[4096];
  static inline struct sigaction before_segv, before_bus;
};

class GuardPages : public OnEverySet {
 protected:
  // The call in each place: no fault, nothing written beside an output, the same bits, right by the oracle.
  void expect_clean(const attention_case& c, const std::string& where, test_executor executor = {}) {
    const fault_message on_fault(where + "\n" + describe(c));
    const auto run_at = [&](placing place) {
      return run(c, GetParam().with({.executor = executor, .memory = place}));
    };
    const attention_result first = run_at(placing::before_a_guard_page);
    ASSERT_TRUE(is_exact(c, first, 6)) << where;
    ASSERT_TRUE(first.outside_is_untouched) << where << "\n" << describe(c);
    ASSERT_STREQ(first.report.instruction_set, GetParam().reported);
    corrected_ += first.report.rows_corrected;
    sampled_ += first.report.pairs_sampled;
    for (const placing place : {placing::after_a_guard_page, placing::off_alignment}) {
      const attention_result other = run_at(place);
      ASSERT_TRUE(other.status.ok()) << other.status.message();
      ASSERT_TRUE(other.outside_is_untouched) << where << "\n" << describe(c);
      ASSERT_EQ(other.output.memory(), first.output.memory()) << where << "\n" << describe(c);
      ASSERT_EQ(other.lse.memory(), first.lse.memory()) << where << "\n" << describe(c);
    }
  }

  index_type corrected_ = 0, sampled_ = 0;  // of all calls so far

  // A call of the i-th shape; the rest is drawn by its number.
  static attention_case shaped(index_type i, scalar_kind kind, memory_layout layout, random_source& random) {
    case_shape shape;
    shape.batch = random.pick<index_type>({1, 1, 2});
    shape.kv_heads = random.pick<index_type>({1, 1, 2});
    shape.q_heads = shape.kv_heads * random.pick<index_type>({1, 1, 2, 4, 7});
    shape.q_len = query_lengths[random.integer(0, std::ssize(query_lengths) - 1)];
    shape.kv_len = key_lengths[i % std::ssize(key_lengths)];
    shape.d_qk = head_dims[i % std::ssize(head_dims)];
    shape.d_v = random.chance(0.5) ? shape.d_qk : head_dims[random.integer(0, std::ssize(head_dims) - 1)];
    shape.layout = layout;
    attention_case c = normal_case(shape.with_types(kind), random.bits());
    c.modifiers.causal.enabled = random.chance(0.5);
    c.narrow_slack = 1;
    c.row_kind = random.pick({scalar_kind::float32, scalar_kind::float64});
    return c;
  }

  // Calls of every head dim with every number of keys, or of a share of those pairs; change(c, random) makes them
  // what a test is about. The three tests that take all pairs begin with a type each, so that together they take
  // every pair in every type.
  template <class Change>
  void expect_clean_calls(memory_layout layout, index_type share, index_type first_type, Change&& change,
                          test_executor executor = {}) {
    constexpr scalar_kind kinds[] = {scalar_kind::float32, scalar_kind::float16, scalar_kind::bfloat16};
    for (index_type i = 0; i < pairs_of_lengths; i += share) {
      random_source random(static_cast<std::uint64_t>(i));
      if (cases(100) < 100 && !random.chance(static_cast<double>(cases(100)) / 100)) continue;
      attention_case c = shaped(i, kinds[(i / std::ssize(head_dims) + first_type) % 3], layout, random);
      change(c, random);
      expect_clean(c, "shape " + std::to_string(i), executor);
      if (HasFatalFailure()) return;
    }
  }
};

// Executors may claim more workers than there are items, and give an item to any of them.
TEST_P(GuardPages, AreNotTouchedByTheOnlyItemOnTheLastOfManyWorkers) {
  const attention_case c = normal_case({.kv_len = 10, .d_qk = 8, .d_v = 8}, 3);
  expect_clean(c, "worker 255 of 256", {executor_kind::last_worker, 256});
}

INSTANTIATE_TEST_SUITE_P(Sets, GuardPages, ::testing::ValuesIn(every_kernel_set()), name_of_set);

constexpr auto unchanged = [](attention_case&, random_source&) {};

TEST_P(GuardPages, AreNotTouchedWhereHeadsStandBesideEachOther) {
  expect_clean_calls(memory_layout::dense, 1, 0, unchanged);
}

TEST_P(GuardPages, AreNotTouchedWhereHeadsStandApart) {
  expect_clean_calls(memory_layout::heads_first, 1, 1, unchanged);
}

TEST_P(GuardPages, AreNotTouchedByPagedCaches) {
  expect_clean_calls(memory_layout::dense, 1, 2, [](attention_case& c, random_source& random) {
    c = paged(c, random.pick<index_type>({1, 5, 16}), random.chance(0.5), random.bits(), 0);
  });
}

TEST_P(GuardPages, AreNotTouchedByRaggedBatches) {
  expect_clean_calls(memory_layout::dense, 5, 1, [](attention_case& c, random_source& random) {
    for (index_type b = 0; b < c.query.extent(0); ++b) {
      c.query_lengths.push_back(static_cast<std::int32_t>(random.integer(0, c.query.extent(1))));
      c.key_lengths.push_back(static_cast<std::int32_t>(random.integer(0, c.key.extent(1))));
    }
  });
}

TEST_P(GuardPages, AreNotTouchedByTheStridedSample) {
  expect_clean_calls(memory_layout::dense, 5, 2, [](attention_case& c, random_source& random) {
    c.options.softmax = forced_sample(random.integer(1, 20), random.integer(1, 40), random.integer(0, 8));
    c.options.tiles.key_tile = 1;  // a block of one tile is not sampled
  });
  EXPECT_GT(sampled_, 0);
}

TEST_P(GuardPages, AreNotTouchedByARunningMaximum) {
  expect_clean_calls(memory_layout::dense, 5, 0,
                     [](attention_case& c, random_source&) { c.options.softmax = crestmax::running_max{}; });
}

TEST_P(GuardPages, AreNotTouchedByTheCorrection) {
  expect_clean_calls(memory_layout::heads_first, 5, 0, [](attention_case& c, random_source& random) {
    c.options.guard_limit = 1e-30;
    if (random.chance(0.5)) c = paged(c, random.pick<index_type>({1, 5, 16}), random.chance(0.5), random.bits(), 0);
  });
  EXPECT_GT(corrected_, 0);
}

TEST_P(GuardPages, AreNotTouchedByThePassForTrueMaxima) {
  expect_clean_calls(memory_layout::dense, 5, 1,
                     [](attention_case& c, random_source&) { c.wants_row_max = true; });
}

TEST_P(GuardPages, AreNotTouchedBySplitsAndWorkers) {
  expect_clean_calls(
      memory_layout::heads_first, 5, 2,
      [](attention_case& c, random_source& random) {
        c.options.tiles = {.query_block = random.pick<index_type>({0, 1, 5}),
                           .key_tile = random.integer(1, 64),
                           .splits = random.integer(2, 5)};
      },
      {.kind = executor_kind::shuffled_threads, .threads = 2, .seed = 1});
}

TEST_P(GuardPages, AreNotTouchedByRandomCalls) {
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(cases(100)); ++seed) {
    attention_case c = random_case(70000 + seed, {.most_queries = 60, .most_keys = 400, .most_products = 2e6});
    c.narrow_slack = 1;
    expect_clean(c, "seed " + std::to_string(70000 + seed));
    if (HasFatalFailure()) return;
  }
}

// The guard itself: what it is there to find.
int read_byte(const std::byte* from) { return std::to_integer<int>(*static_cast<const volatile std::byte*>(from)); }
void write_byte(std::byte* to) { *static_cast<volatile std::byte*>(to) = std::byte{1}; }

TEST(GuardPage, StopsAReadPastTheEnd) {
  const guarded_memory memory(40, 4, placing::before_a_guard_page);
  EXPECT_EQ(read_byte(memory.bytes().data() + 39), 0xff);
  EXPECT_DEATH(read_byte(memory.bytes().data() + 40), "");
}

TEST(GuardPage, StopsAReadBeforeTheBeginning) {
  const guarded_memory memory(40, 4, placing::after_a_guard_page);
  EXPECT_EQ(read_byte(memory.bytes().data()), 0xff);
  EXPECT_DEATH(read_byte(memory.bytes().data() - 1), "");
}

TEST(GuardPage, StopsAWriteToAnInput) {
  guarded_memory memory(40, 4, placing::off_alignment);
  write_byte(memory.bytes().data());
  memory.make_read_only();
  EXPECT_DEATH(write_byte(memory.bytes().data()), "");
}

TEST(GuardPage, SeesAWriteBesideABuffer) {
  const guarded_memory memory(40, 4, placing::off_alignment);
  EXPECT_TRUE(memory.outside_is_untouched());
  write_byte(memory.bytes().data() - 1);
  EXPECT_FALSE(memory.outside_is_untouched());
}

}  // namespace
}  // namespace crestmax_test
