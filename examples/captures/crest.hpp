// The library's own stages up to the shift, run alone: what they sampled, refined and found. This looks
// below the public API, at the generic kernels, because no call keeps its samples.
#pragma once

#include <crestmax/modifiers/concepts.hpp>

#include "models.hpp"

namespace example {

// The crest that a method finds for every query of a head, nats; see measure.hpp for `undershoot`.
std::vector<double> find_crests(const captured_model& m, index_type head, const crestmax::softmax_method& method);

// One row's way to its shift.
struct crest_trace {
  std::vector<index_type> samples;                    // keys of the coarse sample
  std::vector<index_type> peaks;                      // coarse peaks that were refined
  std::vector<crestmax::key_interval> anchors;   // refined because of where they are
  std::vector<crestmax::key_interval> plateaus;  // refined around the peaks
  double crest = 0;  // m~, the highest score found
  double shift = 0;  // c = m~ + margin
};

crest_trace trace_crest(const captured_model& m, index_type head, index_type query, const crestmax::softmax_method& method);

}  // namespace example
