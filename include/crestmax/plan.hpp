// A plan: everything that can be decided from shapes and options alone. It holds no pointers, lives in
// memory that the caller gives, can be copied byte by byte, and serves every layer of the same shape.
#pragma once

#include <cstddef>
#include <cstdio>
#include <span>

#include "memory_size.hpp"
#include "modifiers/concepts.hpp"
#include "options.hpp"

CRESTMAX_BEGIN_NAMESPACE

// What a call is about, without its data. For a ragged batch q_len and kv_len are the largest.
struct problem {
  index_type sequences = 0;
  index_type q_len = 0;
  index_type kv_len = 0;
  index_type q_heads = 0;
  index_type kv_heads = 0;
  index_type d_qk = 0;
  index_type d_v = 0;
  scalar_kind query_kind = scalar_kind::float32;
  scalar_kind key_kind = scalar_kind::float32;
  scalar_kind value_kind = scalar_kind::float32;
  scalar_kind output_kind = scalar_kind::float32;
  bool paged = false;
  bool has_score_modifiers = false;
  bool has_masks = false;
  bool has_sinks = false;
  // Of the modifiers that are active when the call is made: causal, and the first of any other kind.
  bool causal = false;
  modifier_kind other_modifier = modifier_kind::none;

  index_type group() const { return kv_heads > 0 ? q_heads / kv_heads : 0; }
};

// How kernels multiply pairs of neighbouring bfloat16, if they do.
enum class pair_product : std::int32_t {
  none,
  registers,  // a pair of each lane at a time
  tiles,      // registers of 16 rows and 16 pairs (AMX)
};

// Sizes that a backend's kernels work in.
struct tile_geometry {
  index_type query_block;  // rows per block
  index_type key_tile;     // keys per tile
  index_type strip;        // rows whose scores are in memory at the same time: whole groups
  index_type row_group;    // rows per register tile
  index_type panel;        // keys (or value columns) per register tile
  std::int32_t kernels = 0;  // which of the backend's kernels these sizes are for
  pair_product pairs = pair_product::none;
  index_type key_tile_in_place = 0;  // keys per tile of blocks that read keys and values in place
  // Of a device: the call is begun as a whole, there are no items to run; and weights have one type only.
  bool whole_call = false;
  weight_type weights = weight_type::planner;
};

enum class plan_stage : std::int32_t {
  whole,   // an item does everything for one query block
  crest,   // an item finds the shift of one query block whose keys are split
  sweep,   // an item accumulates one split under that shift
  finish,  // an item merges the splits of one query block
};
constexpr const char* name(plan_stage stage) {
  constexpr const char* names[] = {"whole", "crest", "sweep", "finish"};
  return names[static_cast<int>(stage)];
}

// One sequence of the batch.
struct plan_sequence {
  index_type query_begin;      // first row in a packed query tensor, else 0
  index_type q_len;
  index_type kv_len;
  index_type queries_per_block;
  index_type heads_per_block;
  index_type query_blocks;
  index_type head_chunks;      // pieces of a group of heads
  index_type splits;
  index_type first_block;      // of the first of kv_heads * head_chunks * query_blocks blocks
  index_type blocks_per_item;  // consecutive blocks that one item sweeps side by side, if keys are split
  index_type first_item;       // of the sequence's sweep items
  index_type first_partial;    // of its partial states, one for each split of each block

  index_type blocks(index_type kv_heads) const { return kv_heads * head_chunks * query_blocks; }
  index_type sweep_items(index_type kv_heads) const {
    const index_type n = blocks(kv_heads);
    return splits == 1 ? n : (n + blocks_per_item - 1) / blocks_per_item * splits;
  }
};

// The bytes a call needs: a shared part and one part per worker; both multiples of 64, and neither
// depends on kv_len but for the number of splits.
struct workspace_size {
  std::size_t shared = 0;
  std::size_t per_worker = 0;
  static constexpr std::size_t alignment = 64;
  // Of a call that no memory is large enough for: memory_size::largest.
  constexpr std::size_t total(int workers) const {
    return (memory_size(shared) + memory_size(per_worker) * memory_size(static_cast<std::uint64_t>(workers))).value();
  }
};

// What a call says that no memory is large enough for.
inline status too_large() {
  constexpr auto largest = static_cast<index_type>(memory_size::largest);
  return error(status_code::too_large, "workspace", "a call that needs fewer bytes than", largest, largest);
}

// Why the strided sample is, or is not, part of the plan.
enum class coarse_reason : std::int32_t { caller, method, narrow_weights, coverage, anchors };
constexpr const char* name(coarse_reason reason) {
  constexpr const char* names[] = {
      "the caller's choice",
      "not part of this method",
      "float16 weights overflow 11 nats above the shift",
      "the coverage needs to know where the mass is",
      "anchors suffice: weights with 8 exponent bits bear 27 nats of undershoot",
  };
  return names[static_cast<int>(reason)];
}

struct plan_header {
  problem shape;
  scalar_kind compute;  // float32 or float64
  tile_geometry tiles;
  softmax_kind method;
  bool coarse;
  coarse_reason reason;
  index_type least_keys_to_sample;  // shorter sequences go without the sample
  bool packed_queries;
  bool diagnostics;
  bool row_max;
  bool estimate_lipschitz;
  coverage_kind coverage;
  weight_type weights;
  weight_type weights_in_place;  // of blocks whose keys and values are read in place
  bool pairs;                    // the other blocks multiply pairs of bfloat16
  double scale;
  double tau;
  double threshold;      // nats, lazy_max
  int margin_exponent;   // margin = margin_exponent * ln 2 nats
  index_type stride;
  index_type radius;
  index_type windows;
  index_type first_keys;
  index_type nearest_keys;
  double guard_limit;
  double lipschitz;      // nats; negative: not stated
  index_type blocks;
  index_type stages;          // 0 for a device
  plan_stage stage[3];
  index_type items[3];
  index_type max_splits;
  index_type split_rows;      // rows of the largest block whose keys are split
  workspace_size workspace;
};

// A view of a plan in memory.
class plan {
 public:
  plan() = default;
  explicit plan(const std::byte* memory)
      : header_(reinterpret_cast<const plan_header*>(memory)),
        sequences_(reinterpret_cast<const plan_sequence*>(memory + sizeof(plan_header))) {}

  // Bytes for a plan of so many sequences; the memory must be aligned to 8.
  static constexpr std::size_t bytes(index_type sequences) {
    return (memory_size(sizeof(plan_header)) + memory_size(sizeof(plan_sequence)) * memory_size(static_cast<std::uint64_t>(sequences)))
        .value();
  }

  explicit operator bool() const { return header_ != nullptr; }
  // The bytes of the plan, to copy it or to keep others out of it.
  std::span<const std::byte> memory() const {
    if (header_ == nullptr) return {};
    return {reinterpret_cast<const std::byte*>(header_), bytes(header_->shape.sequences)};
  }
  const plan_header& header() const { return *header_; }
  const plan_header* operator->() const { return header_; }
  std::span<const plan_sequence> sequences() const {
    return {sequences_, static_cast<std::size_t>(header_->shape.sequences)};
  }
  index_type stages() const { return header_->stages; }
  index_type items(index_type stage) const { return header_->items[stage]; }
  workspace_size workspace() const { return header_->workspace; }
  std::size_t describe(std::span<char> text) const;

  // The sequence that holds a block, by bisection: O(log sequences).
  index_type sequence_of_block(index_type block) const { return find(block, &plan_sequence::first_block); }
  index_type sequence_of_item(index_type item) const { return find(item, &plan_sequence::first_item); }

 private:
  index_type find(index_type item, index_type plan_sequence::* first) const {
    index_type low = 0;
    index_type high = header_->shape.sequences;
    while (high - low > 1) {
      const index_type middle = low + (high - low) / 2;
      if (sequences_[middle].*first <= item) low = middle;
      else high = middle;
    }
    return low;
  }

  const plan_header* header_ = nullptr;
  const plan_sequence* sequences_ = nullptr;
};

constexpr const char* name(softmax_kind kind) {
  constexpr const char* names[] = {"running_max", "lazy_max", "anchor_shift", "sampled_max"};
  return names[static_cast<int>(kind)];
}
constexpr const char* name(coverage_kind kind) {
  constexpr const char* names[] = {"everything", "above", "plateaus"};
  return names[static_cast<int>(kind)];
}
constexpr const char* name(weight_type type) {
  constexpr const char* names[] = {"planner", "float32", "float16", "bfloat16"};
  return names[static_cast<int>(type)];
}

// Writes the plan as a few lines of text, with the reasons for its choices; ends with a zero if
// there is room. Returns the length that the whole text has.
inline std::size_t plan::describe(std::span<char> text) const {
  const plan_header& h = *header_;
  const int written = std::snprintf(
      text.data(), text.size(),
      "%s, coverage %s, weights %s%s, compute %s\n"
      "blocks of %lld rows, tiles of %lld keys (%lld where they are read in place), %lld blocks, at most %lld splits\n"
      "shift: margin %d ln 2, anchors %lld first + %lld nearest keys\n"
      "coarse sample: %s (%s), stride %lld, %lld windows of radius %lld\n"
      "stages: %s %lld items%s%s; workspace %zu shared + %zu per worker\n",
      name(h.method), name(h.coverage), name(h.weights),
      !h.pairs                                       ? ""
      : h.tiles.pairs == pair_product::tiles ? " (pairs, in tiles)"
                                             : " (pairs)",
      name(h.compute),
      static_cast<long long>(h.tiles.query_block), static_cast<long long>(h.tiles.key_tile),
      static_cast<long long>(h.tiles.key_tile_in_place),
      static_cast<long long>(h.blocks), static_cast<long long>(h.max_splits), h.margin_exponent,
      static_cast<long long>(h.first_keys), static_cast<long long>(h.nearest_keys),
      h.coarse ? "on" : "off", name(h.reason), static_cast<long long>(h.stride),
      static_cast<long long>(h.windows), static_cast<long long>(h.radius),
      h.tiles.whole_call ? "one launch," : name(h.stage[0]), static_cast<long long>(h.items[0]),
      h.stages > 1 ? ", sweep" : "", h.stages > 1 ? ", finish" : "", h.workspace.shared, h.workspace.per_worker);
  return written < 0 ? 0 : static_cast<std::size_t>(written);
}

CRESTMAX_END_NAMESPACE
