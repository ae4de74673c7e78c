#include "random_positions.hpp"

#include <algorithm>
#include <numeric>

namespace crestmax_test {
namespace {

std::vector<std::int32_t> in_ring(random_source& random, index_type count) {
  const index_type kept = std::min<index_type>(count, random.integer(0, 5));
  const index_type size = count - kept;
  const index_type newest = count + random.integer(0, 3 * count);  // the position of the key that was written last
  std::vector<std::int32_t> positions;
  for (index_type j = 0; j < count; ++j) {
    const index_type behind = j < kept ? 0 : (newest - j + kept) % size;
    positions.push_back(static_cast<std::int32_t>(j < kept ? j : newest - behind));
  }
  return positions;
}

std::vector<std::int32_t> key_positions(random_source& random, index_type count, position_pattern pattern) {
  if (pattern == position_pattern::ring) return in_ring(random, count);
  std::vector<std::int32_t> positions(static_cast<std::size_t>(count));
  std::iota(positions.begin(), positions.end(), 0);
  if (pattern == position_pattern::shuffled) {
    for (std::size_t i = positions.size(); i > 1; --i) {
      std::swap(positions[i - 1], positions[static_cast<std::size_t>(random.integer(0, static_cast<index_type>(i) - 1))]);
    }
  }
  if (pattern == position_pattern::repeated) {
    for (std::int32_t& p : positions) p = static_cast<std::int32_t>(random.integer(0, count / 5));
  }
  if (pattern == position_pattern::with_gaps) {
    std::int32_t gap = static_cast<std::int32_t>(random.integer(0, 1000000));
    for (std::int32_t& p : positions) p += gap += static_cast<std::int32_t>(random.integer(0, 3));
  }
  return positions;
}

// Queries at the end, or anywhere.
std::vector<std::int32_t> query_positions(random_source& random, index_type count, const std::vector<std::int32_t>& keys) {
  const std::int32_t last = keys.empty() ? 0 : *std::max_element(keys.begin(), keys.end());
  const bool at_the_end = random.chance(0.6);
  std::vector<std::int32_t> positions;
  for (index_type i = 0; i < count; ++i) {
    const index_type p = at_the_end ? last - count + 1 + i : random.integer(0, last + 3);
    positions.push_back(static_cast<std::int32_t>(std::max<index_type>(0, p)));
  }
  return positions;
}

// Rows of numbers side by side, as the library takes them. What lies behind a sequence's own is no position.
crestmax::tensor<const std::int32_t, 2> rows_of_numbers(attention_case& c, const std::vector<std::vector<std::int32_t>>& rows, bool one_for_all) {
  std::size_t longest = 0;
  for (const auto& row : rows) longest = std::max(longest, row.size());
  const std::size_t stride = longest + 3;
  const std::size_t count = one_for_all ? 1 : rows.size();
  auto& memory = c.keep(std::vector<std::int32_t>(count * stride, -1000));
  for (std::size_t i = 0; i < count; ++i) std::copy(rows[i].begin(), rows[i].end(), memory.begin() + static_cast<std::ptrdiff_t>(i * stride));
  const auto extent = [](std::size_t n) { return static_cast<index_type>(n); };
  return {memory.data(), {extent(count), extent(longest)}, {extent(stride), 1}};
}

placed_modifiers::numbers& meaning_of(attention_case& c) {
  auto& numbers = c.keep(placed_modifiers::numbers{});
  if (c.modifiers.placed.meaning != nullptr) numbers = *c.modifiers.placed.meaning;
  c.modifiers.placed.meaning = &numbers;
  return numbers;
}

}  // namespace

placed_modifiers& place_at_random(attention_case& c, random_source& random, position_pattern pattern) {
  placed_modifiers::numbers& numbers = meaning_of(c);
  const std::vector<sequence_place> sequences = sequences_of(c);
  const bool alike = std::all_of(sequences.begin(), sequences.end(), [&](const sequence_place& s) {
    return s.q_len == sequences.front().q_len && s.kv_len == sequences.front().kv_len;
  });
  const bool one_for_all = alike && !sequences.empty() && random.chance(0.5);
  for (const sequence_place& s : sequences) {
    const bool again = one_for_all && s.number > 0;
    numbers.key.push_back(again ? numbers.key.front() : key_positions(random, s.kv_len, pattern));
    numbers.query.push_back(again ? numbers.query.front() : query_positions(random, s.q_len, numbers.key.back()));
  }
  c.modifiers.placed.positions = {rows_of_numbers(c, numbers.key, one_for_all), rows_of_numbers(c, numbers.query, one_for_all)};
  return c.modifiers.placed;
}

void add_random_positions(attention_case& c, random_source& random) {
  placed_modifiers& placed = place_at_random(c, random, every_position_pattern[random.integer(0, std::ssize(every_position_pattern) - 1)]);
  placed.causal.enabled = random.chance(0.7);
  if (random.chance(0.4)) placed.window = {random.integer(-1, 200), random.integer(-1, 80)};
  if (!random.chance(0.4)) return;
  auto& slopes = c.keep(std::vector<float>(static_cast<std::size_t>(c.q_heads())));
  for (float& slope : slopes) slope = static_cast<float>(random.uniform(0, 0.1));
  placed.alibi.slopes = slopes;
}

void add_random_tree(attention_case& c, random_source& random) {
  placed_modifiers::numbers& numbers = meaning_of(c);
  const double density = random.pick({0.05, 0.5, 0.95});
  index_type most = 1;
  for (const sequence_place& s : sequences_of(c)) most = std::max(most, s.q_len);
  const index_type words = crestmax::tree_mask::words_of(most) + 1;
  const auto rows = static_cast<index_type>(sequences_of(c).size());
  auto& bits = c.keep(std::vector<std::uint64_t>(static_cast<std::size_t>(std::max<index_type>(1, rows) * most * words), ~std::uint64_t{0}));
  for (const sequence_place& s : sequences_of(c)) {
    auto& tree = numbers.tree.emplace_back(static_cast<std::size_t>(s.q_len), std::vector<bool>(static_cast<std::size_t>(s.q_len)));
    for (index_type i = 0; i < s.q_len; ++i) {
      for (index_type j = 0; j < s.q_len; ++j) {
        const bool seen = i == j || random.chance(density);
        tree[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] = seen;
        std::uint64_t& word = bits[static_cast<std::size_t>((s.number * most + i) * words + j / 64)];
        if (!seen) word &= ~(std::uint64_t{1} << (j % 64));
      }
    }
  }
  c.modifiers.placed.tree.bits = {bits.data(), {rows, most, words}};
}

}  // namespace crestmax_test
