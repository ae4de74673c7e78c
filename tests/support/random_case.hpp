// Cases drawn at random: every shape, stride, type, source, mask, modifier and method, by a seed.
#pragma once

#include "make_case.hpp"

namespace crestmax_test {

struct random_limits {
  index_type most_queries = 200;
  index_type most_keys = 1500;
  double most_products = 2e7;  // q_len * kv_len * heads * d of one case
  bool allow_packed = true;
  bool allow_modifiers = true;
  bool mask_tensors = false;  // every case has one
  // Weights of 16 bits: rounding errors are large and few, so that whether one row's exceed those of the
  // plain formula twice is luck unless many rows are compared. Shapes are then at least 64 queries.
  bool narrow_weights = false;
};

attention_case random_case(std::uint64_t seed, const random_limits& limits = {});

// The pieces that random_case() is made of.
crestmax::softmax_method random_method(random_source& random);
void add_random_modifiers(attention_case& c, random_source& random);

}  // namespace crestmax_test
