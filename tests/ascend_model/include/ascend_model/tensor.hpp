// Tensors: an address in a local memory, or a pointer to global memory, and a number of elements.
#pragma once

#include <type_traits>

#include "instruction.hpp"
#include "scalars.hpp"

#define __aicore__
#define __global__
#define __gm__
#define __ubuf__
#define GM_ADDR std::uint8_t*
#define ASCEND_IS_AIC (::ascend_model::is_cube())
#define ASCEND_IS_AIV (!::ascend_model::is_cube())

namespace AscendC {

enum class TPosition : std::uint8_t { GM, A1, A2, B1, B2, CO1, VECIN, VECOUT, VECCALC };

}  // namespace AscendC

namespace ascend_model {

constexpr memory memory_at(AscendC::TPosition position) {
  using AscendC::TPosition;
  switch (position) {
    case TPosition::A1:
    case TPosition::B1: return memory::l1;
    case TPosition::A2: return memory::l0a;
    case TPosition::B2: return memory::l0b;
    case TPosition::CO1: return memory::l0c;
    case TPosition::GM: return memory::global;
    default: return memory::unified_buffer;
  }
}

// Alignment of a tensor's first byte.
constexpr std::uint64_t alignment_of(memory kind) {
  switch (kind) {
    case memory::l0a:
    case memory::l0b: return 512;
    case memory::l0c: return 64;
    default: return 32;
  }
}

}  // namespace ascend_model

namespace AscendC {

template <class T>
class LocalTensor {
 public:
  using PrimType = T;

  LocalTensor() = default;
  // `address` in bytes from the start of the position's memory.
  LocalTensor(TPosition position, std::uint32_t address, std::uint32_t elements, ascend_model::site where = {})
      : position_(position), elements_(elements) {
    const ascend_model::memory kind = memory();
    if (position == TPosition::GM) ascend_model::fail("LocalTensor", where, "TPosition::GM is no local memory");
    const std::uint64_t bytes = std::uint64_t{elements} * sizeof(T);
    const std::uint64_t begin = ascend_model::buffer_address(kind, address, bytes, where);
    if (begin % ascend_model::alignment_of(kind) != 0) {
      ascend_model::fail("LocalTensor", where, "address " + std::to_string(begin) + " is no multiple of " +
                                                   std::to_string(ascend_model::alignment_of(kind)) + " B");
    }
    if (begin + bytes > ascend_model::capacity(kind)) {
      ascend_model::fail("LocalTensor", where, "ends at byte " + std::to_string(begin + bytes) + ", its memory at " +
                                                   std::to_string(ascend_model::capacity(kind)));
    }
    address_ = static_cast<std::uint32_t>(begin);
  }

  LocalTensor operator[](std::uint32_t offset) const {
    if (offset > elements_) {
      ascend_model::fail("LocalTensor", {"operator[]", 0}, "offset " + std::to_string(offset) + " in a tensor of " +
                                                               std::to_string(elements_) + " elements");
    }
    LocalTensor t = *this;
    t.address_ = address_ + offset * static_cast<std::uint32_t>(sizeof(T));
    t.elements_ = elements_ - offset;
    return t;
  }
  template <class U>
  LocalTensor<U> ReinterpretCast() const {
    LocalTensor<U> t;
    t.position_ = position_;
    t.address_ = address_;
    t.elements_ = static_cast<std::uint32_t>(elements_ * sizeof(T) / sizeof(U));
    return t;
  }
  std::uint32_t GetSize() const { return elements_; }
  TPosition GetPosition() const { return position_; }
  std::uint64_t GetPhyAddr() const { return address_; }

  // Scalar accesses: UB only, pipe S.
  T GetValue(std::uint32_t offset, ascend_model::site where = {}) const {
    const ascend_model::instruction i(PIPE_S, "GetValue", where);
    i.require(memory() == ascend_model::memory::unified_buffer, "only UB has scalar accesses");
    i.require(offset < elements_, "the offset lies past the end of the tensor");
    T value;
    std::memcpy(&value, i.read(place(), offset * sizeof(T), sizeof(T)), sizeof(T));
    return value;
  }
  void SetValue(std::uint32_t offset, T value, ascend_model::site where = {}) const {
    const ascend_model::instruction i(PIPE_S, "SetValue", where);
    if (i.dropped()) return;
    i.require(memory() == ascend_model::memory::unified_buffer, "only UB has scalar accesses");
    i.require(offset < elements_, "the offset lies past the end of the tensor");
    std::memcpy(i.write(place(), offset * sizeof(T), sizeof(T)), &value, sizeof(T));
  }

  ascend_model::memory memory() const { return ascend_model::memory_at(position_); }
  ascend_model::local_place place() const { return {memory(), address_, elements_ * sizeof(T)}; }

 private:
  template <class U>
  friend class LocalTensor;
  TPosition position_ = TPosition::VECCALC;
  std::uint32_t address_ = 0;
  std::uint32_t elements_ = 0;
};

template <class T>
class GlobalTensor {
 public:
  using PrimType = T;

  void SetGlobalBuffer(T* address, std::uint64_t elements) {
    address_ = address;
    elements_ = elements;
  }
  GlobalTensor operator[](std::uint64_t offset) const {
    if (offset > elements_) {
      ascend_model::fail("GlobalTensor", {"operator[]", 0}, "offset " + std::to_string(offset) + " in a tensor of " +
                                                                std::to_string(elements_) + " elements");
    }
    GlobalTensor t;
    t.SetGlobalBuffer(address_ + offset, elements_ - offset);
    return t;
  }
  const T* GetPhyAddr() const { return address_; }
  T* GetPhyAddr() { return address_; }
  std::uint64_t GetSize() const { return elements_; }

  // Through the scalar unit's data cache: see DataCacheCleanAndInvalid.
  T GetValue(std::uint64_t offset, ascend_model::site where = {}) const {
    const ascend_model::instruction i(PIPE_S, "GetValue", where);
    i.require(offset < elements_, "the offset lies past the end of the tensor");
    T value;
    std::memcpy(&value, i.read_cached(place(), offset * sizeof(T), sizeof(T)), sizeof(T));
    return value;
  }

  ascend_model::global_place place() const {
    return {reinterpret_cast<std::byte*>(const_cast<std::remove_const_t<T>*>(address_)), elements_ * sizeof(T)};
  }

 private:
  T* address_ = nullptr;
  std::uint64_t elements_ = 0;
};

enum class CacheLine : std::uint8_t { SINGLE_CACHE_LINE, ENTIRE_DATA_CACHE };
enum class DcciDst : std::uint8_t { CACHELINE_ALL, CACHELINE_UB, CACHELINE_OUT, CACHELINE_ATOMIC };

// Drops the 64 B line of the tensor's first element, or all lines, from the scalar unit's data cache.
template <class T, CacheLine lines, DcciDst to>
void DataCacheCleanAndInvalid(const GlobalTensor<T>& tensor, ascend_model::site where = {}) {
  static_assert(to == DcciDst::CACHELINE_OUT, "the model's scalar accesses to global memory are in CACHELINE_OUT");
  const ascend_model::instruction i(PIPE_S, "DataCacheCleanAndInvalid", where);
  if (!i.dropped()) i.drop_cached(tensor.place(), lines == CacheLine::ENTIRE_DATA_CACHE);
}

inline std::int64_t GetBlockIdx() { return ascend_model::block_index(); }
inline std::int64_t GetBlockNum() { return ascend_model::block_count(); }
inline std::int64_t GetSubBlockIdx() { return ascend_model::sub_block_index(); }
inline std::int64_t GetSubBlockNum() { return 2; }

}  // namespace AscendC
