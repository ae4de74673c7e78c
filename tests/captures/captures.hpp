// Queries, keys and values captured from real models, as cases.
#pragma once

#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/contract.hpp"
#include "support/make_case.hpp"
#include "support/npy.hpp"
#include "support/oracle.hpp"

namespace crestmax_test {

struct capture {
  std::string name;
  npy_array query, key, value;  // (heads, len, dim)
  bool causal = true;
};

// The folder: CRESTMAX_CAPTURES, or ../shared/captures beside the project, or the shipped examples/data.
inline std::string capture_folder() {
  namespace fs = std::filesystem;
  if (const char* given = std::getenv("CRESTMAX_CAPTURES")) return given;
  const fs::path project = fs::path(__FILE__).parent_path().parent_path().parent_path();
  if (fs::exists(project / "../shared/captures")) return (project / "../shared/captures").string();
  return (project / "examples/data").string();
}

// Every capture of the folder: files <name>_q.npy, <name>_k.npy, <name>_v.npy.
inline const std::vector<capture>& captures() {
  static const std::vector<capture> all = [] {
    std::vector<capture> found;
    const std::string folder = capture_folder();
    std::printf("captures from %s\n", folder.c_str());
    if (!std::filesystem::is_directory(folder)) return found;
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string file = entry.path().filename().string();
      const std::size_t end = file.rfind("_q.npy");
      if (end != std::string::npos && end + 6 == file.size()) names.push_back(file.substr(0, end));
    }
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      capture c;
      c.name = name;
      for (const auto& [part, array] :
           {std::pair{"_q.npy", &c.query}, {"_k.npy", &c.key}, {"_v.npy", &c.value}}) {
        const std::string trouble =
            read_npy((std::filesystem::path(folder) / (name + part)).string(), *array);
        if (!trouble.empty()) {
          ADD_FAILURE() << trouble;
          return found;
        }
      }
      // Encoders see all keys: their names say so.
      c.causal = name.rfind("minilm", 0) != 0 && name.rfind("moonshine", 0) != 0;
      found.push_back(std::move(c));
    }
    return found;
  }();
  return all;
}

inline test_tensor tensor_of(const npy_array& a, scalar_kind kind, index_type first_row, index_type rows) {
  test_tensor t(kind, {1, rows, a.shape[0], a.shape[2]}, memory_layout::heads_first);
  for (index_type h = 0; h < a.shape[0]; ++h) {
    for (index_type i = 0; i < rows; ++i) {
      for (index_type k = 0; k < a.shape[2]; ++k) {
        t.set(0, i, h, k, a.at((h * a.shape[1] + first_row + i) * a.shape[2] + k));
      }
    }
  }
  return t;
}

// The capture's last `queries` queries (0: all) over all of its keys. Half precision captures are exact
// in float; kind says in what the call stores them.
inline attention_case case_of(const capture& c, index_type queries = 0, scalar_kind kind = scalar_kind::float32) {
  const index_type len = c.query.shape[1];
  const index_type rows = queries == 0 ? len : std::min(queries, len);
  attention_case made;
  made.query = tensor_of(c.query, kind, len - rows, rows);
  made.key = tensor_of(c.key, kind, 0, c.key.shape[1]);
  made.value = tensor_of(c.value, kind, 0, c.value.shape[1]);
  made.output = test_tensor(kind, {1, rows, c.query.shape[0], c.value.shape[2]}, memory_layout::dense);
  made.modifiers.causal.enabled = c.causal;
  return made;
}

// Values that tell where the weight went: column g is 1 for keys of group g, so that a row's output is
// the share of each group, and exactly zero for a group that was dropped.
inline constexpr index_type group_size = 32;
inline void set_group_values(attention_case& c) {
  const index_type kv_len = c.key.extent(1);
  const index_type groups = (kv_len + group_size - 1) / group_size;
  c.value = test_tensor(c.value.kind(), {1, kv_len, c.kv_heads(), groups});
  c.value.fill(0);
  for (index_type j = 0; j < kv_len; ++j) {
    for (index_type h = 0; h < c.kv_heads(); ++h) c.value.set(0, j, h, j / group_size, 1);
  }
  c.output = test_tensor(c.output.kind(), {1, c.query.extent(1), c.q_heads(), groups});
}

inline double dropped_share(const oracle_row& truth, const attention_result& result, const row_place& r) {
  return truth.mass([&](index_type j) { return result_at(result.output, r, j / group_size) == 0; });
}

}  // namespace crestmax_test
