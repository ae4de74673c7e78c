// The cube core of a block: multiplies queries by keys and weights by values. C++17, device code.
//
// Per step of the schedule: scores of the step, keys and values of the next one on their way, then O += weights x values
// of the step before, for which the vector cores have had the time of one multiply. O stays in L0C from the first
// key tile of a sweep to the last.
#pragma once

#include "kernel_traits.hpp"

CRESTMAX_BEGIN_VERSION

namespace ascend {

template <class Traits>
class cube_core {
  using Element = typename Traits::Element;
  static constexpr device_layout layout = Traits::layout;

 public:
  __aicore__ inline cube_core(const kernel_arguments& arguments, std::int32_t block)
      : a_(arguments), block_(block), schedule_(arguments, Traits::query_tile, Traits::key_tile, Traits::causal, block) {}

  __aicore__ inline void run() {
    prime();
    schedule_step step, next, previous;
    bool has_previous = false;
    bool has_next = schedule_.next(next);
    if (has_next) load(next, 0);
    for (std::int32_t n = 0; has_next; ++n) {
      step = next;
      has_next = schedule_.next(next);
      multiply_keys(step, n % 2, n % 2);
      // Keys of the next step go to L1 beside this multiply. Which keys a window has is known once the
      // vector cores have seen the whole sample, and those may wait for the step before.
      const bool decided = has_next && !(next.kind == step_kind::plateau && next.number == 0);
      if (decided) load(next, n + 1);
      if (has_previous) absorb(previous, n - 1);
      if (has_next && !decided) {
        read_windows(next.place.windows);
        load(next, n + 1);
      }
      previous = step;
      has_previous = true;
      if (!has_next) absorb(previous, n);
    }
    drain();
  }

 private:
  // ---- flags: every buffer starts free, and ends so -------------------------------------------------------------
  __aicore__ inline void prime() {
    for (std::int32_t i = 0; i < 2; ++i) free_l1(key_in_l1 + i);
    for (std::int32_t i = 0; i < 3; ++i) free_l1(value_in_l1 + i);
    free_l1(weights_in_l1);
    free_operands(score_operands);
    free_operands(output_operands);
    for (std::int32_t i = 0; i < 2; ++i) free_l0c(score_tile + i);
    free_l0c(output_tile);
    if constexpr (Traits::Target::reaches_ub) AscendC::CrossCoreWaitFlag(vectors_ready);
  }
  __aicore__ inline void drain() {
    for (std::int32_t i = 0; i < 2; ++i) take_l1(key_in_l1 + i);
    for (std::int32_t i = 0; i < 3; ++i) take_l1(value_in_l1 + i);
    take_l1(weights_in_l1);
    take_operands(score_operands);
    take_operands(output_operands);
    for (std::int32_t i = 0; i < 2; ++i) take_l0c(score_tile + i);
    take_l0c(output_tile);
  }
  __aicore__ inline void free_l1(std::int32_t id) { AscendC::SetFlag<AscendC::HardEvent::MTE1_MTE2>(id); }
  __aicore__ inline void take_l1(std::int32_t id) { AscendC::WaitFlag<AscendC::HardEvent::MTE1_MTE2>(id); }
  __aicore__ inline void full_l1(std::int32_t id) { AscendC::SetFlag<AscendC::HardEvent::MTE2_MTE1>(id); }
  __aicore__ inline void await_l1(std::int32_t id) { AscendC::WaitFlag<AscendC::HardEvent::MTE2_MTE1>(id); }
  __aicore__ inline void free_operands(std::int32_t id) { AscendC::SetFlag<AscendC::HardEvent::M_MTE1>(id); }
  __aicore__ inline void take_operands(std::int32_t id) { AscendC::WaitFlag<AscendC::HardEvent::M_MTE1>(id); }
  __aicore__ inline void pass_operands(std::int32_t id) {
    AscendC::SetFlag<AscendC::HardEvent::MTE1_M>(id);
    AscendC::WaitFlag<AscendC::HardEvent::MTE1_M>(id);
  }
  __aicore__ inline void free_l0c(std::int32_t id) { AscendC::SetFlag<AscendC::HardEvent::FIX_M>(id); }
  __aicore__ inline void take_l0c(std::int32_t id) { AscendC::WaitFlag<AscendC::HardEvent::FIX_M>(id); }
  __aicore__ inline void pass_l0c(std::int32_t id) {
    AscendC::SetFlag<AscendC::HardEvent::M_FIX>(id);
    AscendC::WaitFlag<AscendC::HardEvent::M_FIX>(id);
  }

  // ---- global memory to L1 --------------------------------------------------------------------------------------
  // Rows `row`, `row` + stride, ... of a head, as fractals (Nz). One descriptor whatever the stride: a strided sample is read in
  // the order of its addresses, not gathered. Rows up to `padded` repeat the first: numbers without effect
  // (their scores are masked, their weights 0), where the tensor has none.
  __aicore__ inline void load_rows(buffer to, const tensor_arguments& t, std::int32_t batch, std::int32_t head,
                                   std::int32_t row, std::int32_t rows, std::int32_t stride, std::int32_t padded,
                                   std::int32_t dim) {
    const auto destination = local<Element>(AscendC::TPosition::A1, to);
    const auto source = rows_of<Element>(t, batch, head, row, static_cast<std::int64_t>(rows - 1) * stride + 1, dim);
    AscendC::DataCopy(destination, source, fractals(rows, dim, static_cast<std::int32_t>(t.row_stride) * stride, padded));
    for (std::int32_t r = rows; r < padded; ++r) {
      AscendC::DataCopy(destination[static_cast<std::uint32_t>(r * 16)], source, fractals(1, dim, dim, padded));
    }
  }
  __aicore__ inline AscendC::Nd2NzParams fractals(std::int32_t rows, std::int32_t columns, std::int32_t row_stride,
                                                  std::int32_t padded) {
    AscendC::Nd2NzParams p{};
    p.ndNum = 1;
    p.nValue = static_cast<std::uint16_t>(rows);
    p.dValue = static_cast<std::uint16_t>(columns);
    p.srcNdMatrixStride = 0;
    p.srcDValue = static_cast<std::uint16_t>(row_stride);
    p.dstNzC0Stride = static_cast<std::uint16_t>(padded);
    p.dstNzNStride = 1;
    p.dstNzMatrixStride = 1;
    return p;
  }

  // Queries with a tile's first step, keys always, values for the sweep.
  __aicore__ inline void load(schedule_step& step, std::int32_t n) {
    if (step.kind == step_kind::plateau) step.key_begin = window_begin(step.number);
    load_keys(step, n % 2, step.kind != step_kind::sweep && step.first);
    if (step.kind == step_kind::sweep) load_values(step, n % 3);
  }
  __aicore__ inline void load_keys(const schedule_step& step, std::int32_t key_buffer, bool with_query) {
    const query_place& p = step.place;
    take_l1(key_in_l1 + key_buffer);
    if (with_query) {
      load_rows(layout.l1_query[p.slot], a_.query, p.batch, p.head, p.first_row, p.rows, 1, padded_rows(p), Traits::d_qk);
    }
    load_rows(layout.l1_key[key_buffer], a_.key, p.batch, p.kv_head, step.key_begin, step.keys, step.key_stride,
              padded_keys(step.keys), Traits::d_qk);
    full_l1(key_in_l1 + key_buffer);
  }
  __aicore__ inline void load_values(const schedule_step& step, std::int32_t value_buffer) {
    take_l1(value_in_l1 + value_buffer);
    load_rows(layout.l1_value[value_buffer], a_.value, step.place.batch, step.place.kv_head, step.key_begin, step.keys, 1,
              padded_keys(step.keys), Traits::d_v);
    full_l1(value_in_l1 + value_buffer);
  }

  // ---- L1 to L0 -------------------------------------------------------------------------------------------------
  // In L1 a matrix of rows x columns is columns of fractals, and a fractal 16 rows of 16 numbers side by side.
  // A left operand of m x k.
  __aicore__ inline void load_left(buffer to, buffer from, std::int32_t m, std::int32_t k) {
    const auto destination = local<Element>(AscendC::TPosition::A2, to);
    const auto source = local<Element>(AscendC::TPosition::A1, from);
    if constexpr (Traits::Target::loads_matrices) {
      this->load_matrix(destination, source, m, k, false);
    } else {
      for (std::int32_t row = 0; row < m / 16; ++row) {
        this->load_fractals(destination[static_cast<std::uint32_t>(row * k * 16)], source, row, k / 16, m / 16, false);
      }
    }
  }
  // Keys as the right operand of d_qk x keys: their fractals are what it needs (a key's numbers side by side), in its order.
  __aicore__ inline void load_right_keys(buffer from, std::int32_t keys) {
    const auto destination = local<Element>(AscendC::TPosition::B2, layout.l0b_key);
    const auto source = local<Element>(AscendC::TPosition::B1, from);
    if constexpr (Traits::Target::loads_matrices) {
      this->load_matrix(destination, source, keys, Traits::d_qk, false);
    } else {
      this->load_fractals(destination, source, 0, Traits::d_qk / 16 * (keys / 16), 1, false);
    }
  }
  // Values as the right operand of keys x d_v: every fractal is turned, and rows of them come first.
  __aicore__ inline void load_right_values(buffer from, std::int32_t keys) {
    const auto destination = local<Element>(AscendC::TPosition::B2, layout.l0b_value);
    const auto source = local<Element>(AscendC::TPosition::B1, from);
    if constexpr (Traits::Target::loads_matrices) {
      this->load_matrix(destination, source, keys, Traits::d_v, true);
    } else {
      for (std::int32_t row = 0; row < keys / 16; ++row) {
        this->load_fractals(destination[static_cast<std::uint32_t>(row * Traits::d_v * 16)], source, row, Traits::d_v / 16, keys / 16,
                      true);
      }
    }
  }
#if CRESTMAX_ASCEND_HAS_2201
  // `count` fractals, one of every `stride`, end to end.
  __aicore__ inline void load_fractals(const AscendC::LocalTensor<Element>& to, const AscendC::LocalTensor<Element>& from,
                                       std::int32_t first, std::int32_t count, std::int32_t stride, bool transposed) {
    AscendC::LoadData2DParams p{};
    p.startIndex = static_cast<std::uint16_t>(first);
    p.repeatTimes = static_cast<std::uint8_t>(count);
    p.srcStride = static_cast<std::uint16_t>(stride);
    p.dstGap = 0;
    p.ifTranspose = transposed;
    AscendC::LoadData(to, from, p);
  }
#endif
#if CRESTMAX_ASCEND_HAS_3510
  __aicore__ inline void load_matrix(const AscendC::LocalTensor<Element>& to, const AscendC::LocalTensor<Element>& from,
                                     std::int32_t rows, std::int32_t columns, bool transposed) {
    AscendC::LoadData2DParamsV2 p{};
    p.mStep = static_cast<std::uint16_t>(rows / 16);
    p.kStep = static_cast<std::uint16_t>(columns / 16);
    p.srcStride = rows / 16;
    p.dstStride = static_cast<std::uint16_t>((transposed ? columns : rows) / 16);
    p.ifTranspose = transposed;
    AscendC::LoadData(to, from, p);
  }
#endif

  // ---- multiplies -----------------------------------------------------------------------------------------------
  __aicore__ inline void multiply(const AscendC::LocalTensor<float>& to, buffer left, buffer right,
                                  std::int32_t m, std::int32_t n, std::int32_t k, bool from_zero) {
    AscendC::MmadParams p{};
    p.m = static_cast<std::uint16_t>(m);
    p.n = static_cast<std::uint16_t>(n);
    p.k = static_cast<std::uint16_t>(k);
    p.unitFlag = 0;
    p.cmatrixSource = false;
    p.cmatrixInitVal = from_zero;
    AscendC::Mmad(to, local<Element>(AscendC::TPosition::A2, left), local<Element>(AscendC::TPosition::B2, right), p);
    // Small tiles do not hide the latency of the sums that the next multiply adds to.
    if ((m / 16) * (n / 16) < 10) AscendC::PipeBarrier<PIPE_M>();
  }
  // Rows of L0C to the vector cores: to scratch, or the first half of them to the unified buffer of the first vector core and the
  // other to that of the second.
  __aicore__ inline void write_out(buffer to_scratch, buffer to_ub, const AscendC::LocalTensor<float>& from, std::int32_t rows,
                                   std::int32_t columns, std::int32_t row_stride) {
    if constexpr (Traits::Target::reaches_ub) {
      this->write_to_ub(local<float>(AscendC::TPosition::VECCALC, to_ub), from, rows, columns, row_stride);
    } else {
      this->write_to_scratch(scratch<float>(to_scratch), from, rows, columns, row_stride);
    }
  }
#if CRESTMAX_ASCEND_HAS_2201
  __aicore__ inline void write_to_scratch(const AscendC::GlobalTensor<float>& to, const AscendC::LocalTensor<float>& from,
                                          std::int32_t rows, std::int32_t columns, std::int32_t row_stride) {
    AscendC::FixpipeParamsV220 p{};
    p.nSize = static_cast<std::uint16_t>(columns);
    p.mSize = static_cast<std::uint16_t>(rows);
    p.srcStride = static_cast<std::uint16_t>(rows);
    p.dstStride = static_cast<std::uint32_t>(row_stride);
    p.quantPre = QuantMode_t::NoQuant;
    p.ndNum = 1;
    p.unitFlag = 0;
    AscendC::Fixpipe<float, float, AscendC::CFG_ROW_MAJOR>(to, from, p);
  }
#endif
#if CRESTMAX_ASCEND_HAS_3510
  __aicore__ inline void write_to_ub(const AscendC::LocalTensor<float>& to, const AscendC::LocalTensor<float>& from,
                                     std::int32_t rows, std::int32_t columns, std::int32_t row_stride) {
    AscendC::FixpipeParamsC310<AscendC::CO2Layout::ROW_MAJOR> p{};
    p.nSize = static_cast<std::uint16_t>(columns);
    p.mSize = static_cast<std::uint16_t>(rows);
    p.srcStride = static_cast<std::uint16_t>(rows);
    p.dstStride = static_cast<std::uint32_t>(row_stride);
    p.quantPre = QuantMode_t::NoQuant;
    p.params.ndNum = 1;
    p.dualDstCtl = 1;  // halves of the rows
    p.unitFlag = 0;
    AscendC::Fixpipe<float, float, AscendC::CFG_ROW_MAJOR_UB>(to, from, p);
  }
#endif

  // S = Q K^T of a step to the vector cores. Sample, crest and sweep tiles take turns in the two score buffers.
  __aicore__ inline void multiply_keys(const schedule_step& step, std::int32_t key_buffer, std::int32_t score_buffer,
                                       core_signal ready = score_ready) {
    const query_place& p = step.place;
    const std::int32_t rows = padded_rows(p), keys = padded_keys(step.keys);
    take_operands(score_operands);
    await_l1(key_in_l1 + key_buffer);
    if (query_in_l0a_ != p.slot) {  // sweep and crest of two query tiles alternate
      load_left(layout.l0a_query, layout.l1_query[p.slot], rows, Traits::d_qk);
      query_in_l0a_ = p.slot;
    }
    load_right_keys(layout.l1_key[key_buffer], keys);
    free_l1(key_in_l1 + key_buffer);
    pass_operands(score_operands);
    take_l0c(score_tile + score_buffer);
    const auto scores = local<float>(AscendC::TPosition::CO1, layout.l0c_score[score_buffer]);
    multiply(scores, layout.l0a_query, layout.l0b_key, rows, keys, Traits::d_qk, true);
    free_operands(score_operands);
    pass_l0c(score_tile + score_buffer);
    write_out(layout.scratch_score[score_buffer], layout.ub_score[score_buffer], scores, rows, keys, Traits::key_tile);
    free_l0c(score_tile + score_buffer);
    AscendC::CrossCoreSetFlag<2, PIPE_FIX>(ready);
  }

  // O += P V, in place in L0C.
  __aicore__ inline void multiply_values(const schedule_step& step, std::int32_t score_buffer, std::int32_t value_buffer,
                                         bool from_zero) {
    const std::int32_t rows = padded_rows(step.place), keys = padded_keys(step.keys);
    AscendC::CrossCoreWaitFlag(weights_ready);
    take_l1(weights_in_l1);
    AscendC::DataCopy(local<Element>(AscendC::TPosition::A1, layout.l1_weights),
                      scratch<Element>(layout.scratch_weights[score_buffer]), fractals(rows, keys, Traits::key_tile, rows));
    full_l1(weights_in_l1);
    take_operands(output_operands);
    await_l1(value_in_l1 + value_buffer);
    load_right_values(layout.l1_value[value_buffer], keys);
    free_l1(value_in_l1 + value_buffer);
    await_l1(weights_in_l1);
    load_left(layout.l0a_weights, layout.l1_weights, rows, keys);
    free_l1(weights_in_l1);
    pass_operands(output_operands);
    if (from_zero) take_l0c(output_tile);
    multiply(output(), layout.l0a_weights, layout.l0b_value, rows, Traits::d_v, keys, from_zero);
    free_operands(output_operands);
  }
  __aicore__ inline void write_output(const query_place& p, buffer to_ub) {
    pass_l0c(output_tile);
    write_out(layout.scratch_output, to_ub, output(), padded_rows(p), Traits::d_v, Traits::d_v);
    free_l0c(output_tile);
  }
  __aicore__ inline void announce_output() { AscendC::CrossCoreSetFlag<2, PIPE_FIX>(output_ready); }

  // What the vector cores have made of a step.
  __aicore__ inline void absorb(const schedule_step& step, std::int32_t n) {
    if (step.kind != step_kind::sweep) {
      AscendC::CrossCoreWaitFlag(crest_read);
      return;
    }
    multiply_values(step, n % 2, n % 3, step.first);
    if (!step.last) return;
    write_output(step.place, layout.ub_output);
    announce_output();
    // Both records are there before either vector core goes on: it reads its neighbour's, too.
    AscendC::CrossCoreWaitFlag(guard_ready);
    AscendC::CrossCoreSetFlag<2, PIPE_FIX>(verdict_ready);
    const buffer guard = layout.scratch_guard[step.place.slot];
    const std::int32_t failing = record(guard, 0).GetValue(0) + record(guard, 1).GetValue(0);
    after_records(guard_read + step.place.slot);
    if (failing > 0) correct(step.place, n);
  }

  // The running maximum over all key tiles of a query tile, one after the other: O of each tile goes to the vector cores,
  // which rescale. Of the two key buffers that of step n + 2 is full by now, so is that score buffer's twin.
  __aicore__ inline void correct(const query_place& p, std::int32_t n) {
    for (std::int32_t tile = 0; tile < p.tiles; ++tile) {
      schedule_step step;
      schedule_.sweep_step(p, tile, step);
      load_keys(step, (n + 1) % 2, false);
      load_values(step, n % 3);
      multiply_keys(step, (n + 1) % 2, n % 2, redone_ready);
      multiply_values(step, n % 2, n % 3, true);
      write_output(p, layout.ub_partial);
      announce_output();
    }
  }

  // ---- what the vector cores have decided -----------------------------------------------------------------------
  __aicore__ inline void read_windows(std::int32_t windows) {
    AscendC::CrossCoreWaitFlag(windows_ready);
    for (std::int32_t core = 0; core < 2; ++core) {
      const auto chosen = record(layout.scratch_windows, core);
      for (std::int32_t i = 0; i < windows / 2; ++i) windows_[2 * i + core] = chosen.GetValue(static_cast<std::uint64_t>(i));
    }
    after_records(windows_read);
  }
  __aicore__ inline std::int32_t window_begin(std::int32_t number) const { return windows_[number]; }

  // The record that a vector core has left. Its line may be in the scalar cache from before.
  __aicore__ inline AscendC::GlobalTensor<std::int32_t> record(buffer records, std::int32_t core) {
    const auto line = scratch<std::int32_t>(records)[static_cast<std::uint64_t>(core * record_bytes / 4)];
    AscendC::DataCacheCleanAndInvalid<std::int32_t, AscendC::CacheLine::SINGLE_CACHE_LINE,
                                      AscendC::DcciDst::CACHELINE_OUT>(line);
    return line;
  }
  // Loads come after what the scalar unit has read, and all signals that let a record be rewritten after them.
  __aicore__ inline void after_records(std::int32_t id) {
    AscendC::SetFlag<AscendC::HardEvent::S_MTE2>(id);
    AscendC::WaitFlag<AscendC::HardEvent::S_MTE2>(id);
  }

  template <class T>
  __aicore__ inline AscendC::GlobalTensor<T> scratch(buffer b) const {
    return scratch_of<T>(a_, layout.scratch_bytes, block_, b);
  }
  __aicore__ inline AscendC::LocalTensor<float> output() const {
    return local<float>(AscendC::TPosition::CO1, layout.l0c_output);
  }

  const kernel_arguments& a_;
  std::int32_t block_;
  schedule schedule_;
  std::int32_t query_in_l0a_ = -1;
  std::int32_t windows_[most_windows] = {};
};

}  // namespace ascend

CRESTMAX_END_VERSION
