// What a call did: which backend and plan, how many keys each phase touched, what was corrected, and
// how much may have been lost. Counts are of (query row, key) pairs unless said otherwise.
#pragma once

#include <cstdint>

#include "version.hpp"

CRESTMAX_BEGIN_VERSION

// Where the bound on the lost mass comes from.
enum class bound_kind : std::int32_t {
  none,             // nothing was dropped: exact
  rigorous,         // coverage above: holds for every input without NaN
  hypothesis,       // coverage plateaus: holds if neighbouring scores differ by at most lipschitz
};

enum class lipschitz_source : std::int32_t { none, stated, estimated, measured };

struct report {
  const char* backend = "";          // "cpu", "ascend"
  const char* instruction_set = "";  // "avx512", "avx2", "generic", "portable"
  const char* weights = "";          // what weights were rounded to, in some blocks at least: "float32", "bfloat16"

  std::int64_t rows = 0;              // query rows (query x head)
  std::int64_t pairs_visible = 0;     // pairs inside the tiles that masks leave over
  std::int64_t pairs_sampled = 0;     // scored by the coarse sample
  std::int64_t pairs_crest = 0;       // scored in phase 1: anchors and plateaus
  std::int64_t pairs_plateau = 0;     // of those, in windows around coarse peaks
  std::int64_t pairs_accumulated = 0; // whose weight joined the result
  std::int64_t pairs_skipped = 0;     // visible, but dropped by the coverage
  std::int64_t pairs_masked = 0;      // in tiles that were never touched because masks hide them
  std::int64_t bytes_read = 0;        // of keys and values, counted once per tile and query block
  std::int64_t rescales = 0;          // rows whose accumulated sums had to be rescaled
  std::int64_t rows_corrected = 0;    // rows that the guard sent to the correction

  double max_dropped_mass = 0;        // the largest bound on a row's lost weight, 0..1
  bound_kind dropped_mass_kind = bound_kind::none;
  double max_dropped_estimate = 0;    // plateaus: the same without the safety factor exp(L * stride)
  double max_undershoot_bound = 0;    // without diagnostics: log(sum of weights) + margin, nats

  double lipschitz = 0;               // L, nats between neighbouring keys
  lipschitz_source lipschitz_from = lipschitz_source::none;

  // With options.diagnostics only.
  double max_undershoot = 0;          // largest (true row maximum - crest found), nats
  double max_sampling_bound = 0;      // largest L * stride over rows, L measured on the row
  std::int64_t rows_above_bound = 0;  // rows whose undershoot exceeds L * stride: always 0
};

CRESTMAX_END_VERSION
