// Checks of the entries that multiply codes as integers: queries and weights are rounded, and nothing else is.
#pragma once

#include "check.hpp"
#include "support/encodings.hpp"

namespace crestmax_test {

// One block of few rows over encoded keys or values, in guarded memory.
template <class T>
class integer_block {
 public:
  integer_block(kernel_check<T>& check, const crestmax::cpu::integer_kernels<T>& of, scalar_kind kind, index_type row_count, index_type key_count, index_type d)
      : c(check), kernels(of), rows(row_count), keys(key_count), length(d), stride(crestmax::planner::round_up(d, crestmax::cpu::widest_lanes)),
        output_stride(crestmax::planner::round_up(d, c.panel)), row_bytes(plain_row_bytes(kind, d) + c.random.integer(0, 3)),
        width(crestmax::planner::round_up(keys, c.panel)), bytes(c.random, (keys - 1) * row_bytes + plain_row_bytes(kind, d)), scales(c.random, keys),
        query(c.vectors(rows * stride)), integers(c.random, rows * crestmax::cpu::integer_query::row_size(d), 64),
        scores(c.random, (rows - 1) * crestmax::cpu::score_stride + width, c.vector_bytes()), output(c.vectors(rows * output_stride)),
        room(c.random, crestmax::cpu::direct_run * stride, 64) {
    for (index_type i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(c.random.integer(0, 255));
    for (index_type j = 0; is_block_of_32(kind) && j < keys; ++j) {
      for (index_type b = 0; b < d / 32; ++b) write_scales(&bytes[j * row_bytes + b * plain_block_of(kind).bytes], plain_block_of(kind));
    }
    for (index_type j = 0; j < keys; ++j) scales[j] = static_cast<float>(c.random.uniform(0.5, 2) / 100);
    if (has_coding(kind)) coding.scales = {&scales[0], {0, 1, 0, 0}};
    for (index_type i = 0; i < rows * stride; ++i) query[i] = i % stride < d ? static_cast<T>(c.random.uniform(-1, 1)) : T(0);
    source = {.run = run_at, .context = this, .stored = kind, .kind = crestmax::kind_of<T>, .are_keys = true, .length = d, .kv_len = keys,
              .failed = &failed, .zeros = zeros, .decode = c.table.decode, .codes = of.take};
    view = {rows, query.data(), stride, scores.data(), output.data(), output_stride, &source, &source, room.data(), room.data(), false,
            integers.data(), &c.table.in_place};
    tile = {0, 1, keys, crestmax::visibility::all, {keys, keys}, false};
  }

  double number(index_type j, index_type k) const {
    const crestmax::tensor_view cache(bytes.data(), source.stored, {1, keys, 1, length}, {0, row_bytes, 0, 1});
    return cached_number(cache, coding, 0, j, 0, k);
  }
  bool pack() { return kernels.pack_query(source.stored, query.data(), stride, rows, length, integers.data()); }

  // A query errs by half a unit of 1 / 32767 of its largest number in each of them.
  void expect_scores() {
    if (!pack()) return c.expect(false, "queries are refused");
    kernels.score({&view, 1}, tile);
    for (index_type r = 0; r < rows; ++r) {
      double largest = 0;
      for (index_type k = 0; k < length; ++k) largest = std::max(largest, std::fabs(static_cast<double>(query[r * stride + k])));
      for (index_type j = 0; j < keys; ++j) {
        double exact = 0, sizes = 0;
        for (index_type k = 0; k < length; ++k) {
          exact += static_cast<double>(query[r * stride + k]) * number(j, k);
          sizes += std::fabs(number(j, k));
        }
        const double got = static_cast<double>(scores[r * crestmax::cpu::score_stride + j]);
        c.expect(std::fabs(got - exact) <= largest * sizes * (1.0 / 65534 + 1e-6) + 1e-6 * largest, describe(), "score ", j, " of row ", r, " is ", got, ", not ", exact);
      }
    }
    c.expect(scores.is_contained() && room.is_contained() && integers.is_contained(), "writes outside");
  }

  // A weight times a scale errs by half a unit of 1 / 32767 of the largest such product of a run of 16 keys.
  void expect_outputs() {
    for (index_type r = 0; r < rows; ++r) {
      for (index_type j = 0; j < keys; ++j) scores[r * crestmax::cpu::score_stride + j] = static_cast<T>(c.random.uniform(0, 1));
    }
    for (index_type i = 0; i < rows * output_stride; ++i) output[i] = 0;
    double largest = 0;
    for (index_type j = 0; j < keys; ++j) {
      for (index_type k = 0; k < length; ++k) largest = std::max(largest, std::fabs(number(j, k)));
    }
    // Codes minus the middle of their range are up to twice as large as numbers without one.
    const double runs = static_cast<double>(crestmax::planner::divide_up(keys, 16));
    kernels.multiply({&view, 1}, tile);
    for (index_type r = 0; r < rows; ++r) {
      for (index_type k = 0; k < length; ++k) {
        double exact = 0;
        for (index_type j = 0; j < keys; ++j) exact += static_cast<double>(scores[r * crestmax::cpu::score_stride + j]) * number(j, k);
        const double got = static_cast<double>(output[r * output_stride + k]);
        c.expect(std::fabs(got - exact) <= runs * 16 * 4 * largest / 65534 + 1e-5 * largest, describe(), "output ", k, " of row ", r, " is ", got, ", not ", exact);
      }
    }
    c.expect(output.is_contained() && room.is_contained(), "writes outside");
  }

  void expect_refusals() {
    c.expect(pack(), describe(), "queries are refused");
    query[c.random.integer(0, rows - 1) * stride + c.random.integer(0, length - 1)] = static_cast<T>(c.random.chance(0.5) ? not_a_number : infinity);
    c.expect(!pack(), describe(), "a query that is no finite number is taken");
  }

 private:
  void write_scales(std::byte* block, const plain_block& b) {
    write_number(scalar_kind::float16, block, c.random.uniform(-2, 2) / 16);
    if (b.minimum_at >= 0) write_number(scalar_kind::float16, block + b.minimum_at, c.random.uniform(-1, 1));
  }
  std::string describe() const {
    return std::string(crestmax::name(source.stored)) + ", " + std::to_string(rows) + " rows, " + std::to_string(keys) + " keys of " + std::to_string(length) + ": ";
  }
  static crestmax::plain_run run_at(const void* context, index_type, index_type, index_type j, crestmax::run_coding& beside) {
    const auto& of = *static_cast<const integer_block*>(context);
    const bool coded = has_coding(of.source.stored);
    beside = {coded ? &of.coding : nullptr, coded ? &of.scales[j] : nullptr, nullptr, 1, 0};
    return {reinterpret_cast<const char*>(of.bytes.data() + j * of.row_bytes), of.row_bytes, of.keys - j};
  }

  kernel_check<T>& c;
  const crestmax::cpu::integer_kernels<T>& kernels;
  index_type rows, keys, length, stride, output_stride, row_bytes, width;
  kernel_memory<std::byte> bytes;
  kernel_memory<float> scales;
  kernel_memory<T> query, integers, scores, output, room;
  crestmax::row_coding coding;
  crestmax::cpu::failed_runs failed{};
  T zeros[512] = {};
  crestmax::cpu::source_rows source{};
  crestmax::cpu::rows_in_place<T> view{};
  crestmax::cpu::tile_keys tile{};
};

// f(block) for every encoding that integers read, and shapes that end in every way. Dot products only where the machine has them.
template <class T, crestmax::cpu::integer_kernels<T> crestmax::cpu::in_place_kernels<T>::*Part, class F>
void for_integer_blocks(kernel_check<T>& c, F&& f) {
  const auto& kernels = c.table.in_place.*Part;
  if (&kernels == &c.table.in_place.dots && !crestmax::cpu::machine_has_dots(c.table.set)) return;
  for (const scalar_kind kind : {scalar_kind::q8_0, scalar_kind::q4_0, scalar_kind::q4_1, scalar_kind::q5_0, scalar_kind::q5_1, scalar_kind::iq4_nl, scalar_kind::int8,
                                 scalar_kind::uint8, scalar_kind::uint4}) {
    const index_type step = is_block_of_32(kind) ? 32 : 2;
    for (index_type rows = 1; rows <= 16 && !c.failed(); ++rows) {
      integer_block<T> block(c, kernels, kind, rows, c.random.integer(1, 50), step * c.random.integer(1, 160 / step));
      f(block);
    }
  }
}

template <class T, crestmax::cpu::integer_kernels<T> crestmax::cpu::in_place_kernels<T>::*Part>
void check_integer_scores(kernel_check<T>& c) {
  for_integer_blocks<T, Part>(c, [](auto& block) { block.expect_scores(); });
}
template <class T, crestmax::cpu::integer_kernels<T> crestmax::cpu::in_place_kernels<T>::*Part>
void check_integer_outputs(kernel_check<T>& c) {
  for_integer_blocks<T, Part>(c, [](auto& block) { block.expect_outputs(); });
}
template <class T, crestmax::cpu::integer_kernels<T> crestmax::cpu::in_place_kernels<T>::*Part>
void check_integer_queries(kernel_check<T>& c) {
  for_integer_blocks<T, Part>(c, [](auto& block) { block.expect_refusals(); });
}

}  // namespace crestmax_test
