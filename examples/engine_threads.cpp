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
  auto call() {
    return crestmax::bind(query(), crestmax::make_source(key(), value()), output(), {}, crestmax::causal{});
  }
};

struct release {
  void operator()(std::byte* memory) const { std::free(memory); }
};

}  // namespace

int main() {
  using crestmax::index_type;
  std::vector<layer_data> data;
  for (unsigned seed : {10u, 20u, 30u}) data.emplace_back(seed);
  std::vector<decltype(data[0].call())> layers;
  for (layer_data& d : data) layers.push_back(d.call());

  // The plan: decided once, from shapes alone, in the engine's memory.
  std::vector<std::uint64_t> plan_memory(layers[0].plan_bytes() / 8 + 1);
  crestmax::plan plan;
  if (auto s = layers[0].prepare(std::as_writable_bytes(std::span(plan_memory)), plan); !s) {
    return example::failed("prepare", s.message());
  }
  char text[1024];
  plan.describe(text);
  std::printf("%s", text);

  // The workspace: asked for once, shared by layers that run one after the other.
  const std::size_t bytes = plan.workspace().total(workers);
  const std::unique_ptr<std::byte, release> workspace(
      static_cast<std::byte*>(std::aligned_alloc(crestmax::workspace_size::alignment, bytes)));
  for (auto& layer : layers) {
    if (auto s = layer.check(plan, {workspace.get(), bytes}, workers); !s) {
      return example::failed("check", s.message());
    }
  }

  std::size_t layer = 0;
  index_type stage = 0;
  std::atomic<index_type> next_item{0};
  std::vector<crestmax::report> reports(layers.size());
  bool began = false;
  // Runs on one thread while all others wait.
  std::barrier stage_done(workers, [&]() noexcept {
    next_item = 0;
    if (++stage < plan.stages()) return;
    // On the CPU neither can fail; a device's begin() and collect() can.
    began = began && layers[layer].collect(workers, reports[layer]).ok();
    stage = 0;
    if (++layer < layers.size()) began = began && layers[layer].begin(workers).ok();
  });
  began = layers[0].begin(workers).ok();
  {
    std::vector<std::jthread> team;
    for (int worker = 0; worker < workers; ++worker) {
      team.emplace_back([&, worker] {
        while (layer < layers.size()) {
          for (index_type item; (item = next_item++) < plan.items(stage);) layers[layer].run(stage, item, worker);
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
