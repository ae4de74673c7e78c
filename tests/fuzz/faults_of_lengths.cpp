#include "faults.hpp"

namespace crestmax_test {
namespace {

constexpr std::int32_t least = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max();

using numbers = std::vector<std::int32_t> raw_call::*;

std::int32_t& any_of(std::vector<std::int32_t>& v, fuzz_bytes& b, std::size_t first = 0) {
  return v[static_cast<std::size_t>(b.integer(static_cast<index_type>(first), static_cast<index_type>(v.size()) - 1))];
}

template <numbers Lengths, raw_tensor raw_call::*Tensor>
bool break_length(raw_call& c, fuzz_bytes& b) {
  if ((c.*Lengths).empty()) return false;
  const auto rows = static_cast<std::int32_t>((c.*Tensor).extents[1]);
  any_of(c.*Lengths, b) = b.pick({rows + 1, most, -1, least});
  return true;
}

template <numbers Lengths>
bool miscount(raw_call& c, fuzz_bytes& b) {
  std::vector<std::int32_t>& v = c.*Lengths;
  if (v.empty()) return false;
  // No lengths at all are another call, not a wrong one.
  if (b.chance(0.5) && v.size() > 1) v.pop_back();
  else v.push_back(v.back());
  return true;
}

template <numbers Offsets, raw_tensor raw_call::*Tensor>
bool break_offset(raw_call& c, fuzz_bytes& b) {
  std::vector<std::int32_t>& v = c.*Offsets;
  if (v.size() < 2) return false;
  const auto rows = static_cast<std::int32_t>((c.*Tensor).extents[1]);
  if (b.chance(0.3)) v.front() = b.pick({1, -1, most, least});
  else any_of(v, b, 1) = b.pick({rows + 1, most, -1, least});
  return true;
}

index_type used_pages(const raw_call& c, std::size_t sequence) {
  const index_type page_size = c.key.extents[1];
  return (c.kv_lengths[sequence] + page_size - 1) / page_size;
}
index_type first_entry(const raw_call& c, std::size_t sequence) {
  return c.page_offsets.empty() ? static_cast<index_type>(sequence) * c.table_stride : c.page_offsets[sequence];
}

bool break_page(raw_call& c, fuzz_bytes& b) {
  if (c.kv_lengths.empty()) return false;
  const auto sequence = static_cast<std::size_t>(b.integer(0, static_cast<index_type>(c.kv_lengths.size()) - 1));
  const index_type used = used_pages(c, sequence);
  if (used == 0) return false;
  const auto pages = static_cast<std::int32_t>(c.key.extents[0]);
  c.block_table[static_cast<std::size_t>(first_entry(c, sequence) + b.integer(0, used - 1))] = b.pick({pages, -1, most, least});
  return true;
}

bool free_unused_entries(raw_call& c, fuzz_bytes& b) {
  if (!c.is_paged || !c.page_offsets.empty()) return false;
  for (std::size_t i = 0; i < c.kv_lengths.size(); ++i) {
    for (index_type j = used_pages(c, i); j < c.table_stride; ++j) {
      c.block_table[static_cast<std::size_t>(first_entry(c, i) + j)] = b.pick({most, least, -1});
    }
  }
  return true;
}

bool lengthen_beyond_table(raw_call& c, fuzz_bytes& b) {
  if (c.kv_lengths.empty()) return false;
  const auto sequence = static_cast<std::size_t>(b.integer(0, static_cast<index_type>(c.kv_lengths.size()) - 1));
  const index_type room =
      c.page_offsets.empty() ? c.table_stride : c.page_offsets[sequence + 1] - c.page_offsets[sequence];
  c.kv_lengths[sequence] = b.pick({static_cast<std::int32_t>(room * c.key.extents[1] + 1), most, -1, least});
  return true;
}

bool shorten_table(raw_call& c, fuzz_bytes&) {
  if (c.block_table_given.empty()) return false;
  c.block_table_given = c.block_table_given.first(c.block_table_given.size() - 1);
  return true;
}

bool break_table_stride(raw_call& c, fuzz_bytes& b) {
  if (!c.is_paged || !c.page_offsets.empty()) return false;
  c.table_stride = b.pick({index_type{-1}, (index_type{1} << 40) + 1, std::numeric_limits<index_type>::max(),
                           std::numeric_limits<index_type>::min()});
  return true;
}

bool empty_pages(raw_call& c, fuzz_bytes&) {
  if (!c.is_paged) return false;
  c.key.extents[1] = c.value.extents[1] = 0;
  return true;
}

bool give_other_key_lengths(raw_call& c, fuzz_bytes& b) {
  if (!c.is_paged || c.kv_lengths.empty()) return false;
  c.key_lengths = c.kv_lengths;
  any_of(c.key_lengths, b) += 1;
  return true;
}

}  // namespace

std::span<const fault> faults_of_lengths() {
  static constexpr fault faults[] = {
      {"a query length is out of range", " query_lengths ", break_length<&raw_call::query_lengths, &raw_call::query>},
      {"a key length is out of range", " key_lengths ", break_length<&raw_call::key_lengths, &raw_call::key>},
      {"query lengths are too many or too few", " query_lengths ", miscount<&raw_call::query_lengths>},
      {"key lengths are too many or too few", " key_lengths ", miscount<&raw_call::key_lengths>},
      {"a query offset is out of order", " query_offsets ", break_offset<&raw_call::query_offsets, &raw_call::query>},
      {"a key offset is out of order", " key_offsets ", break_offset<&raw_call::key_offsets, &raw_call::key>},
      {"key offsets are too many or too few", " key_offsets ", miscount<&raw_call::key_offsets>},
      {"lengths of pages are too many or too few", " key_lengths page_offsets ", miscount<&raw_call::kv_lengths>},
      {"page offsets are too many or too few", " page_offsets ", miscount<&raw_call::page_offsets>},
      {"a page does not exist", " block_table ", break_page},
      {"entries of no key are anything", "", free_unused_entries},
      {"a length has no pages", " key_lengths additive_bias boolean_mask ", lengthen_beyond_table},
      {"the block table is cut off", " block_table page_offsets ", shorten_table},
      {"the table's stride is out of range", " table_stride block_table ", break_table_stride},
      {"pages have no keys", " key_pages ", empty_pages},
      {"key lengths are not those of the pages", " key_lengths ", give_other_key_lengths}};
  return faults;
}

}  // namespace crestmax_test
