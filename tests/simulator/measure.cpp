// Measures what grains cost on this machine by an instruction set, and prints a file of costs/: measure NAME_OF_MACHINE SET.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "costs.hpp"

namespace crestmax_simulator {
namespace {

using number = crestmax::bfloat16;

struct release {
  void operator()(void* p) const { std::free(p); }
};
template <class T>
std::unique_ptr<T, release> memory_for(std::size_t count) {
  const std::size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
  return std::unique_ptr<T, release>(static_cast<T*>(std::aligned_alloc(64, bytes)));
}

// Keys and values that many calls read, each another part of them: what a call reads comes from memory or from the last cache.
struct pool {
  static constexpr std::size_t count = std::size_t{48} << 20;
  std::unique_ptr<number, release> numbers = memory_for<number>(count);
  std::size_t next = 0;

  pool() {
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < count; ++i) {
      state = state * 1664525u + 1013904223u;
      numbers.get()[i] = crestmax::convert<number>(static_cast<float>(state >> 8) * 0x1p-23f - 1.0f);
    }
  }
  number* take(std::size_t wanted) {
    if (next + wanted > count) next = 0;
    number* const result = numbers.get() + next;
    next += wanted;
    return result;
  }
};

struct block_of {
  index_type d_qk, d_v, rows;
};

// Nanoseconds of one block over so many keys, in so many splits, in a plan for one worker: the least of some runs.
double time_of(const crestmax::backend::cpu& backend, pool& from, const block_of& b, index_type keys, index_type splits) {
  const index_type q_len = b.rows > 128 ? b.rows : 1, heads = b.rows / q_len;
  auto query = memory_for<number>(static_cast<std::size_t>(b.rows * b.d_qk));
  auto output = memory_for<number>(static_cast<std::size_t>(b.rows * b.d_v));
  std::copy_n(from.take(static_cast<std::size_t>(b.rows * b.d_qk)), b.rows * b.d_qk, query.get());
  crestmax::options o;
  o.tiles.splits = splits;
  if (q_len > 1) o.tiles.query_block = b.rows;
  const auto tensors = [&] {
    const std::size_t size = static_cast<std::size_t>(keys * b.d_qk);
    const crestmax::tensor<const number> key{from.take(size), {1, keys, 1, b.d_qk}};
    const crestmax::tensor<const number> value{from.take(static_cast<std::size_t>(keys * b.d_v)), {1, keys, 1, b.d_v}};
    return crestmax::tensors(crestmax::tensor<const number>{query.get(), {1, q_len, heads, b.d_qk}}, key, value,
                             crestmax::tensor<number>{output.get(), {1, q_len, heads, b.d_v}});
  };
  crestmax::problem p = crestmax::problem_of(tensors());
  p.workers = 1;
  std::vector<std::uint64_t> memory(crestmax::plan::bytes(1) / 8);
  crestmax::plan plan;
  if (const auto s = crestmax::make_plan(p, std::as_writable_bytes(std::span(memory)), plan, o, backend); !s.ok()) std::abort();
  const std::size_t bytes = plan.workspace().total(1);
  auto workspace = memory_for<std::byte>(bytes);
  o.workspace = {workspace.get(), bytes};
  double best = 1e300;
  for (int run = 0; run < 40; ++run) {
    const auto call = crestmax::attach(plan, 1, tensors(), o, backend);
    if (!call.begin().ok()) std::abort();
    const auto began = std::chrono::steady_clock::now();
    for (index_type item = 0; item < call.items(0); ++item) call.run(0, item, 0);
    const double time = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began).count();
    if (run > 0) best = std::min(best, time);
  }
  return best;
}

grain_cost cost_of(const crestmax::backend::cpu& backend, pool& from, const block_of& b) {
  constexpr index_type few = 1024, many = 4096, splits = 8;
  const auto time = [&](index_type keys, index_type in_splits) { return time_of(backend, from, b, keys, in_splits); };
  const double short_time = time(few, 1), long_time = time(many, 1), split_time = time(many, splits);
  grain_cost cost{b.d_qk, b.d_v, b.rows, 0, 0, 0};
  cost.per_key = (long_time - short_time) / static_cast<double>(many - few);
  cost.start = std::max(500.0, short_time - cost.per_key * few);
  cost.per_split = std::max(0.0, split_time - long_time) / splits;
  return cost;
}

void print_costs(const char* machine, const crestmax::backend::cpu& backend) {
  const crestmax::tile_geometry tiles = backend.geometry<float>(crestmax::head_shape{1, 1, 128, 128});
  std::printf("// Written by tests/simulator/run --measure: head dimensions and rows, then nanoseconds to start, per key and per split.\n");
  std::printf("cost_table{\"%s\", instruction_set::%s, %lld, %lld, {\n", machine, crestmax::name(backend.chosen()),
              static_cast<long long>(tiles.row_group), static_cast<long long>(tiles.panel));
  pool from;
  const struct { index_type d_qk, d_v; } dimensions[] = {{64, 64}, {128, 128}, {256, 256}, {576, 512}};
  for (const auto& d : dimensions) {
    for (const index_type rows : {1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 17, 32, 48, 64, 96, 128, 192, 288, 480, 832}) {
      const grain_cost c = cost_of(backend, from, {d.d_qk, d.d_v, rows});
      std::printf("{%lld, %lld, %lld, %.0f, %.2f, %.0f},\n", static_cast<long long>(c.d_qk), static_cast<long long>(c.d_v),
                  static_cast<long long>(c.rows), c.start, c.per_key, c.per_split);
    }
  }
  std::printf("}}\n");
}

}  // namespace
}  // namespace crestmax_simulator

int main(int count, char** arguments) {
  const char* const wanted = count > 2 ? arguments[2] : "amx";
  for (const auto set : {crestmax::instruction_set::avx2, crestmax::instruction_set::avx512, crestmax::instruction_set::amx}) {
    const crestmax::backend::cpu backend{set};
    if (std::strcmp(crestmax::name(set), wanted) != 0) continue;
    if (backend.chosen() != set) {
      std::fprintf(stderr, "measure: this machine has no %s\n", wanted);
      return 2;
    }
    crestmax_simulator::print_costs(count > 1 ? arguments[1] : "unknown", backend);
    return 0;
  }
  std::fprintf(stderr, "measure: %s is none of avx2, avx512, amx\n", wanted);
  return 2;
}
