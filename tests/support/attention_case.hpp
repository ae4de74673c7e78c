// One call of attention(), as data: inputs of run-time types, lengths, source, options, modifiers, and
// the surroundings that must not matter. run() makes the call.
#pragma once

#include <crestmax/backend/cpu/features.hpp>
#include <crestmax/options.hpp>
#include <crestmax/status.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executors.hpp"
#include "guarded_memory.hpp"
#include "test_modifiers.hpp"
#include "test_tensor.hpp"

namespace crestmax_test {

enum class backend_kind {
  cpu,
  portable,
  tiles,   // the kernels of AMX on tiles in plain C++
  ascend,  // the kernel of Ascend devices on a model of one, in programs that bring it: see set_ascend()
};
enum class workspace_kind { owned, given_clean, given_dirty };

// What must not change a result's bits.
struct surroundings {
  backend_kind backend = backend_kind::cpu;
  test_executor executor{};
  workspace_kind workspace = workspace_kind::owned;
  crestmax::instruction_set most = crestmax::instruction_set::widest;  // a cap for backend cpu; this may change bits
  placing memory = placing::as_it_is;  // elsewhere: every buffer of its own, in two steps
  // Of the model of a device; the number of cores must not change a result's bits.
  int device = 2201;
  int device_cores = 2;
};

// A paged cache: key and value of the case are page pools (pages, page_size, kv_heads, d).
struct page_table {
  std::vector<std::int32_t> block_table;
  std::vector<std::int32_t> lengths;
  index_type table_stride = 0;
  std::vector<std::int32_t> offsets;
};

struct attention_case {
  test_tensor query, key, value, output;
  std::optional<page_table> pages;
  std::vector<std::int32_t> query_offsets, key_offsets, query_lengths, key_lengths;
  test_modifiers modifiers;
  crestmax::options options;  // its spans and outputs are filled in by run()
  bool wants_lse = true;
  bool wants_row_max = false;
  bool wants_dropped_mass = false;
  scalar_kind row_kind = scalar_kind::float64;
  // Slack for weights of 16 bits, as a share of what rounding one weight may cost at most; see measure().
  double narrow_slack = 0.25;
  std::vector<std::shared_ptr<void>> storage;  // what modifiers point into

  // Keeps an object alive as long as the case and its copies.
  template <class T>
  T& keep(T object) {
    auto owned = std::make_shared<T>(std::move(object));
    storage.push_back(owned);
    return *owned;
  }

  index_type q_heads() const { return query.extent(2); }
  index_type kv_heads() const { return key.extent(2); }
  index_type d_qk() const { return query.extent(3); }
  index_type d_v() const { return value.extent(3); }
  index_type group() const { return q_heads() / kv_heads(); }
  double scale() const {
    return options.scale ? *options.scale : 1.0 / std::sqrt(static_cast<double>(d_qk()));
  }
  bool computes_in_double() const {
    return query.kind() == scalar_kind::float64 || key.kind() == scalar_kind::float64 ||
           value.kind() == scalar_kind::float64;
  }
};

struct attention_result {
  crestmax::status status;
  test_tensor output;
  test_tensor lse, row_max, dropped_mass;  // (batch, q_len, q_heads, 1)
  crestmax::report report;
  bool outside_is_untouched = true;  // around buffers that were placed elsewhere
};

attention_result run(const attention_case& c, const surroundings& s = {});

// What runs the calls of backend_kind::ascend.
void set_ascend(attention_result (*runner)(const attention_case&, const surroundings&));

// Where one sequence of a case lies.
struct sequence_place {
  index_type number;
  index_type query_batch, query_begin, q_len;
  index_type key_batch, key_begin, kv_len;
};

inline std::vector<sequence_place> sequences_of(const attention_case& c) {
  const bool packed_queries = !c.query_offsets.empty();
  const bool packed_keys = !c.key_offsets.empty();
  const index_type count = packed_queries ? static_cast<index_type>(c.query_offsets.size()) - 1 : c.query.extent(0);
  std::vector<sequence_place> places;
  for (index_type i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    sequence_place s{i, packed_queries ? 0 : i, 0, c.query.extent(1), packed_keys ? 0 : i,
                     0, c.key.extent(1)};
    if (packed_queries) {
      s.query_begin = c.query_offsets[at];
      s.q_len = c.query_offsets[at + 1] - c.query_offsets[at];
    }
    if (packed_keys) {
      s.key_begin = c.key_offsets[at];
      s.kv_len = c.key_offsets[at + 1] - c.key_offsets[at];
    }
    if (!c.query_lengths.empty()) s.q_len = c.query_lengths[at];
    if (!c.key_lengths.empty()) s.kv_len = c.key_lengths[at];
    if (c.pages) s.kv_len = c.pages->lengths[at];
    places.push_back(s);
  }
  return places;
}

// Element of a key or value tensor at a position of a sequence, through the page table if there is one.
inline double number_at(const attention_case& c, const test_tensor& t, const sequence_place& s,
                        index_type position, index_type head, index_type dimension) {
  if (!c.pages) return t.at(s.key_batch, s.key_begin + position, head, dimension);
  const index_type page_size = t.extent(1);
  const index_type first = c.pages->offsets.empty() ? s.number * c.pages->table_stride
                                               : c.pages->offsets[static_cast<std::size_t>(s.number)];
  const index_type page = c.pages->block_table[static_cast<std::size_t>(first + position / page_size)];
  return t.at(page, position % page_size, head, dimension);
}

// One query row of a case.
struct row_place {
  sequence_place sequence;
  index_type query;
  index_type head;
};

inline std::vector<row_place> rows_of(const attention_case& c) {
  std::vector<row_place> rows;
  for (const sequence_place& s : sequences_of(c)) {
    for (index_type q = 0; q < s.q_len; ++q) {
      for (index_type h = 0; h < c.q_heads(); ++h) rows.push_back({s, q, h});
    }
  }
  return rows;
}

// At most `most` rows: the first, the last, and a deterministic choice between.
inline std::vector<row_place> some_rows(const attention_case& c, index_type most) {
  std::vector<row_place> rows = rows_of(c);
  if (static_cast<index_type>(rows.size()) <= most) return rows;
  random_source random(rows.size());
  std::vector<row_place> chosen{rows.front(), rows.back()};
  while (static_cast<index_type>(chosen.size()) < most) {
    chosen.push_back(rows[static_cast<std::size_t>(random.integer(0, static_cast<index_type>(rows.size()) - 1))]);
  }
  return chosen;
}

inline double result_at(const test_tensor& t, const row_place& r, index_type dimension = 0) {
  return t.at(r.sequence.query_batch, r.sequence.query_begin + r.query, r.head, dimension);
}

}  // namespace crestmax_test
