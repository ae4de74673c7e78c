#include "lines.hpp"

#include <bit>
#include <cmath>
#include <cstring>

namespace crestmax_paired {
namespace {

const char* name(element type) {
  switch (type) {
    case element::float16: return "fp16";
    case element::bfloat16: return "bf16";
    case element::float32: break;
  }
  return "fp32";
}

constexpr element every_type[] = {element::float32, element::float16, element::bfloat16};

void add_prefill(std::vector<line>& lines) {
  for (const element type : every_type) {
    for (const modifiers modified_by : {modifiers::none, modifiers::causal}) {
      for (const std::int64_t length : {512, 2048}) {
        for (const std::int64_t head_dim : {64, 128}) {
          line l;
          l.name = std::string("prefill/") + name(type) + (modified_by == modifiers::none ? "/full" : "/causal") + "/n:" +
                   std::to_string(length) + "/d:" + std::to_string(head_dim);
          l.shape = {.type = type, .modified_by = modified_by,
                     .q_len = length, .kv_len = length, .q_heads = 2, .kv_heads = 2, .head_dim = head_dim};
          lines.push_back(l);
        }
      }
    }
  }
}

void add_decode(std::vector<line>& lines) {
  for (const element type : every_type) {
    for (const std::int64_t page_size : {0, 16}) {
      for (const std::int64_t kv_len : {4096, 16384}) {
        line l;
        l.name = std::string("decode/") + name(type) + (page_size == 0 ? "" : "/pages:" + std::to_string(page_size)) +
                 "/n:" + std::to_string(kv_len);
        l.shape = {.type = type, .modified_by = modifiers::none,
                   .heads_apart = page_size == 0, .q_len = 1, .kv_len = kv_len, .q_heads = 32, .kv_heads = 8,
                   .head_dim = 128, .page_size = page_size};
        lines.push_back(l);
      }
    }
  }
}

// Blocks whose keys are one tile, of many heads.
void add_short(std::vector<line>& lines) {
  for (const element type : {element::float32, element::bfloat16}) {
    for (const modifiers modified_by : {modifiers::none, modifiers::causal}) {
      for (const std::int64_t length : {17, 32, 64, 128, 256}) {
        line l;
        l.name = std::string("short/") + name(type) + (modified_by == modifiers::none ? "/full" : "/causal") + "/n:" + std::to_string(length);
        l.shape = {.type = type, .modified_by = modified_by, .heads_apart = true,
                   .q_len = length, .kv_len = length, .q_heads = 32, .kv_heads = 32, .head_dim = 64};
        lines.push_back(l);
      }
    }
  }
}

// What a call costs beside its arithmetic.
void add_tiny(std::vector<line>& lines) {
  const struct { const char* name; std::int64_t q_len, kv_len; bool owns_workspace; } sizes[] = {
      {"tiny/1x10", 1, 10, false}, {"tiny/1x10/own workspace", 1, 10, true},
      {"tiny/1x1", 1, 1, false},   {"tiny/17x17", 17, 17, false},
      {"tiny/17x17/own workspace", 17, 17, true}};
  for (const auto& s : sizes) {
    line l;
    l.name = s.name;
    l.shape = {.type = element::float32, .modified_by = modifiers::causal,
               .q_len = s.q_len, .kv_len = s.kv_len, .q_heads = 1, .kv_heads = 1, .head_dim = 64};
    l.owns_workspace = s.owns_workspace;
    lines.push_back(l);
  }
}

void add_coverages(std::vector<line>& lines) {
  const struct { const char* name; coverage covers; bool is_exempt; } dials[] = {
      {"above", coverage::above, true}, {"plateaus", coverage::plateaus, false}};
  for (const auto& dial : dials) {
    line l;
    l.shape = {.type = element::float32, .modified_by = modifiers::causal, .covers = dial.covers, .heads_apart = true,
               .q_len = 192, .kv_len = 8192, .q_heads = 2, .kv_heads = 2, .head_dim = 128};
    l.is_exempt = dial.is_exempt;
    l.name = std::string(dial.name) + "/192x8192";
    lines.push_back(l);
    l.shape.q_len = 1;
    l.shape.q_heads = 32;
    l.shape.kv_heads = 8;
    l.name = std::string(dial.name) + "/decode/n:8192";
    lines.push_back(l);
  }
}

void add_modifiers(std::vector<line>& lines) {
  const struct { const char* name; modifiers modified_by; } each[] = {{"soft_cap", modifiers::soft_cap},
                                                                      {"boolean_mask", modifiers::boolean_mask},
                                                                      {"alibi", modifiers::alibi}};
  for (const auto& m : each) {
    line l;
    l.name = std::string(m.name) + "/n:1024";
    l.shape = {.type = element::float32, .modified_by = m.modified_by,
               .q_len = 1024, .kv_len = 1024, .q_heads = 2, .kv_heads = 2, .head_dim = 128};
    lines.push_back(l);
  }
}

std::size_t size_of(element type) { return type == element::float32 ? 4 : 2; }

// A number of magnitude 2^-2 to 2^2 in the bits of its type, of either sign: nothing is subnormal or overflows.
std::uint32_t number_of(element type, std::uint32_t random) {
  const std::uint32_t sign = random >> 31;
  const std::uint32_t exponent = (random >> 29) & 3u;
  switch (type) {
    case element::float16: return sign << 15 | (13 + exponent) << 10 | (random & 0x3ffu);
    case element::bfloat16: return sign << 15 | (125 + exponent) << 7 | (random & 0x7fu);
    case element::float32: break;
  }
  return sign << 31 | (125 + exponent) << 23 | (random & 0x7fffffu);
}

// A page, as for large memory of engines: where a vector happens to begin decides how many cache lines a load touches, and which stores
// a load is mistaken to follow, and so a tenth of a line's time.
constexpr std::size_t alignment = 4096;
std::byte* aligned(std::vector<std::byte>& bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  return bytes.data() + (alignment - address % alignment) % alignment;
}

}  // namespace

std::vector<line> every_line() {
  std::vector<line> lines;
  add_prefill(lines);
  add_decode(lines);
  add_short(lines);
  add_tiny(lines);
  add_coverages(lines);
  add_modifiers(lines);
  return lines;
}

line_memory::line_memory(const line& l) : bound_(l.shape) {
  const std::int64_t page = bound_.page_size > 0 ? bound_.page_size : 1;
  const std::int64_t rows = (bound_.kv_len + page - 1) / page * page;
  const std::int64_t queries = bound_.q_len * bound_.q_heads * bound_.head_dim;
  fill(query_, queries);
  fill(key_, rows * bound_.kv_heads * bound_.head_dim);
  fill(value_, rows * bound_.kv_heads * bound_.head_dim);
  output_.resize(static_cast<std::size_t>(queries) * size_of(bound_.type));
  if (!l.owns_workspace) workspace_.resize(std::size_t{64} << 20);
  // Pages of a cache that has been in use lie anywhere.
  const std::int64_t pages = rows / page;
  for (std::int64_t i = 0; i < pages; ++i) block_table_.push_back(static_cast<std::int32_t>((i * 7919 + 3) % pages));
  if (bound_.modified_by == modifiers::boolean_mask) {
    mask_.assign(static_cast<std::size_t>(bound_.q_len * bound_.kv_len), 1);
    for (std::size_t i = 0; i < mask_.size(); i += 3) mask_[i] = 0;
  }
  for (std::int64_t h = 0; h < bound_.q_heads; ++h) slopes_.push_back(std::exp2(-static_cast<float>(h + 1)));
  bound_.query = aligned(query_);
  bound_.key = aligned(key_);
  bound_.value = aligned(value_);
  bound_.output = output_.data();
  bound_.block_table = block_table_.data();
  bound_.mask = mask_.data();
  bound_.slopes = slopes_.data();
  if (workspace_.empty()) return;
  bound_.workspace = aligned(workspace_);
  bound_.workspace_bytes = workspace_.size() - alignment;
}

void line_memory::fill(std::vector<std::byte>& bytes, std::int64_t numbers) {
  const std::size_t size = size_of(bound_.type);
  const std::size_t wanted = static_cast<std::size_t>(numbers) * size;
  bytes.resize(wanted + alignment);
  std::byte* const to = aligned(bytes);
  for (std::size_t i = 0; i < wanted; i += size) {
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    const std::uint32_t number = number_of(bound_.type, static_cast<std::uint32_t>(random_ >> 32));
    static_assert(std::endian::native == std::endian::little, "the lower bytes of a number are its first");
    std::memcpy(to + i, &number, size);
  }
}

}  // namespace crestmax_paired
