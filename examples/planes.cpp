// The dial over a cache in planes: a decoder of one key-value head with three query heads, whose tokens come 64 at a time, reads all keys at the first
// of their planes and more of those that matter, as far as a tolerance asks for. On a capture of a real model:
//   crestmax_example_planes DATA
#include <chrono>
#include <crestmax/append.hpp>
#include <crestmax/crestmax.hpp>
#include <string>
#include <utility>

#include "../tests/support/npy.hpp"
#include "example.hpp"

namespace {

using crestmax::float16;
using crestmax::index_type;
using crestmax::planes16;
constexpr index_type q_heads = 3, head_dim = 64, tokens = 3776, block = 64, least_keys = 1024;
constexpr index_type first_query = 48;  // positions 48, 48 + 64, ...

struct capture {
  std::vector<float> query, key, value;

  std::string read(const std::string& folder) {
    const std::pair<const char*, std::vector<float>*> parts[] = {{"q", &query}, {"k", &key}, {"v", &value}};
    for (const auto& [part, numbers] : parts) {
      crestmax_test::npy_array array;
      if (std::string trouble = crestmax_test::read_npy(folder + "/smollm2_L20_" + part + ".npy", array); !trouble.empty()) return trouble;
      numbers->resize(static_cast<std::size_t>(array.shape[0] * array.shape[1] * array.shape[2]));
      for (std::size_t i = 0; i < numbers->size(); ++i) (*numbers)[i] = static_cast<float>(array.at(static_cast<index_type>(i)));
    }
    const auto rows = static_cast<std::size_t>(tokens * head_dim);
    return key.size() == rows && value.size() == rows ? "" : "captures of another shape";
  }
  // The queries of all heads at one position.
  std::vector<float> queries_at(index_type step) const {
    std::vector<float> rows;
    for (index_type h = 0; h < q_heads; ++h) {
      const float* const row = &query[static_cast<std::size_t>((h * (tokens / block) + step) * head_dim)];
      rows.insert(rows.end(), row, row + head_dim);
    }
    return rows;
  }
};

// Keys, or values, in planes.
class planes_rows {
 public:
  explicit planes_rows(crestmax::planes_by by) : coding_(crestmax::coding_of_planes(by, shape)) {
    crestmax::cache_bytes bytes;
    if (!crestmax::count_cache_bytes(crestmax::scalar_kind::planes16, shape, coding_, 1, bytes)) std::abort();
    memory_.resize(static_cast<std::size_t>(bytes.total()));
    std::byte* at = memory_.data();
    const auto take = [&](index_type count) { return std::exchange(at, at + count); };
    rows_ = take(bytes.rows);
    coding_.scales.data = take(bytes.scales);
    coding_.offsets.data = take(bytes.offsets);
    coding_.open.data = take(bytes.open);
  }
  crestmax::status append(const float* numbers, index_type first, index_type count) {
    std::vector<std::int64_t> slots(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = first + static_cast<index_type>(i);
    const std::vector<std::int32_t> sequence_of(slots.size(), 0);
    return crestmax::append(crestmax::tensor<const float, 3>(numbers + first * head_dim, {count, 1, head_dim}), tensor<planes16>(tokens), slots,
                            {.coding = coding_, .sequence_of = sequence_of, .sequences = 1});
  }
  template <class T>
  crestmax::tensor<T> tensor(index_type keys) {
    return {reinterpret_cast<T*>(rows_), {1, keys, 1, head_dim}, crestmax::tensor<planes16>::dense_strides(shape)};
  }
  const crestmax::row_coding& coding() const { return coding_; }

 private:
  static constexpr std::array<index_type, 4> shape{1, tokens, 1, head_dim};
  crestmax::row_coding coding_;
  std::vector<std::byte> memory_;
  std::byte* rows_ = nullptr;
};

struct way {
  const char* name;
  bool in_planes;
  crestmax::coverage_mode coverage;
  double tolerance = 0;

  std::vector<double> errors{};  // of rows, relative to the norm of what all planes give
  int beyond[3] = {0, 0, 0};     // rows beyond 1, 2 and 3 times what was stated
  double bytes = 0, seconds = 0, stated = 0;

  double quantile(double q) {
    std::sort(errors.begin(), errors.end());
    return errors[static_cast<std::size_t>(q * static_cast<double>(errors.size() - 1))];
  }
};

struct decoder {
  explicit decoder(const capture& of) : from(of) {}

  const capture& from;
  planes_rows keys{crestmax::planes_by::channel}, values{crestmax::planes_by::token};
  std::vector<float16> float_keys, float_values;
  index_type length = 0;

  crestmax::status append(index_type count) {
    if (auto s = keys.append(from.key.data(), length, count); !s) return s;
    if (auto s = values.append(from.value.data(), length, count); !s) return s;
    for (index_type i = length * head_dim; i < (length + count) * head_dim; ++i) {
      float_keys.push_back(crestmax::convert<float16>(from.key[static_cast<std::size_t>(i)]));
      float_values.push_back(crestmax::convert<float16>(from.value[static_cast<std::size_t>(i)]));
    }
    length += count;
    return {};
  }
  crestmax::status attend(const way& w, const std::vector<float>& query, std::vector<float>& output, std::vector<float>& error, crestmax::report* report) {
    const crestmax::tensor<const float> q{query.data(), {1, 1, q_heads, head_dim}};
    const crestmax::tensor<float> out{output.data(), q.extents};
    crestmax::options o;
    o.coverage = w.coverage;
    o.report = report;
    if (w.tolerance > 0) o.output_error = crestmax::row_tensor<float>(error.data(), {1, 1, q_heads});
    if (!w.in_planes) {
      const std::array<index_type, 4> extents{1, length, 1, head_dim};
      return crestmax::attention(q, crestmax::tensor<const float16>(float_keys.data(), extents), crestmax::tensor<const float16>(float_values.data(), extents), out, o);
    }
    o.key_coding = keys.coding();
    o.value_coding = values.coding();
    return crestmax::attention(q, keys.tensor<const planes16>(length), values.tensor<const planes16>(length), out, o);
  }
};

double distance(const float* a, const float* b) {
  double square = 0;
  for (index_type i = 0; i < head_dim; ++i) square += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  return std::sqrt(square);
}

// One query of each head in every way; the first is float16, the second all planes.
crestmax::status measure(decoder& d, const std::vector<float>& query, std::vector<way>& ways) {
  const std::vector<float> zeros(head_dim, 0.0f);
  std::vector<float> all_planes;
  for (way& w : ways) {
    std::vector<float> output(query.size()), error(q_heads, 0.0f);
    crestmax::report report;
    if (auto s = d.attend(w, query, output, error, &report); !s) return s;
    if (w.in_planes && w.tolerance == 0) all_planes = output;
    w.bytes += static_cast<double>(report.bytes_read);
    double best = 1;
    for (int run = 0; run < 5; ++run) {
      const auto began = std::chrono::steady_clock::now();
      if (auto s = d.attend(w, query, output, error, nullptr); !s) return s;
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    }
    w.seconds += best;
    if (all_planes.empty()) continue;
    for (index_type h = 0; h < q_heads; ++h) {
      const float* const expected = &all_planes[static_cast<std::size_t>(h * head_dim)];
      const double off = distance(expected, &output[static_cast<std::size_t>(h * head_dim)]) / distance(expected, zeros.data());
      const auto stated = static_cast<double>(error[static_cast<std::size_t>(h)]);
      w.errors.push_back(off);
      w.stated = std::max(w.stated, stated);
      for (int sigmas = 1; sigmas <= 3; ++sigmas) w.beyond[sigmas - 1] += off > sigmas * stated + 1e-6;
    }
  }
  return {};
}

int print(std::vector<way>& ways) {
  std::printf("\nThe dial over planes: SmolLM2, layer 20, 3 heads on 1, d 64, 1,024 to %lld keys, %zu rows; errors relative to what all planes give, bytes and time\n"
              "to those of a float16 cache\n\n%-28s %8s %8s %8s   beyond 1, 2, 3 sigma   %6s %6s\n",
              static_cast<long long>(tokens), ways[1].errors.size(), "", "median", "99th", "worst", "bytes", "time");
  bool kept = true;
  for (way& w : ways) {
    std::printf("%-28s", w.name);
    if (w.errors.empty()) std::printf(" %8s %8s %8s %22s", "", "", "", "");
    else std::printf(" %7.3f%% %7.3f%% %7.3f%%", 100 * w.quantile(0.5), 100 * w.quantile(0.99), 100 * w.quantile(1));
    if (w.tolerance > 0) std::printf("   %6d %6d %6d", w.beyond[0], w.beyond[1], w.beyond[2]);
    else if (!w.errors.empty()) std::printf("%23s", "");
    std::printf("   %6.3f %6.2f\n", w.bytes / ways[0].bytes, w.seconds / ways[0].seconds);
    kept = kept && (w.tolerance == 0 || (w.stated <= w.tolerance && w.beyond[2] * 50 <= std::ssize(w.errors)));
  }
  std::printf(kept ? "\nNo error that is stated is above its tolerance.\n" : "\nBROKEN: an error that is stated is above its tolerance, or many rows err by more than 3 sigma.\n");
  return kept ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  capture from;
  if (count != 2) return example::failed("planes", "a folder of captures is needed");
  if (const std::string trouble = from.read(arguments[1]); !trouble.empty()) return example::failed("planes", trouble.c_str());
  std::vector<way> ways = {{"float16, everything", false, crestmax::everything}, {"all planes", true, crestmax::everything},
                           {"within 3 %", true, crestmax::within(0.03), 0.03},   {"within 1 %", true, crestmax::within(0.01), 0.01},
                           {"within 0.3 %", true, crestmax::within(0.003), 0.003}, {"within 0.1 %", true, crestmax::within(0.001), 0.001}};
  decoder d(from);
  for (index_type step = 0; step < tokens / block; ++step) {
    const index_type position = first_query + step * block;
    if (auto s = d.append(position + 1 - d.length); !s) return example::failed("planes", s.message());
    if (position < least_keys) continue;
    if (auto s = measure(d, from.queries_at(step), ways); !s) return example::failed("planes", s.message());
  }
  return print(ways);
}
