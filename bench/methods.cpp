// The library's calls. The only file that instantiates attention().
#include "methods.hpp"

#include <crestmax/crestmax.hpp>
#include <cstdio>
#include <stdexcept>

namespace crestmax_bench {

namespace {

using crestmax::tensor;

// The plan in a line: what it does about the shift, and how it cuts the work.
std::string one_line(const crestmax::plan& p) {
  const crestmax::plan_header& h = p.header();
  const auto number = [](index_type n) { return std::to_string(n); };
  std::string text;
  if (h.method == crestmax::softmax_kind::running_max) {
    text = "maximum and rescale per tile";
  } else if (h.method == crestmax::softmax_kind::lazy_max) {
    char threshold[32];
    std::snprintf(threshold, sizeof threshold, "%.2g", h.threshold);
    text = std::string("rescale past ") + threshold + " nats";
  } else {
    text = "anchors " + number(h.first_keys) + "+" + number(h.nearest_keys) + ", margin " +
           number(h.margin_exponent) + " ln2";
    if (!h.coarse) {
      text += ", no sample";
    } else if (h.kv_len <= h.least_keys_to_sample) {
      text += ", no sample below " + number(h.least_keys_to_sample) + " keys";
    } else {
      text += ", stride " + number(h.stride) + ", " + number(h.windows) + " windows of " + number(h.radius);
    }
    if (h.coverage != crestmax::coverage_kind::everything) text += std::string(", ") + name(h.coverage);
    if (h.guard_limit == 0) text += ", guard fails all";
  }
  const bool in_place = h.split_rows > 0 && h.split_rows <= crestmax::planner::most_joined_rows;
  text += "; " + (in_place ? number(h.split_rows) + "x" + number(h.tiles.key_tile_in_place)
                           : number(h.block_capacity) + "x" + number(h.tiles.key_tile)) + " tiles";
  if (h.max_splits > 1) text += ", " + number(h.max_splits) + " splits";
  if (h.weights != crestmax::weight_type::float32) text += std::string(", ") + name(h.weights) + " weights";
  return text;
}

template <class Q, class KV, bool Paged>
class library_runner : public runner {
 public:
  library_runner(const workload& w, const method& m, team& workers)
      : w_(w), options_(m.options), executor_{&workers} {
    lengths_ = static_cast<std::int32_t>(w.of.kv_len);
    const auto tensors = crestmax::tensors(query(), source(0), output());
    std::size_t bytes = 0;
    expect(crestmax::workspace_bytes(tensors, workers.workers(), bytes, options_, crestmax::causal{w.of.causal}, backend()));
    workspace_ = memory_block(bytes);
    options_.workspace = {workspace_.data(), bytes};
    std::vector<std::byte> plan_memory(crestmax::plan::bytes(1));
    crestmax::plan p;
    expect(crestmax::make_plan(crestmax::problem_of(tensors, options_), plan_memory, p, options_, backend()));
    plan_ = one_line(p);
  }

  void run(int copy) override { call(copy, options_); }
  std::string plan() const override { return plan_; }
  crestmax::report report() override {
    crestmax::report r;
    crestmax::options o = options_;
    o.report = &r;
    call(0, o);
    return r;
  }

 private:
  static void expect(const crestmax::status& s) {
    if (!s.ok()) throw std::runtime_error(s.message());
  }
  void call(int copy, const crestmax::options& o) {
    expect(crestmax::attention(query(), source(copy), output(), o, crestmax::causal{w_.of.causal},
                               backend(), executor_));
  }

  crestmax::backend::cpu backend() const { return crestmax::backend::cpu(w_.of.most); }
  std::array<index_type, 4> query_extents() const { return {1, w_.of.q_len, w_.of.q_heads, w_.of.head_dim}; }
  tensor<Q> query() const { return {reinterpret_cast<Q*>(w_.query.data()), query_extents()}; }
  tensor<Q> output() const { return {reinterpret_cast<Q*>(w_.output.data()), query_extents()}; }

  auto source(int copy) const {
    const shape& s = w_.of;
    const auto* key = reinterpret_cast<const KV*>(w_.key_copy(copy));
    const auto* value = reinterpret_cast<const KV*>(w_.value_copy(copy));
    if constexpr (Paged) {
      const std::array<index_type, 4> extents{static_cast<index_type>(w_.block_table.size()), page_size, s.kv_heads,
                                         s.head_dim};
      return crestmax::make_source(crestmax::paged_cache<KV>{tensor<const KV>(key, extents),
                                                             tensor<const KV>(value, extents),
                                                             w_.block_table,
                                                             {&lengths_, 1},
                                                             extents[0]});
    } else {
      const std::array<index_type, 4> extents{1, s.kv_len, s.kv_heads, s.head_dim};
      const index_type all = s.kv_len * s.kv_heads * s.head_dim;
      const std::array<index_type, 4> strides =
          s.token_major ? std::array<index_type, 4>{all, s.kv_heads * s.head_dim, s.head_dim, 1}
                        : std::array<index_type, 4>{all, s.head_dim, s.kv_len * s.head_dim, 1};
      return crestmax::make_source(tensor<const KV>(key, extents, strides),
                                   tensor<const KV>(value, extents, strides));
    }
  }

  const workload& w_;
  crestmax::options options_;
  lent_team executor_;
  memory_block workspace_;
  std::int32_t lengths_ = 0;
  std::string plan_;
};

template <class Q, class KV>
std::unique_ptr<runner> make_typed(const workload& w, const method& m, team& workers) {
  if (w.of.paged) return std::make_unique<library_runner<Q, KV, true>>(w, m, workers);
  return std::make_unique<library_runner<Q, KV, false>>(w, m, workers);
}

}  // namespace

std::vector<method> library_methods() {
  using namespace crestmax;
  // The forced line: what the whole method costs where the planner would leave parts of it out.
  const sampled_max forced{.stride = 16, .radius = 32, .windows = 4, .coarse = choice::on};
  return {
      {"running_max", {.softmax = running_max{}}},
      {"lazy_max", {.softmax = lazy_max{}}},
      {"anchor_shift", {.softmax = anchor_shift{}}},
      {"sampled_max", {}},
      {"forced", {.softmax = forced}},
      {"all_rows_fail", {.guard_limit = 0}},
      {"above(12)", {.coverage = above(12)}, false},
      {"plateaus", {.coverage = plateaus}, false},
  };
}

std::unique_ptr<runner> make_runner(const workload& w, const method& m, team& workers) {
  const scalar_kind query = w.of.query_kind;
  const scalar_kind kv = w.of.kv_kind;
  if (query == scalar_kind::float32) {
    if (kv == scalar_kind::float32) return make_typed<float, float>(w, m, workers);
    if (kv == scalar_kind::float16) return make_typed<float, crestmax::float16>(w, m, workers);
    if (kv == scalar_kind::bfloat16) return make_typed<float, crestmax::bfloat16>(w, m, workers);
  }
  if (query == kv && kv == scalar_kind::float16)
    return make_typed<crestmax::float16, crestmax::float16>(w, m, workers);
  if (query == kv && kv == scalar_kind::bfloat16)
    return make_typed<crestmax::bfloat16, crestmax::bfloat16>(w, m, workers);
  throw std::runtime_error("no race for these element types");
}

}  // namespace crestmax_bench
