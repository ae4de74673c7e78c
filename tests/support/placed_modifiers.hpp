// Modifiers that go by positions of the caller's, and trees; and what they mean, pair by pair, from the numbers that they were made of.
#pragma once

#include <crestmax/modifiers.hpp>
#include <vector>

namespace crestmax_test {

using index_type = std::int64_t;

// What is given to the library, and, beside it, what the tests go by. All off by default.
struct placed_modifiers {
  // By sequence and place.
  struct numbers {
    std::vector<std::vector<std::int32_t>> key, query;
    std::vector<std::vector<std::vector<bool>>> tree;  // by sequence, query, token
  };

  crestmax::token_positions positions;
  crestmax::tree_mask tree;
  crestmax::causal causal{false};
  crestmax::sliding_window window;
  crestmax::alibi alibi;
  const numbers* meaning = nullptr;

  auto chain() const { return tree | crestmax::at_positions(positions, alibi | causal | window); }

  index_type key_at(crestmax::score_position at) const { return meaning->key[size(at.sequence)][size(at.key)]; }
  index_type query_at(crestmax::score_position at) const { return meaning->query[size(at.sequence)][size(at.query_index)]; }

  bool visible(crestmax::score_position at) const {
    if (tree.active() && !sees_token(at)) return false;
    if (!causal.enabled && window.left < 0 && window.right < 0) return true;
    const index_type key = key_at(at), query = query_at(at);
    if (causal.enabled && key > query) return false;
    return (window.left < 0 || key >= query - window.left) && (window.right < 0 || key <= query + window.right);
  }
  template <class T>
  T modify(T score, crestmax::score_position at) const {
    if (alibi.slopes.empty()) return score;
    return score + static_cast<T>(alibi.slopes[size(at.head)]) * static_cast<T>(key_at(at) - query_at(at));
  }

 private:
  static std::size_t size(index_type i) { return static_cast<std::size_t>(i); }
  // Tokens are the last keys, as many as there are queries.
  bool sees_token(crestmax::score_position at) const {
    const auto& rows = meaning->tree[size(at.sequence)];
    const index_type token = at.key - (at.query - at.query_index);
    return token < 0 || rows[size(at.query_index)][size(token)];
  }
};

}  // namespace crestmax_test
