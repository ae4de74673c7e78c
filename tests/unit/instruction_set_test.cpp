// Which instruction set a call runs on, and what happens where the machine lacks one.
#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#if !defined(CRESTMAX_TEST_EMULATED)  // emulators have the sets of their processors alone
#include "support/tiled.hpp"
#endif

namespace crestmax_test {
namespace {

using crestmax::instruction_set;

crestmax::status run(crestmax::backend::cpu backend, crestmax::report& report, std::vector<float>& output) {
  std::vector<float> input(static_cast<std::size_t>(40 * 8));
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i % 7) - 3.0f;
  output.assign(input.size(), 0.0f);
  const crestmax::tensor<float> x(input.data(), {1, 40, 1, 8});
  const crestmax::tensor<float> to(output.data(), {1, 40, 1, 8});
  return crestmax::attention(x, x, x, to, {.report = &report}, backend);
}

TEST(InstructionSet, IsTheWidestOfTheMachineByDefault) {
  crestmax::report report;
  std::vector<float> output;
  ASSERT_TRUE(run({}, report, output).ok());
  EXPECT_STREQ(report.instruction_set, name(crestmax::cpu::machine_set()));
}

#if defined(__GNUC__)
// Constructed before every other object of the program that does not say the like.
struct early_call {
  early_call() { status = run({}, report, output); }
  crestmax::status status{};
  crestmax::report report;
  std::vector<float> output;
};
early_call before_main __attribute__((init_priority(101)));

TEST(InstructionSet, IsFoundByACallBeforeMain) {
  crestmax::report report;
  std::vector<float> output;
  ASSERT_TRUE(run({}, report, output).ok());
  ASSERT_TRUE(before_main.status.ok()) << before_main.status.message();
  EXPECT_STREQ(before_main.report.instruction_set, report.instruction_set);
  EXPECT_EQ(before_main.output, output);
}
#endif

TEST(InstructionSet, IsNeverWiderThanTheCap) {
  crestmax::report report;
  std::vector<float> output;
  ASSERT_TRUE(run(crestmax::backend::cpu(instruction_set::generic), report, output).ok());
  EXPECT_STREQ(report.instruction_set, "generic");
}

TEST(InstructionSet, ThatIsMissingIsAStatusNamingBoth) {
  crestmax::report report;
  std::vector<float> output;
  const crestmax::status status =
      run(crestmax::backend::cpu(instruction_set::generic, instruction_set::avx512), report, output);
  EXPECT_EQ(status.code, crestmax::status_code::unavailable);
  EXPECT_NE(std::strstr(status.message(), "avx512"), nullptr) << status.message();
  EXPECT_NE(std::strstr(status.message(), "generic"), nullptr) << status.message();
  EXPECT_EQ(output, std::vector<float>(output.size(), 0.0f));
}

TEST(InstructionSet, OfAnotherArchitectureIsMissingWhereverItStandsInTheOrder) {
  using sets = std::vector<instruction_set>;
  const sets of_arm{instruction_set::neon, instruction_set::neon_bf16};
  for (const auto foreign : CRESTMAX_ARM_SETS ? sets{instruction_set::avx2} : of_arm) {
    crestmax::report report;
    std::vector<float> output;
    EXPECT_FALSE(crestmax::cpu::machine_has(foreign));
    EXPECT_EQ(run(crestmax::backend::cpu(instruction_set::widest, foreign), report, output).code,
              crestmax::status_code::unavailable);
  }
}

TEST(InstructionSet, AsACapThatIsOfAnotherArchitectureStillGivesAnAnswer) {
  crestmax::report report;
  std::vector<float> output;
  ASSERT_TRUE(run(crestmax::backend::cpu(instruction_set::neon), report, output).ok());
  EXPECT_STREQ(report.instruction_set, CRESTMAX_ARM_SETS ? "neon" : "generic");
  ASSERT_TRUE(run(crestmax::backend::cpu(instruction_set::neon_bf16), report, output).ok());
  EXPECT_STREQ(report.instruction_set, CRESTMAX_ARM_SETS ? name(crestmax::cpu::machine_set()) : "generic");
}

TEST(InstructionSet, AboveTheMachinesIsAStatusNamingBoth) {
  for (const auto set : {instruction_set::neon_bf16, instruction_set::avx512_bf16, instruction_set::amx}) {
    if (crestmax::cpu::machine_has(set)) continue;
    crestmax::report report;
    std::vector<float> output;
    const crestmax::status status = run(crestmax::backend::cpu(instruction_set::widest, set), report, output);
    EXPECT_EQ(status.code, crestmax::status_code::unavailable);
    EXPECT_NE(std::strstr(status.message(), name(set)), nullptr) << status.message();
    EXPECT_NE(std::strstr(status.message(), name(crestmax::cpu::machine_set())), nullptr) << status.message();
  }
}

TEST(InstructionSet, AboveACapIsAStatusNamingBoth) {
  for (const auto set : {instruction_set::neon_bf16, instruction_set::avx512_bf16, instruction_set::amx}) {
    crestmax::report report;
    std::vector<float> output;
    const crestmax::status status = run(crestmax::backend::cpu(instruction_set::generic, set), report, output);
    EXPECT_EQ(status.code, crestmax::status_code::unavailable);
    EXPECT_NE(std::strstr(status.message(), name(set)), nullptr) << status.message();
    EXPECT_NE(std::strstr(status.message(), "generic"), nullptr) << status.message();
  }
}

TEST(InstructionSet, IsNeverOneThatTheMachineLacks) {
  for (int most = static_cast<int>(instruction_set::generic); most <= static_cast<int>(instruction_set::widest); ++most) {
    const crestmax::backend::cpu backend(static_cast<instruction_set>(most));
    EXPECT_LE(backend.chosen(), crestmax::cpu::machine_set());
    EXPECT_LE(backend.chosen(), backend.most);
  }
}

#if CRESTMAX_X86_SETS && defined(__linux__)
TEST(InstructionSet, AgreesWithTheSystemsListOfFeatures) {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line) && line.rfind("flags", 0) != 0) {}
  ASSERT_FALSE(line.empty());
  line += ' ';
  const auto has = [&](const char* flag) { return line.find(std::string(" ") + flag + ' ') != std::string::npos; };
  const bool bf16 = has("avx512_bf16") && has("avx512bw") && has("avx512dq") && has("avx512vl");
  EXPECT_EQ(crestmax::cpu::machine_set() >= instruction_set::avx512_bf16, bf16);
  // The system may refuse tiles to a process.
  EXPECT_TRUE(crestmax::cpu::machine_set() < instruction_set::amx || (has("amx_tile") && has("amx_bf16")));
}
#endif

#if CRESTMAX_ARM_SETS && defined(__linux__)
TEST(InstructionSet, AgreesWithTheRegisterOfFeatures) {
  std::uint64_t features = 0;  // Linux reads it for a process
  asm("mrs %0, id_aa64isar1_el1" : "=r"(features));
  EXPECT_EQ(crestmax::cpu::machine_set(), (features >> 44 & 15) != 0 ? instruction_set::neon_bf16 : instruction_set::neon);
}
#endif

TEST(InstructionSet, DecidesWhatBrainFloatsAreMultipliedBy) {
  std::vector<crestmax::bfloat16> input(static_cast<std::size_t>(40 * 8), crestmax::to_bfloat16(0.5f)), output(input.size());
  const crestmax::tensor<crestmax::bfloat16> x(input.data(), {1, 40, 1, 8});
  const crestmax::tensor<crestmax::bfloat16> to(output.data(), {1, 40, 1, 8});
  for (int i = static_cast<int>(instruction_set::generic); i <= static_cast<int>(crestmax::cpu::machine_set()); ++i) {
    const auto set = static_cast<instruction_set>(i);
    crestmax::report report;
    const crestmax::backend::cpu backend(set);
    ASSERT_TRUE(crestmax::attention(x, x, x, to, {.report = &report}, backend).ok());
    EXPECT_STREQ(report.instruction_set, name(backend.chosen()));
    const bool pairs = backend.chosen() == instruction_set::neon_bf16 || backend.chosen() >= instruction_set::avx512_bf16;
    EXPECT_STREQ(report.weights, pairs ? "bfloat16" : "float32") << name(set);
  }
}

// A plan of one sequence in memory of its own.
struct plan_in_memory {
  std::vector<std::uint64_t> memory = std::vector<std::uint64_t>(crestmax::plan::bytes(1) / 8);
  crestmax::plan plan;
  const crestmax::plan_header* operator->() const { return plan.operator->(); }
};
template <class Backend>
plan_in_memory plan_of(const crestmax::problem& p, const Backend& backend) {
  plan_in_memory made;
  const crestmax::status s = crestmax::make_plan(p, std::as_writable_bytes(std::span(made.memory)), made.plan, backend);
  EXPECT_TRUE(s.ok()) << s.message();
  return made;
}

TEST(InstructionSet, WorkersOfPairsNeedAtMostTwoMebibytesForHeadsUpTo256) {
  std::vector<crestmax::bfloat16> one(256);
  const auto expect_little = [&](crestmax::index_type d, crestmax::index_type d_v, auto backend) {
    const auto view = [&](crestmax::index_type width) { return crestmax::tensor<crestmax::bfloat16>(one.data(), {1, 100000, 8, width}); };
    const crestmax::problem p = crestmax::problem_of(crestmax::tensors(view(d), view(d), view(d_v), view(d_v)));
    EXPECT_LE(plan_of(p, backend)->workspace.per_worker, std::size_t{2} << 20) << d << ", " << d_v;
  };
  for (const crestmax::index_type d : {16, 64, 80, 96, 128, 160, 192, 256}) {
    for (const crestmax::index_type d_v : {16, 64, 96, 128, 160, 192, 240, 256}) {
      expect_little(d, d_v, crestmax::backend::cpu{});
#if !defined(CRESTMAX_TEST_EMULATED)
      expect_little(d, d_v, tiled_backend{});
#endif
    }
  }
}

TEST(InstructionSet, IsFixedByThePlan) {
  std::vector<float> data(16 * 8, 1.0f);
  std::vector<float> output(16 * 8);
  const crestmax::tensor<float> x(data.data(), {1, 16, 1, 8});
  const crestmax::tensor<float> to(output.data(), {1, 16, 1, 8});
  for (int i = static_cast<int>(instruction_set::generic); i <= static_cast<int>(crestmax::cpu::machine_set()); ++i) {
    const auto set = static_cast<instruction_set>(i);
    if (!crestmax::cpu::machine_has(set)) continue;
    EXPECT_EQ(plan_of(crestmax::problem_of(crestmax::tensors(x, x, x, to)), crestmax::backend::cpu(set))->tiles.kernels, i);
  }
}

TEST(InstructionSet, WorkersNeedAtMostTwoMebibytesForHeadsUpTo256) {
  for (int i = static_cast<int>(instruction_set::generic); i <= static_cast<int>(crestmax::cpu::machine_set()); ++i) {
    std::vector<float> one(256);
    const crestmax::tensor<float> x(one.data(), {1, 100000, 8, 256});
    const crestmax::backend::cpu backend(static_cast<instruction_set>(i));
    EXPECT_LE(plan_of(crestmax::problem_of(crestmax::tensors(x, x, x, x)), backend)->workspace.per_worker, std::size_t{2} << 20);
  }
}

}  // namespace
}  // namespace crestmax_test
