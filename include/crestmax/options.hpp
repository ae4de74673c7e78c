// What a caller may choose. Every default is "exact, planned for you".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "encodings.hpp"
#include "report.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_VERSION

inline constexpr double ln2 = 0.693147180559945309417232121458;

// A decision that the planner takes unless the caller does.
enum class choice : std::int32_t { planner, on, off };

// Textbook online softmax: the running maximum of each row, a rescale whenever it rises.
struct running_max {};

// Online softmax that rescales only when the maximum rises by more than `threshold` nats.
struct lazy_max {
  double threshold = 8 * ln2;
};

// The shift is fixed after the anchors: the first keys and those nearest to the query's own position.
struct anchor_shift {
  std::optional<double> margin = std::nullopt;  // as in sampled_max
  index_type first_keys = 4;
  index_type nearest_keys = 32;
};

// The shift is fixed after anchors, a coarse strided sample, and refinement around its peaks.
struct sampled_max {
  index_type stride = 16;        // one key of `stride` is sampled
  index_type radius = 32;        // keys refined on either side of a coarse peak
  index_type windows = 8;        // peaks refined per query block, at most 64; 0 refines none
  std::optional<double> margin = std::nullopt;  // nats above the crest, rounded to a multiple of ln 2; default
                                                // 2 ln 2. float16 weights always take -8 ln 2: above it they
                                                // would lose small weights to subnormals
  choice coarse = choice::planner;              // take the strided sample and refine its peaks?
  index_type first_keys = 4;
  index_type nearest_keys = 32;
};

enum class softmax_kind : std::int32_t { running_max, lazy_max, anchor_shift, sampled_max };

// One of the four methods above, as plain data.
struct softmax_method {
  softmax_kind kind = softmax_kind::sampled_max;
  index_type stride = 16;
  index_type radius = 32;
  index_type windows = 8;
  index_type first_keys = 4;
  index_type nearest_keys = 32;
  std::optional<double> margin = std::nullopt;
  double threshold = 0;
  choice coarse = choice::planner;

  constexpr softmax_method() = default;
  constexpr softmax_method(running_max) : kind(softmax_kind::running_max), margin(0.0) {}
  constexpr softmax_method(lazy_max m)
      : kind(softmax_kind::lazy_max), margin(0.0), threshold(m.threshold) {}
  constexpr softmax_method(anchor_shift m)
      : kind(softmax_kind::anchor_shift), first_keys(m.first_keys), nearest_keys(m.nearest_keys),
        margin(m.margin), coarse(choice::off) {}
  constexpr softmax_method(sampled_max m)
      : stride(m.stride), radius(m.radius), windows(m.windows), first_keys(m.first_keys),
        nearest_keys(m.nearest_keys), margin(m.margin), coarse(m.coarse) {}
};

// The accuracy-speed dial.
enum class coverage_kind : std::int32_t { everything, above, plateaus, within, within_bound, within_bound_of_output };

struct coverage_mode {
  coverage_kind kind = coverage_kind::everything;
  double tau = 0;        // nats below the shift; only for `above`
  double tolerance = 0;  // of a row's output; only for `within` and what is like it
};

// Every visible key: exact.
inline constexpr coverage_mode everything{};
// Anchors and plateaus only: O(n / stride + windows * radius) keys per query block.
inline constexpr coverage_mode plateaus{coverage_kind::plateaus, 0, 0};
// Drops tiles in which no row of the block has a score above shift - tau; tau in nats, > 0. What a row may have lost is bounded
// (options::dropped_mass), the rounding of scores included. Each score modifier is taken to err by at most 16 ulp of the score that it takes
// plus 16 ulp of the one that it gives, and not to widen differences: so do those of modifiers/standard.hpp.
constexpr coverage_mode above(double tau) { return {coverage_kind::above, tau, 0}; }

// Of caches in planes (planes16) every key is read, at as few bits as keep a row's output within a tolerance of what all bits give: the first plane of
// all keys and values, and all planes of those that carry the error. Tolerances are shares of the norm of the row's output, above 0 and finite:
// 0.01 is 1 %. The error that the planes read leave stands in options::output_error. A row whose error turns out larger than its tolerance goes on
// reading. Blocks of at most 16 rows of a key-value head that see enough keys are served; others read all planes, and their error is 0 (what the plan
// says of it). Masks and sinks are served, and score modifiers that do not widen differences: soft_cap, alibi. Keys have steps by channel, values by
// token; a source of one's own vouches for that, and for runs that go to the end of their block.
//
// within: one sigma of the error, of unread bits that are uniform and independent. An estimate: some 3 of 10 rows err by more, 3 of 1000 by more
// than 2.5 times as much, where a row's error is made of few keys.
constexpr coverage_mode within(double tolerance) { return {coverage_kind::within, 0, tolerance}; }
// A bound of the error that holds for every input, roundings of the computation included: relative to the largest norm of a value that the row sees, or
// to the norm of the row's output.
constexpr coverage_mode within_bound(double tolerance) { return {coverage_kind::within_bound, 0, tolerance}; }
constexpr coverage_mode within_bound_of_output(double tolerance) { return {coverage_kind::within_bound_of_output, 0, tolerance}; }

// The type that weights exp(score - shift) are rounded to before they multiply the values. The planner takes float32, but
// bfloat16 where query, key, value and output all are and the kernels multiply pairs of it: in blocks of more than 16
// rows, whose keys and values are packed.
enum class weight_type : std::int32_t { planner, float32, float16, bfloat16 };

// How encoded keys and values are multiplied where they are read in place, in blocks of at most 16 rows. All else is exact always.
enum class products : std::int32_t {
  exact,    // as the numbers that they stand for
  integer,  // as integers, queries and weights rounded to 15 bits; see options::products
};

// Tile sizes; 0 leaves a size to the planner.
struct tile_sizes {
  index_type query_block = 0;  // rows (queries x heads of a group) that share one pass over the keys
  index_type key_tile = 0;     // keys per tile, at most 512: sums run in blocks of this size
  index_type splits = 0;       // pieces that one sequence's keys are cut into, at most 64
};

// exp(score - shift) errs by the rounding of the difference, half a unit in the last place of it: 1e-6 for 16.6 nats, all
// that "exact" leaves beside the plain formula's own error.
inline constexpr double most_guard_limit = 0x1p24;

struct options {
  softmax_method softmax{};
  coverage_mode coverage{};
  std::optional<double> scale = std::nullopt;  // default 1 / sqrt(d_qk)

  // Outputs besides the attention output; each (batch, q_len, q_heads).
  row_output lse{};           // natural log of the sum of exp(score), sink included
  row_output row_max{};       // the true maximum score, for this needs every score: a second pass
  // The share of a row's weight that the coverage left out, 0..1, never below the truth: for `above`, and for `plateaus` where the L
  // stated below is true; without one it is an estimate. float32 numbers are rounded up.
  row_output dropped_mass{};
  // How far a row's output may lie from that of all bits of its keys and values (L2), relative to its norm, of within_bound to the largest norm of a
  // value: the sigma or the bound that the coverage names, after what was read; 0 for rows that read all planes, and for other coverages.
  row_output output_error{};
  crestmax::report* report = nullptr;

  // Ragged batches. Offsets (sequences + 1 entries, rising from 0) pack sequences end to end in a
  // tensor whose batch extent is 1; lengths (one per sequence) say how much of each row is used.
  std::span<const std::int32_t> query_offsets{};
  std::span<const std::int32_t> key_offsets{};
  std::span<const std::int32_t> query_lengths{};
  std::span<const std::int32_t> key_lengths{};

  // Memory for the call, aligned to 64 bytes: workspace_bytes() for attention(), plan.workspace().total(workers) for
  // attach(). Empty: attention() owns its own.
  std::span<std::byte> workspace{};

  // What stands beside encoded keys and values, of tensors and pages; nothing of it is owned.
  row_coding key_coding{};
  row_coding value_coding{};

  // products::integer rounds what multiplies codes of int8, uint8, uint4 and of ggml's kinds (float8 has none and stays exact):
  //  - queries, to 1 / 32767 of a row's largest |q|: a raw score q.k errs by at most max|q| * sum|k| / 65534. Where keys have scales s for each
  //    channel, q * s is rounded, and sum|code| * max|q s| / 65534 is the bound: of codes minus 8 (4 bit), 128 (8 bit). Only where coverage is
  //    `everything`.
  //  - weights times the values' scales, of 16 keys at a time, to 1 / 32767 of the largest weight times the largest |scale| among them, for each
  //    row and block of 32 columns (or row of values): with C the largest |scale * integer code| of all values, an output errs by at most
  //    C * 16 / 65534 and 4 ulp; on rows without spikes by some 1e-5 of C.
  // Beyond what summing in float does; int8 and the like have head dims of up to 4096 for it. lse and row_max are those of the rounded scores.
  // Blocks with a query that is NaN, infinite or below 2^-100 throughout, rows that go to the correction, values with scales or offsets that
  // are no finite numbers, and rows with several scales or offsets that other rows do not share are exact.
  crestmax::products products = crestmax::products::exact;
  weight_type weights = weight_type::planner;
  tile_sizes tiles{};
  // A row goes to the correction if its weights in one tile of keys sum up to more than this, the weight of its crest being
  // 1. Weights that are that much larger err by more than exactness allows, so that it can only be lowered; 0 sends every
  // row that sees a key there.
  double guard_limit = most_guard_limit;
  // The largest difference of neighbouring visible scores of a row that the caller vouches for, in nats: it makes a bound of what
  // `plateaus` says of its loss, and costs the norms of all keys read. Otherwise it is estimated on the refined windows.
  std::optional<double> lipschitz = std::nullopt;
  bool diagnostics = false;  // also measure the true undershoot and L: a second pass over all scores
};

CRESTMAX_END_VERSION

#include "names_back.inc"
