// What the library says of itself and of the machine.
#include <crestmax/backend/cpu/backend.hpp>

#include "broken_call.hpp"

namespace crestmax_test {
namespace {

TEST(QueriesFromC, TellTheVersion) {
  const std::string text = std::to_string(CRESTMAX_VERSION_MAJOR) + "." + std::to_string(CRESTMAX_VERSION_MINOR) + "." +
                           std::to_string(CRESTMAX_VERSION_PATCH);
  EXPECT_EQ(crestmax_version(), text);
  EXPECT_EQ(crestmax_version_number(), 10000 * CRESTMAX_VERSION_MAJOR + 100 * CRESTMAX_VERSION_MINOR + CRESTMAX_VERSION_PATCH);
}

TEST(QueriesFromC, NameEveryCode) {
  EXPECT_STREQ(crestmax_name_of_status(CRESTMAX_OK), "ok");
  EXPECT_STREQ(crestmax_name_of_status(CRESTMAX_MISALIGNED), "misaligned");
  EXPECT_STREQ(crestmax_name_of_status(CRESTMAX_BAD_STRUCT), "bad_struct");
  EXPECT_STREQ(crestmax_name_of_status(CRESTMAX_BAD_STRUCT + 1), "unknown");
  EXPECT_STREQ(crestmax_name_of_status(-1), "unknown");
}

TEST(QueriesFromC, NameEveryType) {
  const char* const names[] = {"unknown", "float32", "float64", "float16", "bfloat16", "byte", "word", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "iq4_nl",
                               "int8", "uint8", "uint4", "float8_e4m3", "float8_e5m2", "planes16", "unknown"};
  for (int32_t type = 0; type < 20; ++type) EXPECT_STREQ(crestmax_name_of_type(type), names[type]);
}

TEST(QueriesFromC, NameEveryInstructionSet) {
  const char* const names[] = {"any", "generic", "neon", "neon_bf16", "avx2", "avx512", "avx512_bf16", "amx", "unknown"};
  for (int32_t set = 0; set < 9; ++set) EXPECT_STREQ(crestmax_name_of_instruction_set(set), names[set]);
  EXPECT_STREQ(crestmax_name_of_instruction_set(-1), "unknown");
}

TEST(QueriesFromC, TellTheSetsOfTheMachine) {
  EXPECT_STREQ(crestmax_name_of_instruction_set(crestmax_widest_instruction_set()), crestmax::name(crestmax::backend::cpu{}.chosen()));
  EXPECT_EQ(crestmax_has_instruction_set(CRESTMAX_SET_ANY), 1);
  EXPECT_EQ(crestmax_has_instruction_set(CRESTMAX_SET_GENERIC), 1);
  EXPECT_EQ(crestmax_has_instruction_set(crestmax_widest_instruction_set()), 1);
  EXPECT_EQ(crestmax_has_instruction_set(-1), 0);
  EXPECT_EQ(crestmax_has_instruction_set(CRESTMAX_SET_AMX + 1), 0);
  EXPECT_EQ(crestmax_has_instruction_set(CRESTMAX_SET_NEON) + crestmax_has_instruction_set(CRESTMAX_SET_AVX2) < 2, true);
}

}  // namespace
}  // namespace crestmax_test
