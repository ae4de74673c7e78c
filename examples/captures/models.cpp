#include "models.hpp"

#include <fstream>
#include <sstream>

#include "../../tests/support/npy.hpp"

namespace example {

namespace {

std::string read_part(const std::string& path, std::vector<float>& numbers, std::vector<index_type>& shape) {
  crestmax_test::npy_array array;
  if (std::string trouble = crestmax_test::read_npy(path, array); !trouble.empty()) return trouble;
  if (array.shape.size() != 3) return path + ": expected (heads, tokens, dim)";
  shape = array.shape;
  numbers.resize(static_cast<std::size_t>(shape[0] * shape[1] * shape[2]));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<float>(array.at(static_cast<index_type>(i)));
  }
  return "";
}

std::string read_model(const std::string& folder, captured_model& m) {
  std::vector<index_type> q, k, v;
  const std::string path = folder + "/" + m.name;
  if (std::string trouble = read_part(path + "_q.npy", m.query, q); !trouble.empty()) return trouble;
  if (std::string trouble = read_part(path + "_k.npy", m.key, k); !trouble.empty()) return trouble;
  if (std::string trouble = read_part(path + "_v.npy", m.value, v); !trouble.empty()) return trouble;
  if (q[1] != k[1] || q[1] != v[1] || q[2] != k[2] || k[0] != v[0] || k[0] == 0 || q[0] % k[0] != 0) {
    return path + ": queries, keys and values do not fit together";
  }
  m.q_heads = q[0];
  m.kv_heads = k[0];
  m.tokens = q[1];
  m.d_qk = q[2];
  m.d_v = v[2];
  m.causal = !m.name.starts_with("moonshine") && !m.name.starts_with("minilm");
  return "";
}

}  // namespace

std::string read_models(const std::string& folder, index_type most_queries, std::vector<captured_model>& models) {
  std::ifstream file(folder + "/index.tsv");
  if (!file) return "cannot open " + folder + "/index.tsv";
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string name;
    captured_head head;
    if (line.starts_with('#') || !(fields >> name >> head.number >> head.model_head >> head.kind)) continue;
    if (models.empty() || models.back().name != name) {
      models.emplace_back().name = name;
      if (std::string trouble = read_model(folder, models.back()); !trouble.empty()) return trouble;
      captured_model& m = models.back();
      m.first_query = most_queries > 0 ? std::max<index_type>(0, m.tokens - most_queries) : 0;
    }
    if (head.number < 0 || head.number >= models.back().q_heads) return folder + "/index.tsv: no such head: " + line;
    models.back().heads.push_back(head);
  }
  return models.empty() ? folder + "/index.tsv names no heads" : "";
}

}  // namespace example
