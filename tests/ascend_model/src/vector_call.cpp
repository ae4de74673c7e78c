#include "../include/ascend_model/vector_call.hpp"

#include "machine.hpp"

namespace ascend_model {

void vector_call::lanes_of(const local_place& at, std::uint32_t element, amount block_stride, amount repeat_stride) {
  instruction_.range("a block stride", block_stride.value, 0, 65535);
  instruction_.range("a repeat stride", repeat_stride.value, 0, 255);
  operands_.push_back({at, element, block_stride.value, repeat_stride.value * 32, 32, true, {}, nullptr});
}

void vector_call::run_of(const local_place& at, std::uint32_t element, std::uint64_t bytes, std::uint64_t step,
                         std::uint32_t alignment) {
  operands_.push_back({at, element, 1, step, alignment, false, {{0, bytes}}, nullptr});
}

void vector_call::blocks_of(const local_place& at, amount block_stride, amount repeat_stride) {
  instruction_.range("a block stride", block_stride.value, 0, 255);
  instruction_.range("a repeat stride", repeat_stride.value, 0, 255);
  operand_t o{at, 1, block_stride.value, repeat_stride.value * 32, 32, false, {}, nullptr};
  for (std::uint64_t b = 0; b < 8; ++b) o.runs.push_back({b * block_stride.value * 32, 32});
  operands_.push_back(std::move(o));
}

bool vector_call::begin(const vector_mask& mask, amount repeat, std::uint32_t widest) {
  if (instruction_.dropped()) return false;
  repeats_ = repeat.value;
  if (instruction_.mutated() == action::too_many_repeats) repeats_ += 256;
  instruction_.range("the repeat count", repeats_, 1, 255);
  const auto most = static_cast<std::uint32_t>(repeat_bytes / widest);
  if (mask.is_bits) {
    for (std::uint32_t lane = 0; lane < 128; ++lane) {
      if (((mask.bits[lane / 64] >> (lane % 64)) & 1u) != 0) lanes_.push_back(lane);
    }
    instruction_.require(!lanes_.empty(), "the mask is empty");
    instruction_.require(lanes_.back() < most, "the mask has bits past the 256 B of a repeat");
  } else {
    instruction_.range("the mask", mask.count, 1, most);
    for (std::uint32_t lane = 0; lane < mask.count; ++lane) lanes_.push_back(lane);
  }
  for (std::size_t k = 0; k < operands_.size(); ++k) {
    operand_t& o = operands_[k];
    if (!o.has_lanes) continue;
    for (std::uint32_t lane : lanes_) {
      const std::uint64_t at = std::uint64_t{offset(k, lane)} * o.element;
      if (!o.runs.empty() && o.runs.back().offset + o.runs.back().bytes == at) {
        o.runs.back().bytes += o.element;
      } else {
        o.runs.push_back({at, o.element});
      }
    }
  }
  finish();
  return true;
}

bool vector_call::begin(amount count) {
  if (instruction_.dropped()) return false;
  instruction_.range("the number of elements", count.value, 1, 1u << 20);
  count_ = count.value;
  contiguous_ = true;
  for (operand_t& o : operands_) o.runs = {{0, count_ * o.element}};
  finish();
  return true;
}

void vector_call::displace() {
  operand_t& d = operands_.front();
  std::uint64_t extent = 0;
  for (const run& r : d.runs) extent = std::max(extent, r.offset + r.bytes + (repeats_ - 1) * d.step);
  instruction_.displace(d.place, extent);
  if (instruction_.mutated() == action::overlap_source && operands_.size() > 1) {
    d.place.address = operands_[1].place.address + 32;
    d.place.bytes = std::max(d.place.bytes, extent);
  }
}

void vector_call::finish() {
  if (is_cube()) instruction_.fail("the cube core has no vector pipe");
  displace();
  for (const operand_t& o : operands_) {
    if (o.place.kind != memory::unified_buffer) instruction_.fail(std::string("works on UB, not ") + name_of(o.place.kind));
    instruction_.aligned(&o == &operands_.front() ? "destination" : "source", o.place.address, o.alignment);
  }
  for (std::size_t k = 1; k < operands_.size(); ++k) check_overlap(operands_[k]);
  for (std::size_t k = 1; k < operands_.size(); ++k) touch(operands_[k], false);
  touch(operands_.front(), true);
}

void vector_call::touch(operand_t& o, bool is_destination) {
  const auto access = [&](std::uint64_t offset, std::uint64_t bytes) {
    if (is_destination) {
      instruction_.write(o.place, offset, bytes);
    } else {
      instruction_.read(o.place, offset, bytes);
    }
  };
  o.data = instruction_.bytes(o.place, 0, 0);
  if (o.runs.size() == 1 && (repeats_ == 1 || o.step == o.runs[0].bytes)) {
    access(o.runs[0].offset, repeats_ * o.runs[0].bytes);
    return;
  }
  for (std::uint64_t r = 0; r < repeats_; ++r) {
    for (const run& one : o.runs) access(r * o.step + one.offset, one.bytes);
  }
}

std::vector<bool> vector_call::blocks(const operand_t& o) const {
  std::vector<bool> used(instruction_.mutated() == action::none ? capacity(memory::unified_buffer) / 32 + 1 : 1u << 20);
  for (std::uint64_t r = 0; r < repeats_; ++r) {
    for (const run& one : o.runs) {
      const std::uint64_t first = o.place.address + r * o.step + one.offset;
      for (std::uint64_t b = first / 32; b * 32 < first + one.bytes; ++b) {
        if (b >= used.size()) instruction_.fail("reaches past the end of UB");
        used[b] = true;
      }
    }
  }
  return used;
}

void vector_call::check_overlap(const operand_t& source) const {
  const operand_t& destination = operands_.front();
  const auto last = [&](const operand_t& o) {
    std::uint64_t end = 0;
    for (const run& r : o.runs) end = std::max(end, r.offset + r.bytes);
    return o.place.address + end + (repeats_ - 1) * o.step;
  };
  if (source.place.address >= last(destination) || destination.place.address >= last(source)) return;
  const bool same = source.place.address == destination.place.address && source.element == destination.element &&
                    (contiguous_ || (source.block_stride == destination.block_stride &&
                                     (repeats_ == 1 || source.step == destination.step) &&
                                     source.has_lanes == destination.has_lanes));
  if (same) return;
  const std::vector<bool> written = blocks(destination);
  const std::vector<bool> read = blocks(source);
  for (std::size_t b = 0; b < written.size() && b < read.size(); ++b) {
    if (written[b] && read[b]) {
      instruction_.fail("source and destination overlap in part, at UB " + hexadecimal(b * 32));
    }
  }
}

}  // namespace ascend_model
