#include "body.hpp"

#include <cstring>

#include "judge.hpp"
#include "placed_call.hpp"
#include "support/contract.hpp"
#include "support/oracle.hpp"

namespace crestmax_test {
namespace {

// The bytes of workspace that the call says it needs when it is given one.
std::string give_workspace_asked_for(placed_call& placed) {
  placed.give_workspace(1);
  const crestmax::status s = call(placed.raw());
  if (s.ok()) return "a workspace of one byte is enough";
  const char* const number = std::strstr(s.message(), "at least ");
  if (s.code != crestmax::status_code::workspace_too_small || number == nullptr) {
    return std::string("with a workspace of one byte: ") + s.message();
  }
  if (!placed.outputs_are_untouched()) return "an output was written although the workspace is too small";
  placed.give_workspace(static_cast<std::size_t>(std::strtoull(number + 9, nullptr, 10)));
  return {};
}

void vouch_for_lipschitz(fuzz_case& f) {
  double lipschitz = 0;
  for (const row_place& r : rows_of(f.call)) lipschitz = std::max(lipschitz, oracle_of(f.call, r).lipschitz);
  f.call.options.lipschitz = lipschitz;
}

// The faults that this call gets: mostly none, at times one, rarely two.
std::vector<fault> apply_faults(raw_call& c, fuzz_bytes& b, fuzz_statistics& statistics) {
  static const std::vector<fault> all = every_fault();
  std::vector<fault> applied;
  const int wanted = b.pick({0, 0, 0, 0, 0, 1, 1, 1, 1, 2});
  for (int i = 0; i < wanted; ++i) {
    const fault& f = all[static_cast<std::size_t>(b.integer(0, static_cast<index_type>(all.size()) - 1))];
    if (!f.apply(c, b)) continue;
    applied.push_back(f);
    ++statistics.times[f.name];
  }
  return applied;
}

// The same call once more, by one worker in memory of its own: nothing of it may be different.
std::string trouble_with_repetition(placed_call& placed, const attention_result& first) {
  placed.reset_outputs();
  raw_call& c = placed.raw();
  c.options.workspace = {};
  c.around.executor = {};
  const attention_result second = placed.result(call(c));
  if (!second.status.ok()) return std::string("refused when repeated: ") + second.status.message();
  const bool same = first.output.memory() == second.output.memory() && first.lse.memory() == second.lse.memory() &&
                    first.row_max.memory() == second.row_max.memory() &&
                    first.dropped_mass.memory() == second.dropped_mass.memory();
  return same ? std::string() : "other bits when repeated with one worker";
}

std::string trouble_with_answer(placed_call& placed, const fuzz_case& f, const std::vector<fault>& faults, bool repeats) {
  const crestmax::status s = call(placed.raw());
  if (placed.strays() > 0) return std::to_string(placed.strays()) + " scores of hidden places were shown to a modifier";
  if (!s.ok() && !placed.outputs_are_untouched()) return std::string("outputs were written before: ") + s.message();
  std::size_t bad = 0;
  const fault* last = nullptr;
  for (const fault& each : faults) {
    if (each.is_harmless()) continue;
    ++bad;
    last = &each;
  }
  if (bad == 1) return trouble_with_refusal(s, *last);
  // One of two faults may undo the other: what is left to say is that a refusal names something.
  if (bad > 1) return s.ok() ? std::string() : trouble_with_refusal(s, {"two faults", "*", nullptr});
  const attention_result r = placed.result(s);
  std::string trouble = trouble_with_result(f, r);
  return trouble.empty() && repeats ? trouble_with_repetition(placed, r) : trouble;
}

std::string describe(const fuzz_case& f, const std::vector<fault>& faults) {
  std::string text = "\nfaults:";
  for (const fault& each : faults) text += std::string(" [") + each.name + "]";
  const surroundings& s = f.around;
  return text + "\nbackend " + std::to_string(static_cast<int>(s.backend)) + ", most " + crestmax::name(s.most) + ", " +
         std::to_string(s.executor.threads) + " workers\ncoverage " +
         std::to_string(static_cast<int>(f.call.options.coverage.kind)) + " " + std::to_string(f.call.options.coverage.tau) +
         ", guard_limit " + std::to_string(f.call.options.guard_limit) + ", tiles " +
         std::to_string(f.call.options.tiles.query_block) + " " + std::to_string(f.call.options.tiles.key_tile) + "\n" +
         describe(f.call);
}

}  // namespace

std::string trouble_of(std::span<const std::uint8_t> bytes, fuzz_statistics& statistics) {
  fuzz_bytes b(bytes);
  fuzz_case f = make_fuzz_case(b);
  if (f.vouches_for_lipschitz) vouch_for_lipschitz(f);
  const bool repeats = b.chance(0.15);
  placed_call placed(f);
  std::vector<fault> faults;
  std::string trouble;
  statistics.last = describe(f, faults);
  if (f.around.workspace != workspace_kind::owned) trouble = give_workspace_asked_for(placed);
  if (trouble.empty()) {
    faults = apply_faults(placed.raw(), b, statistics);
    statistics.last = describe(f, faults);
    trouble = trouble_with_answer(placed, f, faults, repeats);
  }
  std::size_t bad = 0;
  for (const fault& each : faults) bad += !each.is_harmless();
  ++(bad == 0 ? statistics.valid : bad == 1 ? statistics.refused : statistics.mixed);
  return trouble.empty() ? trouble : trouble + statistics.last;
}

}  // namespace crestmax_test
