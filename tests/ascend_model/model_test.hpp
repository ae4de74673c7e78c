// What the model's own tests share.
#pragma once

#include <gtest/gtest.h>
#include <kernel_operator.h>

#include <ascend_model/run.hpp>
#include <functional>
#include <string>
#include <vector>

namespace crestmax_test {

using namespace AscendC;
using ascend_model::action;
using ascend_model::launch;
using ascend_model::memory_range;
using ascend_model::outcome;
using ascend_model::target;

template <class T>
memory_range input(std::vector<T>& numbers, const char* name = "input") {
  return {numbers.data(), numbers.size() * sizeof(T), false, name, true};
}
template <class T>
memory_range output(std::vector<T>& numbers, const char* name = "output") {
  return {numbers.data(), numbers.size() * sizeof(T), true, name, false};
}
template <class T>
GlobalTensor<T> global(std::vector<T>& numbers) {
  GlobalTensor<T> t;
  t.SetGlobalBuffer(numbers.data(), numbers.size());
  return t;
}

using kernel = std::function<void()>;

inline outcome on_cube(const kernel& body, std::vector<memory_range> memory = {}, target on = target::ascend_2201) {
  return launch(on, 1, [&] { if ASCEND_IS_AIC { body(); } }, std::move(memory));
}
// On AIV0 only.
inline outcome on_vector(const kernel& body, std::vector<memory_range> memory = {}, target on = target::ascend_2201,
                         const ascend_model::mutation& change = {}) {
  return launch(on, 1, [&] { if (!ascend_model::is_cube() && GetSubBlockIdx() == 0) { body(); } }, std::move(memory), change);
}

inline void expect_fine(const outcome& o) { EXPECT_TRUE(o.ok) << o.report; }
inline void expect_error(const outcome& o, const std::string& part) {
  EXPECT_FALSE(o.ok);
  EXPECT_NE(o.report.find(part), std::string::npos) << "the report is: " << o.report;
}

template <HardEvent event>
void hand_over(int id = 0) {
  SetFlag<event>(id);
  WaitFlag<event>(id);
}

// The square of a fractal of `source`, at an address of L0C: from zero, or added to what is there.
inline outcome square_fractal(std::vector<half>& source, std::uint32_t address, bool from_zero) {
  return on_cube(
      [&] {
        const LocalTensor<half> a1(TPosition::A1, 0, 256), a2(TPosition::A2, 0, 256), b2(TPosition::B2, 0, 256);
        DataCopy(a1, global(source), 256);
        hand_over<HardEvent::MTE2_MTE1>();
        LoadData(a2, a1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
        LoadData(b2, a1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
        hand_over<HardEvent::MTE1_M>();
        Mmad(LocalTensor<float>(TPosition::CO1, address, 256), a2, b2, MmadParams{16, 16, 16, 0, false, from_zero});
      },
      {input(source)});
}

inline LocalTensor<float> floats(std::uint32_t address, std::uint32_t elements) {
  return {TPosition::VECCALC, address, elements};
}
inline LocalTensor<half> halves(std::uint32_t address, std::uint32_t elements) {
  return {TPosition::VECCALC, address, elements};
}

// Small whole numbers, different from their neighbours.
inline std::vector<half> numbers_of(std::size_t count, int seed = 1) {
  std::vector<half> result(count);
  unsigned state = static_cast<unsigned>(seed) * 2654435761u;
  for (half& x : result) {
    state = state * 1664525u + 1013904223u;
    x = half(static_cast<float>(static_cast<int>(state >> 24) % 17 - 8));
  }
  return result;
}

}  // namespace crestmax_test
