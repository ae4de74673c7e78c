// One change at a time of the kernel's calls, made by the model: each must be caught, by a rule of the model or by the
// numbers. The kernel's text stays as it is.
#include <cstdio>
#include <map>

#include "on_model.hpp"

namespace crestmax_test {
namespace {

using ascend_model::action;
using ascend_model::call_site;
constexpr scalar_kind half = scalar_kind::float16;

// A call of attention and what it meets on the model when nothing is changed.
class situation {
 public:
  situation(attention_case c, model_settings s) : case_(std::move(c)), settings_(std::move(s)) {
    const model_result unchanged = run_on_model(case_, settings_);
    EXPECT_TRUE(result_is_exact(case_, unchanged));
    sites_ = unchanged.outcome.sites;
    layout_ = unchanged.tiling.layout;
  }

  // "the model: ..." or "the numbers", empty where the change went unnoticed.
  std::string caught_by(const ascend_model::mutation& change) const {
    model_settings s = settings_;
    s.mutation = change;
    const model_result result = run_on_model(case_, s);
    EXPECT_GE(result.outcome.mutated_calls, 1u) << "nothing was changed at " << change.site;
    if (!result.outcome.ok) return "the model: " + result.outcome.report;
    return result_is_exact(case_, result) ? "" : "the numbers";
  }
  void expect_caught(const std::string& name, const ascend_model::mutation& change) const {
    const std::string by = caught_by(change);
    EXPECT_FALSE(by.empty()) << name << " (" << change.site << ")";
    if (!by.empty()) std::printf("%s: caught by %s\n", name.c_str(), by.substr(0, by.find('\n')).c_str());
  }

  // Sites whose names begin so.
  std::vector<call_site> sites(const std::string& start) const {
    std::vector<call_site> found;
    for (const call_site& s : sites_) {
      if (s.name.compare(0, start.size(), start) == 0) found.push_back(s);
    }
    return found;
  }
  // The `nth` of them.
  call_site site(const std::string& start, std::size_t nth = 0) const {
    const std::vector<call_site> found = sites(start);
    EXPECT_LT(nth, found.size()) << "no call of " << start;
    return nth < found.size() ? found[nth] : call_site{};
  }
  // Every site of calls named so, changed in one way.
  void expect_each_caught(const std::string& start, action what, const char* change) const {
    const std::vector<call_site> found = sites(start);
    EXPECT_FALSE(found.empty()) << "no call of " << start;
    for (const call_site& s : found) expect_caught(s.name + " " + change, {what, s.name, 0});
  }
  const crestmax::ascend::device_layout& layout() const { return layout_; }

 private:
  attention_case case_;
  model_settings settings_;
  std::vector<call_site> sites_;
  crestmax::ascend::device_layout layout_{};
};

// Several query tiles of two heads on one block, with tails, masks, samples and windows.
const situation& sweep() {
  static const situation s(device_case(half, 300, 1100, 64, 64, true, 2, 1), {});
  return s;
}
// Tiles so small that the matrix pipe needs barriers; no mask.
const situation& small_sweep() {
  static const situation s(device_case(half, 30, 1100, 64, 64, false), {});
  return s;
}
// The same as `sweep` where every row goes to the correction.
const situation& correction() {
  static const situation s(device_case(half, 150, 500, 64, 64, true, 2, 1), {.guard_tile_limit = 1e-30});
  return s;
}
const situation& on_3510() {
  static const situation s(device_case(half, 150, 500, 64, 64, true, 2, 1), {.on = crestmax::ascend::device::atlas_3510});
  return s;
}
const situation& correction_on_3510() {
  static const situation s(device_case(half, 150, 500, 64, 64, true, 2, 1),
                           {.on = crestmax::ascend::device::atlas_3510, .guard_tile_limit = 1e-30});
  return s;
}
// bfloat16, whose guard looks at O; that of one row leaves float32's range.
attention_case overflowing_case() {
  attention_case c = device_case(scalar_kind::bfloat16, 20, 2100, 64, 64, false);
  c.options.scale = 1.0;
  c.query.for_each([&](index_type a, index_type i, index_type h, index_type d) { c.query.set(a, i, h, d, i == 13 && d == 0 ? 1 : 0); });
  c.key.for_each([&](index_type a, index_type j, index_type h, index_type d) { c.key.set(a, j, h, d, j == 1001 && d == 0 ? 25 : 0); });
  c.value.for_each([&](index_type a, index_type j, index_type h, index_type d) { c.value.set(a, j, h, d, 1e32 * c.value.at(a, j, h, d)); });
  return c;
}
const situation& overflow() {
  static const situation s(overflowing_case(), {});
  return s;
}
std::vector<std::pair<const char*, const situation*>> all_situations() {
  return {{"sweep", &sweep()},
          {"overflow", &overflow()},
          {"small", &small_sweep()},
          {"correction", &correction()},
          {"3510", &on_3510()},
          {"correction on 3510", &correction_on_3510()}};
}

void in_all_situations(const std::string& start, action what, const char* change) {
  for (const auto& [name, s] : all_situations()) {
    SCOPED_TRACE(name);
    s->expect_each_caught(start, what, change);
  }
}

// ---- synchronisation: every single one --------------------------------------------------------------------------

TEST(EveryFlag, HasToBeSet) { in_all_situations("SetFlag", action::drop, "dropped"); }
TEST(EveryFlag, HasToBeWaitedFor) { in_all_situations("WaitFlag", action::drop, "dropped"); }
TEST(EveryFlag, IsSetOnce) { sweep().expect_each_caught("SetFlag", action::twice, "doubled"); }
TEST(EveryFlag, IsWaitedForOnce) { sweep().expect_each_caught("WaitFlag", action::twice, "doubled"); }
TEST(EveryFlag, HasANumberOfItsOwn) { sweep().expect_each_caught("SetFlag", action::other_identifier, "with another id"); }
TEST(EverySignal, HasToBeGiven) { in_all_situations("CrossCoreSetFlag", action::drop, "dropped"); }
TEST(EverySignal, HasToBeWaitedFor) { in_all_situations("CrossCoreWaitFlag", action::drop, "dropped"); }
TEST(EverySignal, IsGivenOnce) { in_all_situations("CrossCoreSetFlag", action::twice, "doubled"); }
TEST(EverySignal, IsWaitedForOnce) { in_all_situations("CrossCoreWaitFlag", action::twice, "doubled"); }
TEST(EverySignal, HasANumberOfItsOwn) { sweep().expect_each_caught("CrossCoreSetFlag", action::other_identifier, "with another id"); }
TEST(EverySignal, IsGivenByBothVectorCores) {
  for (const situation* in : {&sweep(), &correction(), &on_3510(), &correction_on_3510()}) {
    for (const char* pipe : {"CrossCoreSetFlag<MTE", "CrossCoreSetFlag<V"}) {
      for (const call_site& s : in->sites(pipe)) {
        in->expect_caught(s.name + " dropped once, on one core", {action::drop, s.name, 1});
        in->expect_caught(s.name + " dropped at its last call", {action::drop, s.name, s.calls});
      }
    }
  }
}
TEST(TheBarrierOfTheVectorPipe, IsNeeded) { in_all_situations("PipeBarrier<V>", action::drop, "dropped"); }
TEST(TheBarrierOfTheMatrixPipe, IsNeededWhereTilesAreSmall) {
  small_sweep().expect_each_caught("PipeBarrier<M>", action::drop, "dropped");
}
TEST(TheScalarCache, IsDroppedBeforeRecordsAreRead) {
  correction().expect_each_caught("DataCacheCleanAndInvalid", action::drop, "dropped");
}

TEST(TheKernel, DoesNotDependOnWhichCoreIsTheSlowest) {
  const attention_case c = device_case(half, 300, 1100, 64, 64, true, 2, 1);
  for (const double limit : {0.0, 1e-30}) {  // 1e-30: with the correction
    const model_result usual = run_on_model(c, {.guard_tile_limit = limit});
    for (int slowest = 0; slowest < 3; ++slowest) {
      model_settings s{.guard_tile_limit = limit};
      s.mutation.slowest = slowest;
      const model_result other = run_on_model(c, s);
      ASSERT_TRUE(other.outcome.ok) << slowest << ": " << other.outcome.report;
      EXPECT_EQ(other.bits, usual.bits) << slowest;
    }
  }
}

// ---- buffers ----------------------------------------------------------------------------------------------------

TEST(EveryBuffer, EndsInsideItsMemory) {
  sweep().expect_each_caught("LocalTensor", action::overflow_destination, "past the end");
  on_3510().expect_each_caught("LocalTensor", action::overflow_destination, "past the end");
}
TEST(EveryBuffer, IsAligned) {
  sweep().expect_each_caught("LocalTensor", action::misalign_destination, "one element further");
  on_3510().expect_each_caught("LocalTensor", action::misalign_destination, "one element further");
}

TEST(Buffers, DoNotOverlap) {
  const auto& l = sweep().layout();
  const std::map<std::string, std::pair<const char*, std::uint32_t>> places = {
      {"second key buffer", {"L1", l.l1_key[1].address}},    {"second value buffer", {"L1", l.l1_value[1].address}},
      {"weights in L1", {"L1", l.l1_weights.address}},       {"weights in L0A", {"L0A", l.l0a_weights.address}},
      {"values in L0B", {"L0B", l.l0b_value.address}},       {"first score tile", {"L0C", l.l0c_score[0].address}},
      {"second score tile", {"L0C", l.l0c_score[1].address}}, {"scores in UB", {"UB", l.ub_score[1].address}},
      {"weights in UB", {"UB", l.ub_weights[0].address}},    {"rounded output", {"UB", l.ub_rounded.address}},
      {"shift", {"UB", l.ub_shift.address}},                 {"sums", {"UB", l.ub_sum.address}},
  };
  for (const auto& [name, place] : places) {
    char start[64];
    std::snprintf(start, sizeof start, "LocalTensor(%s, 0x%x)", place.first, place.second);
    sweep().expect_caught(name + " on the end of the buffer before it", {action::overlap_previous, sweep().site(start).name, 0});
  }
}

// ---- copies, loads, products ------------------------------------------------------------------------------------

TEST(EveryCopy, HasToBeMade) {
  for (const char* call : {"DataCopy", "DataCopyPad", "LoadData", "Fixpipe"}) in_all_situations(call, action::drop, "dropped");
}
TEST(EveryProduct, HasToBeMade) {
  sweep().expect_each_caught("Mmad", action::drop, "dropped");
  on_3510().expect_each_caught("Mmad", action::drop, "dropped");
  // What the sweep has added up is not used where all rows fail.
  for (const call_site& s : correction().sites("Mmad")) {
    if (s.name.find("from zero") != std::string::npos) correction().expect_caught(s.name + " dropped", {action::drop, s.name, 0});
  }
}
TEST(EveryCopy, GoesToItsPlace) {
  for (const char* call : {"DataCopy", "Fixpipe"}) sweep().expect_each_caught(call, action::move_destination, "32 B too far");
  on_3510().expect_each_caught("Fixpipe", action::move_destination, "32 B too far");
}
TEST(Loads, AreAligned) {
  for (const char* call : {"DataCopy(Nd2Nz)", "LoadData", "Mmad"}) {
    sweep().expect_each_caught(call, action::misalign_destination, "off its alignment by 2 B");
  }
}
TEST(Loads, StayInTheirMemory) {
  for (const char* call : {"DataCopy(Nd2Nz)", "LoadData", "Mmad"}) {
    sweep().expect_each_caught(call, action::overflow_destination, "past the end of the memory");
  }
}
TEST(Fractals, AreInTheOrderOfTheirOperand) {
  sweep().expect_each_caught("LoadData", action::fractal_order, "in a wrong fractal order");
  on_3510().expect_each_caught("LoadData", action::fractal_order, "in a wrong fractal order");
}
TEST(Values, AreTransposed) {
  sweep().expect_each_caught("LoadData(L0B, transposed)", action::transpose, "not transposed");
  on_3510().expect_each_caught("LoadData(L0B, transposed)", action::transpose, "not transposed");
}
TEST(QueriesKeysAndWeights, AreNot) {
  sweep().expect_each_caught("LoadData(L0A)", action::transpose, "transposed");
  sweep().expect_each_caught("LoadData(L0B)", action::transpose, "transposed");
}
std::string product(const situation& s, const char* start) {
  char name[64];
  std::snprintf(name, sizeof name, "Mmad(L0C 0x%x, %s)", s.layout().l0c_output.address, start);
  return name;
}
TEST(Output, StartsFromZeroAtTheFirstBlockOfKeys) {
  const std::string first = sweep().site(product(sweep(), "from zero")).name;
  sweep().expect_caught("accumulation flag wrong on the first block of the first tile", {action::initial_value, first, 1});
  sweep().expect_caught("accumulation flag wrong on the first block of the second tile", {action::initial_value, first, 2});
}
TEST(Output, IsAddedToAtAllOthers) {
  const call_site others = sweep().site(product(sweep(), "added"));
  sweep().expect_caught("accumulation flag wrong on the second block", {action::initial_value, others.name, 1});
  sweep().expect_caught("accumulation flag wrong on the last block", {action::initial_value, others.name, others.calls});
}
TEST(LoadsOfFractals, RepeatAtMost255Times) {
  sweep().expect_each_caught("LoadData", action::too_many_repeats, "with 256 repeats more");
}

// ---- vector calls -----------------------------------------------------------------------------------------------

TEST(VectorCalls, RepeatAtMost255Times) {
  for (const char* call : {"Sub ", "Div ", "Brcb ", "WholeReduceMax ", "WholeReduceSum "}) {
    sweep().expect_each_caught(call, action::too_many_repeats, "with 256 repeats more");
  }
  const call_site rescaling = correction().sites("Mul ").back();  // the others take a number of elements
  correction().expect_caught(rescaling.name + " with 256 repeats more", {action::too_many_repeats, rescaling.name, 0});
}
TEST(VectorCalls, StartOn32Bytes) {
  for (const char* call : {"Muls ", "Sub ", "Exp ", "Cast ", "Brcb ", "Max ", "Min "}) {
    sweep().expect_each_caught(call, action::misalign_destination, "off its alignment by 2 B");
  }
}
TEST(VectorCalls, StayInTheUnifiedBuffer) {
  for (const char* call : {"Muls ", "Sub ", "Exp ", "Cast ", "Brcb ", "WholeReduceMax "}) {
    sweep().expect_each_caught(call, action::overflow_destination, "past the end of UB");
  }
}
TEST(VectorCalls, DoNotOverlapTheirSourceInPart) {
  for (const char* call : {"Muls ", "Exp ", "Cast ", "Sub "}) {
    sweep().expect_each_caught(call, action::overlap_source, "32 B behind its source");
  }
}

struct lost_step {
  const char* name;
  const situation& (*where)();
  const char* call;
  std::size_t nth;
};

TEST(EveryStepOfTheArithmetic, IsNeeded) {
  const lost_step steps[] = {
      {"shift not applied", sweep, "Sub ", 0},
      {"exponential left out", sweep, "Exp ", 0},
      {"weights not rounded for the product", sweep, "Cast ", 0},
      {"sums of rows left out", sweep, "WholeReduceSum ", 0},
      {"division left out", sweep, "Div ", 0},
      {"output not rounded", sweep, "Cast ", 2},
      {"logarithm of the sum left out", sweep, "Ln ", 0},
      {"later keys not hidden", sweep, "Min ", 0},
  };
  for (const lost_step& s : steps) s.where().expect_caught(s.name, {action::drop, s.where().site(s.call, s.nth).name, 0});
}
TEST(ScoresOfATail, AreHidden) {
  small_sweep().expect_caught("keys behind the last not hidden", {action::drop, small_sweep().site("Min ").name, 0});
}
TEST(TheCorrection, RescalesWhatItHas) {
  const auto sites = correction().sites("Mul ");
  ASSERT_FALSE(sites.empty());
  correction().expect_caught("sums not rescaled", {action::drop, sites.front().name, 0});
  correction().expect_caught("output not rescaled", {action::drop, sites.back().name, 0});
}

// ---- the guard --------------------------------------------------------------------------------------------------

// One key far above all that the sample, the anchors and the windows see.
constexpr index_type unseen_key = 1001;
attention_case unseen(double height, double beside) {
  return scored_case(half, 64, 2048, [=](index_type j) { return j == unseen_key ? height : j / 64 == unseen_key / 64 ? beside : 0.0; });
}

void expect_caught_by_numbers(const char* name, const attention_case& c, const model_settings& s) {
  ASSERT_TRUE(is_exact_on_model(c)) << name;
  const model_result changed = run_on_model(c, s);
  ASSERT_TRUE(changed.outcome.ok) << changed.outcome.report;
  const testing::AssertionResult exact = result_is_exact(c, changed);
  EXPECT_FALSE(exact) << name;
  if (!exact) std::printf("%s: caught by the numbers\n", name);
}

TEST(TheGuard, SeesWeightsThatSaturate) {
  expect_caught_by_numbers("guard removed with an overflowing row", unseen(8, 0), {.guard_tile_limit = 1e30});
}
TEST(TheGuard, SeesALoneSaturatedWeight) {
  expect_caught_by_numbers("a lone saturated weight where the guard takes 65504", unseen(7, -200), {.guard_tile_limit = 65504.01});
}
TEST(TheGuard, SeesAnOutputOutOfRange) {
  const auto sums = overflow().sites("WholeReduceSum ");
  ASSERT_FALSE(sums.empty());
  overflow().expect_caught("marks of rows with an infinite O left out", {action::drop, sums.back().name, 0});
}
TEST(TheGuard, NeedsTheLargestSumOfAnyTile) {
  const situation s(unseen(8, 0), {});
  // The maximum that stands nearest behind the exponential of the weights.
  const call_site exponential = s.site("Exp ");
  call_site largest;
  for (const call_site& m : s.sites("Max ")) {
    if (m.file == exponential.file && m.line > exponential.line && (largest.line == 0 || m.line < largest.line)) largest = m;
  }
  s.expect_caught("largest sum of a tile not kept", {action::drop, largest.name, 0});
}

}  // namespace
}  // namespace crestmax_test
