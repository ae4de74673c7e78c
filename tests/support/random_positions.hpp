// Positions and trees drawn at random, for a case of any shape.
#pragma once

#include "attention_case.hpp"

namespace crestmax_test {

enum class position_pattern {
  in_order,
  ring,      // the first keys kept, the others in a ring that has come round
  shuffled,
  repeated,  // many keys at each position, as branches of a tree have them
  with_gaps,
};
inline constexpr position_pattern every_position_pattern[] = {position_pattern::in_order, position_pattern::ring, position_pattern::shuffled,
                                                              position_pattern::repeated, position_pattern::with_gaps};

// Gives every sequence of a case positions of such a pattern, in arrays of its own or one for all; modifiers that go by them are still off.
placed_modifiers& place_at_random(attention_case& c, random_source& random, position_pattern pattern);

// The same and modifiers of any kind that go by them.
void add_random_positions(attention_case& c, random_source& random);

// A tree over the queries: each sees itself, and with some luck any other.
void add_random_tree(attention_case& c, random_source& random);

}  // namespace crestmax_test
