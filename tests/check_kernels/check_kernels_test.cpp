// Every entry of every table that the machine can execute, against plain C++: see entries.hpp.
#include "entries.hpp"

namespace crestmax_test {
namespace {

using crestmax::cpu::kernel_table;

// One entry of one table, in float and in double where there are both.
struct kernel_under_check {
  table_under_test of;
  std::string name;
  std::function<std::string()> complaint;
};
void PrintTo(const kernel_under_check& k, std::ostream* to) { *to << k.name << " of " << k.of.name; }
std::string name_of_kernel(const ::testing::TestParamInfo<kernel_under_check>& info) {
  return std::string(info.param.of.name) + "_" + info.param.name;
}

std::vector<kernel_under_check> every_kernel() {
  std::vector<kernel_under_check> kernels;
  const auto add = [&](const table_under_test& table, const auto& is_wanted) {
    const auto doubles = every_entry<double>();
    std::size_t number = 0;
    for (const auto& e : every_entry<float>()) {
      const auto& of_double = doubles[number++];
      if (!is_wanted(e.of) || !e.is_there(*table.table)) continue;
      const bool in_double = table.of_double != nullptr && of_double.is_there(*table.of_double);
      kernels.push_back({table, e.name, [=] {
                           const std::string complaint = e.complaint(*table.table);
                           return complaint.empty() && in_double ? of_double.complaint(*table.of_double) : complaint;
                         }});
    }
  };
  for (const table_under_test& table : every_table()) add(table, [](factors of) { return of == factors::numbers; });
  for (const table_under_test& table : every_table_of_pairs()) {
    const bool tiles = table.tiles || table.planned_for == crestmax::instruction_set::amx;
    add(table, [=](factors of) { return of == (tiles ? factors::tiles : factors::pairs); });
  }
  return kernels;
}

class Kernels : public ::testing::TestWithParam<kernel_under_check> {};
INSTANTIATE_TEST_SUITE_P(Tables, Kernels, ::testing::ValuesIn(every_kernel()), name_of_kernel);

TEST_P(Kernels, DoWhatPlainCppDoesAndTouchNothingElse) {
  if (!GetParam().of.runs_here()) GTEST_SKIP() << "[note] not executed: this machine has no " << GetParam().of.name;
  EXPECT_EQ(GetParam().complaint(), "");
}

// A function of the table that no entry of the list makes idle is one that nobody checks. What of a table is no function stands first.
template <class T>
void expect_every_function_to_be_listed() {
  using table = kernel_table<T>;
  using packed = crestmax::cpu::packed_kernels<T>;
  using slot = void (*)();
  constexpr std::size_t sizes = sizeof(crestmax::cpu::kernel_sizes<T>);
  static_assert(sizeof(table) % sizeof(slot) == 0 && sizes % sizeof(slot) == 0);
  table before{}, after{};
  for (const auto& e : every_entry<T>()) e.make_idle(after);
  std::size_t idle = 0;
  for (std::size_t at = sizes; at < sizeof(table); at += sizeof(slot)) {
    idle += std::memcmp(reinterpret_cast<const char*>(&before) + at, reinterpret_cast<const char*>(&after) + at, sizeof(slot)) != 0;
  }
  const std::size_t no_functions = sizes + 3 * offsetof(packed, next_group);
  EXPECT_EQ(idle * sizeof(slot), sizeof(table) - no_functions);
}
TEST(ListOfKernels, HasEveryFunctionOfTheTable) {
  expect_every_function_to_be_listed<float>();
  expect_every_function_to_be_listed<double>();
}

#if !defined(CRESTMAX_TEST_EMULATED)
template <class T>
void expect_idle_kernels_to_be_found(const kernel_table<T>& filled, factors of) {
  for (const auto& e : every_entry<T>()) {
    if (e.of != of || !e.is_there(filled)) continue;
    kernel_table<T> table = filled;
    e.make_idle(table);
    EXPECT_NE(e.complaint(table), "") << e.name << " that does nothing is not found to";
    if (of == factors::tiles) filled.close_tiles();
  }
}
TEST(ChecksOfKernels, FindAKernelThatDoesNothing) {
  expect_idle_kernels_to_be_found(crestmax::cpu::portable::kernels::table<float>(), factors::numbers);
  expect_idle_kernels_to_be_found(crestmax::cpu::portable::kernels::table<double>(), factors::numbers);
  expect_idle_kernels_to_be_found(crestmax::cpu::portable::kernels::table<float>(), factors::pairs);
  expect_idle_kernels_to_be_found(crestmax::cpu::tiled::table_on_tiles(), factors::tiles);
}
#endif

}  // namespace
}  // namespace crestmax_test
