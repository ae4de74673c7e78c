#include "make_case.hpp"

namespace crestmax_test {

attention_case paged(const attention_case& c, index_type page_size, bool compressed, std::uint64_t seed,
                     index_type unused_pages) {
  attention_case result = c;
  random_source random(seed);
  const std::vector<sequence_place> sequences = sequences_of(c);
  page_table table;
  index_type most_pages = 0;
  index_type pages_total = unused_pages;
  for (const sequence_place& s : sequences) {
    const index_type pages = (s.kv_len + page_size - 1) / page_size;
    table.lengths.push_back(static_cast<std::int32_t>(s.kv_len));
    most_pages = std::max(most_pages, pages);
    pages_total += pages;
  }
  std::vector<std::int32_t> free_pages;
  for (index_type i = 0; i < pages_total; ++i) free_pages.push_back(static_cast<std::int32_t>(i));
  for (std::size_t i = free_pages.size(); i > 1; --i) {
    std::swap(free_pages[i - 1],
              free_pages[static_cast<std::size_t>(random.integer(0, static_cast<index_type>(i) - 1))]);
  }
  table.table_stride = compressed ? 0 : most_pages + 1;
  if (compressed) table.offsets.push_back(0);
  result.key =
      test_tensor(c.key.kind(), {pages_total, page_size, c.kv_heads(), c.d_qk()}, memory_layout::padded);
  result.value = test_tensor(c.value.kind(), {pages_total, page_size, c.kv_heads(), c.d_v()},
                             memory_layout::heads_first);
  for (const sequence_place& s : sequences) {
    const index_type pages = (s.kv_len + page_size - 1) / page_size;
    const index_type first = static_cast<index_type>(table.block_table.size());
    for (index_type i = 0; i < pages; ++i) {
      table.block_table.push_back(free_pages.back());
      free_pages.pop_back();
    }
    if (compressed) table.offsets.push_back(static_cast<std::int32_t>(table.block_table.size()));
    for (index_type i = pages; i < table.table_stride; ++i) table.block_table.push_back(-1);
    for (index_type j = 0; j < s.kv_len; ++j) {
      const index_type page = table.block_table[static_cast<std::size_t>(first + j / page_size)];
      for (index_type h = 0; h < c.kv_heads(); ++h) {
        for (index_type k = 0; k < c.d_qk(); ++k) {
          result.key.set(page, j % page_size, h, k, number_at(c, c.key, s, j, h, k));
        }
        for (index_type k = 0; k < c.d_v(); ++k) {
          result.value.set(page, j % page_size, h, k, number_at(c, c.value, s, j, h, k));
        }
      }
    }
  }
  result.key_offsets.clear();
  result.key_lengths.clear();
  result.pages = std::move(table);
  return result;
}

}  // namespace crestmax_test
