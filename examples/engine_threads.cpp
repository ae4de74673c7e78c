// An engine that owns its threads and its memory: one plan for all layers of a decode step, made for its workers. Each of them
// has items of its own, neighbours, the same ones in every step, and helps the others when it has done them; a barrier
// between stages. Inside the loop the library allocates nothing and starts no thread.
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
constexpr int workers = 8;

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

// The items of a stage, a run of neighbours for each worker: the keys that it read in the last step are in its caches, and in memory
// that is near to it if it was the first to touch them.
class item_runs {
 public:
  // While all workers wait.
  void deal(index_type count) {
    for (int w = 0; w < workers; ++w) {
      runs_[w].next = count * w / workers;
      runs_[w].end = count * (w + 1) / workers;
    }
  }
  // Calls run(item) for the worker's own items, then for what others have left.
  template <class Run>
  void take(int worker, Run&& run) {
    for (int i = 0; i < workers; ++i) {
      run_of_items& from = runs_[(worker + i) % workers];
      for (index_type item; (item = from.next.fetch_add(1, std::memory_order_relaxed)) < from.end;) run(item);
    }
  }

 private:
  struct alignas(64) run_of_items {
    std::atomic<index_type> next{0};
    index_type end = 0;
  };
  run_of_items runs_[workers];
};

struct release {
  void operator()(std::byte* memory) const { std::free(memory); }
};

}  // namespace

int main() {
  using crestmax::index_type;
  // Start-up: a plan of the shapes alone, and what it asks for. There is no tensor yet.
  const crestmax::problem step{.q_len = 1, .kv_len = kv_len, .q_heads = q_heads, .kv_heads = kv_heads, .d_qk = head_dim, .d_v = head_dim,
                               .workers = workers};
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
  item_runs items;
  std::vector<crestmax::report> reports(layers.size());
  bool began = false;
  // Runs on one thread while all others wait.
  std::barrier stage_done(workers, [&]() noexcept {
    if (++stage == layers[layer].stages()) {
      began = began && layers[layer].collect(reports[layer]).ok();
      stage = 0;
      if (++layer < layers.size()) began = began && layers[layer].begin().ok();
    }
    if (layer < layers.size()) items.deal(layers[layer].items(stage));
  });
  began = layers[0].begin().ok();
  items.deal(layers[0].items(0));
  {
    std::vector<std::jthread> team;
    for (int worker = 0; worker < workers; ++worker) {
      team.emplace_back([&, worker] {
        while (layer < layers.size()) {
          items.take(worker, [&](index_type item) { layers[layer].run(stage, item, worker); });
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
  std::printf("engine_threads: %zu layers, %d threads, %lld items in %lld stages: %s as on one thread\n", layers.size(), workers,
              static_cast<long long>(plan.items(0)), static_cast<long long>(plan.stages()), same ? "the same bits" : "NOT the same bits");
  return same ? 0 : 1;
}
