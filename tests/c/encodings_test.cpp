// Encoded keys and values from C: the bits of the same call from C++.
#include <crestmax/backend/cpu/backend.hpp>

#include "broken_call.hpp"
#include "support/encoded_case.hpp"
#include "support/planes_case.hpp"

namespace crestmax_test {
namespace {

crestmax_tensor tensor_of(const crestmax::tensor_view& rows) {
  crestmax_tensor t{};
  t.data = rows.data;
  t.type = type_of(rows.kind);
  std::copy_n(rows.extents.begin(), 4, t.extents);
  std::copy_n(rows.strides.begin(), 4, t.strides);
  return t;
}

crestmax_coding_numbers numbers_of(const crestmax::coding_numbers& n) {
  crestmax_coding_numbers c{};
  if (!n) return c;
  c.data = n.data;
  c.type = type_of(n.kind);
  std::copy_n(n.strides.begin(), 4, c.strides);
  return c;
}

crestmax_coding coding_of(const crestmax::row_coding& r) {
  crestmax_coding c = crestmax_empty_coding();
  c.scales = numbers_of(r.scales);
  c.offsets = numbers_of(r.offsets);
  c.offset = r.offset == crestmax::offset_kind::minimum ? CRESTMAX_MINIMUM : CRESTMAX_ZERO_POINT;
  c.group = r.group;
  c.keys = r.keys;
  c.open = r.open.data;
  c.open_type = type_of(r.open.kind);
  std::copy_n(r.open.strides.begin(), 3, c.open_strides);
  return c;
}

TEST(EncodedCachesFromC, HaveTheBitsOfCpp) {
  for (std::uint64_t seed = 7000; seed < 7000 + static_cast<std::uint64_t>(cases(80)); ++seed) {
    encoded_case e = some_encoded_case(seed, {.most_products = 3e6, .allow_modifiers = false});
    e.plain.wants_lse = false;
    const bool as_integers = seed % 2 == 1;
    e.plain.options.products = as_integers ? crestmax::products::integer : crestmax::products::exact;
    attention_result given;
    given.output = e.plain.output;
    c_call call(e.plain, given);
    const crestmax_coding key_coding = coding_of(e.key.coding), value_coding = coding_of(e.value.coding);
    call.options.key_coding = &key_coding;
    call.options.value_coding = &value_coding;
    call.options.products = as_integers ? CRESTMAX_PRODUCTS_INTEGER : CRESTMAX_PRODUCTS_EXACT;
    crestmax_pages pages = crestmax_empty_pages();
    if (call.tensors.pages != nullptr) {
      pages = *call.tensors.pages;
      pages.key_pages = tensor_of(e.key.view);
      pages.value_pages = tensor_of(e.value.view);
      call.tensors.pages = &pages;
    } else {
      call.tensors.key = tensor_of(e.key.view);
      call.tensors.value = tensor_of(e.value.view);
    }
    size_t bytes = 0;
    crestmax_status status{};
    ASSERT_EQ(crestmax_workspace_bytes(&call.tensors, &call.options, 1, &bytes, &status), CRESTMAX_OK) << status.message;
    aligned_bytes workspace(bytes);
    call.options.workspace = workspace.memory();
    ASSERT_EQ(crestmax_attention(&call.tensors, &call.options, nullptr, &status), CRESTMAX_OK) << status.message;
    const attention_result expected = run_encoded(e, crestmax::backend::cpu());
    given.output.for_each([&](index_type i, index_type j, index_type k, index_type l) {
      const double x = given.output.at(i, j, k, l), y = expected.output.at(i, j, k, l);
      ASSERT_TRUE(x == y || (std::isnan(x) && std::isnan(y))) << "seed " << seed << ": " << x << " instead of " << y;
    });
  }
}

// A tolerance, what it leaves of error, and what the report says of it.
TEST(PlanesFromC, AreReadWithinATolerance) {
  const struct { std::int32_t in_c; crestmax::coverage_mode in_cpp; } coverages[] = {
      {CRESTMAX_WITHIN, crestmax::within(0.01)},
      {CRESTMAX_WITHIN_BOUND, crestmax::within_bound(0.05)},
      {CRESTMAX_WITHIN_BOUND_OF_OUTPUT, crestmax::within_bound_of_output(0.25)}};
  const auto number = [](std::uint64_t part) {
    return [part](index_type b, index_type j, index_type h, index_type k) { return normal_at(part, b, j, h, k); };
  };
  planes_case c({.kv_len = 1500, .kv_heads = 2}, 1, 4, number(1), number(2), number(3));
  const crestmax_coding key_coding = coding_of(c.key.coding()), value_coding = coding_of(c.value.coding());
  for (const auto& coverage : coverages) {
    c.options.coverage = coverage.in_cpp;
    const planes_result expected = run_planes(c);
    ASSERT_TRUE(expected.status.ok()) << expected.status.message();
    std::vector<float> output(expected.output.size()), error(expected.error.size());
    crestmax_options options = crestmax_default_options();
    crestmax_report report = crestmax_empty_report();
    options.coverage = coverage.in_c;
    options.tolerance = coverage.in_cpp.tolerance;
    options.output_error = crestmax_dense_rows(error.data(), CRESTMAX_FLOAT32, 1, 1, 4);
    options.key_coding = &key_coding;
    options.value_coding = &value_coding;
    options.report = &report;
    const crestmax_tensors tensors = crestmax_contiguous(crestmax_dense(c.query.data(), CRESTMAX_FLOAT32, 1, 1, 4, 64), tensor_of(c.key.view()),
                                                         tensor_of(c.value.view()), crestmax_dense_output(output.data(), CRESTMAX_FLOAT32, 1, 1, 4, 64));
    std::size_t bytes = 0;
    crestmax_status status{};
    ASSERT_EQ(crestmax_workspace_bytes(&tensors, &options, 1, &bytes, &status), CRESTMAX_OK) << status.message;
    aligned_bytes workspace(bytes);
    options.workspace = workspace.memory();
    ASSERT_EQ(crestmax_attention(&tensors, &options, nullptr, &status), CRESTMAX_OK) << status.message;
    EXPECT_EQ(output, expected.output);
    EXPECT_EQ(error, expected.error);
    EXPECT_EQ(report.max_output_error, expected.report.max_output_error);
    EXPECT_EQ(report.output_error_kind, static_cast<std::int32_t>(expected.report.output_error_kind));
    EXPECT_EQ(report.keys_refined, expected.report.keys_refined);
    EXPECT_EQ(report.rows_read_on, expected.report.rows_read_on);
    EXPECT_GT(report.max_output_error, 0);
  }
}

TEST_F(BadInputFromC, TolerancesThatAreNoneAreNamed) {
  options.coverage = CRESTMAX_WITHIN;
  for (const double tolerance : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    options.tolerance = tolerance;
    expect_message(crestmax_attention(&tensors, &options, nullptr, &status), CRESTMAX_BAD_OPTION, {"tolerance"});
  }
}

// An encoding is of keys and values alone.
TEST_F(BadInputFromC, QueriesAndOutputsThatAreEncodedAreNamed) {
  tensors.query.type = CRESTMAX_INT8;
  expect_message(crestmax_attention(&tensors, &options, nullptr, &status), CRESTMAX_BAD_OPTION, {"query.type", "13"});
  tensors.query.type = CRESTMAX_FLOAT32;
  tensors.output.type = CRESTMAX_Q8_0;
  expect_message(crestmax_attention(&tensors, &options, nullptr, &status), CRESTMAX_BAD_OPTION, {"output.type", "7"});
}

TEST_F(BadInputFromC, CodingsOfAnotherSizeAreNamed) {
  crestmax_coding coding = crestmax_empty_coding();
  coding.size = 8;
  options.key_coding = &coding;
  expect_message(crestmax_attention(&tensors, &options, nullptr, &status), CRESTMAX_BAD_STRUCT, {"key_coding"});
}

TEST_F(BadInputFromC, OffsetsOfNoKindAreNamed) {
  crestmax_coding coding = crestmax_empty_coding();
  coding.offset = 2;
  options.value_coding = &coding;
  expect_message(crestmax_attention(&tensors, &options, nullptr, &status), CRESTMAX_BAD_OPTION, {"value_coding.offset", "2"});
}

TEST_F(BadInputFromC, ScalesOfNoNumbersAreNamed) {
  crestmax_coding coding = crestmax_empty_coding();
  coding.scales.data = at(0);
  coding.scales.type = CRESTMAX_BYTE;
  options.value_coding = &coding;
  expect_message(crestmax_attention(&tensors, &options, nullptr, &status), CRESTMAX_BAD_OPTION, {"value_coding.scales", "5"});
}

TEST_F(BadInputFromC, PlansOfEncodedKeysAreMade) {
  crestmax_problem problem = crestmax_empty_problem();
  EXPECT_EQ(crestmax_problem_of(&tensors, &options, &problem, &status), CRESTMAX_OK) << status.message;
  problem.key_type = CRESTMAX_INT8;
  std::vector<std::uint64_t> words(crestmax_plan_bytes(batch) / 8 + 1);
  const crestmax_memory plan{words.data(), words.size() * 8};
  EXPECT_EQ(crestmax_make_plan(&problem, &options, plan, &status), CRESTMAX_OK) << status.message;
  problem.output_type = CRESTMAX_INT8;
  expect_message(crestmax_make_plan(&problem, &options, plan, &status), CRESTMAX_BAD_OPTION, {"problem.output_type"});
}

}  // namespace
}  // namespace crestmax_test
