#include "faults.hpp"

namespace crestmax_test {
namespace {

using member = raw_tensor raw_call::*;

bool is_empty(const crestmax::row_output& r) { return !r || r.extents[0] == 0 || r.extents[1] == 0 || r.extents[2] == 0; }

bool put_output_on_an_input(raw_call& c, fuzz_bytes& b) {
  const raw_tensor& input = c.*b.pick<member>({&raw_call::query, &raw_call::key, &raw_call::value});
  if (c.output.is_empty() || input.is_empty()) return false;
  c.output.data = input.data;
  return true;
}

bool put_lse_on_the_output(raw_call& c, fuzz_bytes&) {
  if (is_empty(c.options.lse) || c.output.is_empty()) return false;
  c.options.lse.data = c.output.data;
  return true;
}

bool put_row_max_on_lse(raw_call& c, fuzz_bytes&) {
  if (is_empty(c.options.lse) || is_empty(c.options.row_max)) return false;
  c.options.row_max.data = c.options.lse.data;
  return true;
}

bool shorten_workspace(raw_call& c, fuzz_bytes& b) {
  std::span<std::byte>& w = c.options.workspace;
  if (w.size() < 2) return false;
  w = w.first(b.chance(0.5) ? w.size() - 1 : static_cast<std::size_t>(b.integer(1, static_cast<index_type>(w.size()) - 1)));
  return true;
}

bool misalign_workspace(raw_call& c, fuzz_bytes& b) {
  std::span<std::byte>& w = c.options.workspace;
  if (w.size() < 2) return false;
  // One byte short as well, which may be what is named: bytes behind it are not ours to claim.
  w = w.subspan(static_cast<std::size_t>(b.integer(1, std::min<index_type>(63, static_cast<index_type>(w.size()) - 1))));
  return true;
}

bool put_output_in_workspace(raw_call& c, fuzz_bytes& b) {
  const std::span<std::byte> w = c.options.workspace;
  if (w.size() < 64 || c.output.is_empty()) return false;
  c.output.data = w.data() + 8 * b.integer(0, static_cast<index_type>(w.size()) / 8 - 1);
  return true;
}

}  // namespace

std::span<const fault> faults_of_memory() {
  static constexpr fault faults[] = {
      {"output lies on an input", " output ", put_output_on_an_input},
      {"lse lies on the output", " lse ", put_lse_on_the_output},
      {"row_max lies on lse", " row_max ", put_row_max_on_lse},
      {"workspace is too small", " workspace ", shorten_workspace},
      {"workspace is misaligned", " workspace ", misalign_workspace},
      {"output lies in the workspace", " workspace output ", put_output_in_workspace}};
  return faults;
}

}  // namespace crestmax_test
