// What a call did: which backend and plan, how many keys each phase touched, what was corrected, and
// how much may have been lost. Counts are of (query row, key) pairs unless said otherwise. Scores and L are in nats, those that were
// computed: products rounded to the compute type.
#pragma once

#include <cstdint>

#include "version.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_VERSION

// What is known of the lost mass.
enum class mass_kind : std::int32_t {
  none,        // coverage everything: none is lost
  rigorous,    // coverage above: a bound, for every input without NaN
  hypothesis,  // coverage plateaus: a bound if neighbouring scores of a row differ by at most the L that the caller states
  estimate,    // coverage plateaus without a stated L: an estimate
};

// What the error of outputs is worth.
enum class output_error_kind : std::int32_t {
  none,   // every plane of every key was read
  sigma,  // coverage within: one standard deviation
  bound,  // coverage within_bound and within_bound_of_output: a bound, for every input
};

enum class lipschitz_source : std::int32_t { none, stated, estimated, measured };

struct report {
  const char* backend = "";          // "cpu", "ascend"
  const char* instruction_set = "";  // "avx512", "avx2", "generic", "portable"
  const char* weights = "";          // what weights were rounded to, in some blocks at least: "float32", "bfloat16"

  std::int64_t rows = 0;              // query rows (query x head)
  std::int64_t pairs_visible = 0;     // in the groups of rows and panels of keys that masks leave over, some of them hidden
  std::int64_t pairs_sampled = 0;     // scored by the coarse sample
  std::int64_t pairs_crest = 0;       // taken in phase 1: anchors and plateaus, or the only tile of a block
  std::int64_t pairs_plateau = 0;     // of those, in windows around coarse peaks
  std::int64_t pairs_accumulated = 0; // whose weight joined the result
  std::int64_t pairs_skipped = 0;     // of pairs_visible, left out by the coverage
  std::int64_t pairs_masked = 0;      // all others: pairs_visible + pairs_masked = rows * kv_len
  std::int64_t bytes_read = 0;        // of keys and values, counted once per tile and query block
  std::int64_t rescales = 0;          // times that a row's sums were brought to a higher shift
  std::int64_t rows_corrected = 0;    // rows that the guard sent to the correction; a row whose keys are split counts once for each split that it sent

  // The largest share of its weight that a row may have lost, 0 to 1, corrected rows 0; what that number is worth is in
  // dropped_mass_kind. With `estimate` it holds if L is no larger than it was on the refined windows.
  double max_dropped_mass = 0;
  mass_kind dropped_mass_kind = mass_kind::none;
  // Of plateaus: the largest share if each sample had the score of all keys that it stands for. Of above: max_dropped_mass.
  double max_dropped_estimate = 0;
  // The largest options::output_error of all rows.
  double max_output_error = 0;
  crestmax::output_error_kind output_error_kind = crestmax::output_error_kind::none;
  std::int64_t keys_refined = 0;      // of which more than the first planes were read, or of whose values: once per query block
  std::int64_t rows_read_on = 0;      // rows whose error was above their tolerance when they had read what was chosen for them

  // At least the largest (row maximum - crest found) of all rows whose crest phase met a visible key: exact for corrected rows, else
  // log(sum of weights, lost ones included) + margin; 0 for methods without a crest, and where the keys are one tile, whose maxima are
  // the crests. As sure as max_dropped_mass. Infinite where nothing is known: rows that an Ascend device corrected, plateaus without a
  // sample.
  double max_undershoot_bound = 0;

  double lipschitz = 0;               // L: the largest difference of neighbouring visible scores, as lipschitz_from says
  lipschitz_source lipschitz_from = lipschitz_source::none;

  // With options.diagnostics only, over the rows that max_undershoot_bound is of.
  double max_undershoot = 0;          // largest (row maximum - crest found); 0 if no crest is too low
  double max_sampling_bound = 0;      // largest L * stride of the rows that were sampled, L measured on the row
  std::int64_t rows_above_bound = 0;  // sampled rows whose undershoot exceeds their L * stride: some of their samples are hidden
};

CRESTMAX_END_VERSION

#include "names_back.inc"
