// The fuzzer's body on bytes that are the same everywhere; `tests/run fuzz` runs it on bytes that libFuzzer looks for.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "body.hpp"
#include "judge.hpp"
#include "placed_call.hpp"
#include "support/make_case.hpp"
#include "support/random.hpp"

namespace crestmax_test {
namespace {

std::vector<std::uint8_t> random_bytes(std::uint64_t seed) {
  random_source random(seed);
  std::vector<std::uint8_t> bytes(96);
  for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(random.integer(0, 255));
  return bytes;
}

// Four tests, to be run side by side.
class Fuzz : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Fuzz, EveryCallIsRefusedByNameOrDoesAsItPromises) {
  fuzz_statistics statistics;
  const auto count = static_cast<std::uint64_t>(cases(1500));
  for (std::uint64_t seed = GetParam(); seed < GetParam() + count; ++seed) {
    const std::string trouble = trouble_of(random_bytes(seed), statistics);
    EXPECT_TRUE(trouble.empty()) << "seed " << seed << ": " << trouble;
  }
  // Calls that are all refused at the first look would find nothing, nor would calls that nothing is wrong with.
  EXPECT_GT(2 * statistics.valid, static_cast<index_type>(count));
  EXPECT_GT(8 * statistics.refused, static_cast<index_type>(count));
}

INSTANTIATE_TEST_SUITE_P(FromSeed, Fuzz, ::testing::Values(0, 100000, 200000, 300000),
                         [](const auto& test) { return std::to_string(test.param); });

TEST(FuzzCorpus, IsRefusedByNameOrDoesAsItPromises) {
  fuzz_statistics statistics;
  index_type files = 0;
  for (const auto& file : std::filesystem::directory_iterator(CRESTMAX_FUZZ_CORPUS)) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const std::string trouble = trouble_of(bytes, statistics);
    EXPECT_TRUE(trouble.empty()) << file.path() << ": " << trouble;
    ++files;
  }
  EXPECT_GT(files, 0);
}

// A fault that no call can have would never be seen to be refused.
TEST(FuzzFaults, AreAllMade) {
  std::map<std::string, index_type> times;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const std::vector<std::uint8_t> bytes = random_bytes(seed);
    fuzz_bytes b(bytes);
    const fuzz_case f = make_fuzz_case(b);
    for (const fault& each : every_fault()) {
      placed_call placed(f);
      placed.give_workspace(4096);
      times[each.name] += each.apply(placed.raw(), b);
    }
  }
  for (const fault& each : every_fault()) EXPECT_GT(times[each.name], 0) << each.name;
}

attention_result some_result(fuzz_case& f) {
  f.call = normal_case({.batch = 2, .q_len = 3, .kv_len = 20, .layout = memory_layout::padded}, 1);
  placed_call placed(f);
  return placed.result(call(placed.raw()));
}

TEST(FuzzJudge, AcceptsWhatIsRight) {
  fuzz_case f;
  const attention_result r = some_result(f);
  EXPECT_EQ(trouble_with_result(f, r), "");
}

TEST(FuzzJudge, SeesAWrongOutput) {
  fuzz_case f;
  attention_result r = some_result(f);
  r.output.set(1, 2, 0, 3, r.output.at(1, 2, 0, 3) + 1e-3);
  EXPECT_NE(trouble_with_result(f, r), "");
}

TEST(FuzzJudge, SeesAWriteBetweenRows) {
  fuzz_case f;
  attention_result r = some_result(f);
  r.output.memory()[0] = std::byte{0};
  EXPECT_NE(trouble_with_result(f, r), "");
}

TEST(FuzzJudge, SeesAWrittenOutputOfARefusedCall) {
  fuzz_case f;
  f.call = normal_case({.q_len = 3, .kv_len = 20}, 1);
  placed_call placed(f);
  EXPECT_TRUE(placed.outputs_are_untouched());
  placed.raw().output.data[5] = std::byte{0};
  EXPECT_FALSE(placed.outputs_are_untouched());
}

TEST(FuzzJudge, WantsAStatusThatNamesTheArgument) {
  const fault f{"query is null", " query ", nullptr};
  const auto said = [](const char* text) {
    crestmax::status s{crestmax::status_code::null_pointer, {}};
    std::strncpy(s.text, text, sizeof s.text - 1);
    return s;
  };
  EXPECT_EQ(trouble_with_refusal(said("query: expected a pointer, given null"), f), "");
  EXPECT_NE(trouble_with_refusal(said("key: expected a pointer, given null"), f), "");
  EXPECT_NE(trouble_with_refusal(said(""), f), "");
  EXPECT_NE(trouble_with_refusal(crestmax::status{}, f), "");
}

}  // namespace
}  // namespace crestmax_test
