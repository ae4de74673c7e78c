// Tile registers in plain C++, with the documented semantics of AMX: palette 1, eight tiles of at most 16 rows of 64
// bytes, sums of products of bfloat16. What the hardware answers with a fault is an exception.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace crestmax_test {

class plain_tiles {
 public:
  template <class Layout>
  static void configure(const Layout& layout) {
    static_assert(sizeof(Layout) == 64);
    std::array<std::uint8_t, 64> bytes;
    std::memcpy(bytes.data(), &layout, 64);
    registers fresh{};
    fault_unless(bytes[0] == 1, "palette is not 1");
    for (std::size_t i = 2; i < 16; ++i) fault_unless(bytes[i] == 0, "a reserved byte is not zero");
    for (std::size_t i = 32; i < 64; ++i) {
      fault_unless(bytes[i] == 0 || (i >= 48 && i < 56), "a tile above 7 has a shape");
    }
    for (std::size_t i = 0; i < 8; ++i) {
      tile& t = fresh.tiles[i];
      t.row_bytes = static_cast<std::size_t>(bytes[16 + 2 * i] | bytes[17 + 2 * i] << 8);
      t.rows = bytes[48 + i];
      fault_unless(t.row_bytes <= 64 && t.rows <= 16, "a tile is larger than 16 rows of 64 bytes");
      fault_unless((t.row_bytes == 0) == (t.rows == 0), "a tile has rows without bytes, or bytes without rows");
    }
    fresh.configured = true;
    state() = fresh;
    ++configurations();
  }
  static void release() { state() = registers{}; }

  template <int Tile>
  static void zero() {
    used<Tile>().clear();
  }
  template <int Tile>
  static void load(const void* from, std::ptrdiff_t distance) {
    tile& t = used<Tile>();
    t.clear();
    for (std::size_t r = 0; r < t.rows; ++r) {
      std::memcpy(t.bytes[r].data(), static_cast<const char*>(from) + static_cast<std::ptrdiff_t>(r) * distance, t.row_bytes);
    }
  }
  template <int Tile>
  static void store(void* to, std::ptrdiff_t distance) {
    const tile& t = used<Tile>();
    for (std::size_t r = 0; r < t.rows; ++r) {
      std::memcpy(static_cast<char*>(to) + static_cast<std::ptrdiff_t>(r) * distance, t.bytes[r].data(), t.row_bytes);
    }
  }
  // sums += rows * columns. Products of even and of odd numbers have a sum each, rounded after every product, and join at the
  // end; subnormal numbers are zero on the way in and out.
  template <int Sums, int Rows, int Columns>
  static void product() {
    static_assert(Sums != Rows && Sums != Columns && Rows != Columns, "three tiles");
    tile& sums = used<Sums>();
    const tile& rows = used<Rows>();
    const tile& columns = used<Columns>();
    fault_unless(rows.row_bytes % 4 == 0 && columns.row_bytes % 4 == 0, "rows are not whole pairs");
    fault_unless(sums.rows == rows.rows, "sums and rows differ in rows");
    fault_unless(sums.row_bytes == columns.row_bytes, "sums and columns differ in columns");
    fault_unless(rows.row_bytes == 4 * columns.rows, "rows and columns differ in steps");
    const std::size_t width = columns.row_bytes / 4;
    for (std::size_t m = 0; m < sums.rows; ++m) {
      for (std::size_t n = 0; n < width; ++n) {
        float even = 0, odd = 0;
        for (std::size_t k = 0; k < columns.rows; ++k) {
          even = flushed(std::fma(rows.brain(m, 2 * k), columns.brain(k, 2 * n), even));
          odd = flushed(std::fma(rows.brain(m, 2 * k + 1), columns.brain(k, 2 * n + 1), odd));
        }
        sums.set(m, n, flushed(flushed(sums.get(m, n)) + flushed(even + odd)));
      }
    }
  }

  static bool is_configured() { return state().configured; }
  // How often this thread has configured its tiles.
  static int& configurations() {
    thread_local int count = 0;
    return count;
  }

 private:
  static float flushed(float x) {
    return std::fabs(x) < std::numeric_limits<float>::min() ? std::copysign(0.0f, x) : x;
  }
  struct tile {
    std::size_t rows = 0;
    std::size_t row_bytes = 0;
    std::array<std::array<std::uint8_t, 64>, 16> bytes{};
    void clear() { bytes = {}; }
    float brain(std::size_t r, std::size_t c) const {
      std::uint16_t half;
      std::memcpy(&half, bytes[r].data() + 2 * c, 2);
      return flushed(std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16));
    }
    float get(std::size_t r, std::size_t c) const {
      float x;
      std::memcpy(&x, bytes[r].data() + 4 * c, 4);
      return x;
    }
    void set(std::size_t r, std::size_t c, float x) { std::memcpy(bytes[r].data() + 4 * c, &x, 4); }
  };
  struct registers {
    bool configured = false;
    std::array<tile, 8> tiles{};
  };
  static registers& state() {
    thread_local registers r;
    return r;
  }
  static void fault_unless(bool fine, const char* what) {
    if (!fine) throw std::logic_error(what);
  }
  template <int Tile>
  static tile& used() {
    static_assert(Tile >= 0 && Tile < 8);
    fault_unless(state().configured, "tiles are not configured");
    fault_unless(state().tiles[Tile].rows > 0, "this tile has no rows");
    return state().tiles[Tile];
  }
};

}  // namespace crestmax_test
