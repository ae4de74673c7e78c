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

TEST(GrownStruct, OfAnOlderCallerHasDefaultsBehind) {
  const grown given{16, 5, 1234};
  grown result{sizeof(grown), 0, 7};
  const crestmax::status s = crestmax::c::read_struct("grown", &given, result);
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(result.old_member, 5);
  EXPECT_EQ(result.new_member, 7);
}

TEST(GrownStruct, OfThisVersionIsReadWhole) {
  const grown given{sizeof(grown), 5, 6};
  grown result{sizeof(grown), 0, 7};
  ASSERT_TRUE(crestmax::c::read_struct("grown", &given, result).ok());
  EXPECT_EQ(result.new_member, 6);
}

TEST(GrownStruct, SmallerThanItEverWasIsRefused) {
  const grown given{8, 5, 6};
  grown result{};
  const crestmax::status s = crestmax::c::read_struct("grown", &given, result);
  EXPECT_EQ(s.code, status_code::bad_struct);
  EXPECT_NE(std::string(s.message()).find("grown"), std::string::npos) << s.message();
}

TEST(GrownStruct, OfAnOlderCallerIsWrittenAsFarAsItGoes) {
  grown to{16, 1, 2};
  crestmax::c::write_struct(grown{0, 10, 20}, &to);
  EXPECT_EQ(to.size, 16u);
  EXPECT_EQ(to.old_member, 10);
  EXPECT_EQ(to.new_member, 2);
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
  const struct { std::size_t* size; const char* name; } structs[] = {
      {&tensors.size, "tensors"}, {&options.size, "options"}, {&modifier.size, "modifiers"}, {&report.size, "options.report"}};
  options.report = &report;
  report.size = sizeof report;
  for (const auto& s : structs) {
    for (const std::size_t bad : {std::size_t{0}, *s.size - 1, SIZE_MAX}) {
      const std::size_t kept = std::exchange(*s.size, bad);
      expect_refusal(CRESTMAX_BAD_STRUCT, {s.name});
      *s.size = kept;
    }
  }
  take_pages();
  pages.size = 0;
  expect_refusal(CRESTMAX_BAD_STRUCT, {"pages"});
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
