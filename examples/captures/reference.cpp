#include "reference.hpp"

#include "../example.hpp"

namespace example {

namespace {

row_facts describe(const std::vector<double>& scores, const captured_model& m, index_type query) {
  row_facts f{};
  const auto top = std::max_element(scores.begin(), scores.end());
  f.top = *top;
  f.top_key = top - scores.begin();
  auto low = top, high = top + 1;
  while (low != scores.begin() && *(low - 1) >= f.top - 1) --low;
  while (high != scores.end() && *high >= f.top - 1) ++high;
  f.plateau = high - low;
  f.range = f.top - *std::min_element(scores.begin(), scores.end());
  for (std::size_t j = 1; j < scores.size(); ++j) f.step = std::max(f.step, std::fabs(scores[j] - scores[j - 1]));
  f.top_is_near = std::abs(query - f.top_key) < (m.causal ? nearest_keys : nearest_keys / 2);
  f.top_is_first = !f.top_is_near && f.top_key < first_keys;
  return f;
}

}  // namespace

std::vector<double> score_row(const captured_model& m, index_type head, index_type query) {
  std::vector<double> scores(static_cast<std::size_t>(m.visible_keys(query)));
  const double scale = 1 / std::sqrt(static_cast<double>(m.d_qk));
  for (std::size_t j = 0; j < scores.size(); ++j) {
    scores[j] = scale * dot(m.query_row(head, query), m.key_row(head, static_cast<index_type>(j)), m.d_qk);
  }
  return scores;
}

reference make_reference(const captured_model& m, index_type head) {
  reference r;
  r.groups = (m.tokens + group_size - 1) / group_size;
  for (index_type j = 0; j < m.tokens; ++j) {
    for (index_type c = 0; c < m.d_v; ++c) {
      r.value_max = std::max(r.value_max, static_cast<double>(std::fabs(m.value_row(head, j)[c])));
    }
  }
  for (index_type query = m.first_query; query < m.tokens; ++query) {
    const std::vector<double> scores = score_row(m, head, query);
    const plain_row row = plain_attention(
        static_cast<index_type>(scores.size()), m.d_v, [&](index_type j) { return scores[static_cast<std::size_t>(j)]; },
        [&](index_type j, index_type c) { return static_cast<double>(m.value_row(head, j)[c]); });
    r.output.insert(r.output.end(), row.output.begin(), row.output.end());
    const row_facts facts = describe(scores, m, query);
    r.rows.push_back(facts);
    std::vector<double> weights(static_cast<std::size_t>(r.groups));
    for (std::size_t j = 0; j < scores.size(); ++j) weights[j / group_size] += std::exp(scores[j] - row.lse);
    r.group_weight.insert(r.group_weight.end(), weights.begin(), weights.end());
  }
  return r;
}

}  // namespace example
