#include "faults.hpp"

namespace crestmax_test {
namespace {

// More entries than any case has heads, or keys in one broadcast row.
const std::vector<float>& numbers() {
  static const std::vector<float> many(4096, 0.5f);
  return many;
}
std::span<const float> miscounted(const raw_call& c, fuzz_bytes& b) {
  const auto heads = static_cast<std::size_t>(c.query.extents[2]);
  return std::span(numbers()).first(heads > 1 && b.chance(0.5) ? heads - 1 : heads + 1);
}

bool slopes(raw_call& c, fuzz_bytes& b) {
  c.modifiers.scores.parts.emplace_back(crestmax::alibi{miscounted(c, b)});
  return true;
}
bool cap(raw_call& c, fuzz_bytes& b) {
  c.modifiers.scores.parts.emplace_back(
      crestmax::soft_cap{static_cast<float>(b.pick({-1.0, infinity, not_a_number, -infinity}))});
  return true;
}
bool sinks(raw_call& c, fuzz_bytes& b) {
  c.modifiers.sinks.logits = miscounted(c, b);
  return true;
}
bool sinks_not_finite(raw_call& c, fuzz_bytes& b) {
  static const std::vector<float> bad[] = {std::vector<float>(4096, static_cast<float>(not_a_number)),
                                           std::vector<float>(4096, static_cast<float>(infinity))};
  const auto heads = static_cast<std::size_t>(c.query.extents[2]);
  c.modifiers.sinks.logits = std::span(bad[b.integer(0, 1)]).first(heads);
  return true;
}

// Extents of a table that is wrong in one dimension and broadcast in all others.
bool wrong_extents(const raw_call& c, fuzz_bytes& b, std::array<index_type, 4>& extents) {
  extents = {1, 1, 1, 1};
  if (b.chance(0.3)) {
    extents[static_cast<std::size_t>(b.integer(0, 3))] = b.pick<index_type>({-1, -3, std::numeric_limits<index_type>::min()});
    return true;
  }
  const index_type heads = c.query.extents[2];
  if (heads < 3) return false;
  extents[1] = heads - 1;
  return true;
}
bool bias(raw_call& c, fuzz_bytes& b) {
  std::array<index_type, 4> extents;
  if (!wrong_extents(c, b, extents)) return false;
  c.modifiers.scores.parts.emplace_back(crestmax::additive_bias<float>({numbers().data(), extents}));
  return true;
}
bool mask(raw_call& c, fuzz_bytes& b) {
  std::array<index_type, 4> extents;
  if (!wrong_extents(c, b, extents)) return false;
  c.modifiers.mask = crestmax::boolean_mask<std::uint8_t>({reinterpret_cast<const std::uint8_t*>(numbers().data()), extents});
  return true;
}
bool bias_is_null(raw_call& c, fuzz_bytes&) {
  c.modifiers.scores.parts.emplace_back(crestmax::additive_bias<float>({nullptr, {1, 1, 1, 1}}));
  return true;
}
bool mask_is_null(raw_call& c, fuzz_bytes&) {
  c.modifiers.mask = crestmax::boolean_mask<std::uint8_t>({nullptr, {1, 1, 1, 1}});
  return true;
}
bool bias_is_misaligned(raw_call& c, fuzz_bytes& b) {
  const auto* bytes = reinterpret_cast<const std::byte*>(numbers().data()) + b.integer(1, 3);
  c.modifiers.scores.parts.emplace_back(
      crestmax::additive_bias<float>({reinterpret_cast<const float*>(bytes), {1, 1, 1, 1}}));
  return true;
}
bool bias_off(raw_call& c, fuzz_bytes&) {
  c.modifiers.scores.parts.emplace_back(crestmax::additive_bias<float>{});
  return true;
}

}  // namespace

std::span<const fault> faults_of_modifiers() {
  static constexpr fault faults[] = {
      {"slopes are too many or too few", " alibi.slopes ", slopes},
      {"a cap is out of range", " soft_cap.cap ", cap},
      {"sinks are too many or too few", " attention_sinks.logits ", sinks},
      {"sinks are not finite", " attention_sinks.logits ", sinks_not_finite},
      {"a bias has wrong extents", " additive_bias ", bias},
      {"a mask has wrong extents", " boolean_mask ", mask},
      {"a bias with extents is null", " additive_bias ", bias_is_null},
      {"a mask with extents is null", " boolean_mask ", mask_is_null},
      {"a bias is misaligned", " additive_bias ", bias_is_misaligned},
      {"a bias is off", "", bias_off}};
  return faults;
}

std::vector<fault> every_fault() {
  std::vector<fault> all;
  for (const std::span<const fault> some :
       {faults_of_tensors(), faults_of_memory(), faults_of_lengths(), faults_of_options(), faults_of_modifiers()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace crestmax_test
