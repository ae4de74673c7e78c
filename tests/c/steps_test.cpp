// Plans and runnables: what they tell, what they refuse, and what threads may do with them.
#include "broken_call.hpp"

namespace crestmax_test {
namespace {

class StepsFromC : public BadInputFromC {
 protected:
  crestmax_problem problem = [this] {
    crestmax_problem p = crestmax_empty_problem();
    EXPECT_EQ(crestmax_problem_of(&tensors, &options, &p, &status), CRESTMAX_OK) << status.message;
    return p;
  }();
  aligned_bytes plan{crestmax_plan_bytes(problem.sequences)};
  aligned_bytes runnable{crestmax_runnable_bytes()};
  crestmax_runnable* attached = nullptr;

  void SetUp() override { ASSERT_EQ(crestmax_make_plan(&problem, &options, plan.memory(), &status), CRESTMAX_OK) << status.message; }
  crestmax_code attach(int32_t workers = 1) {
    return crestmax_attach(plan.memory(), workers, &tensors, &options, runnable.memory(), &attached, &status);
  }
  void expect_attach_refused(crestmax_code code, const std::vector<std::string>& words) {
    attached = reinterpret_cast<crestmax_runnable*>(this);
    expect_message(attach(), code, words);
    EXPECT_EQ(attached, nullptr);
  }
};

TEST_F(StepsFromC, ProblemIsThatOfTheTensors) {
  EXPECT_EQ(problem.sequences, batch);
  EXPECT_EQ(problem.q_len, q_len);
  EXPECT_EQ(problem.kv_len, kv_len);
  EXPECT_EQ(problem.q_heads, q_heads);
  EXPECT_EQ(problem.kv_heads, kv_heads);
  EXPECT_EQ(problem.d_qk, d_qk);
  EXPECT_EQ(problem.d_v, d_v);
  EXPECT_EQ(problem.query_type, CRESTMAX_FLOAT32);
  EXPECT_EQ(problem.output_type, CRESTMAX_FLOAT32);
  EXPECT_EQ(problem.row_max, 0);
  EXPECT_EQ(problem.paged, 0);
}

TEST_F(StepsFromC, ProblemOfPagesHasTheLongestLength) {
  take_pages();
  ASSERT_EQ(crestmax_problem_of(&tensors, &options, &problem, &status), CRESTMAX_OK) << status.message;
  EXPECT_EQ(problem.kv_len, 10);
  EXPECT_EQ(problem.paged, 1);
}

TEST_F(StepsFromC, ProblemWithNoTypeIsRefused) {
  const struct { crestmax_type* type; const char* name; } types[] = {{&problem.query_type, "query_type"},
                                                                     {&problem.key_type, "key_type"},
                                                                     {&problem.value_type, "value_type"},
                                                                     {&problem.output_type, "output_type"}};
  for (const auto& t : types) {
    *t.type = 0;
    expect_message(crestmax_make_plan(&problem, &options, plan.memory(), &status), CRESTMAX_BAD_OPTION, {"problem.", t.name, "given 0"});
    *t.type = CRESTMAX_FLOAT32;
  }
}

TEST_F(StepsFromC, ProblemOfNegativeHeadsIsRefused) {
  problem.q_heads = -1;
  expect_message(crestmax_make_plan(&problem, &options, plan.memory(), &status), CRESTMAX_BAD_EXTENT, {"given -1"});
}

TEST_F(StepsFromC, ProblemOfNoStructIsRefused) {
  expect_message(crestmax_make_plan(nullptr, &options, plan.memory(), &status), CRESTMAX_NULL_POINTER, {"problem"});
}

TEST_F(StepsFromC, PlanMemoryThatIsTooSmallIsRefused) {
  crestmax_memory small = plan.memory();
  --small.bytes;
  expect_message(crestmax_make_plan(&problem, &options, small, &status), CRESTMAX_WORKSPACE_TOO_SMALL, {"plan memory"});
  expect_message(crestmax_make_plan(&problem, &options, {nullptr, 100000}, &status), CRESTMAX_NULL_POINTER, {"plan memory"});
}

TEST_F(StepsFromC, PlanBytesOfNoSequencesAreThoseOfAnEmptyPlan) { EXPECT_EQ(crestmax_plan_bytes(-3), crestmax_plan_bytes(0)); }

TEST_F(StepsFromC, PlanTellsWhatItAsksFor) {
  crestmax_plan_facts facts = crestmax_empty_facts();
  ASSERT_EQ(crestmax_read_plan(plan.memory(), 3, &facts, &status), CRESTMAX_OK) << status.message;
  EXPECT_EQ(facts.sequences, batch);
  EXPECT_EQ(facts.stages, 1);
  EXPECT_GT(facts.items[0], 0);
  EXPECT_EQ(facts.instruction_set, crestmax_widest_instruction_set());
  EXPECT_GT(facts.workspace_bytes, 0u);
  EXPECT_EQ(facts.workspace_bytes % CRESTMAX_ALIGNMENT, 0u);
}

TEST_F(StepsFromC, PlanForMoreWorkersHasMoreItems) {
  problem.kv_len = 9000;
  const auto items_for = [&](int32_t workers) {
    problem.workers = workers;
    EXPECT_EQ(crestmax_make_plan(&problem, &options, plan.memory(), &status), CRESTMAX_OK) << status.message;
    crestmax_plan_facts facts = crestmax_empty_facts();
    EXPECT_EQ(crestmax_read_plan(plan.memory(), 3, &facts, &status), CRESTMAX_OK) << status.message;
    return facts.items[0];
  };
  EXPECT_LT(items_for(1), items_for(50));
}

TEST_F(StepsFromC, PlanThatIsNoneIsRefused) {
  crestmax_plan_facts facts = crestmax_empty_facts();
  aligned_bytes nothing(1000);
  expect_message(crestmax_read_plan(nothing.memory(), 1, &facts, &status), CRESTMAX_NULL_POINTER, {"plan"});
  expect_message(crestmax_read_plan(plan.memory(), 0, &facts, &status), CRESTMAX_BAD_OPTION, {"workers"});
  EXPECT_EQ(crestmax_describe_plan(nothing.memory(), nullptr, 0), 0u);
}

TEST_F(StepsFromC, PlanIsDescribedAsFarAsThereIsRoom) {
  char text[2000] = {}, small[8] = {};
  const std::size_t length = crestmax_describe_plan(plan.memory(), text, sizeof text);
  EXPECT_EQ(length, std::strlen(text));
  EXPECT_EQ(crestmax_describe_plan(plan.memory(), small, sizeof small), length);
  EXPECT_EQ(std::string(small), std::string(text).substr(0, 7));
  EXPECT_EQ(crestmax_describe_plan(plan.memory(), nullptr, 100), length);
}

TEST_F(StepsFromC, PlanOfAnotherShapeIsRefused) {
  tensors.query.extents[1] = tensors.output.extents[1] = options.lse.extents[1] = q_len - 1;
  expect_attach_refused(CRESTMAX_MISMATCH, {"plan", "q_len"});
}

TEST_F(StepsFromC, RunnableMemoryThatIsTooSmallOrAskewIsRefused) {
  crestmax_memory given = runnable.memory();
  --given.bytes;
  expect_message(crestmax_attach(plan.memory(), 1, &tensors, &options, given, &attached, &status), CRESTMAX_WORKSPACE_TOO_SMALL, {"runnable"});
  given = {static_cast<char*>(given.data) + 8, given.bytes + 1};
  expect_message(crestmax_attach(plan.memory(), 1, &tensors, &options, given, &attached, &status), CRESTMAX_MISALIGNED, {"runnable"});
  given.data = nullptr;
  expect_message(crestmax_attach(plan.memory(), 1, &tensors, &options, given, &attached, &status), CRESTMAX_NULL_POINTER, {"runnable"});
  expect_message(crestmax_attach(plan.memory(), 1, &tensors, &options, runnable.memory(), nullptr, &status), CRESTMAX_NULL_POINTER, {"result"});
}

TEST_F(StepsFromC, RunnableOfABadCallIsNone) {
  tensors.value.data = nullptr;
  expect_attach_refused(CRESTMAX_NULL_POINTER, {"value"});
}

TEST_F(StepsFromC, RunnableThatIsNullIsNamed) {
  expect_message(crestmax_begin(nullptr, &status), CRESTMAX_NULL_POINTER, {"runnable"});
  expect_message(crestmax_collect(nullptr, nullptr, &status), CRESTMAX_NULL_POINTER, {"runnable"});
  expect_message(crestmax_run_in_team(nullptr, 0, 1, team_barrier::wait, nullptr, &status), CRESTMAX_NULL_POINTER, {"runnable"});
  EXPECT_EQ(crestmax_stages(nullptr), 0);
  EXPECT_EQ(crestmax_items(nullptr, 0), 0);
  crestmax_run(nullptr, 0, 0, 0);
}

TEST_F(StepsFromC, ItemsThatThereAreNotAreToldByCollect) {
  ASSERT_EQ(attach(), CRESTMAX_OK) << status.message;
  ASSERT_EQ(crestmax_begin(attached, &status), CRESTMAX_OK);
  EXPECT_EQ(crestmax_items(attached, 7), 0);
  crestmax_run(attached, 0, crestmax_items(attached, 0), 0);
  expect_message(crestmax_collect(attached, nullptr, &status), CRESTMAX_BAD_INDEX, {"item"});
}

TEST_F(StepsFromC, RunnableNeedsNoStructAfterItIsMade) {
  ASSERT_EQ(attach(), CRESTMAX_OK) << status.message;
  ASSERT_EQ(call(), CRESTMAX_OK) << status.message;
  const std::vector<float> wanted = memory;
  std::fill(memory.begin() + 3072, memory.begin() + 4200, 9.0f);
  std::memset(&tensors, 0xff, sizeof tensors);
  std::memset(&options, 0xff, sizeof options);
  std::memset(&modifier, 0xff, sizeof modifier);
  team_barrier alone(1);
  ASSERT_EQ(crestmax_run_in_team(attached, 0, 1, team_barrier::wait, &alone, &status), CRESTMAX_OK) << status.message;
  ASSERT_EQ(crestmax_collect(attached, nullptr, &status), CRESTMAX_OK) << status.message;
  EXPECT_EQ(std::memcmp(memory.data() + 3072, wanted.data() + 3072, batch * q_len * q_heads * d_v * sizeof(float)), 0);
}

TEST_F(StepsFromC, TeamOfMoreThanTheWorkersIsRefused) {
  ASSERT_EQ(attach(2), CRESTMAX_OK) << status.message;
  for (const int32_t nth : {0, 3}) {
    expect_message(crestmax_run_in_team(attached, 0, nth, team_barrier::wait, nullptr, &status), CRESTMAX_BAD_OPTION, {"nth", "given " + std::to_string(nth)});
  }
  for (const int32_t ith : {-1, 2}) {
    expect_message(crestmax_run_in_team(attached, ith, 2, team_barrier::wait, nullptr, &status), CRESTMAX_BAD_INDEX, {"ith", "given " + std::to_string(ith)});
  }
  expect_message(crestmax_run_in_team(attached, 0, 2, nullptr, nullptr, &status), CRESTMAX_NULL_POINTER, {"barrier"});
}

TEST_F(StepsFromC, TeamMayRunACallAgain) {
  ASSERT_EQ(attach(2), CRESTMAX_OK) << status.message;
  team_barrier barrier(2);
  on_threads(2, [&](int i) {
    for (int times = 0; times < 20; ++times) {
      EXPECT_EQ(crestmax_run_in_team(attached, i, 2, team_barrier::wait, &barrier, nullptr), CRESTMAX_OK);
    }
  });
  crestmax_report report = crestmax_empty_report();
  ASSERT_EQ(crestmax_collect(attached, &report, &status), CRESTMAX_OK) << status.message;
  EXPECT_EQ(report.rows, batch * q_len * q_heads);
}

TEST_F(StepsFromC, CollectRefusesAReportOfNoSize) {
  ASSERT_EQ(attach(), CRESTMAX_OK) << status.message;
  ASSERT_EQ(crestmax_begin(attached, &status), CRESTMAX_OK);
  crestmax_report report{};
  expect_message(crestmax_collect(attached, &report, &status), CRESTMAX_BAD_STRUCT, {"report"});
}

TEST_F(StepsFromC, PagesThatWereCheckedAreNotLookedThroughAgain) {
  take_pages();
  ASSERT_EQ(crestmax_check_pages(&pages, &pages.checked, &status), CRESTMAX_OK) << status.message;
  block_table[4] = 8;  // found where it is read, as the table has been looked through before
  expect_message(call(), CRESTMAX_SOURCE_FAILED, {"block_table, sequence 1"});
  pages.checked = {};
  expect_message(call(), CRESTMAX_BAD_INDEX, {"block_table, sequence 1"});
}

}  // namespace
}  // namespace crestmax_test
