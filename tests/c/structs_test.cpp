// Structs that grow: what an older or a newer caller hands over.
#include <crestmax/c/read.hpp>

#include "broken_call.hpp"

namespace crestmax_test {

// A struct as it is here, and as a later version has it.
struct grown {
  std::size_t size;
  std::int64_t old_member;
  std::int64_t new_member;
};

}  // namespace crestmax_test

template <>
inline constexpr std::size_t crestmax::c::first_size<crestmax_test::grown> = 16;

namespace crestmax_test {
namespace {

using crestmax::status_code;

const grown* read(const grown& given, grown& larger, crestmax::status& why) {
  return crestmax::c::read_struct("grown", &given, larger, [](grown& g) { g = {sizeof(grown), 3, 7}; }, why);
}

TEST(GrownStruct, OfAnOlderCallerHasDefaultsBehind) {
  const grown given{16, 5, 1234};
  grown larger;
  crestmax::status why;
  const grown* const result = read(given, larger, why);
  ASSERT_NE(result, nullptr) << why.message();
  EXPECT_EQ(result->old_member, 5);
  EXPECT_EQ(result->new_member, 7);
}

TEST(GrownStruct, OfThisVersionIsReadWhereItIs) {
  const grown given{sizeof(grown), 5, 6};
  grown larger;
  crestmax::status why;
  EXPECT_EQ(read(given, larger, why), &given) << why.message();
}

TEST(GrownStruct, SmallerThanItEverWasIsRefused) {
  const grown given{8, 5, 6};
  grown larger;
  crestmax::status why;
  EXPECT_EQ(read(given, larger, why), nullptr);
  EXPECT_EQ(why.code, status_code::bad_struct);
  EXPECT_NE(std::string(why.message()).find("grown"), std::string::npos) << why.message();
}

TEST(GrownStruct, OfAnOlderCallerIsWrittenAsFarAsItGoes) {
  grown to{16, 1, 2};
  crestmax::c::write_struct(grown{0, 10, 20}, &to);
  EXPECT_EQ(to.size, 16u);
  EXPECT_EQ(to.old_member, 10);
  EXPECT_EQ(to.new_member, 2);
}

// What has been handed over once is not moved: members are added behind the last one, and first_size keeps these numbers.
TEST(StructsOfC, HaveTheSizesThatTheyHadFirst) {
  if (sizeof(void*) != 8) GTEST_SKIP() << "the numbers are of 64-bit targets";
  EXPECT_EQ(crestmax::c::first_size<crestmax_options>, 480u);
  EXPECT_EQ(crestmax::c::first_size<crestmax_tensors>, 336u);
  EXPECT_EQ(crestmax::c::first_size<crestmax_pages>, 288u);
  EXPECT_EQ(crestmax::c::first_size<crestmax_modifier>, 176u);
  EXPECT_EQ(crestmax::c::first_size<crestmax_report>, 184u);
  EXPECT_EQ(crestmax::c::first_size<crestmax_problem>, 88u);
  EXPECT_EQ(crestmax::c::first_size<crestmax_plan_facts>, 64u);
  EXPECT_EQ(crestmax::c::first_size<crestmax_positions>, 72u);
  EXPECT_EQ(crestmax::c::first_size<crestmax_coding>, 168u);
  EXPECT_EQ(crestmax::c::first_size<crestmax_written_cache>, 112u);
  EXPECT_EQ(crestmax::c::first_size<crestmax_new_rows>, 120u);
  EXPECT_EQ(sizeof(crestmax_status), 248u);
}

// The options of a header that has one member more.
struct newer_options {
  crestmax_options known;
  std::int64_t unknown;
};

class StructOfAnotherVersion : public BadInputFromC {
 protected:
  crestmax_code call_with(newer_options& o) {
    o.known.size = sizeof o;
    return crestmax_attention(&tensors, &o.known, nullptr, &status);
  }
};

TEST_F(StructOfAnotherVersion, WithZerosBehindWhatIsKnownIsAccepted) {
  newer_options newer{options, 0};
  EXPECT_EQ(call_with(newer), CRESTMAX_OK) << status.message;
}

TEST_F(StructOfAnotherVersion, ThatAsksForWhatIsUnknownIsRefused) {
  newer_options newer{options, 1};
  expect_message(call_with(newer), CRESTMAX_BAD_STRUCT, {"options"});
}

TEST_F(StructOfAnotherVersion, WithoutASizeIsRefused) {
  crestmax_report report{};
  using crestmax::c::first_size;
  const struct { std::size_t* size; std::size_t first; const char* name; } structs[] = {{&tensors.size, first_size<crestmax_tensors>, "tensors"},
                                                                                       {&options.size, first_size<crestmax_options>, "options"},
                                                                                       {&modifier.size, first_size<crestmax_modifier>, "modifiers"},
                                                                                       {&report.size, first_size<crestmax_report>, "options.report"}};
  options.report = &report;
  report.size = sizeof report;
  for (const auto& s : structs) {
    for (const std::size_t bad : {std::size_t{0}, s.first - 1, SIZE_MAX}) {
      const std::size_t kept = std::exchange(*s.size, bad);
      expect_refusal(CRESTMAX_BAD_STRUCT, {s.name});
      *s.size = kept;
    }
  }
  take_pages();
  pages.size = 0;
  expect_refusal(CRESTMAX_BAD_STRUCT, {"pages"});
}

TEST_F(StructOfAnotherVersion, OfAnOlderModifierIsReadAsFarAsItGoes) {
  modifier = crestmax_causal();
  modifier.size = crestmax::c::first_size<crestmax_modifier>;
  modifier.first_key = -1;
  EXPECT_EQ(call(), CRESTMAX_OK) << status.message;
}

TEST_F(StructOfAnotherVersion, StandsInAListAsFarApartAsItsSizeSays) {
  struct newer_modifier {
    crestmax_modifier known;
    std::int64_t unknown;
  } list[2] = {{crestmax_soft_cap(-1), 0}, {crestmax_causal(), 0}};
  list[0].known.size = list[1].known.size = sizeof list[0];
  options.modifiers = &list[0].known;
  options.modifier_count = 2;
  expect_refusal(CRESTMAX_BAD_OPTION, {"soft_cap.cap"});
  list[0].known.cap = 20;
  EXPECT_EQ(call(), CRESTMAX_OK) << status.message;
  list[1].known.size = sizeof(crestmax_modifier);
  expect_refusal(CRESTMAX_BAD_STRUCT, {"modifiers, entry 1"});
}

TEST_F(StructOfAnotherVersion, OfAnOlderCallerGetsItsReportAsFarAsItGoes) {
  struct newer_report {
    crestmax_report known;
    std::int64_t unknown;
  } report{{}, -1};
  report.known.size = sizeof report;
  options.report = &report.known;
  ASSERT_EQ(call(), CRESTMAX_OK) << status.message;
  EXPECT_EQ(report.known.size, sizeof report);
  EXPECT_EQ(report.known.rows, batch * q_len * q_heads);
  EXPECT_EQ(report.unknown, 0);
}

TEST(OptionsInit, WritesTheDefaultsToAsManyBytesAsThereAre) {
  newer_options newer{};
  newer.unknown = 5;
  crestmax_options_init(&newer.known, sizeof newer);
  EXPECT_EQ(newer.known.size, sizeof newer);
  EXPECT_EQ(newer.known.stride, 16);
  EXPECT_EQ(newer.unknown, 0);
  crestmax_options older{};
  older.diagnostics = 77;
  crestmax_options_init(&older, offsetof(crestmax_options, diagnostics));
  EXPECT_EQ(older.size, offsetof(crestmax_options, diagnostics));
  EXPECT_EQ(older.windows, 8);
  EXPECT_EQ(older.diagnostics, 77);
  crestmax_options_init(nullptr, sizeof older);
}

}  // namespace
}  // namespace crestmax_test
