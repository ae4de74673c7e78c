// Modifiers of your own, composed with the standard ones by `|`: a bias that falls with the logarithm of
// the distance, and a mask that keeps documents apart which are packed into one sequence. `reachable` and
// `classify` tell the library which keys it need not touch at all.
#include <crestmax/crestmax.hpp>

#include "example.hpp"

namespace {

using crestmax::index_type;

// A score modifier: pure, for float and double. Scores are in nats.
struct log_distance {
  float slope;

  template <class T>
  T operator()(T score, crestmax::score_position at) const {
    const index_type distance = std::abs(at.query - at.key);
    return score - static_cast<T>(slope) * std::log1p(static_cast<T>(distance));
  }
};

// A mask: the query sees its own document only. `starts` holds each document's first position, rising
// from 0, and the sequence's end.
struct same_document {
  std::span<const index_type> starts;

  // -1 for queries that stand before the first key, as they do where there are more queries than keys.
  index_type document(index_type position) const {
    return std::upper_bound(starts.begin(), starts.end(), position) - starts.begin() - 1;
  }
  bool visible(crestmax::score_position at) const { return document(at.query) == document(at.key); }
  crestmax::visibility classify(crestmax::score_range r) const {
    const index_type first_query = document(r.first_query), last_query = document(r.last_query);
    const index_type first_key = document(r.first_key), last_key = document(r.last_key);
    if (last_key < first_query || first_key > last_query) return crestmax::visibility::none;
    const bool one = first_query == last_query && first_key == last_key;
    return one ? crestmax::visibility::all : crestmax::visibility::partial;
  }
  crestmax::key_interval reachable(crestmax::score_range r) const {
    const index_type first = std::max<index_type>(0, document(r.first_query));
    return {starts[std::size_t(first)], starts[std::size_t(document(r.last_query) + 1)]};
  }
  // Bad tables are reported before anything is written.
  crestmax::status check(crestmax::modifier_shape shape) const {
    if (starts.size() >= 2 && starts.front() == 0 && starts.back() == shape.kv_len) return crestmax::success();
    return crestmax::error(crestmax::status_code::mismatch, "same_document.starts", "a last entry of", shape.kv_len,
                           starts.empty() ? 0 : starts.back());
  }
};

static_assert(crestmax::score_modifier<log_distance>);
static_assert(crestmax::mask_modifier<same_document>);

}  // namespace

int main() {
  using crestmax::index_type;
  constexpr index_type length = 1500, head_dim = 64;
  const std::vector<index_type> starts{0, 130, 700, 1111, length};
  std::vector<float> q = example::random_numbers(length * head_dim, 1), out(q.size());
  std::vector<float> k = example::random_numbers(length * head_dim, 2);
  std::vector<float> v = example::random_numbers(length * head_dim, 3);
  const auto tensor = [&](std::vector<float>& of) { return crestmax::tensor{of.data(), {1, length, 1, head_dim}}; };

  const log_distance bias{0.5f};
  const same_document documents{starts};
  crestmax::report report;
  const crestmax::status status =
      crestmax::attention(tensor(q), tensor(k), tensor(v), tensor(out), {.report = &report},
                          bias | crestmax::soft_cap{20.0f} | crestmax::causal{} | documents);
  if (!status) return example::failed("custom_modifier", status.message());

  double error = 0;
  for (index_type i = 0; i < length; i += 13) {
    const auto expected = example::plain_attention(
        i + 1, head_dim,
        [&](index_type j) {
          if (documents.document(i) != documents.document(j)) return -std::numeric_limits<double>::infinity();
          const double score = example::dot(&q[std::size_t(i * head_dim)], &k[std::size_t(j * head_dim)], head_dim) / 8;
          return 20 * std::tanh((score - 0.5 * std::log1p(static_cast<double>(i - j))) / 20);
        },
        [&](index_type j, index_type c) { return double(v[std::size_t(j * head_dim + c)]); });
    error = std::max(error, example::largest_difference(expected, &out[std::size_t(i * head_dim)]));
  }
  std::printf("custom_modifier: %.0f %% of all keys were never touched, thanks to reachable() and classify()\n",
              100.0 * static_cast<double>(report.pairs_masked) / static_cast<double>(length * length));
  return example::verdict("custom_modifier: log distance, soft cap, causal, documents", error, 2e-6);
}
