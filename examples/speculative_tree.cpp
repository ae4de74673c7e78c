// A step of a speculative decoder: a tree of drafted tokens behind a sequence, in one call. Tokens that follow the same one share a position and do not
// see each other: what each sees of the tree are bits, how far it is from the others its depth. Every token's output is that of its branch alone.
#include <crestmax/crestmax.hpp>

#include "example.hpp"

namespace {

using crestmax::index_type;
constexpr index_type heads = 4, head_dim = 64, row = heads * head_dim, before = 300;
constexpr index_type none = -1;

// The token that each follows, always an earlier one.
const std::vector<index_type> parents{none, 0, 0, 0, 1, 1, 2, 4, 4, 6, 7, 7, 9};
const auto tokens = static_cast<index_type>(parents.size());

std::vector<index_type> branch_of(index_type token) {
  std::vector<index_type> branch;
  for (; token != none; token = parents[std::size_t(token)]) branch.insert(branch.begin(), token);
  return branch;
}

}  // namespace

int main() {
  const index_type length = before + tokens;
  std::vector<float> q = example::random_numbers(tokens * row, 1), out(q.size());
  std::vector<float> k = example::random_numbers(length * row, 2), v = example::random_numbers(length * row, 3);
  const std::vector<float> slopes{0.5f, 0.25f, 0.125f, 0.0625f};

  std::vector<std::uint64_t> bits(std::size_t(tokens), 0);
  std::vector<std::int32_t> key_positions, query_positions;
  for (index_type j = 0; j < before; ++j) key_positions.push_back(static_cast<std::int32_t>(j));
  for (index_type i = 0; i < tokens; ++i) {
    for (const index_type ancestor : branch_of(i)) bits[std::size_t(i)] |= std::uint64_t{1} << ancestor;
    query_positions.push_back(static_cast<std::int32_t>(before + std::ssize(branch_of(i)) - 1));
    key_positions.push_back(query_positions.back());
  }
  const auto tensor = [](std::vector<float>& of, index_type count) { return crestmax::tensor{of.data(), {1, count, heads, head_dim}}; };
  const crestmax::tree_mask tree{{bits.data(), {1, tokens, 1}}};
  const auto alibi = crestmax::at_positions(crestmax::positions_of(key_positions, query_positions), crestmax::alibi{slopes});
  if (const auto status = crestmax::attention(tensor(q, tokens), tensor(k, length), tensor(v, length), tensor(out, tokens), alibi | tree); !status) {
    return example::failed("speculative_tree", status.message());
  }

  // Each branch as a sequence of its own.
  double error = 0;
  for (index_type i = 0; i < tokens; ++i) {
    std::vector<index_type> places;
    for (index_type j = 0; j < before; ++j) places.push_back(j);
    for (const index_type token : branch_of(i)) places.push_back(before + token);
    const auto count = static_cast<index_type>(places.size());
    for (index_type h = 0; h < heads; ++h) {
      const auto at = std::size_t(i * row + h * head_dim);
      const auto place = [&](index_type j) { return std::size_t(places[std::size_t(j)] * row + h * head_dim); };
      const auto expected = example::plain_attention(
          count, head_dim,
          [&](index_type j) { return example::dot(&q[at], &k[place(j)], head_dim) / 8 - double(slopes[std::size_t(h)]) * double(count - 1 - j); },
          [&](index_type j, index_type d) { return double(v[place(j) + std::size_t(d)]); });
      error = std::max(error, example::largest_difference(expected, &out[at]));
    }
  }
  std::printf("speculative_tree: %lld tokens in one call\n", static_cast<long long>(tokens));
  return example::verdict("speculative_tree: branches that do not see each other, ALiBi by depth", error, 2e-6);
}
