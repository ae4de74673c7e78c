// What a vector core does to tiles of rows in its unified buffer, rows of key_tile scores or of d_v outputs, and how they get there. Vector
// instructions take 64 float32 (256 bytes) per repeat, and one repeat per row here. C++17, device code.
#pragma once

#include "kernel_traits.hpp"

CRESTMAX_BEGIN_VERSION

namespace ascend {

// Scores q.k, before the scale, are served from -1e35 to 1e35 (kernel.hpp). What masks hide lies at -2.5e35 or below and shifts end
// where scores do, so that the hidden has a weight of exactly 0 in every row: tiling.hpp keeps scale * 1.5e35 above 1e26.
inline constexpr float hidden = -3.0e38f;
inline constexpr float mask_slope = -5.0e35f;
inline constexpr float least_score = -1.0e35f;
inline constexpr float least_shift = -1.0e38f;  // nats: finite whatever the scale

template <class Traits>
class vector_rows {
  using Element = typename Traits::Element;

 protected:
  static constexpr device_layout layout = Traits::layout;
  static constexpr std::int32_t key_tile = Traits::key_tile;
  static constexpr std::int32_t d_v = Traits::d_v;

  static constexpr bool from_cube = Traits::Target::reaches_ub;  // scores and O stand in this core's buffers when they are ready

  __aicore__ inline vector_rows(const kernel_arguments& arguments, std::int32_t block, std::int32_t sub_block)
      : a_(arguments), block_(block), sub_block_(sub_block) {}

  template <class T>
  __aicore__ inline AscendC::LocalTensor<T> ub_of(buffer b) const {
    return local<T>(AscendC::TPosition::VECCALC, b);
  }
  __aicore__ inline AscendC::LocalTensor<float> ub(buffer b) const { return ub_of<float>(b); }
  // A vector instruction does not wait for what an earlier one writes.
  __aicore__ inline void after_vector() const { AscendC::PipeBarrier<PIPE_V>(); }

  // ---- rows -----------------------------------------------------------------------------------------------------
  // Every number of `row` in all eight lanes of a block of its own.
  __aicore__ inline void spread(buffer to, const AscendC::LocalTensor<float>& row, std::int32_t rows) const {
    AscendC::Brcb(ub(to), row, static_cast<std::uint64_t>(rows / 8), {1, 8});
    after_vector();
  }
  // tile[r][c] against blocks[r], in place, for tiles of `columns`.
  __aicore__ inline AscendC::BinaryRepeatParams by_row(std::int32_t columns) const {
    const auto row = static_cast<std::uint8_t>(columns / 8);
    return {1, 1, 0, row, row, 1};
  }
  __aicore__ inline void subtract_rows(const AscendC::LocalTensor<float>& tile, const AscendC::LocalTensor<float>& blocks,
                                       std::int32_t rows) const {
    for (std::int32_t c = 0; c < key_tile; c += 64) {
      const auto part = tile[static_cast<std::uint32_t>(c)];
      AscendC::Sub(part, part, blocks, 64, static_cast<std::uint64_t>(rows), by_row(key_tile));
    }
    after_vector();
  }
  __aicore__ inline void scale_output(const AscendC::LocalTensor<float>& tile, const AscendC::LocalTensor<float>& blocks,
                                      std::int32_t rows) const {
    for (std::int32_t c = 0; c < d_v; c += 64) {
      const auto part = tile[static_cast<std::uint32_t>(c)];
      AscendC::Mul(part, part, blocks, 64, static_cast<std::uint64_t>(rows), by_row(d_v));
    }
    after_vector();
  }

  // ---- reductions -----------------------------------------------------------------------------------------------
  // `count` numbers of each of `Repeats` runs of 64: their maxima.
  template <std::int32_t Repeats>
  __aicore__ inline void reduce_max(const AscendC::LocalTensor<float>& to, const AscendC::LocalTensor<float>& from,
                                    std::int32_t count) const {
    AscendC::WholeReduceMax<float>(to, from, count, Repeats, 1, 1, 8, AscendC::ReduceOrder::ORDER_ONLY_VALUE);
    after_vector();
  }
  // Of every row; of tiles wider than an instruction in parts.
  __aicore__ inline void row_max(const AscendC::LocalTensor<float>& to, const AscendC::LocalTensor<float>& tile,
                                 std::int32_t rows) const {
    part_max(to, tile, rows);
    for (std::int32_t c = 64; c < key_tile; c += 64) {
      part_max(ub(layout.ub_row[2]), tile[static_cast<std::uint32_t>(c)], rows);
      after_vector();
      AscendC::Max(to, to, ub(layout.ub_row[2]), rows);
    }
  }
  __aicore__ inline void row_sum(const AscendC::LocalTensor<float>& to, const AscendC::LocalTensor<float>& tile,
                                 std::int32_t rows, std::int32_t columns = key_tile) const {
    part_sum(to, tile, rows, columns);
    for (std::int32_t c = 64; c < columns; c += 64) {
      part_sum(ub(layout.ub_row[2]), tile[static_cast<std::uint32_t>(c)], rows, columns);
      after_vector();
      AscendC::Add(to, to, ub(layout.ub_row[2]), rows);
    }
  }
  __aicore__ inline void part_max(const AscendC::LocalTensor<float>& to, const AscendC::LocalTensor<float>& from,
                                  std::int32_t rows) const {
    AscendC::WholeReduceMax<float>(to, from, 64, rows, 1, 1, key_tile / 8, AscendC::ReduceOrder::ORDER_ONLY_VALUE);
  }
  __aicore__ inline void part_sum(const AscendC::LocalTensor<float>& to, const AscendC::LocalTensor<float>& from,
                                  std::int32_t rows, std::int32_t columns) const {
    AscendC::WholeReduceSum<float>(to, from, 64, rows, 1, 1, columns / 8);
  }
  // The maximum of every column, in the first row: the last rows fold onto the first ones.
  __aicore__ inline void column_max(const AscendC::LocalTensor<float>& tile, std::int32_t rows) const {
    while (rows > 1) {
      const std::int32_t folded = rows / 2;
      AscendC::Max(tile, tile, tile[static_cast<std::uint32_t>((rows - folded) * key_tile)], folded * key_tile);
      after_vector();
      rows -= folded;
    }
  }

  // ---- masks: min(score, limit), which selects; nothing is ever added to a score ---------------------------------
  // ramp[r][c] = c - r
  __aicore__ inline void make_ramp() const {
    const auto ramp = ub(layout.ub_ramp);
    for (std::int32_t c = 0; c < key_tile; ++c) ramp.SetValue(static_cast<std::uint32_t>(c), static_cast<float>(c));
    AscendC::SetFlag<AscendC::HardEvent::S_V>(scalar);
    AscendC::WaitFlag<AscendC::HardEvent::S_V>(scalar);
    for (std::int32_t r = 1; r < layout.half_rows; ++r) {
      AscendC::Adds(ramp[static_cast<std::uint32_t>(r * key_tile)], ramp, static_cast<float>(-r), key_tile);
    }
    after_vector();
  }
  // Row r sees column c if c + ahead <= r.
  __aicore__ inline void hide_later_keys(const AscendC::LocalTensor<float>& score, std::int32_t rows,
                                         std::int32_t ahead) const {
    const auto limit = ub(layout.ub_limit);
    AscendC::Adds(limit, ub(layout.ub_ramp), static_cast<float>(ahead) - 0.5f, rows * key_tile);
    after_vector();
    AscendC::Muls(limit, limit, mask_slope, rows * key_tile);
    after_vector();
    AscendC::Min(score, score, limit, rows * key_tile);
    after_vector();
  }
  // All rows see the first `visible` columns.
  __aicore__ inline void hide_columns(const AscendC::LocalTensor<float>& score, std::int32_t rows,
                                      std::int32_t visible) const {
    const auto limit = ub(layout.ub_limit);
    AscendC::Adds(limit, ub(layout.ub_ramp), 0.5f - static_cast<float>(visible), key_tile);
    after_vector();
    AscendC::Muls(limit, limit, mask_slope, key_tile);
    after_vector();
    for (std::int32_t c = 0; c < key_tile; c += 64) {
      const auto at = static_cast<std::uint32_t>(c);
      const auto row = static_cast<std::uint8_t>(key_tile / 8);
      AscendC::Min(score[at], score[at], limit[at], 64, static_cast<std::uint64_t>(rows), {1, 1, 1, row, row, 0});
    }
    after_vector();
  }

  // ---- weights and sums -----------------------------------------------------------------------------------------
  // The safe margin: shift = scale * crest + margin, from here on fixed. Sums start at zero.
  __aicore__ inline void fix_shift(const AscendC::LocalTensor<float>& crest, std::int32_t rows) const {
    shift_of(ub(layout.ub_shift), crest, rows);
    AscendC::Duplicate(ub(layout.ub_sum), 0.0f, rows);
    AscendC::Duplicate(ub(layout.ub_exact_sum), 0.0f, rows);
    AscendC::Duplicate(ub(layout.ub_largest_sum), 0.0f, rows);
    spread(layout.ub_spread[0], ub(layout.ub_shift), rows);
  }
  __aicore__ inline void shift_of(const AscendC::LocalTensor<float>& shift, const AscendC::LocalTensor<float>& crest,
                                  std::int32_t rows) const {
    const auto least = ub(layout.ub_row[2]);
    const float scaled = a_.scale * least_score;
    AscendC::Duplicate(least, scaled > least_shift ? scaled : least_shift, rows);
    AscendC::Muls(shift, crest, a_.scale, rows);
    after_vector();
    AscendC::Adds(shift, shift, a_.margin, rows);
    after_vector();
    AscendC::Max(shift, shift, least, rows);
    after_vector();
  }
  // The running maximum: `factor` is what earlier sums and outputs are multiplied by.
  __aicore__ inline void raise_shift(const AscendC::LocalTensor<float>& crest, const AscendC::LocalTensor<float>& factor,
                                     const AscendC::LocalTensor<float>& score, std::int32_t rows) const {
    const auto highest = ub(layout.ub_row[0]), shift = ub(layout.ub_shift), raised = ub(layout.ub_row[1]);
    row_max(highest, score, rows);
    after_vector();
    AscendC::Max(crest, crest, highest, rows);
    after_vector();
    shift_of(raised, crest, rows);
    AscendC::Sub(factor, shift, raised, rows);
    after_vector();
    AscendC::Exp(factor, factor, rows);
    AscendC::Adds(shift, raised, 0.0f, rows);  // the same numbers, in their own place
    after_vector();
    AscendC::Mul(ub(layout.ub_sum), ub(layout.ub_sum), factor, rows);
    AscendC::Mul(ub(layout.ub_exact_sum), ub(layout.ub_exact_sum), factor, rows);
    spread(layout.ub_spread[0], shift, rows);
  }
  // Scores become weights; sums are there after the next barrier. O will be divided by the sum of the same rounded weights that multiply V; LSE takes the sum before
  // rounding, one more reduction per tile.
  __aicore__ inline void weigh(const AscendC::LocalTensor<float>& score, const AscendC::LocalTensor<Element>& weights,
                               std::int32_t rows) const {
    const std::int32_t count = rows * key_tile;
    const auto exact = ub(layout.ub_row[0]), rounded = ub(layout.ub_row[1]);
    const auto sum = ub(layout.ub_sum), exact_sum = ub(layout.ub_exact_sum), largest = ub(layout.ub_largest_sum);
    AscendC::Muls(score, score, a_.scale, count);
    after_vector();
    subtract_rows(score, ub(layout.ub_spread[0]), rows);
    AscendC::Exp(score, score, count);
    after_vector();
    row_sum(exact, score, rows);
    AscendC::Cast(weights, score, AscendC::RoundMode::CAST_RINT, static_cast<std::uint32_t>(count));
    after_vector();
    AscendC::Cast(score, weights, AscendC::RoundMode::CAST_NONE, static_cast<std::uint32_t>(count));
    after_vector();
    row_sum(rounded, score, rows);
    after_vector();
    AscendC::Add(exact_sum, exact_sum, exact, rows);
    AscendC::Add(sum, sum, rounded, rows);
    AscendC::Max(largest, largest, rounded, rows);
  }

  // 0 for rows with a finite O, NaN for others; and the sum of the first `real` of these.
  __aicore__ inline void mark_overflow(const AscendC::LocalTensor<float>& marks, const AscendC::LocalTensor<float>& sum,
                                       std::int32_t rows, std::int32_t real) const {
    const auto zeros = ub(layout.ub_partial);
    AscendC::Muls(zeros, ub(layout.ub_output), 0.0f, rows * d_v);
    after_vector();
    row_sum(marks, zeros, rows, d_v);
    after_vector();
    AscendC::WholeReduceSum<float>(sum, marks, real, 1, 1, 1, 8);
  }

  // O / l in 16 bit. Rows without a key have O = 0 and l = 0.
  __aicore__ inline void divide(std::int32_t rows) const {
    const auto output = ub(layout.ub_output), sum = ub(layout.ub_sum), least = ub(layout.ub_row[2]);
    AscendC::Duplicate(least, 1.0e-37f, rows);
    after_vector();
    AscendC::Max(sum, sum, least, rows);
    AscendC::Max(ub(layout.ub_exact_sum), ub(layout.ub_exact_sum), least, rows);
    after_vector();
    spread(layout.ub_spread[1], sum, rows);
    for (std::int32_t c = 0; c < d_v; c += 64) {
      const auto part = output[static_cast<std::uint32_t>(c)];
      AscendC::Div(part, part, ub(layout.ub_spread[1]), 64, static_cast<std::uint64_t>(rows), by_row(d_v));
    }
    after_vector();
    AscendC::Cast(ub_of<Element>(layout.ub_rounded), output, AscendC::RoundMode::CAST_RINT,
                  static_cast<std::uint32_t>(rows * d_v));
  }
  // LSE = shift + log of the sum, one row per block; -inf for the first `blind` rows, which see no key.
  __aicore__ inline void log_of_sums(std::int32_t rows, std::int32_t blind) const {
    const auto lse = ub(layout.ub_row[0]);
    AscendC::Ln(lse, ub(layout.ub_exact_sum), rows);
    after_vector();
    AscendC::Add(lse, lse, ub(layout.ub_shift), rows);
    after_vector();
    if (blind > 0) {
      AscendC::Duplicate(lse, -1.0f / 0.0f, blind);
      after_vector();
    }
    spread(layout.ub_lse, lse, rows);
  }

  // ---- from and to other cores ----------------------------------------------------------------------------------
  __aicore__ inline void fetch_scores(const AscendC::LocalTensor<float>& score, std::int32_t rows, std::int32_t keys,
                                      std::int32_t turn, bool for_crest) {
    take_scores(turn);
    AscendC::DataCopyExtParams p{};
    p.blockCount = static_cast<std::uint16_t>(rows);
    p.blockLen = static_cast<std::uint32_t>(keys * 4);
    p.srcStride = static_cast<std::uint32_t>((key_tile - keys) * 4);
    p.dstStride = static_cast<std::uint32_t>((key_tile - keys) / 8);
    AscendC::DataCopyPadExtParams<float> no_padding{};
    AscendC::DataCopyPad(score, scratch<float>(layout.scratch_score[turn])[half_offset(rows, key_tile)], p, no_padding);
    AscendC::SetFlag<AscendC::HardEvent::MTE2_V>(score_in_ub + turn);
    if (for_crest) AscendC::CrossCoreSetFlag<2, PIPE_MTE2>(crest_read);
    AscendC::WaitFlag<AscendC::HardEvent::MTE2_V>(score_in_ub + turn);
  }
  // O, or O of one key tile, from scratch.
  __aicore__ inline void fetch_output(buffer to, std::int32_t rows, std::int32_t id) {
    AscendC::DataCopy(ub(to), scratch<float>(layout.scratch_output)[half_offset(rows, Traits::d_v)],
                      static_cast<std::uint32_t>(rows * Traits::d_v));
    AscendC::SetFlag<AscendC::HardEvent::MTE2_V>(id);
    AscendC::WaitFlag<AscendC::HardEvent::MTE2_V>(id);
  }
  // Buffers that this core fills itself are free again; of those that the cube core fills, signals say so.
  __aicore__ inline void free_scores(std::int32_t turn) {
    if constexpr (!from_cube) AscendC::SetFlag<AscendC::HardEvent::V_MTE2>(score_in_ub + turn);
  }
  __aicore__ inline void take_scores(std::int32_t turn) {
    if constexpr (!from_cube) AscendC::WaitFlag<AscendC::HardEvent::V_MTE2>(score_in_ub + turn);
  }
  __aicore__ inline void free_output() {
    if constexpr (!from_cube) AscendC::SetFlag<AscendC::HardEvent::V_MTE2>(output_in_ub);
  }
  __aicore__ inline void take_output() {
    if constexpr (!from_cube) AscendC::WaitFlag<AscendC::HardEvent::V_MTE2>(output_in_ub);
  }

  // A few numbers for the other cores: from the scalar unit to global memory.
  __aicore__ inline AscendC::LocalTensor<std::int32_t> ub_record() const {
    return this->template ub_of<std::int32_t>(layout.ub_record);
  }
  __aicore__ inline AscendC::LocalTensor<std::int32_t> take_record() const {
    AscendC::WaitFlag<AscendC::HardEvent::MTE3_S>(scalar);
    return ub_record();
  }
  __aicore__ inline void write_record(const AscendC::GlobalTensor<std::int32_t>& to, std::uint32_t numbers) const {
    AscendC::SetFlag<AscendC::HardEvent::S_MTE3>(scalar);
    AscendC::WaitFlag<AscendC::HardEvent::S_MTE3>(scalar);
    AscendC::DataCopy(to, ub_record(), numbers);
    AscendC::SetFlag<AscendC::HardEvent::MTE3_S>(scalar);
  }
  __aicore__ inline std::uint64_t record_offset() const {
    return static_cast<std::uint64_t>(sub_block_ * record_bytes / 4);
  }
  __aicore__ inline std::uint64_t half_offset(std::int32_t rows, std::int32_t columns) const {
    return static_cast<std::uint64_t>(sub_block_ * rows * columns);
  }
  template <class T>
  __aicore__ inline AscendC::GlobalTensor<T> scratch(buffer b) const {
    return scratch_of<T>(a_, layout.scratch_bytes, block_, b);
  }

  const kernel_arguments& a_;
  std::int32_t block_, sub_block_;
};

}  // namespace ascend

CRESTMAX_END_VERSION
