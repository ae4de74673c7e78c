// The library and the benchmark's ceilings behind plain C functions, so that one Python process can time them
// beside their peers. Functions that can fail return null, or what was wrong, good until the next call.
#include <crestmax/crestmax.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "../ceilings.hpp"
#include "../machine.hpp"
#include "../memory.hpp"

namespace {

using crestmax::index_type;
using crestmax::tensor;
using crestmax_bench::team;

// One call. Sequences lie end to end, and in them the heads of keys and values; rows of head_dim numbers are contiguous. Strides count elements, of
// encoded rows bytes.
struct peers_call {
  std::int32_t kind;         // of all four tensors, or of those that are not encoded: 0 float32, 1 float16, 2 bfloat16
  std::int32_t encoding;     // of keys and values, beside float32: 0 none, 1 q8_0, 2 q4_0, 3 int8 behind a float, the row's scale,
                             // 4 uint8 behind two, scale and zero point
  std::int32_t integers;     // 1: products::integer
  std::int32_t causal;       // 0 or 1
  std::int32_t most;         // the widest instruction set allowed, as crestmax::instruction_set
  std::int32_t unused;
  const void* query;         // (batch, q_len, q_heads, head_dim)
  const void* key;           // (batch, kv_len, kv_heads, head_dim)
  const void* value;         // as key
  void* output;              // as query
  index_type batch, q_len, kv_len, q_heads, kv_heads, head_dim;
  index_type window;                // how many keys, its own among them, a query sees; 0: all
  const std::int32_t* key_lengths;  // of each sequence; null: kv_len
  index_type query_strides[2];    // from one query to the next, from one head to the next; of the output too
  index_type kv_strides[2];       // from one key to the next, from one head to the next; of values too
  void* workspace;           // workspace_bytes() bytes, aligned to 64
  std::uint64_t workspace_bytes;
};

std::string last_message;

const char* message_of(const crestmax::status& s) {
  if (s.ok()) return nullptr;
  last_message = s.message();
  return last_message.c_str();
}

// Floats in front of a row: a scale, and a zero point where codes are unsigned.
template <class C>
constexpr int floats_in_front = std::is_same_v<C, std::int8_t> ? 1 : std::is_same_v<C, std::uint8_t> ? 2 : 0;

crestmax::row_coding coding_in_front_of(const void* rows, const std::array<index_type, 4>& strides, bool has_zero_point) {
  constexpr auto size = static_cast<index_type>(sizeof(float));
  const std::array<index_type, 4> steps{strides[0] / size, strides[1] / size, strides[2] / size, 0};
  const auto* const numbers = static_cast<const float*>(rows);
  crestmax::row_coding coding;
  coding.scales = {numbers, steps};
  if (has_zero_point) coding.offsets = {numbers + 1, steps};
  coding.offset = crestmax::offset_kind::zero_point;
  return coding;
}

// Binds the call as tensors of T, keys and values of C, and hands query, source, output, options and backend to `use`.
template <class T, class C, class Use>
crestmax::status with_tensors(const peers_call& c, Use&& use) {
  constexpr std::size_t ahead = floats_in_front<C> * sizeof(float);
  const std::array<index_type, 4> query_extents{c.batch, c.q_len, c.q_heads, c.head_dim};
  const std::array<index_type, 4> kv_extents{c.batch, c.kv_len, c.kv_heads, c.head_dim};
  const std::array<index_type, 4> query_strides{c.q_len * c.q_heads * c.head_dim, c.query_strides[0], c.query_strides[1], 1};
  const std::array<index_type, 4> kv_strides{c.kv_heads * c.kv_strides[1], c.kv_strides[0], c.kv_strides[1], 1};
  crestmax::options o;
  o.products = c.integers != 0 ? crestmax::products::integer : crestmax::products::exact;
  if constexpr (ahead > 0) {
    o.key_coding = coding_in_front_of(c.key, kv_strides, floats_in_front<C> == 2);
    o.value_coding = coding_in_front_of(c.value, kv_strides, floats_in_front<C> == 2);
  }
  const auto rows = [&](const void* data) {
    const void* const codes = static_cast<const std::byte*>(data) + ahead;
    return tensor<const C>(static_cast<const C*>(codes), kv_extents, kv_strides);
  };
  return use(tensor<const T>(static_cast<const T*>(c.query), query_extents, query_strides), crestmax::make_source(rows(c.key), rows(c.value)),
             tensor<T>(static_cast<T*>(c.output), query_extents, query_strides), o,
             crestmax::backend::cpu(static_cast<crestmax::instruction_set>(c.most)));
}

template <class Use>
crestmax::status with_kind(const peers_call& c, Use&& use) {
  if (c.encoding == 1) return with_tensors<float, crestmax::q8_0>(c, use);
  if (c.encoding == 2) return with_tensors<float, crestmax::q4_0>(c, use);
  if (c.encoding == 3) return with_tensors<float, std::int8_t>(c, use);
  if (c.encoding == 4) return with_tensors<float, std::uint8_t>(c, use);
  if (c.kind == 1) return with_tensors<crestmax::float16, crestmax::float16>(c, use);
  if (c.kind == 2) return with_tensors<crestmax::bfloat16, crestmax::bfloat16>(c, use);
  return with_tensors<float, float>(c, use);
}

crestmax::status attend(const peers_call& c, team& workers, crestmax::report* report) {
  const crestmax::causal causal{c.causal != 0};
  return with_kind(c, [&](auto query, auto source, auto output, crestmax::options o, auto backend) {
    o.workspace = {static_cast<std::byte*>(c.workspace), static_cast<std::size_t>(c.workspace_bytes)};
    o.report = report;
    if (c.key_lengths != nullptr) o.key_lengths = {c.key_lengths, static_cast<std::size_t>(c.batch)};
    const auto call = [&](auto modifiers) { return crestmax::attention(query, source, output, o, modifiers, backend, crestmax_bench::lent_team{&workers}); };
    return c.window > 0 ? call(causal | crestmax::sliding_window{c.window - 1, 0}) : call(causal);
  });
}

}  // namespace

#define PEERS_EXPORT extern "C" __attribute__((visibility("default")))

// Threads that stay on their cores; the calling thread is the first and stays on the first core.
PEERS_EXPORT team* peers_team(int workers) { return std::make_unique<team>(workers).release(); }

// Memory on the same kind of pages as the bandwidth ceiling's; kept until the process ends or it is freed.
PEERS_EXPORT void* peers_memory(std::uint64_t bytes) {
  auto block = std::make_unique<crestmax_bench::memory_block>(static_cast<std::size_t>(bytes));
  return block.release();
}
PEERS_EXPORT void* peers_memory_data(crestmax_bench::memory_block* block) { return block->data(); }
PEERS_EXPORT void peers_memory_free(crestmax_bench::memory_block* block) {
  const std::unique_ptr<crestmax_bench::memory_block> freed(block);
}

PEERS_EXPORT const char* peers_workspace_bytes(const peers_call* c, team* workers, std::uint64_t* bytes) {
  std::size_t needed = 0;
  const crestmax::status s = with_kind(*c, [&](auto query, auto source, auto output, const crestmax::options& o, auto backend) {
    return crestmax::workspace_bytes(crestmax::tensors(query, source, output), workers->workers(), needed, o, backend);
  });
  *bytes = needed;
  return message_of(s);
}

PEERS_EXPORT const char* peers_attention(const peers_call* c, team* workers) {
  return message_of(attend(*c, *workers, nullptr));
}

// Runs the call once; what it ran on goes to `set`.
PEERS_EXPORT const char* peers_instruction_set(const peers_call* c, team* workers, const char** set) {
  crestmax::report report;
  const crestmax::status s = attend(*c, *workers, &report);
  *set = report.instruction_set;
  return message_of(s);
}

// The number of an instruction set in peers_call.most; -1 if there is none of that name.
PEERS_EXPORT int peers_set_named(const char* name) {
  for (int set = 0; set <= static_cast<int>(crestmax::instruction_set::widest); ++set) {
    if (std::string_view(name) == crestmax::name(static_cast<crestmax::instruction_set>(set))) return set;
  }
  return -1;
}

// Takes some seconds. Multiply-adds of vectors of at most `vector_bytes` (one core, all cores; GFLOP/s), reading (one
// core, all cores; GB/s), multiply-adds of the widest vectors (one core), and products of bfloat16 by whatever has
// them (one core; 0: nothing has).
PEERS_EXPORT void peers_ceilings(int vector_bytes, double* six) {
  const crestmax_bench::ceilings c = crestmax_bench::measure_ceilings();
  double one = 0;
  for (const auto& width : c.widths) {
    if (width.vector_bytes <= vector_bytes) one = std::max(one, width.gflops);
  }
  six[0] = one;
  six[1] = c.multiply_add_all_cores * one / c.multiply_add.gflops;
  six[2] = c.read.gigabytes;
  six[3] = c.read_all_cores.gigabytes;
  six[4] = c.multiply_add.gflops;
  six[5] = std::max(c.pair_products, c.tile_products);
}

PEERS_EXPORT double peers_multiply_adds_now(int cores) { return crestmax_bench::multiply_adds_now(cores); }

PEERS_EXPORT const char* peers_processor() { return crestmax_bench::this_machine().processor.c_str(); }
PEERS_EXPORT std::uint64_t peers_last_level_cache() { return crestmax_bench::this_machine().last_level_cache; }
