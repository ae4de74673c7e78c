#include "random_case.hpp"

namespace crestmax_test {
namespace {

struct type_combination {
  scalar_kind query, key, value, output;
};

case_shape random_types(case_shape s, random_source& random) {
  using enum scalar_kind;
  const auto t = random.pick<type_combination>({{float32, float32, float32, float32},
                                                {float32, float32, float32, float32},
                                                {float64, float64, float64, float64},
                                                {float16, float16, float16, float16},
                                                {bfloat16, bfloat16, bfloat16, bfloat16},
                                                {float32, float16, float16, float32},
                                                {float32, bfloat16, bfloat16, float32},
                                                {float32, float16, bfloat16, float16},
                                                {float16, float16, float16, float32},
                                                {float64, float32, float32, float64}});
  s.query = t.query;
  s.key = t.key;
  s.value = t.value;
  s.output = t.output;
  return s;
}

case_shape random_shape(random_source& random, const random_limits& limits) {
  case_shape s;
  s.batch = random.pick<index_type>({1, 1, 2, 3});
  s.kv_heads = random.pick<index_type>({1, 1, 2, 3});
  s.q_heads = s.kv_heads * random.pick<index_type>({1, 1, 2, 3, 4, 7});
  s.q_len = limits.narrow_weights ? random.integer(64, limits.most_queries)
            : random.chance(0.3)  ? 1
                                  : random.spread_integer(1, limits.most_queries);
  s.kv_len = random.chance(0.2) ? s.q_len : random.spread_integer(1, limits.most_keys);
  s.d_qk = random.chance(0.5) ? random.spread_integer(1, 576) : random.pick<index_type>({8, 16, 32, 64, 80, 128});
  s.d_v = random.chance(0.5) ? s.d_qk : random.spread_integer(1, 576);
  s.layout = random.pick(
      {memory_layout::dense, memory_layout::heads_first, memory_layout::padded, memory_layout::reversed});
  const auto products = [&] {
    return static_cast<double>(s.batch * s.q_len * s.kv_len * s.q_heads * (s.d_qk + s.d_v));
  };
  while (products() > limits.most_products && s.d_qk + s.d_v > 2) {
    if (!limits.narrow_weights) s.q_len = (s.q_len + 1) / 2;
    s.d_qk = (s.d_qk + 1) / 2;
    s.d_v = (s.d_v + 1) / 2;
  }
  return s;
}

std::vector<std::int32_t> random_lengths(random_source& random, index_type count, index_type most) {
  std::vector<std::int32_t> lengths;
  for (index_type i = 0; i < count; ++i) lengths.push_back(static_cast<std::int32_t>(random.integer(0, most)));
  return lengths;
}

// Offsets of `count` sequences that end at or before `rows`.
std::vector<std::int32_t> random_offsets(random_source& random, index_type count, index_type rows) {
  std::vector<std::int32_t> offsets{0};
  for (index_type i = 0; i < count; ++i) {
    const index_type room = rows - offsets.back();
    const index_type share = std::min(room, 2 * rows / count);
    offsets.push_back(offsets.back() + static_cast<std::int32_t>(random.integer(0, share)));
  }
  return offsets;
}

}  // namespace

crestmax::softmax_method random_method(random_source& random) {
  const index_type first = random.pick<index_type>({0, 1, 4, 40});
  const index_type nearest = random.pick<index_type>({0, 1, 32, 100});
  switch (random.integer(0, 5)) {
    case 0:
      return crestmax::running_max{};
    case 1:
      return crestmax::lazy_max{.threshold = random.pick({0.0, 2.0, 8 * crestmax::ln2, 40.0})};
    case 2:
      return crestmax::anchor_shift{.margin = random.pick({0.0, 2 * crestmax::ln2, 10.0}),
                                    .first_keys = first,
                                    .nearest_keys = nearest};
    case 3:
      return crestmax::sampled_max{};
    default:
      return crestmax::sampled_max{.stride = random.integer(1, 40),
                                   .radius = random.pick<index_type>({1, 5, 32, 64, 500}),
                                   .windows = random.pick<index_type>({0, 1, 4, 8, 64}),
                                   .coarse = crestmax::choice::on,
                                   .first_keys = first,
                                   .nearest_keys = nearest};
  }
}

void add_random_modifiers(attention_case& c, random_source& random) {
  test_modifiers& m = c.modifiers;
  const index_type sequences = static_cast<index_type>(sequences_of(c).size());
  // Tables have room for the longest sequence, whatever rows the tensors have.
  index_type longest_query = 1, longest = 1;
  for (const sequence_place& s : sequences_of(c)) {
    longest_query = std::max(longest_query, s.q_len);
    longest = std::max(longest, s.kv_len);
  }
  const auto extents = [&] {
    const auto broadcast = [&](index_type full) { return random.chance(0.4) ? index_type{1} : full; };
    return std::array<index_type, 4>{broadcast(sequences), broadcast(c.q_heads()), broadcast(longest_query),
                                broadcast(longest)};
  };
  const auto size = [](const std::array<index_type, 4>& e) {
    return static_cast<std::size_t>(e[0] * e[1] * e[2] * e[3]);
  };
  const auto per_head = [&](double low, double high) {
    auto& numbers = c.keep(std::vector<float>(static_cast<std::size_t>(c.q_heads())));
    for (float& x : numbers) x = static_cast<float>(random.uniform(low, high));
    return std::span<const float>(numbers);
  };
  m.causal.enabled = random.chance(0.5);
  if (random.chance(0.25)) m.window = {random.integer(-1, 80), random.integer(-1, 80)};
  if (random.chance(0.2)) m.sinks.logits = per_head(-8, 12);
  if (random.chance(0.15)) {
    const auto e = extents();
    auto& mask = c.keep(std::vector<std::uint8_t>(size(e)));
    const double density = random.pick({0.02, 0.5, 0.98});
    for (std::uint8_t& x : mask) x = random.chance(density) ? 1 : 0;
    m.mask = crestmax::boolean_mask<std::uint8_t>(crestmax::tensor<const std::uint8_t>(mask.data(), e));
  }
  const index_type parts = random.chance(0.5) ? 0 : random.integer(1, 3);
  for (index_type i = 0; i < parts; ++i) {
    switch (random.integer(0, 4)) {
      case 0:
        m.scores.parts.emplace_back(ripple{static_cast<float>(random.uniform(0, 3))});
        break;
      case 1:
        m.scores.parts.emplace_back(crestmax::alibi{per_head(0, 0.5)});
        break;
      case 2:
        m.scores.parts.emplace_back(crestmax::soft_cap{static_cast<float>(random.uniform(0.5, 30))});
        break;
      case 3: {
        const auto e = extents();
        auto& bias = c.keep(std::vector<float>(size(e)));
        for (float& x : bias)
          x = random.chance(0.02) ? -std::numeric_limits<float>::infinity()
                                  : static_cast<float>(random.normal());
        m.scores.parts.emplace_back(
            crestmax::additive_bias<float>(crestmax::tensor<const float>(bias.data(), e)));
        break;
      }
      default: {
        const auto e = extents();
        auto& bias = c.keep(std::vector<crestmax::float16>(size(e)));
        for (auto& x : bias) x.bits = encode(half_format, random.normal());
        m.scores.parts.emplace_back(crestmax::additive_bias<crestmax::float16>(
            crestmax::tensor<const crestmax::float16>(bias.data(), e)));
      }
    }
  }
}

void add_random_mask_tensor(attention_case& c, random_source& random) {
  mask_axes full{static_cast<index_type>(sequences_of(c).size()), c.q_heads(), 1, 1};
  for (const sequence_place& s : sequences_of(c)) {
    full[2] = std::max(full[2], s.q_len);
    full[3] = std::max(full[3], s.kv_len);
  }
  mask_axes extents = full;
  for (index_type& extent : extents) extent = random.chance(0.4) ? 1 : extent;
  for (const std::size_t axis : {1u, 0u}) {  // no more entries than are soon made
    if (extents[0] * extents[1] * extents[2] * extents[3] > 200000) extents[axis] = 1;
  }
  const auto type = static_cast<crestmax::mask_type>(random.integer(0, 4));
  const auto layout = random.pick({mask_layout::dense, mask_layout::dense, mask_layout::keys_first, mask_layout::padded, mask_layout::reversed});
  const mask_pattern pattern = every_pattern[random.integer(0, static_cast<index_type>(std::size(every_pattern)) - 1)];
  const auto number = [&](index_type s, index_type h, index_type q, index_type k) { return number_of(pattern, random, s, h, q, k); };
  const mask_axes expanded = random.chance(0.5) ? full : mask_axes{1, 1, 1, 1};
  c.modifiers.set_mask(make_mask(c.keep(mask_memory{}), type, extents, layout, number, expanded));
}

attention_case random_case(std::uint64_t seed, const random_limits& limits) {
  random_source random(seed);
  case_shape shape = random_types(random_shape(random, limits), random);
  const bool packed = limits.allow_packed && random.chance(0.2);
  index_type sequences = shape.batch;
  if (packed) {
    sequences = random.integer(1, 4);
    shape.batch = 1;
  }
  attention_case c = empty_case(shape);
  c.query.fill_normal(random, random.pick({0.3, 1.0, 1.0, 4.0}));
  c.key.fill_normal(random, random.pick({1.0, 1.0, 3.0}), random.pick({0.0, 0.0, 0.5}));
  c.value.fill_normal(random, 1, random.pick({0.0, 1.0}));
  if (packed) {
    c.query_offsets = random_offsets(random, sequences, shape.q_len);
    c.key_offsets = random_offsets(random, sequences, shape.kv_len);
  } else if (random.chance(0.3)) {
    c.query_lengths = random_lengths(random, sequences, shape.q_len);
    c.key_lengths = random_lengths(random, sequences, shape.kv_len);
  }
  if (random.chance(0.3)) c = paged(c, random.pick<index_type>({1, 3, 16, 64, 300}), random.chance(0.5), seed);
  if (limits.allow_modifiers) add_random_modifiers(c, random);
  if (limits.mask_tensors) add_random_mask_tensor(c, random);
  c.options.softmax = random_method(random);
  if (random.chance(0.2)) c.options.scale = random.uniform(0.01, 1.0);
  if (limits.narrow_weights) {
    c.options.weights = random.pick({crestmax::weight_type::float16, crestmax::weight_type::bfloat16});
    c.options.softmax.margin = std::nullopt;  // the planner's: a high margin costs float16 its small weights
  }
  if (random.chance(0.2)) {
    c.options.tiles = {.query_block = random.integer(1, 130),
                       .key_tile = random.integer(1, 512),
                       .splits = random.integer(0, 8)};
  }
  if (random.chance(0.1)) c.row_kind = scalar_kind::float32;
  return c;
}

}  // namespace crestmax_test
