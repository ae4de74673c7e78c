#include "placed_call.hpp"

namespace crestmax_test {
namespace {

std::size_t size_in(const test_tensor& t) { return t.occupied().size(); }
std::size_t alignment_of(const test_tensor& t) { return static_cast<std::size_t>(bytes_of(t.kind())); }
std::ptrdiff_t origin_of(const test_tensor& t) { return t.view<std::byte>().data - t.occupied().data(); }

raw_tensor shaped(const test_tensor& t, std::byte* data) { return {data, t.extents(), t.strides()}; }

}  // namespace

placed_call::placed_call(const fuzz_case& f) : from_(f) {
  const attention_case& c = f.call;
  const placing where = f.around.memory;
  raw_.query_kind = c.query.kind();
  raw_.key_kind = c.key.kind();
  raw_.value_kind = c.value.kind();
  raw_.output_kind = c.output.kind();
  raw_.query = shaped(c.query, place_input(c.query, where));
  raw_.key = shaped(c.key, place_input(c.key, where));
  raw_.value = shaped(c.value, place_input(c.value, where));
  raw_.output = shaped(c.output, place_output(c.output, where));
  if (c.pages) {
    raw_.is_paged = true;
    raw_.block_table = c.pages->block_table;
    raw_.block_table_given = raw_.block_table;
    raw_.kv_lengths = c.pages->lengths;
    raw_.page_offsets = c.pages->offsets;
    raw_.table_stride = c.pages->table_stride;
  }
  raw_.query_offsets = c.query_offsets;
  raw_.key_offsets = c.key_offsets;
  raw_.query_lengths = c.query_lengths;
  raw_.key_lengths = c.key_lengths;
  raw_.options = c.options;
  raw_.modifiers = c.modifiers;
  raw_.around = f.around;
  if (c.wants_lse) raw_.options.lse = place_rows(lse_, where);
  if (c.wants_row_max) raw_.options.row_max = place_rows(row_max_, where);
  if (c.wants_dropped_mass) raw_.options.dropped_mass = place_rows(dropped_mass_, where);
  std::memset(static_cast<void*>(&untouched_report_), 0x5a, sizeof untouched_report_);
  std::memcpy(static_cast<void*>(&report_), &untouched_report_, sizeof report_);
  raw_.options.report = &report_;
  if (!f.has_witness) return;
  witness_.sequences = sequences_of(c);
  witness_.modifiers = &c.modifiers;
  witness_.q_heads = c.q_heads();
  raw_.looks.seen = &witness_;
}

std::byte* placed_call::place_input(const test_tensor& t, placing where) {
  guarded_memory& memory = inputs_.emplace_back(size_in(t), alignment_of(t), where);
  std::memcpy(memory.bytes().data(), t.occupied().data(), size_in(t));
  memory.make_read_only();
  return memory.bytes().data() + origin_of(t);
}

std::byte* placed_call::place_output(const test_tensor& t, placing where) {
  output_buffer& o = outputs_.emplace_back(size_in(t), alignment_of(t), where, &t);
  return o.memory.bytes().data() + origin_of(t);
}

crestmax::row_output placed_call::place_rows(test_tensor& rows, placing where) {
  const attention_case& c = from_.call;
  rows = test_tensor(c.row_kind, {c.query.extent(0), c.query.extent(1), c.q_heads(), 1}, memory_layout::padded);
  crestmax::row_output to;
  to.data = place_output(rows, where);
  to.kind = c.row_kind;
  for (std::size_t i = 0; i < 3; ++i) {
    to.extents[i] = rows.extent(i);
    to.strides[i] = rows.strides()[i];
  }
  return to;
}

void placed_call::give_workspace(std::size_t bytes) {
  constexpr std::size_t alignment = 64;
  const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;
  guarded_memory& memory = workspaces_.emplace_back(whole, alignment, placing::before_a_guard_page);
  raw_.options.workspace = memory.bytes().first(bytes);
}

bool placed_call::outputs_are_untouched() const {
  for (const output_buffer& o : outputs_) {
    for (const std::byte b : o.memory.bytes()) {
      if (b != std::byte{0xff}) return false;
    }
  }
  return std::memcmp(&report_, &untouched_report_, sizeof report_) == 0;
}

bool placed_call::outside_is_untouched() const {
  for (const output_buffer& o : outputs_) {
    if (!o.memory.outside_is_untouched()) return false;
  }
  return true;
}

void placed_call::reset_outputs() {
  for (const output_buffer& o : outputs_) std::memset(o.memory.bytes().data(), 0xff, o.memory.bytes().size());
  std::memcpy(static_cast<void*>(&report_), &untouched_report_, sizeof report_);
}

void placed_call::read(const guarded_memory& from, test_tensor& to) const {
  const std::ptrdiff_t begin = to.occupied().data() - to.memory().data();
  std::memcpy(to.memory().data() + begin, from.bytes().data(), from.bytes().size());
}

attention_result placed_call::result(const crestmax::status& s) const {
  attention_result r;
  r.status = s;
  r.output = from_.call.output;
  r.lse = lse_;
  r.row_max = row_max_;
  r.dropped_mass = dropped_mass_;
  r.report = report_;
  r.outside_is_untouched = outside_is_untouched();
  for (const output_buffer& o : outputs_) {
    test_tensor& to = o.like == &lse_             ? r.lse
                      : o.like == &row_max_      ? r.row_max
                      : o.like == &dropped_mass_ ? r.dropped_mass
                                                 : r.output;
    read(o.memory, to);
  }
  return r;
}

}  // namespace crestmax_test
