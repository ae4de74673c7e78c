#include "workload.hpp"

#include <algorithm>
#include <cmath>
#include <crestmax/scalar_types.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <random>
#include <stdexcept>

#include "../tests/support/npy.hpp"

namespace crestmax_bench {

namespace {

const char* short_name(scalar_kind kind) { return crestmax::name(kind); }

// Standard normal numbers, made once: rows of tensors are runs of it that start anywhere, so that
// gigabytes are filled quickly and rows still differ.
const std::vector<float>& normal_numbers() {
  static const std::vector<float> numbers = [] {
    std::vector<float> made(1 << 20);
    std::mt19937_64 random(20240521);
    std::normal_distribution<float> normal;
    for (float& x : made) x = normal(random);
    return made;
  }();
  return numbers;
}

// The numbers, converted once, so that filling is copying.
std::vector<std::byte> converted_numbers(scalar_kind kind) {
  const std::vector<float>& numbers = normal_numbers();
  std::vector<std::byte> made(numbers.size() * static_cast<std::size_t>(crestmax::size_of(kind)));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    write_number(kind, made.data(), static_cast<index_type>(i), static_cast<double>(numbers[i]));
  }
  return made;
}

void fill_random(memory_block& memory, scalar_kind kind, index_type head_dim, std::uint64_t seed) {
  const std::vector<std::byte> numbers = converted_numbers(kind);
  const auto size = static_cast<std::size_t>(crestmax::size_of(kind));
  const std::size_t row = static_cast<std::size_t>(head_dim) * size;
  std::mt19937_64 random(seed);
  const std::size_t starts = numbers.size() / size - static_cast<std::size_t>(head_dim);
  for (std::size_t at = 0; at < memory.size(); at += row) {
    std::memcpy(memory.data() + at, numbers.data() + random() % starts * size, row);
  }
}

}  // namespace

std::string capture_folder() {
  namespace fs = std::filesystem;
  if (const char* given = std::getenv("CRESTMAX_CAPTURES")) return given;
  const fs::path project = fs::path(__FILE__).parent_path().parent_path();
  const fs::path beside = project / ".." / "shared" / "captures";
  return fs::exists(beside) ? beside.string() : (project / "examples" / "data").string();
}

namespace {

crestmax_test::npy_array read_part(const std::string& name, const char* part) {
  crestmax_test::npy_array array;
  const std::string trouble =
      crestmax_test::read_npy((std::filesystem::path(capture_folder()) / (name + part)).string(), array);
  if (!trouble.empty()) throw std::runtime_error(trouble);
  return array;
}

// Captures are (heads, len, dim).
void fill_from_captures(workload& w) {
  const shape& s = w.of;
  const auto queries = read_part(s.data, "_q.npy");
  const auto keys = read_part(s.data, "_k.npy");
  const auto values = read_part(s.data, "_v.npy");
  for (index_type h = 0; h < s.q_heads; ++h) {
    for (index_type i = 0; i < s.q_len; ++i) {
      for (index_type k = 0; k < s.head_dim; ++k) {
        const index_type from = (h * queries.shape[1] + queries.shape[1] - s.q_len + i) * s.head_dim + k;
        write_number(s.query_kind, w.query.data(), w.query_offset(i, h) + k, queries.at(from));
      }
    }
  }
  for (index_type h = 0; h < s.kv_heads; ++h) {
    for (index_type j = 0; j < s.kv_len; ++j) {
      for (index_type k = 0; k < s.head_dim; ++k) {
        const index_type from = (h * s.kv_len + j) * s.head_dim + k;
        write_number(s.kv_kind, w.key.data(), w.row_offset(h, j) + k, keys.at(from));
        write_number(s.kv_kind, w.value.data(), w.row_offset(h, j) + k, values.at(from));
      }
    }
  }
}

}  // namespace

double shape::flops() const {
  double pairs = static_cast<double>(q_len) * static_cast<double>(kv_len);
  if (causal) pairs -= static_cast<double>(q_len) * static_cast<double>(q_len - 1) / 2;
  return 4.0 * pairs * static_cast<double>(head_dim * q_heads);
}

double shape::kv_bytes() const {
  return 2.0 * static_cast<double>(kv_len * kv_heads * head_dim * crestmax::size_of(kv_kind));
}

std::string shape::name() const {
  std::string text = phase + "/" + short_name(kv_kind);
  const auto add = [&](const char* what, index_type value) {
    text += std::string("/") + what + std::to_string(value);
  };
  add("d:", head_dim);
  if (q_len != kv_len) add("queries:", q_len);
  add("n:", kv_len);
  if (q_heads > 1) add("heads:", q_heads);
  text += causal && q_len > 1 ? "/causal" : "/full";
  if (token_major) text += "/token_major";
  if (paged) text += "/paged";
  text += all_cores ? "/all_cores" : "/one_core";
  if (most != crestmax::instruction_set::widest) text += std::string("/") + crestmax::name(most);
  return text + "/" + data;
}

std::string shape::title() const {
  const auto number = [](index_type n) { return std::to_string(n); };
  std::string text = phase + ", " + short_name(kv_kind);
  if (query_kind != kv_kind) text += std::string(" keys and values, ") + short_name(query_kind) + " queries";
  text += ", head_dim " + number(head_dim) + ", " + number(q_len) + (q_len == 1 ? " query" : " queries") +
          " x " + number(kv_len) + " keys";
  if (q_len > 1) text += causal ? ", causal" : ", full";
  text += ", " + number(q_heads) + (q_heads == 1 ? " head" : " heads");
  if (q_heads != kv_heads) text += " on " + number(kv_heads);
  if (token_major) text += ", token-major";
  if (paged) text += ", pages of " + number(page_size) + " keys";
  text += all_cores ? ", all cores" : ", one core";
  if (most != crestmax::instruction_set::widest) text += std::string(", ") + crestmax::name(most);
  return text + ", " + (data == "random" ? "random data" : "capture " + data);
}

std::byte* workload::key_copy(int copy) const {
  return key.data() + static_cast<std::size_t>(copy) * (key.size() / static_cast<std::size_t>(copies));
}

std::byte* workload::value_copy(int copy) const {
  return value.data() + static_cast<std::size_t>(copy) * (value.size() / static_cast<std::size_t>(copies));
}

index_type workload::row_offset(index_type head, index_type position) const {
  if (!of.paged && of.token_major) return (position * of.kv_heads + head) * of.head_dim;
  if (!of.paged) return (head * of.kv_len + position) * of.head_dim;
  const index_type page = block_table[static_cast<std::size_t>(position / page_size)];
  return ((page * page_size + position % page_size) * of.kv_heads + head) * of.head_dim;
}

index_type workload::query_offset(index_type row, index_type head) const { return (row * of.q_heads + head) * of.head_dim; }

workload make_workload(const shape& s, double least_bytes) {
  workload w;
  w.of = s;
  w.copies = std::max(1, static_cast<int>(std::ceil(least_bytes / s.kv_bytes())));
  const auto bytes = [&](index_type elements, scalar_kind kind) {
    return static_cast<std::size_t>(elements * crestmax::size_of(kind));
  };
  w.query = memory_block(bytes(s.q_len * s.q_heads * s.head_dim, s.query_kind));
  w.output = memory_block(w.query.size());
  const index_type pages = (s.kv_len + page_size - 1) / page_size;
  const index_type rows = s.paged ? pages * page_size : s.kv_len;
  const std::size_t copy = bytes(rows * s.kv_heads * s.head_dim, s.kv_kind);
  w.key = memory_block(copy * static_cast<std::size_t>(w.copies));
  w.value = memory_block(copy * static_cast<std::size_t>(w.copies));
  if (s.paged) {
    w.block_table.resize(static_cast<std::size_t>(pages));
    std::iota(w.block_table.begin(), w.block_table.end(), 0);
    std::shuffle(w.block_table.begin(), w.block_table.end(), std::mt19937_64(7));
  }
  if (s.data == "random") {
    fill_random(w.query, s.query_kind, s.head_dim, 1);
    fill_random(w.key, s.kv_kind, s.head_dim, 2);
    fill_random(w.value, s.kv_kind, s.head_dim, 3);
  } else {
    fill_from_captures(w);
  }
  const index_type elements = static_cast<index_type>(copy) / crestmax::size_of(s.kv_kind);
  for (index_type i = 0; i < elements; ++i) {
    w.largest_value = std::max(w.largest_value, std::fabs(read_number(s.kv_kind, w.value.data(), i)));
  }
  return w;
}

double read_number(scalar_kind kind, const std::byte* data, index_type at) {
  return crestmax::visit_kind(kind, [&](auto* type) {
    using stored = std::remove_pointer_t<decltype(type)>;
    return crestmax::convert<double>(reinterpret_cast<const stored*>(data)[at]);
  });
}

void write_number(scalar_kind kind, std::byte* data, index_type at, double value) {
  crestmax::visit_kind(kind, [&](auto* type) {
    using stored = std::remove_pointer_t<decltype(type)>;
    reinterpret_cast<stored*>(data)[at] = crestmax::convert<stored>(value);
  });
}

std::vector<std::string> capture_names() {
  std::vector<std::string> names;
  const std::string folder = capture_folder();
  if (!std::filesystem::is_directory(folder)) return names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    if (file.size() > 6 && file.ends_with("_q.npy")) names.push_back(file.substr(0, file.size() - 6));
  }
  std::sort(names.begin(), names.end());
  return names;
}

shape capture_shape(const std::string& name) {
  const auto query = read_part(name, "_q.npy");
  const auto key = read_part(name, "_k.npy");
  shape s;
  s.data = name;
  s.q_heads = query.shape[0];
  s.kv_heads = key.shape[0];
  s.q_len = query.shape[1];
  s.kv_len = key.shape[1];
  s.head_dim = query.shape[2];
  // Encoders see all keys: their names say so.
  s.causal = !name.starts_with("minilm") && !name.starts_with("moonshine");
  return s;
}

}  // namespace crestmax_bench
