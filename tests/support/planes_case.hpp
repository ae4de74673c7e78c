// Caches in planes (planes16) for tests: numbers coded by plain rules, decoded again in float64, and attention over what they stand for in float64.
#pragma once

#include <crestmax/attention.hpp>
#include <crestmax/modifiers.hpp>
#include <functional>
#include <list>
#include <vector>

#include "attention_case.hpp"
#include "guarded_memory.hpp"
#include "random.hpp"

namespace crestmax_test {

// The shape of a cache; with pages, sequences lie on them in a shuffled order.
struct planes_shape {
  index_type sequences = 1;
  index_type kv_len = 0;
  index_type kv_heads = 1;
  index_type d = 64;
  index_type page_size = 0;  // 0: contiguous

  index_type pages_of_sequence() const { return page_size == 0 ? 1 : (kv_len + page_size - 1) / page_size; }
  index_type pages() const { return sequences * pages_of_sequence(); }
  index_type rows() const { return page_size == 0 ? kv_len : page_size; }
  index_type key_blocks() const { return (rows() + 63) / 64; }
  index_type whole_keys() const { return kv_len - kv_len % 64; }
};

// A normal number for every place: it costs no generator of its own.
inline double normal_at(std::uint64_t part, index_type b, index_type j, index_type h, index_type k) {
  const auto mixed = [](std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  };
  const std::uint64_t place = mixed(mixed(part * 0x9e3779b97f4a7c15u + static_cast<std::uint64_t>((b * 64 + h) * 512 + k)) + static_cast<std::uint64_t>(j));
  const double u = static_cast<double>(place >> 11) * 0x1p-53, v = static_cast<double>(mixed(place + 1) >> 11) * 0x1p-53;
  return std::sqrt(-2 * std::log(1 - u)) * std::cos(6.283185307179586 * v);
}

// A number of a key or value: sequence, key, head, column.
using planes_source = std::function<double(index_type, index_type, index_type, index_type)>;

// Keys or values as they are stored.
class planes_rows {
 public:
  planes_rows(const planes_shape& shape, bool are_keys, const planes_source& number, const std::vector<std::int32_t>& table)
      : shape_(shape), are_keys_(are_keys), table_(table) {
    const index_type all_blocks = shape.pages() * shape.key_blocks() * shape.kv_heads;
    bytes_.assign(static_cast<std::size_t>(all_blocks * block_bytes()), 0xa5);
    const index_type numbers = are_keys ? all_blocks * shape.d : shape.pages() * shape.rows() * shape.kv_heads;
    steps_.assign(static_cast<std::size_t>(numbers), std::numeric_limits<float>::quiet_NaN());
    minimums_ = steps_;
    decoded_.resize(static_cast<std::size_t>(shape.sequences * shape.kv_len * shape.kv_heads * shape.d));
    if (are_keys) open_.resize(static_cast<std::size_t>(shape.sequences * 63 * shape.kv_heads * shape.d));
    for (index_type b = 0; b < shape.sequences; ++b) {
      for (index_type h = 0; h < shape.kv_heads; ++h) are_keys ? code_keys(b, h, number) : code_values(b, h, number);
    }
  }

  double decoded(index_type b, index_type j, index_type h, index_type k) const { return decoded_[place(b, j, h, k)]; }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }
  const std::vector<float>& steps() const { return steps_; }
  const std::vector<float>& minimums() const { return minimums_; }
  const std::vector<crestmax::float16>& open() const { return open_; }
  void set_step(std::size_t at, float step) { steps_[at] = step; }

  crestmax::tensor<const crestmax::planes16> view() const {
    const std::array<index_type, 4> extents{shape_.pages(), shape_.rows(), shape_.kv_heads, shape_.d};
    return {reinterpret_cast<const crestmax::planes16*>(bytes_.data()), extents};
  }
  crestmax::row_coding coding() const {
    crestmax::row_coding c;
    const index_type d = shape_.d, heads = shape_.kv_heads;
    const std::array<index_type, 4> of_keys{shape_.key_blocks() * heads * d, heads * d, d, 1}, of_values{shape_.rows() * heads, heads, 1, 1};
    c.scales = {steps_.data(), are_keys_ ? of_keys : of_values};
    c.offsets = {minimums_.data(), are_keys_ ? of_keys : of_values};
    c.offset = crestmax::offset_kind::minimum;
    c.group = are_keys_ ? 1 : 0;
    c.keys = are_keys_ ? 64 : 1;
    if (are_keys_) c.open = {open_.data(), crestmax::scalar_kind::float16, {63 * heads * d, heads * d, d}};
    return c;
  }

 private:
  index_type block_bytes() const { return 128 * shape_.d; }
  std::size_t place(index_type b, index_type j, index_type h, index_type k) const {
    return static_cast<std::size_t>(((b * shape_.kv_len + j) * shape_.kv_heads + h) * shape_.d + k);
  }
  // Page and row of a key.
  index_type page_of(index_type b, index_type j) const {
    return shape_.page_size == 0 ? b : table_[static_cast<std::size_t>(b * shape_.pages_of_sequence() + j / shape_.page_size)];
  }
  index_type row_of(index_type j) const { return shape_.page_size == 0 ? j : j % shape_.page_size; }
  void write_code(index_type b, index_type j, index_type h, index_type k, unsigned code) {
    const index_type row = row_of(j), block = (page_of(b, j) * shape_.key_blocks() + row / 64) * shape_.kv_heads + h;
    std::uint8_t* const begin = bytes_.data() + block * block_bytes();
    const index_type in_block = row % 64, d = shape_.d;
    const auto put = [&](std::uint8_t* plane, unsigned nibble) {
      std::uint8_t& byte = plane[in_block * (d / 2) + k / 2];
      byte = static_cast<std::uint8_t>(k % 2 == 0 ? (byte & 0xf0u) | nibble : (byte & 0x0fu) | nibble << 4);
    };
    put(begin, code >> 12);
    put(begin + 32 * d, code >> 8 & 15u);
    begin[64 * d + in_block * d + k] = static_cast<std::uint8_t>(code & 255u);
  }
  // Codes of numbers that share a step and a minimum: the least and the most lie in the middle of what the first plane tells apart, or rows whose
  // largest number is always the same one would be off by half of that, all alike.
  struct range {
    double least = std::numeric_limits<double>::infinity(), most = -least;
    void take(double x) { least = std::min(least, x), most = std::max(most, x); }
    float step() const { return std::max(std::nextafter(static_cast<float>((most - least) / 61440), std::numeric_limits<float>::infinity()), 1e-30f); }
    float minimum() const { return static_cast<float>(least - 2048 * static_cast<double>(step())); }
  };
  void code_number(index_type b, index_type j, index_type h, index_type k, double x, float step, float minimum) {
    const double code = std::clamp(std::nearbyint((x - static_cast<double>(minimum)) / static_cast<double>(step)), 0.0, 65535.0);
    write_code(b, j, h, k, static_cast<unsigned>(code));
    const volatile float product = step * static_cast<float>(code);  // rounded before it is added to
    decoded_[place(b, j, h, k)] = static_cast<double>(product + minimum);
  }
  void code_keys(index_type b, index_type h, const planes_source& number) {
    const index_type d = shape_.d;
    for (index_type first = 0; first < shape_.whole_keys(); first += 64) {
      const index_type block = (page_of(b, first) * shape_.key_blocks() + row_of(first) / 64) * shape_.kv_heads + h;
      for (index_type k = 0; k < d; ++k) {
        range all;
        for (index_type j = first; j < first + 64; ++j) all.take(number(b, j, h, k));
        const auto at = static_cast<std::size_t>(block * d + k);
        steps_[at] = all.step(), minimums_[at] = all.minimum();
        for (index_type j = first; j < first + 64; ++j) code_number(b, j, h, k, number(b, j, h, k), steps_[at], minimums_[at]);
      }
    }
    for (index_type j = shape_.whole_keys(); j < shape_.kv_len; ++j) {
      for (index_type k = 0; k < d; ++k) {
        const crestmax::float16 stored = crestmax::convert<crestmax::float16>(static_cast<float>(number(b, j, h, k)));
        open_[static_cast<std::size_t>(((b * 63 + j % 64) * shape_.kv_heads + h) * d + k)] = stored;
        decoded_[place(b, j, h, k)] = static_cast<double>(crestmax::convert<float>(stored));
      }
    }
  }
  void code_values(index_type b, index_type h, const planes_source& number) {
    for (index_type j = 0; j < shape_.kv_len; ++j) {
      range all;
      for (index_type k = 0; k < shape_.d; ++k) all.take(number(b, j, h, k));
      const auto at = static_cast<std::size_t>((page_of(b, j) * shape_.rows() + row_of(j)) * shape_.kv_heads + h);
      steps_[at] = all.step(), minimums_[at] = all.minimum();
      for (index_type k = 0; k < shape_.d; ++k) code_number(b, j, h, k, number(b, j, h, k), steps_[at], minimums_[at]);
    }
  }

  planes_shape shape_;
  bool are_keys_;
  std::vector<std::int32_t> table_;
  std::vector<std::uint8_t> bytes_;
  std::vector<float> steps_, minimums_;
  std::vector<crestmax::float16> open_;
  std::vector<double> decoded_;
};

// What modifies the scores of a case.
struct planes_modifiers {
  crestmax::causal causal{false};
  crestmax::sliding_window window{};
  crestmax::alibi alibi{};
  crestmax::soft_cap cap{};
  crestmax::attention_sinks sinks{};

  auto chain() const { return crestmax::chain(alibi, cap, causal, window, sinks); }
};

// Queries over a cache.
struct planes_case {
  planes_shape shape;
  index_type q_len;
  index_type q_heads;
  std::vector<std::int32_t> table, lengths;
  planes_rows key, value;
  std::vector<float> query;  // (sequence, query, head, d)
  planes_modifiers modifiers;
  crestmax::options options;

  planes_case(const planes_shape& of, index_type queries, index_type heads, const planes_source& queries_of, const planes_source& keys_of,
              const planes_source& values_of)
      : shape(of), q_len(queries), q_heads(heads), table(shuffled_table(of)), lengths(static_cast<std::size_t>(of.sequences), static_cast<std::int32_t>(of.kv_len)),
        key(of, true, keys_of, table), value(of, false, values_of, table) {
    for (index_type b = 0; b < of.sequences; ++b) {
      for (index_type i = 0; i < queries; ++i) {
        for (index_type h = 0; h < heads; ++h) {
          for (index_type k = 0; k < of.d; ++k) query.push_back(static_cast<float>(queries_of(b, i, h, k)));
        }
      }
    }
  }
  index_type rows() const { return shape.sequences * q_len * q_heads; }

 private:
  static std::vector<std::int32_t> shuffled_table(const planes_shape& of) {
    std::vector<std::int32_t> pages;
    random_source random(7);
    for (index_type i = 0; of.page_size > 0 && i < of.pages(); ++i) {
      pages.push_back(static_cast<std::int32_t>(i));
      std::swap(pages.back(), pages[static_cast<std::size_t>(random.integer(0, i))]);
    }
    return pages;
  }
};

struct planes_result {
  crestmax::status status = crestmax::success();
  crestmax::report report;
  std::vector<float> output, lse, error;  // (sequence, query, head[, d])
  bool outside_is_untouched = true;
};

planes_result run_planes(const planes_case& c, const surroundings& s = {});
planes_result run_planes_on_portable(const planes_case& c, const surroundings& s);

// Where a call finds its numbers: where they are, or in guarded copies.
class planes_memory_of_call {
 public:
  planes_memory_of_call(placing where, bool& untouched) : where_(where), untouched_(untouched) {}
  ~planes_memory_of_call() {
    for (const guarded_memory& m : memory_) untouched_ = untouched_ && m.outside_is_untouched();
    for (const auto& [from, to, size] : results_) std::memcpy(to, from, size);
  }
  planes_memory_of_call(const planes_memory_of_call&) = delete;
  planes_memory_of_call& operator=(const planes_memory_of_call&) = delete;

  template <class T>
  void move_input(const T*& data, std::size_t bytes, std::size_t alignment) {
    if (where_ == placing::as_it_is || bytes == 0) return;
    guarded_memory& m = memory_.emplace_back(bytes, alignment, where_);
    std::memcpy(m.bytes().data(), data, bytes);
    m.make_read_only();
    data = static_cast<const T*>(static_cast<const void*>(m.bytes().data()));
  }
  float* move_output(std::vector<float>& numbers) {
    if (where_ == placing::as_it_is) return numbers.data();
    const std::size_t bytes = numbers.size() * sizeof(float);
    guarded_memory& m = memory_.emplace_back(bytes, sizeof(float), where_);
    std::memcpy(m.bytes().data(), numbers.data(), bytes);
    results_.push_back({m.bytes().data(), numbers.data(), bytes});
    return static_cast<float*>(static_cast<void*>(m.bytes().data()));
  }

 private:
  struct result {
    const void* from;
    void* to;
    std::size_t size;
  };
  placing where_;
  bool& untouched_;
  std::list<guarded_memory> memory_;
  std::vector<result> results_;
};

inline crestmax::row_coding moved_coding(planes_memory_of_call& memory, const planes_rows& rows) {
  crestmax::row_coding c = rows.coding();
  memory.move_input(c.scales.data, rows.steps().size() * sizeof(float), sizeof(float));
  memory.move_input(c.offsets.data, rows.minimums().size() * sizeof(float), sizeof(float));
  if (c.keys > 1) memory.move_input(c.open.data, rows.open().size() * sizeof(crestmax::float16), sizeof(crestmax::float16));
  return c;
}

template <class Backend>
planes_result run_planes_with(const planes_case& c, const surroundings& s, const Backend& backend) {
  planes_result r;
  const auto rows = static_cast<std::size_t>(c.rows());
  r.output.assign(rows * static_cast<std::size_t>(c.shape.d), -77);
  r.lse.assign(rows, -77);
  r.error.assign(rows, -77);
  planes_memory_of_call memory(s.memory, r.outside_is_untouched);
  crestmax::options o = c.options;
  o.key_coding = moved_coding(memory, c.key);
  o.value_coding = moved_coding(memory, c.value);
  o.lse = crestmax::row_tensor<float>(memory.move_output(r.lse), {c.shape.sequences, c.q_len, c.q_heads});
  o.output_error = crestmax::row_tensor<float>(memory.move_output(r.error), {c.shape.sequences, c.q_len, c.q_heads});
  o.report = &r.report;
  crestmax::tensor<const float> query(c.query.data(), {c.shape.sequences, c.q_len, c.q_heads, c.shape.d});
  memory.move_input(query.data, c.query.size() * sizeof(float), sizeof(float));
  const crestmax::tensor<float> output(memory.move_output(r.output), {c.shape.sequences, c.q_len, c.q_heads, c.shape.d});
  crestmax::tensor<const crestmax::planes16> key = c.key.view(), value = c.value.view();
  memory.move_input(key.data, c.key.bytes().size(), 1);
  memory.move_input(value.data, c.value.bytes().size(), 1);
  const test_executor executor = s.executor;
  if (c.shape.page_size == 0) {
    r.status = crestmax::attention(query, key, value, output, o, c.modifiers.chain(), backend, executor);
  } else {
    const crestmax::paged_cache<crestmax::planes16> cache{key, value, c.table, c.lengths, c.shape.pages_of_sequence()};
    r.status = crestmax::attention(query, cache, output, o, c.modifiers.chain(), backend, executor);
  }
  return r;
}

// A row in float64, over the numbers that the codes stand for.
struct planes_truth {
  std::vector<double> output;
  double lse = 0;
  double norm = 0;
  double largest_value = 0;  // norm of a value that the row sees
};

inline planes_truth truth_of(const planes_case& c, index_type b, index_type i, index_type h) {
  const index_type d = c.shape.d, n = c.shape.kv_len, kv = h / (c.q_heads / c.shape.kv_heads);
  const float* const query = c.query.data() + ((b * c.q_len + i) * c.q_heads + h) * d;
  const double scale = c.options.scale ? *c.options.scale : 1 / std::sqrt(static_cast<double>(d));
  std::vector<double> scores(static_cast<std::size_t>(n));
  const double sink = c.modifiers.sinks.active() ? c.modifiers.sinks.sink(h) : -std::numeric_limits<double>::infinity();
  double top = sink;
  for (index_type j = 0; j < n; ++j) {
    double s = 0;
    for (index_type k = 0; k < d; ++k) s += static_cast<double>(query[k]) * c.key.decoded(b, j, kv, k);
    s *= scale;
    const crestmax::score_position at{b, h, n - c.q_len + i, i, j};
    const planes_modifiers& m = c.modifiers;
    if (m.alibi.active()) s = m.alibi(s, at);
    if (m.cap.active()) s = m.cap(s, at);
    if ((m.causal.active() && !m.causal.visible(at)) || (m.window.active() && !m.window.visible(at))) s = -std::numeric_limits<double>::infinity();
    scores[static_cast<std::size_t>(j)] = s;
    top = std::max(top, s);
  }
  planes_truth t;
  t.output.assign(static_cast<std::size_t>(d), 0);
  double sum = std::exp(sink - top);
  for (index_type j = 0; j < n; ++j) {
    const double w = std::exp(scores[static_cast<std::size_t>(j)] - top);
    if (!(w > 0)) continue;
    sum += w;
    double square = 0;
    for (index_type k = 0; k < d; ++k) {
      const double v = c.value.decoded(b, j, kv, k);
      t.output[static_cast<std::size_t>(k)] += w * v;
      square += v * v;
    }
    t.largest_value = std::max(t.largest_value, std::sqrt(square));
  }
  for (double& x : t.output) x /= sum, t.norm += x * x;
  t.norm = std::sqrt(t.norm);
  t.lse = top + std::log(sum);
  return t;
}
// How far an output lies from the truth, relative to `of` (its norm).
inline double distance(const planes_case& c, const planes_result& r, const planes_truth& t, index_type row, double of) {
  double square = 0;
  for (index_type k = 0; k < c.shape.d; ++k) {
    const double x = static_cast<double>(r.output[static_cast<std::size_t>(row * c.shape.d + k)]) - t.output[static_cast<std::size_t>(k)];
    square += x * x;
  }
  return std::sqrt(square) / of;
}

}  // namespace crestmax_test
