#include "stores.hpp"

#include <cmath>
#include <cstring>
#include <numeric>
#include <stdexcept>

namespace crestmax_quality {

namespace {

using crestmax::scalar_kind;

void require(const crestmax::status& s) {
  if (!s.ok()) throw std::runtime_error(s.message());
}

// The largest code, which a scale that is found beforehand takes the largest number to.
float largest_code(scalar_kind kind) {
  if (kind == scalar_kind::float8_e4m3) return 448;
  return kind == scalar_kind::float8_e5m2 ? 57344 : 127;
}

// Keys, or values, of a capture as a cache (1, kv_len, kv_heads, head_dim), and what stands beside it.
class written_rows {
 public:
  written_rows(const capture& c, const std::vector<float>& rows, const row_store& how) : c_(c), how_(how) {
    const std::array<index_type, 4> extents{1, c.kv_len, c.kv_heads, c.head_dim}, strides = crestmax::tensor<float>::dense_strides_of(how.kind, extents);
    bytes_.resize(static_cast<std::size_t>(strides[0] * crestmax::size_of(how.kind)));
    view_ = {bytes_.data(), how.kind, extents, strides};
    make_room_beside();
    if (how.scales == sharing::head || how.scales == sharing::tensor) find_scales(rows);
    write(rows);
  }
  const crestmax::tensor_view& view() const { return view_; }
  const crestmax::row_coding& coding() const { return coding_; }

 private:
  index_type groups() const { return how_.group == 0 ? 1 : (c_.head_dim + how_.group - 1) / how_.group; }

  void make_room_beside() {
    coding_.group = how_.group;
    coding_.keys = how_.keys;
    coding_.offset = crestmax::offset_kind::minimum;
    if (how_.scales == sharing::none) return;
    const bool each = how_.scales == sharing::row;
    const index_type g = groups();
    const std::array<index_type, 4> strides{0, each ? c_.kv_heads * g : 0, how_.scales == sharing::tensor ? 0 : g, how_.group == 0 ? 0 : 1};
    const auto count = static_cast<std::size_t>((each ? c_.kv_len / how_.keys + 1 : 1) * c_.kv_heads * g);
    scales_.resize(count);
    offsets_.resize(count);
    coding_.scales = {scales_.data(), strides};
    if (how_.offsets) coding_.offsets = {offsets_.data(), strides};
    if (how_.keys == 1) return;
    open_.resize(static_cast<std::size_t>(how_.keys * c_.kv_heads * c_.head_dim));
    coding_.open = {open_.data(), scalar_kind::float16, {how_.keys * c_.kv_heads * c_.head_dim, c_.kv_heads * c_.head_dim, c_.head_dim}};
  }

  // Scales that an engine would have found beforehand: of the largest number of a head, or of all.
  void find_scales(const std::vector<float>& rows) {
    std::vector<float> largest(static_cast<std::size_t>(c_.kv_heads), 0.0f);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      float& most = largest[i / static_cast<std::size_t>(c_.head_dim) % largest.size()];
      most = std::max(most, std::fabs(rows[i]));
    }
    const float all = *std::max_element(largest.begin(), largest.end());
    for (std::size_t h = 0; h < largest.size(); ++h) {
      const float number = (how_.scales == sharing::head ? largest[h] : all) / largest_code(how_.kind);
      scales_[h] = crestmax::to_float16(std::nextafter(number * 1.001f, HUGE_VALF));
    }
  }

  void write(const std::vector<float>& rows) {
    std::vector<std::int64_t> slots(static_cast<std::size_t>(c_.kv_len));
    std::iota(slots.begin(), slots.end(), 0);
    const std::vector<std::int32_t> sequence(slots.size(), 0);
    crestmax::append_options options;
    options.coding = coding_;
    options.sequence_of = sequence;
    options.sequences = 1;
    const crestmax::token_rows given(rows.data(), scalar_kind::float32, {c_.kv_len, c_.kv_heads, c_.head_dim},
                                     {c_.kv_heads * c_.head_dim, c_.head_dim, 1});
    require(crestmax::append(given, view_, slots, options));
  }

  const capture& c_;
  row_store how_;
  std::vector<std::byte> bytes_;
  std::vector<crestmax::float16> scales_, offsets_, open_;
  crestmax::tensor_view view_;
  crestmax::row_coding coding_;
};

template <class Chain>
void attend(const capture& c, const written_rows& key, const written_rows& value, std::vector<float>& output, const Chain& chain) {
  const crestmax::tensor<const float> query(c.query.data(), {1, c.q_len(), c.q_heads, c.head_dim});
  const crestmax::tensor<float> out(output.data(), {1, c.q_len(), c.q_heads, c.head_dim});
  const crestmax::call_views<float, crestmax::contiguous_view> views{query, crestmax::contiguous_view(key.view(), value.view(), {}), out};
  crestmax::options options;
  options.key_coding = key.coding();
  options.value_coding = value.coding();
  const crestmax::backend::automatic backend{};
  crestmax::serial alone;
  require(crestmax::run_call<crestmax::owned_memory>(views, options, chain, backend, alone));
}

}  // namespace

bool row_store::fits(index_type head_dim) const { return head_dim % crestmax::numbers_in_block(kind) == 0 && (group == 0 || head_dim % group == 0); }

double row_store::bits(index_type head_dim) const {
  const double numbers = static_cast<double>(head_dim);
  const double codes = 8 * static_cast<double>(crestmax::row_bytes_of(kind, head_dim)) / numbers;
  if (scales != sharing::row) return codes;
  const double shared = static_cast<double>(keys) * (group == 0 ? numbers : static_cast<double>(group));
  return codes + (offsets ? 32 : 16) / shared;
}

const std::vector<store>& stores() {
  const auto both = [](const char* name, const row_store& how) { return store{name, how, how}; };
  const row_store token8{scalar_kind::uint8, sharing::row, true}, token4{scalar_kind::uint4, sharing::row, true, 32};
  static const std::vector<store> all = {
      both("float16", {scalar_kind::float16}),
      both("bfloat16", {scalar_kind::bfloat16}),
      both("q8_0", {scalar_kind::q8_0}),
      both("q5_1", {scalar_kind::q5_1}),
      both("q5_0", {scalar_kind::q5_0}),
      both("q4_1", {scalar_kind::q4_1}),
      both("q4_0", {scalar_kind::q4_0}),
      both("iq4_nl", {scalar_kind::iq4_nl}),
      {"q8_0 keys, q4_0 values", {scalar_kind::q8_0}, {scalar_kind::q4_0}},
      both("int8, a scale for each row", {scalar_kind::int8, sharing::row}),
      both("int8, for each head", {scalar_kind::int8, sharing::head}),
      both("int8, for the tensor", {scalar_kind::int8, sharing::tensor}),
      both("uint8, scale and offset for each row", token8),
      both("uint8, for each 32 of a row", {scalar_kind::uint8, sharing::row, true, 32}),
      both("uint4, for each row", {scalar_kind::uint4, sharing::row, true}),
      both("uint4, for each 32 of a row", token4),
      both("float8_e4m3, for each row", {scalar_kind::float8_e4m3, sharing::row}),
      both("float8_e4m3, for each head", {scalar_kind::float8_e4m3, sharing::head}),
      both("float8_e4m3, for the tensor", {scalar_kind::float8_e4m3, sharing::tensor}),
      both("float8_e5m2, for each row", {scalar_kind::float8_e5m2, sharing::row}),
      {"planes16, all planes: keys by channel of 64 keys, values by row", {scalar_kind::planes16, sharing::row, true, 1, 64}, {scalar_kind::planes16, sharing::row, true}},
      {"keys uint8 by channel of 64 keys, values by row", {scalar_kind::uint8, sharing::row, true, 1, 64}, token8},
      {"keys uint4 by channel of 64 keys, values uint8 by row", {scalar_kind::uint4, sharing::row, true, 1, 64}, token8},
      {"keys uint4 by channel of 64 keys, values by row", {scalar_kind::uint4, sharing::row, true, 1, 64}, {scalar_kind::uint4, sharing::row, true}},
      {"keys uint4 by channel of 64 keys, values by 32", {scalar_kind::uint4, sharing::row, true, 1, 64}, token4},
  };
  return all;
}

std::vector<float> attention_of(const capture& c, const store& s) {
  const written_rows key(c, c.key, s.key), value(c, c.value, s.value);
  std::vector<float> output(c.query.size());
  std::vector<std::int32_t> keys(static_cast<std::size_t>(c.kv_len));
  std::iota(keys.begin(), keys.end(), 0);
  if (c.causal) attend(c, key, value, output, crestmax::chain(crestmax::at_positions(crestmax::positions_of(keys, c.rows), crestmax::causal{})));
  else attend(c, key, value, output, crestmax::no_modifiers{});
  return output;
}

}  // namespace crestmax_quality
