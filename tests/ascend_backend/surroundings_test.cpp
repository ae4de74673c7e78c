// What must not matter to a call on the device, what its report says, and what it refuses.
#include <crestmax/attention.hpp>

#include "both_backends.hpp"

namespace crestmax_test {
namespace {

class DeviceCall : public ::testing::Test {
 protected:
  attention_case c = [] {
    attention_case made = normal_case(
        case_shape{.batch = 2, .q_len = 140, .kv_len = 200, .q_heads = 2, .kv_heads = 1, .d_qk = 64, .d_v = 64}.with_types(
            scalar_kind::float16),
        5);
    made.row_kind = scalar_kind::float32;
    return made;
  }();
  static surroundings on_device() {
    surroundings s;
    s.backend = backend_kind::ascend;
    return s;
  }
};

TEST_F(DeviceCall, GivesTheSameBitsOnAnyNumberOfCores) {
  surroundings s = on_device();
  const attention_result two = run(c, s);
  ASSERT_TRUE(two.status.ok()) << two.status.message();
  for (const int cores : {1, 3, 20}) {
    s.device_cores = cores;
    const attention_result other = run(c, s);
    ASSERT_TRUE(other.status.ok()) << other.status.message();
    EXPECT_EQ(other.output.memory(), two.output.memory()) << cores;
    EXPECT_EQ(other.lse.memory(), two.lse.memory()) << cores;
  }
}

TEST_F(DeviceCall, GivesASequenceTheBitsThatItHasAlone) {
  const attention_result both = run(c, on_device());
  attention_case second = normal_case(
      case_shape{.q_len = 140, .kv_len = 200, .q_heads = 2, .kv_heads = 1, .d_qk = 64, .d_v = 64}.with_types(
          scalar_kind::float16),
      1);
  second.row_kind = scalar_kind::float32;
  const auto copy = [](const test_tensor& from, test_tensor& to) {
    to.for_each([&](index_type, index_type i, index_type h, index_type d) { to.set(0, i, h, d, from.at(1, i, h, d)); });
  };
  copy(c.query, second.query);
  copy(c.key, second.key);
  copy(c.value, second.value);
  const attention_result alone = run(second, on_device());
  ASSERT_TRUE(alone.status.ok()) << alone.status.message();
  alone.output.for_each([&](index_type, index_type i, index_type h, index_type d) {
    ASSERT_EQ(alone.output.at(0, i, h, d), both.output.at(1, i, h, d)) << i << " " << h << " " << d;
  });
}

TEST_F(DeviceCall, TouchesNothingOutsideOfItsMemory) {
  for (const placing where : {placing::before_a_guard_page, placing::after_a_guard_page}) {
    surroundings s = on_device();
    s.memory = where;
    const attention_result result = run(c, s);
    ASSERT_TRUE(result.status.ok()) << result.status.message();
    EXPECT_TRUE(result.outside_is_untouched);
    EXPECT_TRUE(is_exact(c, result, 32));
  }
}

TEST_F(DeviceCall, LeavesWhatLiesBetweenTheRowsOfItsOutputsAlone) {
  attention_case padded = c;
  padded.output = test_tensor(scalar_kind::float16, c.output.extents(), memory_layout::padded_wide);
  const std::vector<std::byte> before = padded.output.memory();
  attention_result result = run(padded, on_device());
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  result.output.for_each([&](index_type a, index_type b, index_type h, index_type d) { result.output.set(a, b, h, d, not_a_number); });
  test_tensor expected = padded.output;
  expected.for_each([&](index_type a, index_type b, index_type h, index_type d) { expected.set(a, b, h, d, not_a_number); });
  EXPECT_EQ(result.output.memory(), expected.memory());
}

TEST_F(DeviceCall, InOneStepGivesTheBitsOfTwo) {
  const attention_result two_steps = run(c, on_device());
  guarded_memory query(c.query.occupied().size(), 32, placing::after_a_guard_page);
  guarded_memory key(c.key.occupied().size(), 32, placing::after_a_guard_page);
  guarded_memory value(c.value.occupied().size(), 32, placing::after_a_guard_page);
  guarded_memory output(c.output.occupied().size(), 32, placing::after_a_guard_page);
  guarded_memory workspace(std::size_t{4} << 20, 64, placing::after_a_guard_page);
  const auto filled = [](guarded_memory& m, const test_tensor& t) {
    std::memcpy(m.bytes().data(), t.occupied().data(), t.occupied().size());
    return crestmax::tensor<crestmax::float16>{reinterpret_cast<crestmax::float16*>(m.bytes().data()), t.extents()};
  };
  crestmax::options options;
  options.workspace = workspace.bytes();
  crestmax::report report;
  options.report = &report;
  const crestmax::status s = crestmax::attention(filled(query, c.query), filled(key, c.key), filled(value, c.value),
                                                 filled(output, c.output), options, crestmax::no_modifiers{},
                                                 ascend_on_the_model());
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_STREQ(report.backend, "ascend");
  EXPECT_EQ(std::memcmp(output.bytes().data(), two_steps.output.occupied().data(), output.bytes().size()), 0);
}

TEST_F(DeviceCall, ReportsWhatItRanOnAndRead) {
  const attention_result result = run(c, on_device());
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  EXPECT_STREQ(result.report.backend, "ascend");
  EXPECT_STREQ(result.report.instruction_set, "dav-2201");
  EXPECT_STREQ(result.report.weights, "float16");
  EXPECT_EQ(result.report.rows, 2 * 140 * 2);
  EXPECT_EQ(result.report.pairs_visible, 2 * 140 * 2 * 200);
  // Every query tile (two per head and sequence) sweeps all keys and values; its crest is scored before.
  EXPECT_GE(result.report.bytes_read, 8 * 200 * 2 * 64 * 2);
  EXPECT_EQ(result.report.rows_corrected, 0);
}

TEST_F(DeviceCall, CountsTheBytesThatTheModelSaw) {
  c.wants_lse = false;
  const attention_result result = run(c, on_device());
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  auto& counted = last_launches().last.counters;
  const std::uint64_t query_bytes = 2 * 140 * 2 * 64 * 2;
  // What goes to L1 is queries, keys, values and weights; the report has keys and values.
  EXPECT_LE(static_cast<std::uint64_t>(result.report.bytes_read) + query_bytes, counted["bytes GM->L1"]);
}

TEST_F(DeviceCall, IsOneLaunch) {
  const int before = last_launches().launches;
  run(c, on_device());
  EXPECT_EQ(last_launches().launches, before + 1);
}

TEST_F(DeviceCall, OffAlignmentIsRefused) {
  surroundings s = on_device();
  s.memory = placing::off_alignment;
  const attention_result result = run(c, s);
  EXPECT_EQ(result.status.code, crestmax::status_code::misaligned) << result.status.message();
  EXPECT_EQ(result.output.memory(), c.output.memory());
}

TEST_F(DeviceCall, WithRowsThatAreNot32BytesApartIsRefused) {
  c.key = c.key.copy(scalar_kind::float16, memory_layout::padded);
  surroundings s = on_device();
  s.memory = placing::after_a_guard_page;
  const attention_result result = run(c, s);
  EXPECT_EQ(result.status.code, crestmax::status_code::bad_stride) << result.status.message();
  EXPECT_EQ(result.output.memory(), c.output.memory());
}

TEST_F(DeviceCall, FromPagesIsRefused) {
  const attention_result result = run(paged(c, 16, false, 1), on_device());
  EXPECT_EQ(result.status.code, crestmax::status_code::unsupported) << result.status.message();
}

TEST_F(DeviceCall, WithWeightsOfFloat32IsRefused) {
  c.options.weights = crestmax::weight_type::float32;
  EXPECT_EQ(run(c, on_device()).status.code, crestmax::status_code::unsupported);
}

TEST_F(DeviceCall, OnTheSecondGenerationIsExact) {
  surroundings s = on_device();
  s.device = 3510;
  const attention_result result = run(c, s);
  EXPECT_TRUE(is_exact(c, result, 64));
  EXPECT_STREQ(result.report.instruction_set, "dav-3510");
}

}  // namespace
}  // namespace crestmax_test
