// What a worker counts while it works, and what it could not read.
#pragma once

#include "../../tensor.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Runs of rows that a source did not have although a sequence has keys there, and the first of them.
struct failed_runs {
  struct place {
    index_type sequence, position, rows;
    bool of_keys;
  };
  index_type count;
  place first;
};

// What one worker counted; summed into the report after the call.
struct worker_counters {
  index_type rows, visible, sampled, crest, plateau, accumulated, skipped, masked, bytes, rescales, corrected;
  index_type above_bound, refined, read_on;
  failed_runs failed;
  double output_error, dropped_mass, dropped_estimate, undershoot_bound, lipschitz, undershoot, sampling_bound;
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
