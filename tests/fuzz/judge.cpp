#include "judge.hpp"

#include <sstream>

#include "support/contract.hpp"
#include "support/oracle.hpp"

namespace crestmax_test {
namespace {

// Every name that a status may begin with.
constexpr char every_argument[] =
    " query key value output lse row_max dropped_mass workspace plan key_pages value_pages block_table table_stride "
    "page_offsets query_offsets key_offsets query_lengths key_lengths batch q_len kv_len q_heads kv_heads d_qk d_v head_dim "
    "softmax.kind softmax.coarse coverage.kind coverage weights stride radius windows first_keys nearest_keys margin threshold "
    "tau scale guard_limit lipschitz tiles.query_block tiles.key_tile tiles.splits alibi.slopes soft_cap.cap "
    "attention_sinks.logits additive_bias boolean_mask ";

template <class... Parts>
std::string text_of(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

constexpr index_type most_rows = 20;  // that are held against the oracle

// How far the arithmetic of a row's scores may move its LSE and its maximum: a product's rounding, at the size of its terms.
double score_slack(const attention_case& c, const row_place& r, const head_inputs& in, const oracle_row& truth) {
  const std::vector<double> query = query_row(c, r);
  double largest = 0;
  for (index_type j = 0; j < in.kv_len; ++j) {
    if (!truth.visible[static_cast<std::size_t>(j)]) continue;
    double terms = 0;
    for (std::size_t k = 0; k < query.size(); ++k) terms += std::fabs(query[k] * in.key_row(j)[k]);
    largest = std::max(largest, terms);
  }
  const double rounding = c.computes_in_double() ? 1e-14 : 4e-6;
  return rounding * (1 + std::fabs(c.scale()) * largest + std::fabs(truth.max) + std::fabs(truth.lse));
}

std::string trouble_with_dropped_row(const fuzz_case& f, const attention_result& r, const row_place& row, const head_inputs& in) {
  const attention_case& c = f.call;
  const oracle_row truth = oracle_of(c, row, in);
  const double mass = result_at(r.dropped_mass, row);
  // A visible NaN poisons the row only where its tile is read.
  if (std::isnan(truth.lse)) return {};
  if (!(mass >= 0 && mass <= 1)) return text_of("a dropped mass of ", mass);
  const double slack = score_slack(c, row, in, truth) + half_ulp(c.row_kind, 1.0) +
                       (std::isfinite(truth.lse) ? half_ulp(c.row_kind, truth.lse) : 0);
  const bool is_above = c.options.coverage.kind == crestmax::coverage_kind::above;
  const bool is_bound = is_above || f.vouches_for_lipschitz;
  const double lse = result_at(r.lse, row);
  if (c.wants_lse && truth.lse != -infinity) {
    if (!(lse <= truth.lse + 2 * slack)) return text_of("an lse of ", lse, " above the truth, ", truth.lse);
    const double dropped = 1 - std::exp(lse - truth.lse);
    const double bound = is_above ? mass : r.report.max_dropped_mass;
    if (is_bound && dropped > bound + 4 * slack + 1e-12) {
      return text_of("dropped ", dropped, " by its lse, at most ", bound, " by its bound");
    }
  }
  const double rounding = c.output.kind() == scalar_kind::float64 ? 0 : 2 * half_ulp(c.output.kind(), truth.value_max);
  const double weights = 0x1p-7;  // of 16 bits: a sum of them may be off by this share
  const double reach = is_above ? 2 * mass * truth.value_max + (weights + 8 * slack) * truth.value_max + rounding : infinity;
  for (index_type k = 0; k < c.d_v(); ++k) {
    const double given = result_at(r.output, row, k);
    if (!(std::fabs(given) <= truth.value_max * (1 + weights) + rounding + 0x1p-126)) {
      return text_of("an output of ", given, " from values of at most ", truth.value_max);
    }
    const double expected = truth.output[static_cast<std::size_t>(k)];
    if (std::fabs(given - expected) > reach) return text_of("an output of ", given, " for ", expected, ", dropped mass ", mass);
  }
  return {};
}

std::string trouble_with_maxima(const attention_case& c, const attention_result& r, const row_place& row, const head_inputs& in) {
  const oracle_row truth = oracle_of(c, row, in);
  const double given = result_at(r.row_max, row);
  if (std::isnan(truth.max)) return {};
  const double slack = score_slack(c, row, in, truth);
  if (given == truth.max || std::fabs(given - truth.max) <= 2 * slack + half_ulp(c.row_kind, truth.max)) return {};
  return text_of("a row_max of ", given, " for ", truth.max);
}

std::string trouble_with_exactness(const attention_case& c, const attention_result& r) {
  const accuracy a = measure(c, r, some_rows(c, most_rows));
  // Among so many calls some are unlucky in double, whose plain formula may be off by nothing at all.
  const double luck = c.computes_in_double() ? 5e-13 : 0;
  if (!a.trouble.empty()) return a.trouble;
  if (a.error > a.allowed + luck * a.value_max) return text_of("an output off by ", a.error, ", allowed are ", a.allowed);
  if (a.lse_excess > 2 * a.plain_lse_error + luck) {
    return text_of("an lse off by ", a.lse_error, ", more than allowed by ", a.lse_excess);
  }
  return {};
}

std::string trouble_with_report(const attention_case& c, const attention_result& r) {
  const auto rows = static_cast<index_type>(rows_of(c).size());
  const crestmax::report& report = r.report;
  if (report.rows != rows) return text_of("a report of ", report.rows, " rows instead of ", rows);
  // A row is counted in each split of its keys.
  constexpr index_type most_splits = 64;
  if (report.rows_corrected < 0 || report.rows_corrected > rows * most_splits) return text_of(report.rows_corrected, " rows corrected");
  if (!(report.max_dropped_mass >= 0 && report.max_dropped_mass <= 1)) {
    return text_of("a max_dropped_mass of ", report.max_dropped_mass);
  }
  return {};
}

}  // namespace

std::string trouble_with_refusal(const crestmax::status& s, const fault& f) {
  if (s.ok()) return text_of("is accepted: ", f.name);
  const std::string message = s.message();
  const std::string argument = message.substr(0, message.find_first_of(" ,:"));
  const std::string among = f.arguments[0] == '*' ? every_argument : f.arguments;
  if (!argument.empty() && among.find(' ' + argument + ' ') != std::string::npos) return {};
  return text_of("the status of '", f.name, "' names another argument: ", message);
}

std::string trouble_between_rows(const attention_case& c, const attention_result& r) {
  if (!r.outside_is_untouched) return "memory beside an output was written";
  const std::vector<row_place> rows = rows_of(c);
  const auto check = [&](const test_tensor& t, bool wanted) {
    if (!wanted) return true;
    std::vector<std::byte> left = t.memory();
    std::byte* const first = left.data() + (t.view<std::byte>().data - t.memory().data());
    const index_type size = bytes_of(t.kind());
    for (const row_place& row : rows) {
      const index_type place = row.sequence.query_batch * t.strides()[0] +
                               (row.sequence.query_begin + row.query) * t.strides()[1] + row.head * t.strides()[2];
      std::fill_n(first + place * size, t.extent(3) * size, std::byte{0xff});
    }
    return std::all_of(left.begin(), left.end(), [](std::byte b) { return b == std::byte{0xff}; });
  };
  if (!check(r.output, true)) return "memory between the output's rows was written";
  if (!check(r.lse, c.wants_lse)) return "memory between the rows of lse was written";
  if (!check(r.row_max, c.wants_row_max)) return "memory between the rows of row_max was written";
  if (!check(r.dropped_mass, c.wants_dropped_mass)) return "memory between the rows of dropped_mass was written";
  return {};
}

std::string trouble_with_result(const fuzz_case& f, const attention_result& r) {
  const attention_case& c = f.call;
  if (!r.status.ok()) return text_of("a valid call is refused: ", r.status.message());
  std::string trouble = trouble_between_rows(c, r);
  if (trouble.empty()) trouble = trouble_with_report(c, r);
  if (!trouble.empty()) return trouble;
  const bool is_whole = c.options.coverage.kind == crestmax::coverage_kind::everything;
  if (is_whole) trouble = trouble_with_exactness(c, r);
  if (!trouble.empty()) return trouble;
  if (is_whole && !c.wants_row_max) return {};
  for (const row_place& row : some_rows(c, most_rows)) {
    const head_inputs in(c, row.sequence, row.head / c.group());
    if (!is_whole) trouble = trouble_with_dropped_row(f, r, row, in);
    if (trouble.empty() && c.wants_row_max) trouble = trouble_with_maxima(c, r, row, in);
    if (!trouble.empty()) return trouble;
  }
  return {};
}

}  // namespace crestmax_test
