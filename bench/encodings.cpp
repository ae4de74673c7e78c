// Decode and prefill with encoded keys and values beside the same call on a float16 cache, in alternating runs: tokens per second, as ratios.
#include "encodings.hpp"

#include <crestmax/attention.hpp>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <string>

#include "ceilings.hpp"
#include "integer_ceiling.hpp"
#include "machine.hpp"
#include "memory.hpp"
#include "targets.hpp"
#include "timing.hpp"
#include "workload.hpp"

namespace crestmax_bench {

namespace {

enum class order { heads_first, token_major, pages };
constexpr const char* name_of(order o) { return o == order::heads_first ? "head-major" : o == order::token_major ? "token-major" : "pages of 16"; }

struct cache_shape {
  index_type q_len, kv_len, q_heads, kv_heads, head_dim;
  order lies;
  int workers = 1;  // each on a core of its own

  std::string title() const {
    const std::string phase = q_len == 1 ? "decode" : "prefill of " + std::to_string(q_len);
    const std::string d = head_dim == 128 ? "" : ", d " + std::to_string(head_dim);
    return phase + ", " + std::to_string(q_heads) + " heads on " + std::to_string(kv_heads) + d + ", " + std::to_string(kv_len) + " keys, " + name_of(lies) +
           ", " + std::to_string(workers) + (workers == 1 ? " core" : " cores");
  }
};

// What stands beside the rows of an encoding in these measurements: of 4-bit keys and of keys in planes a scale and a minimum for each channel of 64 keys,
// else a scale for each row.
crestmax::row_coding coding_of(scalar_kind kind, bool of_keys, const cache_shape& s, const memory_block& scales) {
  crestmax::row_coding coding;
  if (!crestmax::may_have_coding(kind)) return coding;
  const bool has_minimums = kind == scalar_kind::uint4 || kind == scalar_kind::planes16, by_channel = has_minimums && of_keys;
  coding.group = by_channel ? 1 : 0;
  coding.keys = by_channel ? 64 : 1;
  const index_type each = by_channel ? s.head_dim : 1;
  const auto* const numbers = reinterpret_cast<const float*>(scales.data());
  const index_type rows = s.lies == order::pages ? page_size : s.kv_len;
  coding.scales = {numbers, {rows / coding.keys * s.kv_heads * each, s.kv_heads * each, each, by_channel ? 1 : 0}};
  if (has_minimums) coding.offsets = coding.scales;
  if (by_channel) {
    coding.open = {numbers, scalar_kind::float16, {0, 0, 0}};  // all blocks are whole
  }
  coding.offset = crestmax::offset_kind::minimum;
  return coding;
}

// Keys and values of a kind in as many places as no cache holds, and calls on them.
class cached_call {
 public:
  cached_call(const cache_shape& s, scalar_kind kind, std::size_t least_bytes, crestmax::instruction_set most, team& workers,
              crestmax::products products = crestmax::products::exact)
      : shape_(s), kind_(kind), backend_(most), products_(products), workers_(&workers) {
    row_ = crestmax::row_elements(kind, s.head_dim);
    const auto bytes = static_cast<std::size_t>(s.kv_len * s.kv_heads * row_ * crestmax::size_of(kind));
    copies_ = std::max<std::size_t>(1, (least_bytes + 2 * bytes - 1) / (2 * bytes));
    std::mt19937 source(1);
    for (memory_block* cache : {&key_, &value_}) {
      *cache = memory_block(bytes * copies_);
      fill(*cache, source);
    }
    scales_ = memory_block(static_cast<std::size_t>(s.kv_len * s.kv_heads * std::max<index_type>(1, s.head_dim / 64)) * sizeof(float));
    for (std::size_t i = 0; i < scales_.size() / 4; ++i) reinterpret_cast<float*>(scales_.data())[i] = kind == scalar_kind::planes16 ? 0x1p-14f : 0x1p-6f;
    query_.resize(static_cast<std::size_t>(s.q_len * s.q_heads * s.head_dim));
    output_.resize(query_.size());
    std::normal_distribution<float> normal;
    for (float& x : query_) x = normal(source);
    for (index_type i = 0; i < s.kv_len / page_size; ++i) table_.push_back(static_cast<std::int32_t>(i));
    std::shuffle(table_.begin(), table_.end(), source);
    workspace_ = memory_block(std::size_t{64} << 20);
  }
  std::size_t copies() const { return copies_; }
  // Bytes of keys and values that one call reads.
  double bytes() const { return static_cast<double>(key_.size() + value_.size()) / static_cast<double>(copies_); }

  void run(std::size_t copy) {
    const cache_shape& s = shape_;
    crestmax::options options;
    options.workspace = {workspace_.data(), workspace_.size()};
    options.key_coding = coding_of(kind_, true, s, scales_);
    options.value_coding = coding_of(kind_, false, s, scales_);
    options.products = products_;
    const crestmax::tensor<const float> query(query_.data(), {1, s.q_len, s.q_heads, s.head_dim});
    const crestmax::tensor<float> output(output_.data(), {1, s.q_len, s.q_heads, s.head_dim});
    const crestmax::tensor_view key = view(key_, copy), value = view(value_, copy);
    crestmax::status status;
    if (s.lies == order::pages) {
      crestmax::cache_view cache;
      cache.key_pages = key;
      cache.value_pages = value;
      cache.block_table = table_;
      cache.table_stride = static_cast<index_type>(table_.size());
      const std::int32_t length[] = {static_cast<std::int32_t>(s.kv_len)};
      cache.key_lengths = length;
      status = call(crestmax::call_views<float, crestmax::paged_view>{query, crestmax::paged_view(cache), output}, options);
    } else {
      status = call(crestmax::call_views<float, crestmax::contiguous_view>{query, crestmax::contiguous_view(key, value, {}), output}, options);
    }
    if (!status.ok()) throw std::runtime_error(status.message());
  }

 private:
  // Random codes; scales of blocks, where they stand in the rows, of a common size.
  void fill(memory_block& cache, std::mt19937& source) {
    if (kind_ == scalar_kind::float16) {
      std::normal_distribution<float> normal;
      auto* const numbers = reinterpret_cast<crestmax::float16*>(cache.data());
      const std::size_t count = cache.size() / 2;
      constexpr std::size_t different = 1 << 20;
      for (std::size_t i = 0; i < count; ++i) numbers[i] = i < different ? crestmax::to_float16(normal(source)) : numbers[i - different];
      return;
    }
    for (std::size_t i = 0; i < cache.size(); ++i) cache.data()[i] = static_cast<std::byte>(i < (1 << 20) ? source() & 0x3f : std::to_integer<unsigned>(cache.data()[i - (1 << 20)]));
    if (crestmax::may_have_coding(kind_)) return;
    const auto block = static_cast<std::size_t>(crestmax::bytes_of_block(kind_));
    const crestmax::float16 scale = crestmax::to_float16(1.0f / 16);
    for (std::size_t at = 0; at + block <= cache.size(); at += block) std::memcpy(cache.data() + at, &scale, 2);
  }
  crestmax::tensor_view view(const memory_block& cache, std::size_t copy) const {
    const cache_shape& s = shape_;
    const auto* const data = cache.data() + cache.size() / copies_ * copy;
    const index_type h = s.kv_heads, n = s.kv_len, block = crestmax::keys_in_block(kind_) * row_;
    if (s.lies == order::pages) return {data, kind_, {n / page_size, page_size, h, s.head_dim}, {page_size * h * row_, h * row_, row_, 1}};
    if (s.lies == order::token_major) return {data, kind_, {1, n, h, s.head_dim}, {n * h * row_, h * block, block, 1}};
    return {data, kind_, {1, n, h, s.head_dim}, {n * h * row_, block, n * row_, 1}};
  }
  template <class Views>
  crestmax::status call(const Views& views, const crestmax::options& options) {
    const crestmax::no_modifiers none{};
    lent_team executor{workers_};
    return crestmax::run_call<crestmax::no_memory>(views, options, none, backend_, executor);
  }

  cache_shape shape_;
  scalar_kind kind_;
  crestmax::backend::cpu backend_;
  crestmax::products products_;
  team* workers_;
  index_type row_ = 0;
  std::size_t copies_ = 1;
  memory_block key_, value_, scales_, workspace_;
  std::vector<float> query_, output_;
  std::vector<std::int32_t> table_;
};

// Median over pairs of the time on a float16 cache over that on an encoded one; and the latter's GB/s.
struct paired_result {
  double ratio;
  double gigabytes;
};
paired_result pair_of(cached_call& floats, cached_call& encoded, int pairs) {
  std::vector<double> ratios, rates;
  const auto pass = [](cached_call& c) {
    return seconds_of([&] { for (std::size_t copy = 0; copy < c.copies(); ++copy) c.run(copy); }) / static_cast<double>(c.copies());
  };
  pass(floats), pass(encoded);
  for (int i = 0; i < pairs; ++i) {
    const bool first = i % 2 == 0;
    const double before = first ? pass(floats) : 0;
    const double own = pass(encoded);
    ratios.push_back((first ? before : pass(floats)) / own);
    rates.push_back(encoded.bytes() / own * 1e-9);
  }
  return {median(ratios), median(rates)};
}

constexpr scalar_kind kinds[] = {scalar_kind::q8_0, scalar_kind::int8, scalar_kind::float8_e4m3, scalar_kind::q4_0, scalar_kind::q4_1,
                                 scalar_kind::q5_0, scalar_kind::q5_1, scalar_kind::iq4_nl, scalar_kind::uint4, scalar_kind::planes16};

// Bars of a shape: of exact products of codes of at most 8 bits and of 16, and of integers of 8 bits and of 4.
struct bars {
  double exact;
  double bits_8;
  double bits_4;
  double bits_16;
};
double bar_of(scalar_kind kind, const bars& b) {
  if (kind == scalar_kind::q8_0 || kind == scalar_kind::int8) return b.bits_8;
  return kind == scalar_kind::q4_0 || kind == scalar_kind::uint4 ? b.bits_4 : b.exact;
}

void print_kind(cached_call& floats, const cache_shape& s, team& workers, scalar_kind kind, double bar, std::size_t least_bytes, int pairs,
                crestmax::instruction_set most, crestmax::products products) {
  cached_call encoded(s, kind, least_bytes / 4, most, workers, products);
  const paired_result r = pair_of(floats, encoded, pairs);
  const bool exact = products == crestmax::products::exact;
  char what[200];
  std::snprintf(what, sizeof what, "%s %s, %s%s: fp16 cache / encoded", crestmax::name(most), s.title().c_str(), crestmax::name(kind), exact ? "" : ", integer");
  char rate[40] = "";
  if (s.q_len == 1) std::snprintf(rate, sizeof rate, "%.1f GB/s", r.gigabytes);
  print_target(what, false, bar, r.ratio, rate);
  const bool has_ceiling = !exact && kind == scalar_kind::int8 && s.q_heads == 4 * s.kv_heads && most == crestmax::instruction_set::avx2 && s.workers == 1;
  if (has_ceiling) {
    const double most_gigabytes = std::min(measured_ceilings().read.gigabytes, integer_ceiling());
    std::snprintf(rate, sizeof rate, "of %.1f GB/s", most_gigabytes);
    print_target("the same, of what reads and integers from the first cache allow, the lower", false, 0.7, r.gigabytes / most_gigabytes, rate);
  }
  std::fflush(stdout);
}

void print_shape(const cache_shape& s, const bars& b, std::size_t least_bytes, int pairs, crestmax::instruction_set most) {
  team workers(s.workers);
  cached_call floats(s, scalar_kind::float16, least_bytes, most, workers);
  for (const scalar_kind kind : kinds) {
    const bool in_planes = kind == scalar_kind::planes16;
    if ((kind == scalar_kind::uint4 || in_planes) && s.lies == order::pages) continue;  // its pages hold whole blocks of 64 keys
    print_kind(floats, s, workers, kind, in_planes ? b.bits_16 : b.exact, least_bytes, pairs, most, crestmax::products::exact);
    const bool as_integers = s.q_len == 1 && kind != scalar_kind::float8_e4m3 && !in_planes;  // which have none
    if (as_integers) print_kind(floats, s, workers, kind, bar_of(kind, b), least_bytes, pairs, most, crestmax::products::integer);
  }
}

struct barred_shape {
  cache_shape shape;
  bars least;
};
std::vector<barred_shape> barred_shapes() {
  std::vector<barred_shape> all;
  constexpr bars shared{1, 1.5, 1.8, 0.8}, own{1.3, 1.6, 2.5, 0.8}, prompt{0.97, 0.97, 0.97, 0.97};
  for (const int workers : {1, 2}) {
    if (static_cast<std::size_t>(workers) > this_machine().cores.size()) continue;
    for (const index_type keys : {16384, 65536}) {
      all.push_back({{1, keys, 32, 8, 128, order::heads_first, workers}, shared});
      all.push_back({{1, keys, 8, 8, 128, order::heads_first, workers}, own});
      all.push_back({{1, keys, 32, 8, 128, order::token_major, workers}, shared});
      all.push_back({{1, keys, 32, 8, 128, order::pages, workers}, shared});
    }
  }
  all.push_back({{4096, 4096, 1, 1, 128, order::heads_first}, prompt});
  all.push_back({{512, 4608, 9, 3, 64, order::token_major}, prompt});  // SmolLM2's, behind 4,096 tokens
  return all;
}

}  // namespace

void print_encoding_targets(const char* only) {
  stay_on_core(this_machine().cores[0]);
  constexpr int pairs = 9;
  const std::size_t cold = 2 * this_machine().last_level_cache;
  std::printf("\nencoded caches, medians of %d alternating pairs\n", pairs);
  for (const crestmax::instruction_set used : sets_to_measure()) {
    for (const barred_shape& s : barred_shapes()) {
      const std::string title = std::string(crestmax::name(used)) + " " + s.shape.title();
      if (title.find(only) == std::string::npos) continue;
      print_shape(s.shape, s.least, s.shape.q_len == 1 ? cold : 0, pairs, used);
    }
  }
}

}  // namespace crestmax_bench
