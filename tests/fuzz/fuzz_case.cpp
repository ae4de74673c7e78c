#include "fuzz_case.hpp"

#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

constexpr double most_products = 1e6;  // so that a fuzzer makes hundreds of calls a second

case_shape make_shape(fuzz_bytes& b, const raw_types& types) {
  case_shape s;
  s.query = types.query;
  s.key = types.key;
  s.value = types.value;
  s.output = types.output;
  s.batch = b.pick<index_type>({1, 1, 2, 3, 0});
  s.kv_heads = b.pick<index_type>({1, 1, 2, 3});
  s.q_heads = s.kv_heads * b.pick<index_type>({1, 1, 2, 4, 7});
  s.q_len = b.pick<index_type>({1, 1, 2, b.integer(0, 20), b.integer(0, 140)});
  s.kv_len = b.pick<index_type>({b.integer(0, 40), b.integer(0, 300), b.integer(0, 300), b.integer(0, 1500), s.q_len});
  s.d_qk = b.pick<index_type>({16, 64, b.integer(1, 40), b.integer(1, 140)});
  s.d_v = b.chance(0.6) ? s.d_qk : b.integer(1, 100);
  s.layout = b.pick({memory_layout::dense, memory_layout::heads_first, memory_layout::padded, memory_layout::padded_wide,
                     memory_layout::reversed});
  const auto products = [&] {
    return static_cast<double>(s.batch * s.q_len * s.kv_len * s.q_heads * (s.d_qk + s.d_v));
  };
  while (products() > most_products && s.q_len > 1) s.q_len = (s.q_len + 1) / 2;
  while (products() > most_products) s.kv_len = (s.kv_len + 1) / 2;
  return s;
}

std::vector<std::int32_t> make_lengths(fuzz_bytes& b, index_type count, index_type most) {
  std::vector<std::int32_t> lengths;
  for (index_type i = 0; i < count; ++i) lengths.push_back(static_cast<std::int32_t>(b.integer(0, most)));
  return lengths;
}

std::vector<std::int32_t> make_offsets(fuzz_bytes& b, index_type count, index_type rows) {
  std::vector<std::int32_t> offsets{0};
  for (index_type i = 0; i < count; ++i) {
    offsets.push_back(offsets.back() + static_cast<std::int32_t>(b.integer(0, (rows - offsets.back()) / (count - i))));
  }
  return offsets;
}

void add_lengths(attention_case& c, fuzz_bytes& b) {
  const index_type queries = c.query.extent(1);
  const index_type keys = c.key.extent(1);
  if (c.query.extent(0) == 1 && b.chance(0.3)) {
    const index_type sequences = b.integer(1, 4);
    c.query_offsets = make_offsets(b, sequences, queries);
    c.key_offsets = make_offsets(b, sequences, keys);
    return;
  }
  if (b.chance(0.2)) c.query_lengths = make_lengths(b, c.query.extent(0), queries);
  if (b.chance(0.3)) c.key_lengths = make_lengths(b, c.query.extent(0), keys);
}

// Numbers, and among them what a softmax has to bear: equal keys, a lone spike, keys that no query sees.
void fill_numbers(attention_case& c, fuzz_bytes& b) {
  random_source random(static_cast<std::uint64_t>(b.integer(0, 65535)));
  c.query.fill_normal(random, b.pick({1.0, 0.3, 0.0, 4.0}));
  c.key.fill_normal(random, b.pick({1.0, 1.0, 3.0, 0.0}), b.pick({0.0, 0.0, 0.5}));
  c.value.fill_normal(random, 1, b.pick({0.0, 1.0}));
  if (b.chance(0.15) && c.key.extent(0) > 0 && c.key.extent(1) > 0) {
    const index_type spike = b.integer(0, c.key.extent(1) - 1);
    const double height = b.pick({8.0, -8.0, 30.0});
    for (index_type k = 0; k < c.d_qk(); ++k) c.key.set(0, spike, 0, k, height * c.key.at(0, spike, 0, k));
  }
}

// What lies behind a sequence's end is nobody's.
void poison_past_ends(attention_case& c) {
  for (const sequence_place& s : sequences_of(c)) {
    if (!c.key_offsets.empty() || c.pages) break;
    for (index_type j = s.kv_len; j < c.key.extent(1); ++j) {
      for (index_type h = 0; h < c.kv_heads(); ++h) {
        c.key.fill_row(s.key_batch, j, h, not_a_number);
        c.value.fill_row(s.key_batch, j, h, not_a_number);
      }
    }
  }
}

bool sees_key(const attention_case& c, const sequence_place& s, index_type kv_head, index_type key) {
  for (index_type q = 0; q < s.q_len; ++q) {
    for (index_type h = kv_head * c.group(); h < (kv_head + 1) * c.group(); ++h) {
      if (c.modifiers.visible({s.number, h, q + s.kv_len - s.q_len, q, key})) return true;
    }
  }
  return false;
}

// Keys that masks hide from every query of their sequence become NaN. Not for pages, whose places it would have to look up.
void poison_hidden_keys(attention_case& c) {
  if (c.pages) return;
  for (const sequence_place& s : sequences_of(c)) {
    for (index_type j = 0; j < s.kv_len; ++j) {
      for (index_type h = 0; h < c.kv_heads(); ++h) {
        if (sees_key(c, s, h, j)) continue;
        c.key.fill_row(s.key_batch, s.key_begin + j, h, not_a_number);
        c.value.fill_row(s.key_batch, s.key_begin + j, h, not_a_number);
      }
    }
  }
}

void add_options(fuzz_case& f, fuzz_bytes& b) {
  attention_case& c = f.call;
  random_source random(static_cast<std::uint64_t>(b.integer(0, 255)));
  c.options.softmax = random_method(random);
  const auto kind = c.options.softmax.kind;
  const bool has_fixed_shift = kind == crestmax::softmax_kind::anchor_shift || kind == crestmax::softmax_kind::sampled_max;
  if (has_fixed_shift && b.chance(0.3)) {
    c.options.coverage = b.pick({crestmax::above(2), crestmax::above(12), crestmax::plateaus});
    f.vouches_for_lipschitz = c.options.coverage.kind == crestmax::coverage_kind::plateaus && b.chance(0.5);
  }
  if (b.chance(0.2)) c.options.scale = b.pick({1.0, 0.05, 0.0, -0.3});
  if (b.chance(0.15)) {
    c.options.weights = b.pick({crestmax::weight_type::float32, crestmax::weight_type::bfloat16, crestmax::weight_type::float16});
    if (c.options.weights == crestmax::weight_type::float16) c.options.softmax.margin = std::nullopt;
  }
  if (b.chance(0.3)) {
    c.options.tiles = {.query_block = b.integer(0, 130), .key_tile = b.integer(0, 512), .splits = b.integer(0, 8)};
  }
  if (b.chance(0.1)) c.options.guard_limit = b.pick({0.0, 1e-30, 1.0, 100.0});
  c.options.diagnostics = b.chance(0.15);
  c.wants_row_max = b.chance(0.2);
  c.wants_dropped_mass = c.options.coverage.kind != crestmax::coverage_kind::everything || b.chance(0.1);
  if (b.chance(0.2)) c.row_kind = scalar_kind::float32;
  // Rounded weights of few rows cannot be held to the plain formula's luck: see measure().
  c.narrow_slack = 1;
}

surroundings make_surroundings(fuzz_bytes& b) {
  surroundings s;
  s.backend = b.pick({backend_kind::cpu, backend_kind::cpu, backend_kind::cpu, backend_kind::portable, backend_kind::tiles});
  using crestmax::instruction_set;
  s.most = b.pick({instruction_set::widest, instruction_set::avx512, instruction_set::avx2, instruction_set::generic});
  s.executor.threads = b.pick({1, 1, 1, 2, 5, 40});
  if (s.executor.threads == 2) s.executor.kind = executor_kind::shuffled_threads;
  s.workspace = b.chance(0.6) ? workspace_kind::given_dirty : workspace_kind::owned;
  s.memory = b.pick({placing::before_a_guard_page, placing::after_a_guard_page, placing::off_alignment});
  return s;
}

}  // namespace

fuzz_case make_fuzz_case(fuzz_bytes& b) {
  fuzz_case f;
  f.around = make_surroundings(b);
  const index_type types = f.around.backend == backend_kind::cpu ? static_cast<index_type>(every_types.size()) : types_in_plain_cpp;
  f.call = empty_case(make_shape(b, every_types[static_cast<std::size_t>(b.integer(0, types - 1))]));
  attention_case& c = f.call;
  fill_numbers(c, b);
  add_lengths(c, b);
  if (b.chance(0.25)) {
    c = paged(c, b.pick<index_type>({16, 1, 3, 64, 300}), b.chance(0.5), static_cast<std::uint64_t>(b.integer(0, 255)));
  }
  if (b.chance(0.6)) {
    random_source random(static_cast<std::uint64_t>(b.integer(0, 65535)));
    add_random_modifiers(c, random);
  }
  poison_past_ends(c);
  if (b.chance(0.3)) poison_hidden_keys(c);
  add_options(f, b);
  f.has_witness = b.chance(0.3);
  return f;
}

}  // namespace crestmax_test
