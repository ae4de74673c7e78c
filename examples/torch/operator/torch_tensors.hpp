// torch's tensors, arguments and threads, through the C functions of its stable ABI.
#pragma once

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>

#include <atomic>
#include <utility>

#include "arguments.hpp"

namespace crestmax_torch {

inline void require_torch(AOTITorchError failed) {
  if (failed != 0) throw std::runtime_error("crestmax: a function of torch's stable ABI failed");
}

// Owns a tensor. A tensor that is not there is one as well: an optional argument.
class handle {
 public:
  handle() = default;
  explicit handle(AtenTensorHandle tensor) : tensor_(tensor) {}
  handle(handle&& other) noexcept : tensor_(std::exchange(other.tensor_, nullptr)) {}
  handle& operator=(handle&& other) noexcept {
    std::swap(tensor_, other.tensor_);
    return *this;
  }
  ~handle() {
    if (tensor_ != nullptr) aoti_torch_delete_tensor_object(tensor_);
  }
  AtenTensorHandle get() const { return tensor_; }
  AtenTensorHandle release() { return std::exchange(tensor_, nullptr); }
  explicit operator bool() const { return tensor_ != nullptr; }

 private:
  AtenTensorHandle tensor_ = nullptr;
};

// torch's numbers for types, in the order of `element`.
inline const auto& type_numbers() {
  static const std::array<std::int32_t, static_cast<std::size_t>(element::other)> numbers = {
      aoti_torch_dtype_float32(), aoti_torch_dtype_float64(), aoti_torch_dtype_float16(), aoti_torch_dtype_bfloat16(), aoti_torch_dtype_bool(),
      aoti_torch_dtype_int32(),   aoti_torch_dtype_int8(),    aoti_torch_dtype_float8_e4m3fn(), aoti_torch_dtype_float8_e5m2()};
  return numbers;
}
inline std::int32_t number_of(element type) { return type_numbers()[static_cast<std::size_t>(type)]; }
inline element element_of(std::int32_t number) {
  std::size_t i = 0;
  while (i < type_numbers().size() && type_numbers()[i] != number) ++i;
  return static_cast<element>(i);
}

inline array describe(const char* name, const handle& tensor) {
  array a;
  a.name = name;
  if (!tensor) return a;
  a.given = true;
  std::int64_t* extents = nullptr;
  std::int64_t* strides = nullptr;
  std::int64_t rank = 0;
  std::int32_t number = 0;
  std::int32_t device = 0;
  static const std::int32_t cpu = aoti_torch_device_type_cpu();
  require_torch(aoti_torch_get_dim(tensor.get(), &rank));
  require_torch(aoti_torch_get_sizes(tensor.get(), &extents));
  require_torch(aoti_torch_get_strides(tensor.get(), &strides));
  require_torch(aoti_torch_get_dtype(tensor.get(), &number));
  require_torch(aoti_torch_get_device_type(tensor.get(), &device));
  a.on_cpu = device == cpu;
  a.type = element_of(number);
  a.extents = {extents, static_cast<std::size_t>(rank)};
  a.strides = {strides, static_cast<std::size_t>(rank)};
  if (a.on_cpu) require_torch(torch_get_const_data_ptr(tensor.get(), &a.data));
  return a;
}

// A copy whose rows are dense, if those of the tensor are not.
inline void make_rows_dense(handle& tensor, array& a) {
  if (a.has_dense_rows()) return;
  std::array<StableIValue, 2> stack{torch::stable::detail::from(tensor.release()),
                                    torch::stable::detail::from(torch::headeronly::MemoryFormat::Contiguous)};
  require_torch(torch_call_dispatcher("aten::contiguous", "", stack.data(), TORCH_ABI_VERSION));
  tensor = handle(torch::stable::detail::to<AtenTensorHandle>(stack[0]));
  a = describe(a.name, tensor);
}

// A new tensor, and its memory.
inline handle new_tensor(std::span<const index_type> extents, std::span<const index_type> strides, element type, void*& data) {
  AtenTensorHandle made = nullptr;
  require_torch(aoti_torch_empty_strided(static_cast<std::int64_t>(extents.size()), extents.data(), strides.data(), number_of(type),
                                         aoti_torch_device_type_cpu(), 0, &made));
  handle tensor(made);
  require_torch(torch_get_mutable_data_ptr(tensor.get(), &data));
  return tensor;
}

// Reads the arguments of a call, in the order of its schema. Tensors are the reader's to release.
class argument_reader {
 public:
  explicit argument_reader(StableIValue* stack) : next_(stack) {}
  handle tensor() { return handle(torch::stable::detail::to<AtenTensorHandle>(*next_++)); }
  handle optional_tensor() { return handle(optional<AtenTensorHandle>().value_or(nullptr)); }
  std::int64_t integer() { return torch::stable::detail::to<std::int64_t>(*next_++); }
  double real() { return torch::stable::detail::to<double>(*next_++); }
  std::optional<double> optional_real() { return optional<double>(); }

 private:
  template <class T>
  std::optional<T> optional() {
    return torch::stable::detail::to<std::optional<T>>(*next_++);
  }
  StableIValue* next_;
};

// torch's own threads, as at::parallel_for lends them: workers take items as they become free. Inside a parallel region of
// torch one thread is all workers, one after the other.
struct torch_threads {
  int count;

  static int available() {
    std::uint32_t threads = 1;
    require_torch(torch_get_num_threads(&threads));
    return static_cast<int>(threads);
  }
  int workers() const { return count; }
  template <class Body>
  void run(index_type items, Body&& body) const {
    const index_type team = std::min<index_type>(items, count);
    if (team < 2) {
      for (index_type item = 0; item < items; ++item) body(item, 0);
      return;
    }
    std::atomic<index_type> next{0};
    torch::stable::parallel_for(0, team, 1, [&](index_type first, index_type end) {
      for (index_type worker = first; worker < end; ++worker) {
        for (index_type item = next++; item < items; item = next++) body(item, static_cast<int>(worker));
      }
    });
  }
};

}  // namespace crestmax_torch
