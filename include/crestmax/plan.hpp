// A plan: everything that can be decided from shapes, lengths and options alone. It holds no pointers, lives in
// memory that the caller gives, can be copied byte by byte, and serves every layer of the same shape.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <limits>
#include <span>

#include "grains.hpp"
#include "memory_size.hpp"
#include "merge_counts.hpp"
#include "modifiers/concepts.hpp"
#include "options.hpp"
#include "place_marks.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// What all sequences of a call have in common. What decides a sequence's bits is given this and the sequence's own
// shape, and nothing of the batch.
struct head_shape {
  index_type q_heads = 0;
  index_type kv_heads = 0;
  index_type d_qk = 0;
  index_type d_v = 0;
  scalar_kind query_kind = scalar_kind::float32;
  scalar_kind key_kind = scalar_kind::float32;
  scalar_kind value_kind = scalar_kind::float32;
  scalar_kind output_kind = scalar_kind::float32;

  constexpr index_type group() const { return kv_heads > 0 ? q_heads / kv_heads : 0; }
};

// What a call is about, without its data. Lengths and offsets of sequences are with the options. q_len and kv_len are
// those of the longest sequence; where the options have lengths or offsets, theirs hold. Rows of tensors are not among
// them: a padded or packed tensor may have more.
struct problem {
  index_type sequences = 1;
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
  bool row_max = false;  // options.row_max will be asked for
  // Whom items are made for: more of them for more workers, and the same bits. 0: for a number that is not known.
  std::int32_t workers = 0;
  // For a backend that does not serve every call; no part of a plan. Of the modifiers that are active when the call is
  // made: causal, and the first of any other kind.
  bool paged = false;
  bool causal = false;
  modifier_kind other_modifier = modifier_kind::none;

  constexpr head_shape heads() const {
    return {q_heads, kv_heads, d_qk, d_v, query_kind, key_kind, value_kind, output_kind};
  }
  constexpr index_type group() const { return heads().group(); }
};

// The type that a call is computed in: double where an input is double.
constexpr scalar_kind compute_kind(scalar_kind query, scalar_kind key, scalar_kind value) {
  constexpr scalar_kind wide = scalar_kind::float64;
  return query == wide || key == wide || value == wide ? wide : scalar_kind::float32;
}

// How kernels multiply pairs of neighbouring bfloat16, if they do.
enum class pair_product : std::int32_t {
  none,
  registers,  // a pair of each lane at a time
  tiles,      // registers of 16 rows and 16 pairs (AMX)
};

// Sizes that a backend's kernels work in, for all sequences of a call alike.
struct tile_geometry {
  index_type query_block;  // rows per block
  index_type key_tile;     // keys per tile
  index_type strip;        // rows whose scores are in memory at the same time: whole groups
  index_type row_group;    // rows per register tile
  index_type panel;        // keys (or value columns) per register tile
  std::int32_t kernels = 0;  // which of the backend's kernels these sizes are for
  pair_product pairs = pair_product::none;
  index_type key_tile_in_place = 0;  // keys per tile of blocks that read keys and values in place
  // Rows per block of a sequence with at least long_rows rows for each key-value head, where those differ.
  index_type long_query_block = 0;
  index_type long_rows = std::numeric_limits<index_type>::max();
  weight_type weights = weight_type::planner;  // of a device whose weights have one type only
  bool whole_call = false;                     // of a device: the call is begun as a whole, there are no items to run
  bool dots = false;                           // integers are multiplied by the machine's own dot products
  bool reads_planes = false;                   // rows in planes may be read in part
  std::array<bool, 1> unused{};                // a plan is compared byte by byte: it has no padding
};

// The name of an enumerator, of memory that may hold anything.
template <std::size_t Count, class Kind>
constexpr const char* name_in(const char* const (&names)[Count], Kind kind) {
  const auto i = static_cast<std::uint32_t>(kind);
  return i < Count ? names[i] : "unknown";
}

enum class plan_stage : std::int32_t {
  whole,   // an item does everything for some query blocks
  crest,   // an item finds the shift of one query block whose keys are split, where that takes a sample
  sweep,   // an item accumulates some splits of some blocks under their shifts; the last of a small block's merges them
  finish,  // an item merges the splits of some rows of a larger block
  choose,  // of blocks that read planes: an item decides for one of them which keys are read further
  refine,  // of these blocks: an item reads further keys of some splits; the last of a block's merges them
};
constexpr const char* name(plan_stage stage) {
  constexpr const char* names[] = {"whole", "crest", "sweep", "finish", "choose", "refine"};
  return name_in(names, stage);
}

// The bytes a call needs: marks, a shared part and a place for each item in flight, which are no more than there are workers
// or items of a stage; all multiples of 64, and none depends on kv_len but for the number of splits.
struct workspace_size {
  std::size_t shared = 0;
  std::size_t per_worker = 0;
  index_type most_items = 0;  // of a stage
  static constexpr std::size_t alignment = 64;
  constexpr int places(int workers) const { return most_items < workers ? static_cast<int>(most_items) : workers; }
  // Of a call that no memory is large enough for: memory_size::largest.
  constexpr std::size_t total(int workers) const {
    // A device has no items of the caller's to mark.
    const int n = places(workers);
    const memory_size marks(per_worker == 0 ? 0 : place_marks::bytes(n));
    return (marks + memory_size(shared) + memory_size(per_worker) * memory_size(static_cast<std::uint64_t>(n))).value();
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
  return name_in(names, reason);
}

// Why blocks read planes until their error is small enough, or all of them.
enum class planes_reason : std::int32_t { not_asked, few_rows, no_kernels, in_double, narrow_weights, every_score };
constexpr const char* name(planes_reason reason) {
  constexpr const char* names[] = {
      "all of them: no tolerance is given",
      "the first of every key, then those that the error asks for, in blocks of few rows that may see enough keys; others read all",
      "all of them: the kernels read no planes where they lie",
      "all of them: the call is computed in double",
      "all of them: weights are rounded",
      "all of them: row_max and diagnostics ask for every score",
  };
  return name_in(names, reason);
}

// What a plan begins with: plans of other versions or builds of the library are told by it.
struct plan_identity {
  std::uint64_t magic;
  std::int32_t version[3];
  std::int32_t sequence_bytes;
  std::uint64_t build;  // of CRESTMAX_BUILD
  std::uint64_t bytes;  // of the whole plan
};

// Of a text, by FNV-1a.
constexpr std::uint64_t hash_of(const char* text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (; *text != 0; ++text) hash = (hash ^ static_cast<unsigned char>(*text)) * 0x100000001b3u;
  return hash;
}

constexpr plan_identity identity_of_plans(std::uint64_t bytes) {
#define CRESTMAX_DETAIL_TEXT_(x) #x
#define CRESTMAX_DETAIL_TEXT(x) CRESTMAX_DETAIL_TEXT_(x)
  return {0x6372657374706c6eu,  // "crestpln"
          {CRESTMAX_VERSION_MAJOR, CRESTMAX_VERSION_MINOR, CRESTMAX_VERSION_PATCH},
          static_cast<std::int32_t>(sizeof(plan_sequence)),
          hash_of(CRESTMAX_DETAIL_TEXT(CRESTMAX_BUILD)),
          bytes};
#undef CRESTMAX_DETAIL_TEXT
#undef CRESTMAX_DETAIL_TEXT_
}

// What is decided for all sequences alike. Kernels and deciding functions see this, and not the batch.
struct plan_rules {
  head_shape shape;
  tile_geometry tiles;
  double scale;
  double tau;
  double threshold;      // nats, lazy_max
  double guard_limit;
  double tolerance;      // of outputs, where blocks may read planes in part
  double lipschitz;      // nats; negative: not stated
  index_type stride;
  index_type radius;
  index_type windows;
  index_type first_keys;
  index_type nearest_keys;
  index_type least_keys_to_sample;  // shorter sequences go without the sample
  index_type forced_splits;         // 0: by the sequence's length
  scalar_kind compute;              // float32 or float64
  softmax_kind method;
  coarse_reason reason;
  coverage_kind coverage;   // of blocks that read all that is stored of a key
  coverage_kind by_planes;  // of the others: within, or what is like it; everything: there are none
  planes_reason planes;
  weight_type weights;
  weight_type weights_in_place;  // of blocks whose keys and values are read in place
  std::int32_t margin_exponent;  // margin = margin_exponent * ln 2 nats
  crestmax::products products;   // of encoded rows that are read in place
  bool coarse;
  bool pairs;  // blocks that are packed multiply pairs of bfloat16
  bool diagnostics;
  bool row_max;
  bool estimate_lipschitz;
  std::array<bool, 3> unused;
};

// What follows from all sequences together: memory and items, never a bit of a result.
struct plan_batch {
  index_type sequences;
  index_type q_len;   // of the longest sequence
  index_type kv_len;
  index_type block_capacity;  // rows that a worker's memory has room for
  index_type blocks;
  index_type stages;  // 0 for a device
  index_type items[5];
  index_type max_splits;
  index_type split_rows;  // rows of the largest block whose keys are split
  index_type merges;      // counts of splits, behind the partial states: bytes from the start of the shared part
  index_type merges_at;
  workspace_size workspace;
  index_type planes_at;       // what blocks that read planes share: bytes from the start of the shared part
  plan_stage stage[5];
  std::int32_t workers;  // that items were made for; and once more in other bits, for whoever checks a plan is not told
  std::int32_t workers_inverted;
  std::int32_t unused;
};

struct plan_header : plan_identity, plan_rules, plan_batch {};

// True, or an error: a byte that belongs to no member cannot be read when compiling.
template <class Plain>
consteval bool has_no_padding() {
  unsigned sum = 0;
  for (const unsigned char byte : std::bit_cast<std::array<unsigned char, sizeof(Plain)>>(Plain{})) sum += byte;
  return sum + 1 > 0;
}
static_assert(has_no_padding<plan_header>() && has_no_padding<plan_sequence>());

// A view of a plan in memory. Of memory that holds none of this version and build it is a view of nothing.
class plan {
 public:
  plan() = default;
  explicit plan(std::span<const std::byte> memory) {
    if (memory.size() < sizeof(plan_header) || reinterpret_cast<std::uintptr_t>(memory.data()) % alignment != 0) return;
    plan_identity found;
    std::memcpy(&found, memory.data(), sizeof found);
    const plan_identity wanted = identity_of_plans(found.bytes);
    if (std::memcmp(&found, &wanted, sizeof found) != 0 || found.bytes > memory.size()) return;
    const auto* const header = static_cast<const plan_header*>(static_cast<const void*>(memory.data()));
    if (found.bytes != bytes(header->sequences)) return;
    header_ = header;
    bytes_ = memory_size(found.bytes).value();
  }

  // Of its memory, on every target.
  static constexpr std::size_t alignment = 8;
  static_assert(alignment % alignof(plan_header) == 0);
  // Bytes for a plan of so many sequences; the memory must be aligned to 8.
  static constexpr std::size_t bytes(index_type sequences) {
    return (memory_size(sizeof(plan_header)) +
            memory_size(sizeof(plan_sequence) + sizeof(index_type)) * memory_size(static_cast<std::uint64_t>(sequences)))
        .value();
  }

  explicit operator bool() const { return header_ != nullptr; }
  // The bytes of the plan, to copy it or to keep others out of it.
  std::span<const std::byte> memory() const { return {reinterpret_cast<const std::byte*>(header_), bytes_}; }
  const plan_header& header() const { return *header_; }
  const plan_header* operator->() const { return header_; }
  std::span<const plan_sequence> sequences() const {
    if (header_ == nullptr) return {};
    return {reinterpret_cast<const plan_sequence*>(header_ + 1), static_cast<std::size_t>(header_->sequences)};
  }
  // Sequences in the order of their items.
  std::span<const index_type> order() const {
    const std::span<const plan_sequence> of = sequences();
    return {reinterpret_cast<const index_type*>(of.data() + of.size()), of.size()};
  }
  index_type stages() const { return header_ == nullptr ? 0 : header_->stages; }
  // Items of a stage; 0 where there is no such stage.
  index_type items(index_type stage) const { return stage < 0 || stage >= std::min<index_type>(std::ssize(header_->items), stages()) ? 0 : header_->items[stage]; }
  workspace_size workspace() const { return header_ == nullptr ? workspace_size{} : header_->workspace; }
  std::size_t describe(std::span<char> text) const;

  // The sequence that holds a block, by bisection: O(log sequences).
  index_type sequence_of_block(index_type block) const {
    const std::span<const plan_sequence> all = sequences();
    return last_that([&](index_type i) { return all[static_cast<std::size_t>(i)].first_block <= block; });
  }
  index_type sequence_of_item(index_type item) const {
    const std::span<const plan_sequence> all = sequences();
    const std::span<const index_type> by_items = order();
    const auto begins = [&](index_type i) { return all[static_cast<std::size_t>(by_items[static_cast<std::size_t>(i)])].first_item <= item; };
    return by_items[static_cast<std::size_t>(last_that(begins))];
  }
  // What an item of the stage `finish` is about.
  merge_range merge_item(index_type number) const {
    const std::span<const plan_sequence> all = sequences();
    const index_type i = last_that([&](index_type n) { return all[static_cast<std::size_t>(n)].first_finish <= number; });
    const plan_sequence& s = all[static_cast<std::size_t>(i)];
    const index_type within = number - s.first_finish, pieces = s.merge_items(1) / s.blocks(1);
    return {s.first_block + within / pieces, within % pieces * s.rows_per_merge, s.rows_per_merge};
  }
  // What an item of the stage `whole` or `sweep` costs beside others: multiply-adds, if no mask hides a key.
  index_type cost_of_item(index_type item) const { return sequences()[static_cast<std::size_t>(sequence_of_item(item))].cost; }

  // What an item of the stage `whole` or `sweep` is about: an item's rows are cut first, its keys next, then blocks.
  item_range item(index_type number) const {
    item_range r{};
    r.sequence = sequence_of_item(number);
    const plan_sequence& s = sequences()[static_cast<std::size_t>(r.sequence)];
    const index_type within = number - s.first_item;
    const index_type runs = s.runs();
    const bool is_cut = s.parts > 1 || runs > 1;  // most are not, and divisions take long
    const index_type run = is_cut ? within / s.parts % runs : 0;
    const index_type first = (is_cut ? within / (s.parts * runs) : within) * s.blocks_per_item;
    r.part = is_cut ? within % s.parts : 0;
    r.first_block = s.first_block + first;
    r.blocks = std::min(s.blocks_per_item, s.blocks(header_->shape.kv_heads) - first);
    r.first_split = run * s.splits_per_item;
    r.end_split = std::min(s.splits, r.first_split + s.splits_per_item);
    return r;
  }

 private:
  // The last of the sequences that something is true of, which is true of all before it.
  template <class IsTrue>
  index_type last_that(IsTrue&& is_true) const {
    index_type low = 0;
    index_type high = header_->sequences;
    while (high - low > 1) {
      const index_type middle = low + (high - low) / 2;
      if (is_true(middle)) low = middle;
      else high = middle;
    }
    return low;
  }

  const plan_header* header_ = nullptr;
  std::size_t bytes_ = 0;
};

constexpr const char* name(softmax_kind kind) {
  constexpr const char* names[] = {"running_max", "lazy_max", "anchor_shift", "sampled_max"};
  return name_in(names, kind);
}
constexpr const char* name(coverage_kind kind) {
  constexpr const char* names[] = {"everything", "above", "plateaus", "within", "within_bound", "within_bound_of_output"};
  return name_in(names, kind);
}
constexpr const char* name(weight_type type) {
  constexpr const char* names[] = {"planner", "float32", "float16", "bfloat16"};
  return name_in(names, type);
}

// What a bool of a plan says, whatever bits damaged memory holds there.
inline bool is_set(const bool& of_plan) {
  unsigned char bits = 0;
  std::memcpy(&bits, &of_plan, sizeof bits);
  return bits != 0;
}

// Writes the plan as a few lines of text, with the reasons for its choices; ends with a zero if
// there is room. Returns the length that the whole text has.
inline std::size_t plan::describe(std::span<char> text) const {
  if (header_ == nullptr) return 0;
  const plan_header& h = *header_;
  const bool asked = h.planes != planes_reason::not_asked;
  const bool has_planes = h.stages > 1 && h.stages <= std::ssize(h.stage) && h.stage[h.stages - 1] == plan_stage::refine;
  const int written = std::snprintf(
      text.data(), text.size(),
      "%s, coverage %s, weights %s%s, compute %s\n"
      "blocks of %lld rows, tiles of %lld keys (%lld where they are read in place), %lld blocks, at most %lld splits\n"
      "shift: margin %d ln 2, anchors %lld first + %lld nearest keys\n"
      "coarse sample: %s (%s), stride %lld, %lld windows of radius %lld\n"
      "stages: %s %lld items%s%s%s; workspace %zu shared + %zu per worker\n"
      "%s%s%s",
      name(h.method), name(h.by_planes == coverage_kind::everything ? h.coverage : h.by_planes), name(h.weights),
      !is_set(h.pairs)                       ? ""
      : h.tiles.pairs == pair_product::tiles ? " (pairs, in tiles)"
                                             : " (pairs)",
      name(h.compute),
      static_cast<long long>(h.tiles.query_block), static_cast<long long>(h.tiles.key_tile),
      static_cast<long long>(h.tiles.key_tile_in_place),
      static_cast<long long>(h.blocks), static_cast<long long>(h.max_splits), h.margin_exponent,
      static_cast<long long>(h.first_keys), static_cast<long long>(h.nearest_keys),
      is_set(h.coarse) ? "on" : "off", name(h.reason), static_cast<long long>(h.stride),
      static_cast<long long>(h.windows), static_cast<long long>(h.radius),
      is_set(h.tiles.whole_call) ? "one launch," : name(h.stage[0]), static_cast<long long>(h.items[0]),
      h.stages > 1 ? ", then " : "", h.stages <= 1 ? "" : h.stages == 2 || has_planes ? name(h.stage[1]) : "sweep, finish",
      has_planes ? h.stages > 3 ? ", choose, refine" : ", refine" : "", h.workspace.shared, h.workspace.per_worker,
      asked ? "planes: " : "", asked ? name(h.planes) : "", asked ? "\n" : "");
  return written < 0 ? 0 : static_cast<std::size_t>(written);
}

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
