// An engine that owns its threads and its memory: one plan for all layers of a decode step, items handed
// out by a counter, a barrier between stages. Inside the loop the library allocates nothing and starts
// no thread.
#include <atomic>
#include <barrier>
#include <crestmax/crestmax.hpp>
#include <cstring>
#include <memory>
#include <thread>

#include "example.hpp"

namespace {

using crestmax::index_type;
constexpr index_type kv_len = 20000, q_heads = 8, kv_heads = 2, head_dim = 64;
constexpr int workers = 3;

struct layer_data {
  std::vector<float> q, k, v, out;

  explicit layer_data(unsigned seed)
      : q(example::random_numbers(q_heads * head_dim, seed)),
        k(example::random_numbers(kv_len * kv_heads * head_dim, seed + 1)),
        v(example::random_numbers(kv_len * kv_heads * head_dim, seed + 2)),
        out(q.size()) {}
  crestmax::tensor<float> query() { return {q.data(), {1, 1, q_heads, head_dim}}; }
  crestmax::tensor<float> key() { return {k.data(), {1, kv_len, kv_heads, head_dim}}; }
  crestmax::tensor<float> value() { return {v.data(), {1, kv_len, kv_heads, head_dim}}; }
  crestmax::tensor<float> output() { return {out.data(), {1, 1, q_heads, head_dim}}; }
  auto tensors() { return crestmax::tensors(query(), key(), value(), output()); }
};

struct release {
  void operator()(std::byte* memory) const { std::free(memory); }
};

}  // namespace

int main() {
  using crestmax::index_type;
  // Start-up: a plan of the shapes alone, and what it asks for. There is no tensor yet.
  const crestmax::problem step{.q_len = 1, .kv_len = kv_len, .q_heads = q_heads, .kv_heads = kv_heads, .d_qk = head_dim, .d_v = head_dim};
  std::vector<std::uint64_t> plan_memory(crestmax::plan::bytes(step.sequences) / 8);
  crestmax::plan plan;
  if (auto s = crestmax::make_plan(step, std::as_writable_bytes(std::span(plan_memory)), plan); !s) {
    return example::failed("make_plan", s.message());
  }
  char text[1024];
  plan.describe(text);
  std::printf("%s", text);
  const std::size_t bytes = plan.workspace().total(workers);
  const std::unique_ptr<std::byte, release> workspace(
      static_cast<std::byte*>(std::aligned_alloc(crestmax::workspace_size::alignment, bytes)));
  crestmax::options options;
  options.workspace = {workspace.get(), bytes};

  // Layers run one after the other, in the same workspace.
  std::vector<layer_data> data;
  for (unsigned seed : {10u, 20u, 30u}) data.emplace_back(seed);
  const auto attach = [&](layer_data& of) { return crestmax::attach(plan, workers, of.tensors(), options, crestmax::causal{}); };
  std::vector<decltype(attach(data[0]))> layers;
  for (layer_data& of : data) {
    layers.push_back(attach(of));
    if (auto s = layers.back().ready(); !s) return example::failed("attach", s.message());
  }

  std::size_t layer = 0;
  index_type stage = 0;
  std::atomic<index_type> next_item{0};
  std::vector<crestmax::report> reports(layers.size());
  bool began = false;
  // Runs on one thread while all others wait.
  std::barrier stage_done(workers, [&]() noexcept {
    next_item = 0;
    if (++stage < layers[layer].stages()) return;
    began = began && layers[layer].collect(reports[layer]).ok();
    stage = 0;
    if (++layer < layers.size()) began = began && layers[layer].begin().ok();
  });
  began = layers[0].begin().ok();
  {
    std::vector<std::jthread> team;
    for (int worker = 0; worker < workers; ++worker) {
      team.emplace_back([&, worker] {
        while (layer < layers.size()) {
          for (index_type item; (item = next_item++) < layers[layer].items(stage);) layers[layer].run(stage, item, worker);
          stage_done.arrive_and_wait();
        }
      });
    }
  }

  // The same bits as one call on one thread; and no row is missing.
  bool same = began;
  for (std::size_t i = 0; i < data.size(); ++i) {
    std::vector<float> alone(data[i].out.size());
    const crestmax::tensor<float> output{alone.data(), {1, 1, q_heads, head_dim}};
    const auto s = crestmax::attention(data[i].query(), data[i].key(), data[i].value(), output, {}, crestmax::causal{});
    if (!s) return example::failed("attention", s.message());
    same &= std::memcmp(alone.data(), data[i].out.data(), alone.size() * sizeof(float)) == 0;
    same &= reports[i].rows == q_heads;
  }
  std::printf("engine_threads: %zu layers, %d threads, %lld stages: %s as on one thread\n", layers.size(), workers,
              static_cast<long long>(plan.stages()), same ? "the same bits" : "NOT the same bits");
  return same ? 0 : 1;
}
