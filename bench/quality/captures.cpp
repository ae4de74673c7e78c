#include "captures.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "../../tests/support/npy.hpp"

namespace crestmax_quality {

namespace {

namespace fs = std::filesystem;

crestmax_test::npy_array read(const fs::path& file) {
  crestmax_test::npy_array array;
  const std::string trouble = crestmax_test::read_npy(file.string(), array);
  if (!trouble.empty()) throw std::runtime_error(trouble);
  return array;
}

// The positions of the queries that were captured: all of them, or those that a file of int32 at the end of its bytes lists.
std::vector<std::int32_t> positions_of(const fs::path& file, index_type queries) {
  std::vector<std::int32_t> positions(static_cast<std::size_t>(queries));
  if (!fs::exists(file)) {
    for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<std::int32_t>(i);
    return positions;
  }
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  const std::size_t size = positions.size() * sizeof positions[0];
  if (bytes.find("'<i4'") == std::string::npos || bytes.size() < size) throw std::runtime_error(file.string() + ": not so many int32");
  std::memcpy(positions.data(), bytes.data() + bytes.size() - size, size);
  return positions;
}

// (heads, len, d) as (len, heads, d), of some rows.
std::vector<float> token_major(const crestmax_test::npy_array& a, const std::vector<index_type>& rows) {
  std::vector<float> numbers;
  numbers.reserve(rows.size() * static_cast<std::size_t>(a.shape[0] * a.shape[2]));
  for (const index_type row : rows) {
    for (index_type h = 0; h < a.shape[0]; ++h) {
      for (index_type k = 0; k < a.shape[2]; ++k) numbers.push_back(static_cast<float>(a.at((h * a.shape[1] + row) * a.shape[2] + k)));
    }
  }
  return numbers;
}

// One row of attention by its definition, to `to`.
void attend(const capture& c, index_type row, index_type head, std::vector<double>& scores, double* to) {
  const index_type d = c.head_dim;
  const index_type keys = c.causal ? c.rows[static_cast<std::size_t>(row)] + 1 : c.kv_len;
  const float* const query = c.query.data() + (row * c.q_heads + head) * d;
  const index_type step = c.kv_heads * d, first = head / c.group() * d;
  double top = -HUGE_VAL;
  for (index_type j = 0; j < keys; ++j) {
    double sum = 0;
    for (index_type k = 0; k < d; ++k) sum += static_cast<double>(query[k]) * static_cast<double>(c.key[static_cast<std::size_t>(j * step + first + k)]);
    scores[static_cast<std::size_t>(j)] = sum / std::sqrt(static_cast<double>(d));
    top = std::max(top, scores[static_cast<std::size_t>(j)]);
  }
  double total = 0;
  for (index_type j = 0; j < keys; ++j) {
    const double weight = std::exp(scores[static_cast<std::size_t>(j)] - top);
    total += weight;
    for (index_type k = 0; k < d; ++k) to[k] += weight * static_cast<double>(c.value[static_cast<std::size_t>(j * step + first + k)]);
  }
  for (index_type k = 0; k < d; ++k) to[k] /= total;
}

capture read_capture(const fs::path& folder, const std::string& name, index_type most_rows) {
  const auto query = read(folder / (name + "_q.npy"));
  const auto key = read(folder / (name + "_k.npy"));
  const auto value = read(folder / (name + "_v.npy"));
  capture c;
  c.name = name;
  c.q_heads = query.shape[0];
  c.head_dim = query.shape[2];
  c.kv_heads = key.shape[0];
  c.kv_len = key.shape[1];
  c.causal = !name.starts_with("minilm") && !name.starts_with("moonshine");  // encoders see all keys
  const std::vector<std::int32_t> positions = positions_of(folder / (name + "_rows.npy"), query.shape[1]);
  const index_type step = (query.shape[1] + most_rows - 1) / most_rows;
  std::vector<index_type> chosen, all;
  for (index_type i = step - 1; i < query.shape[1]; i += step) {
    chosen.push_back(i);
    c.rows.push_back(positions[static_cast<std::size_t>(i)]);
  }
  for (index_type j = 0; j < c.kv_len; ++j) all.push_back(j);
  c.query = token_major(query, chosen);
  c.key = token_major(key, all);
  c.value = token_major(value, all);
  c.attention.resize(c.query.size());
  std::vector<double> scores(static_cast<std::size_t>(c.kv_len));
  for (index_type row = 0; row < c.q_len(); ++row) {
    for (index_type h = 0; h < c.q_heads; ++h) attend(c, row, h, scores, c.attention.data() + (row * c.q_heads + h) * c.head_dim);
  }
  return c;
}

}  // namespace

std::vector<capture> captures_in(const std::string& folder, index_type most_rows) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    if (file.size() > 6 && file.ends_with("_q.npy")) names.push_back(file.substr(0, file.size() - 6));
  }
  std::sort(names.begin(), names.end());
  std::vector<capture> captures;
  for (const std::string& name : names) captures.push_back(read_capture(folder, name, most_rows));
  return captures;
}

}  // namespace crestmax_quality
