#include "contract.hpp"

#include <map>
#include <sstream>
#include <string_view>

#include "plain_formula.hpp"

namespace crestmax_test {
namespace {

std::string at_row(const row_place& r) {
  std::ostringstream text;
  text << " at sequence " << r.sequence.number << ", query " << r.query << ", head " << r.head;
  return text.str();
}

// Notes a difference that no tolerance covers; keeps the first.
void note(accuracy& a, const row_place& r, const char* what, double expected, double given) {
  if (!a.trouble.empty()) return;
  std::ostringstream text;
  text << what << at_row(r) << ": expected " << expected << ", given " << given;
  a.trouble = text.str();
}

// The contract's slack is meant for float; double arithmetic is held to its own precision.
double slack_of(const attention_case& c) { return c.computes_in_double() ? 1e-13 : 1e-6; }

// What a call rounded its weights to: the planner may have chosen bfloat16, and devices round to the type of values.
crestmax::weight_type weights_of(const attention_case& c, const attention_result& result) {
  if (c.options.weights != crestmax::weight_type::planner) return c.options.weights;
  const std::string_view name = result.report.weights;
  return name == "bfloat16"  ? crestmax::weight_type::bfloat16
         : name == "float16" ? crestmax::weight_type::float16
                             : crestmax::weight_type::float32;
}

bool same_special(double x, double y) { return (std::isnan(x) && std::isnan(y)) || x == y; }

void compare_row(const attention_case& c, const attention_result& result, const row_place& r,
                 const head_inputs& in, bool few_rows, accuracy& a) {
  const crestmax::weight_type weights = weights_of(c, result);
  const oracle_row truth = oracle_of(c, r, in);
  const plain_row plain = plain_formula_of(c, r, in, weights);
  // Other orders of the same sums; more of them where few rows make luck likelier.
  std::vector<plain_row> others{plain_formula_of(c, r, in, weights, {0, true})};
  if (few_rows) {
    others.push_back(plain_formula_of(c, r, in, weights, {0.33, false}));
    others.push_back(plain_formula_of(c, r, in, weights, {0.67, true}));
    others.push_back(plain_formula_of(c, r, in, weights, {0.5, false}));
  }
  ++a.rows;
  a.value_max = std::max(a.value_max, truth.value_max);
  const bool no_weight = truth.max == -infinity;
  for (index_type k = 0; k < c.d_v(); ++k) {
    const auto at = static_cast<std::size_t>(k);
    const double given = result_at(result.output, r, k);
    if (no_weight) {
      if (given != 0) note(a, r, "output of a row without keys", 0, given);
    } else if (!std::isfinite(plain.output[at])) {
      // Where plain arithmetic overflows but the truth is finite, a finite result may be better.
      const bool better = std::isfinite(truth.output[at]) && std::isfinite(given);
      if (!better && !same_special(plain.output[at], given)) note(a, r, "output", plain.output[at], given);
    } else if (!std::isfinite(given)) {
      note(a, r, "output", truth.output[at], given);
    } else {
      a.error = std::max(a.error, std::fabs(given - truth.output[at]));
      a.plain_error = std::max(a.plain_error, std::fabs(plain.output[at] - truth.output[at]));
      for (const plain_row& other : others) {
        const double error = std::fabs(other.output[at] - truth.output[at]);
        if (std::isfinite(error)) a.plain_error = std::max(a.plain_error, error);
      }
      a.output_max = std::max(a.output_max, std::fabs(truth.output[at]));
    }
  }
  if (!c.wants_lse) return;
  const double given = result_at(result.lse, r);
  if (!std::isfinite(truth.lse) || !std::isfinite(given)) {
    if (!same_special(truth.lse, given)) note(a, r, "lse", truth.lse, given);
    return;
  }
  const double error = std::fabs(given - truth.lse);
  a.lse_error = std::max(a.lse_error, error);
  a.plain_lse_error = std::max(a.plain_lse_error, std::fabs(plain.lse - truth.lse));
  for (const plain_row& other : others) {
    a.plain_lse_error = std::max(a.plain_lse_error, std::fabs(other.lse - truth.lse));
  }
  a.lse_excess = std::max(a.lse_excess, error - slack_of(c) * std::max(1.0, std::fabs(truth.lse)) -
                                            half_ulp(c.row_kind, truth.lse));
}

}  // namespace

accuracy measure(const attention_case& c, const attention_result& result,
                 const std::vector<row_place>& rows) {
  accuracy a;
  std::map<std::pair<index_type, index_type>, head_inputs> inputs;
  for (const row_place& r : rows) {
    const std::pair<index_type, index_type> where{r.sequence.number, r.head / c.group()};
    auto found = inputs.find(where);
    if (found == inputs.end()) {
      found = inputs.emplace(where, head_inputs(c, r.sequence, where.second)).first;
    }
    compare_row(c, result, r, found->second, rows.size() <= 16, a);
  }
  a.allowed = 2 * a.plain_error + slack_of(c) * a.value_max + 0x1p-126;
  // A weight of 16 bits is off by up to u = 2^-11 (float16) or 2^-8 (bfloat16) of itself. One such weight moves an output by
  // up to u / 2 * max |V|, all of them by up to u * max |V|, which is what README promises. The plain formula rounds other
  // numbers, its largest weight being 1: single rows cannot be held to twice its error, many rows nearly can.
  const double u = weights_of(c, result) == crestmax::weight_type::float16    ? 0x1p-11
                   : weights_of(c, result) == crestmax::weight_type::bfloat16 ? 0x1p-8
                                                                          : 0;
  a.allowed += c.narrow_slack * u / 2 * a.value_max;
  // Output is rounded once, and may be rounded the other way than the plain formula's.
  if (c.output.kind() != scalar_kind::float64) a.allowed += half_ulp(c.output.kind(), a.output_max);
  return a;
}

testing::AssertionResult is_exact(const attention_case& c, const attention_result& result, index_type most_rows) {
  if (!result.status.ok()) {
    return testing::AssertionFailure() << result.status.message() << "\n" << describe(c);
  }
  const accuracy a = measure(c, result, some_rows(c, most_rows));
  const double lse_allowed = 2 * a.plain_lse_error;
  if (a.trouble.empty() && a.error <= a.allowed && a.lse_excess <= lse_allowed) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << a.trouble << "\nerror " << a.error << ", allowed " << a.allowed
                                     << " (plain formula " << a.plain_error << ", max |V| " << a.value_max
                                     << "); lse error " << a.lse_error << " (plain formula "
                                     << a.plain_lse_error << ", over the slack by " << a.lse_excess
                                     << ")\nrows corrected " << result.report.rows_corrected << "\n"
                                     << describe(c);
}

testing::AssertionResult is_exact(const attention_case& c, const surroundings& s, index_type most_rows) {
  return is_exact(c, run(c, s), most_rows);
}

std::string describe(const attention_case& c) {
  const auto shape = [](const test_tensor& t) {
    std::ostringstream text;
    text << name(t.kind()) << " (" << t.extent(0) << ", " << t.extent(1) << ", " << t.extent(2) << ", "
         << t.extent(3) << ")";
    return text.str();
  };
  const crestmax::softmax_method& m = c.options.softmax;
  std::ostringstream text;
  text << "query " << shape(c.query) << ", key " << shape(c.key) << ", value " << shape(c.value)
       << ", output " << shape(c.output) << (c.pages ? ", paged" : "") << "\nmethod "
       << static_cast<int>(m.kind) << ", stride " << m.stride << ", margin " << m.margin.value_or(-99)
       << ", radius " << m.radius << ", windows " << m.windows << ", first " << m.first_keys << ", nearest "
       << m.nearest_keys << ", coarse " << static_cast<int>(m.coarse) << ", weights "
       << static_cast<int>(c.options.weights) << ", scale " << c.scale() << ", splits "
       << c.options.tiles.splits << "\nmodifiers: " << c.modifiers.scores.parts.size()
       << " of scores, causal " << c.modifiers.causal.enabled << ", window " << c.modifiers.window.left << " "
       << c.modifiers.window.right << ", mask " << c.modifiers.mask.active() << ", sinks "
       << c.modifiers.sinks.active() << "\nsequences (q_len, kv_len):";
  const auto sequences = sequences_of(c);
  for (std::size_t i = 0; i < std::min<std::size_t>(sequences.size(), 8); ++i) {
    text << " (" << sequences[i].q_len << ", " << sequences[i].kv_len << ")";
  }
  return text.str();
}

}  // namespace crestmax_test
