// Bytes become a call that is valid.
#pragma once

#include "bytes.hpp"
#include "raw_call.hpp"

namespace crestmax_test {

struct fuzz_case {
  attention_case call;
  surroundings around;
  bool has_witness = false;
  bool vouches_for_lipschitz = false;  // options.lipschitz is to be the true one
};

fuzz_case make_fuzz_case(fuzz_bytes& bytes);

}  // namespace crestmax_test
