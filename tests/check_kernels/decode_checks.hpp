// Check of the entry that makes numbers of encoded rows: bit for bit what plain reading gives.
#pragma once

#include "check.hpp"
#include "support/encodings.hpp"

namespace crestmax_test {

// Random bytes as rows of an encoding, right before or behind memory that nobody may touch, and what stands beside them.
template <class T>
class decoded_rows {
 public:
  decoded_rows(kernel_check<T>& check, scalar_kind kind, index_type length, index_type count, index_type step)
      : c(check), rows(1 + (count - 1) * step), in_blocks(plain_block_keys(kind) > 1), place(in_blocks ? c.random.integer(0, 64 - rows) : 0),
        stride(plain_row_bytes(kind, length) + (in_blocks ? 0 : c.random.integer(0, 3))), count_(count), step_(step),
        bytes(c.random, in_blocks ? plain_block_bytes(kind, length) : (rows - 1) * stride + plain_row_bytes(kind, length)), scales(c.random, rows * length), offsets(c.random, rows * length) {
    source.stored = kind;
    source.kind = crestmax::kind_of<T>;
    source.length = length;
    source.zeros = zeros;
    source.decode = c.table.decode;
    for (index_type i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(c.random.integer(0, 255));
    for (index_type j = 0; is_block_of_32(kind) && j < rows; ++j) {
      for (index_type at = 0; at < length / 32; ++at) make_finite(&bytes[j * stride + at * plain_block_of(kind).bytes], plain_block_of(kind));
    }
    for (index_type i = 0; i < rows * length; ++i) {
      scales[i] = static_cast<float>(c.random.uniform(0.1, 2));
      offsets[i] = static_cast<float>(c.random.uniform(-9, 9));
    }
    if (has_coding(kind)) choose_coding();
  }

  void expect_plain_numbers() {
    const index_type apart = source.decoded_stride();
    kernel_memory<T> to(c.random, count_ * apart, 64);
    crestmax::kv_run run{bytes.data() + place * plain_row_bytes(source.stored, source.length), stride, rows,
                         {has_coding(source.stored) ? &coding : nullptr, coding.scales.data, coding.offsets.data, coding.scales.strides[1],
                          coding.offsets.strides[1]}};
    run.beside.place = place;
    source.decode(source, run, 0, step_, count_, to.data());
    const crestmax::tensor_view cache(bytes.data(), source.stored, {1, rows, 1, source.length}, {0, stride, 0, 1});
    for (index_type i = 0; i < count_; ++i) {
      for (index_type k = 0; k < source.length; ++k) {
        const double code = in_blocks ? code_in_planes(bytes.data(), source.length, place + i * step_, k)
                                      : decode_number(source.stored, row_at(cache.data, cache.kind, cache.strides, 0, i * step_, 0), k);
        const double exact = has_coding(source.stored) ? with_coding(code, coding, 0, i * step_, 0, k) : code;
        const double got = static_cast<double>(to[i * apart + k]);
        c.expect(got == exact || (std::isnan(got) && std::isnan(exact)), crestmax::name(source.stored), ", ", source.length, " numbers, row ", i, " of ", count_,
                 ", step ", step_, ", number ", k, " is ", got, " instead of ", exact);
      }
    }
    c.expect(to.is_contained() && bytes.is_contained(), "writes outside");
  }

 private:
  void make_finite(std::byte* block, const plain_block& b) {
    write_number(scalar_kind::float16, block, c.random.uniform(-2, 2));
    if (b.minimum_at >= 0) write_number(scalar_kind::float16, block + b.minimum_at, c.random.uniform(-2, 2));
  }
  void choose_coding() {
    coding.group = c.random.template pick<index_type>({0, 0, 1, 7, 16});
    if (coding.group > source.length) coding.group = 0;
    const index_type groups = coding.group == 0 ? 1 : crestmax::planner::divide_up(source.length, coding.group);
    const index_type step = c.random.chance(0.3) ? 0 : groups;
    if (c.random.chance(0.8)) coding.scales = {&scales[0], {0, step, 0, 1}};
    if (c.random.chance(0.6)) coding.offsets = {&offsets[0], {0, step, 0, 1}};
    coding.offset = c.random.pick({crestmax::offset_kind::zero_point, crestmax::offset_kind::minimum});
  }

  kernel_check<T>& c;
  index_type rows;
  bool in_blocks;
  index_type place;  // of the first row in its block
  index_type stride, count_, step_;
  kernel_memory<std::byte> bytes;
  kernel_memory<float> scales, offsets;
  crestmax::row_coding coding;
  crestmax::cpu::source_rows source{};
  T zeros[1] = {};
};

template <class T>
void check_decode(kernel_check<T>& c) {
  for (auto i = static_cast<int>(scalar_kind::q8_0); i < static_cast<int>(scalar_kind::custom); ++i) {
    const auto kind = static_cast<scalar_kind>(i);
    const index_type block = crestmax::numbers_in_block(kind);
    for (index_type blocks = 1; blocks * block <= 100 && !c.failed(); ++blocks) {
      decoded_rows<T>(c, kind, blocks * block, c.random.integer(1, 16), c.random.integer(1, 3)).expect_plain_numbers();
    }
  }
}

}  // namespace crestmax_test
