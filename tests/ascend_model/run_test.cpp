// The runner: reports, counters, call sites and mutations.
#include <algorithm>
#include <stdexcept>

#include "model_test.hpp"

namespace crestmax_test {
namespace {

// Two scalars go through one vector core: 1 + 2, times 3. Three sites of SetFlag and WaitFlag each, named by their lines.
struct small_kernel {
  std::vector<float> source = std::vector<float>(64, 1.0f), result = std::vector<float>(64);
  outcome run(const ascend_model::mutation& change = {}) {
    return launch(
        target::ascend_2201, 1,
        [this] {
          if (ascend_model::is_cube()) return;
          if (GetSubBlockIdx() == 1) return;
          DataCopy(floats(0, 64), global(source), 64);
          SetFlag<HardEvent::MTE2_V>(0);
          WaitFlag<HardEvent::MTE2_V>(0);
          Adds(floats(256, 64), floats(0, 64), 2.0f, 64, 1, UnaryRepeatParams{});
          PipeBarrier<PIPE_V>();
          Muls(floats(512, 64), floats(256, 64), 3.0f, 64);
          SetFlag<HardEvent::V_MTE3>(0);
          WaitFlag<HardEvent::V_MTE3>(0);
          DataCopy(global(result), floats(512, 64), 64);
        },
        {input(source), output(result)}, change);
  }
  std::string site(const std::string& call, int nth = 0) {
    for (const ascend_model::call_site& s : run().sites) {  // buffers are sites, too
      if (s.call == call && nth-- == 0) return s.name;
    }
    return "no such call";
  }
};

TEST(ARun, GivesTheNumbersOfTheKernel) {
  small_kernel k;
  expect_fine(k.run());
  EXPECT_EQ(k.result, std::vector<float>(64, 9.0f));
}

TEST(ARun, ListsTheCallSitesInTheirOrder) {
  small_kernel k;
  std::vector<std::string> calls;
  for (const ascend_model::call_site& s : k.run().sites) {
    if (s.call != "LocalTensor") calls.push_back(s.call);
  }
  EXPECT_EQ(calls, (std::vector<std::string>{"DataCopy", "SetFlag", "WaitFlag", "Adds", "PipeBarrier", "Muls", "SetFlag",
                                             "WaitFlag", "DataCopy"}));
  EXPECT_EQ(k.site("SetFlag", 1).find("SetFlag<V_MTE3>(0) run_test.cpp:"), 0u);
}

TEST(ARun, CountsBytesAndInstructions) {
  small_kernel k;
  outcome o = k.run();
  EXPECT_EQ(o.counters["bytes GM->UB"], 256u);
  EXPECT_EQ(o.counters["bytes UB->GM"], 256u);
  EXPECT_EQ(o.counters["bytes GM->L1"], 0u);
  EXPECT_EQ(o.counters["instructions AIV0 V"], 5u);  // two calls, a barrier, a wait and a set
}

TEST(ARun, TakesTheSameCourseEveryTime) {
  small_kernel k;
  const outcome first = k.run(), second = k.run();
  EXPECT_EQ(first.counters, second.counters);
}

TEST(ARun, CanHoldOneCoreBack) {
  const auto order = [](int slowest) {
    std::string course;
    ascend_model::mutation change;
    change.slowest = slowest;
    expect_fine(launch(
        target::ascend_2201, 1,
        [&course] {
          if (ascend_model::is_cube()) {
            course += 'c';
          } else {
            course += GetSubBlockIdx() == 0 ? '0' : '1';
          }
        },
        {}, change));
    return course;
  };
  EXPECT_EQ(order(-1), "c01");
  EXPECT_EQ(order(0), "01c");
  EXPECT_EQ(order(1), "c10");
  EXPECT_EQ(order(2), "c01");
}

TEST(AMutation, DropsTheCallsOfItsSite) {
  small_kernel k;
  for (const auto& [call, nth] : {std::pair{"SetFlag", 0}, {"SetFlag", 1}, {"WaitFlag", 0}, {"WaitFlag", 1}, {"PipeBarrier", 0},
                                  {"DataCopy", 0}, {"Adds", 0}, {"Muls", 0}}) {
    const outcome o = k.run({action::drop, k.site(call, nth)});
    EXPECT_FALSE(o.ok) << call << nth;
    EXPECT_EQ(o.mutated_calls, 1u) << call << nth;
  }
}

TEST(AMutation, SignalsTwice) {
  small_kernel k;
  expect_error(k.run({action::twice, k.site("SetFlag")}), "a second Set before the Wait");
  expect_error(k.run({action::twice, k.site("WaitFlag")}), "deadlock: no SetFlag");
}

TEST(AMutation, TakesAnotherFlag) {
  small_kernel k;
  expect_error(k.run({action::other_identifier, k.site("SetFlag")}), "deadlock: no SetFlag");
  expect_error(k.run({action::other_identifier, k.site("WaitFlag")}), "deadlock: no SetFlag");
}

TEST(AMutation, MovesTheDestination) {
  small_kernel k;
  expect_error(k.run({action::move_destination, k.site("DataCopy")}), "reads UB at 0x0, which nothing has written");
  expect_error(k.run({action::misalign_destination, k.site("Muls")}), "is no multiple of 32 B");
  expect_error(k.run({action::overflow_destination, k.site("Muls")}), "UB ends at");
  expect_error(k.run({action::overlap_source, k.site("Muls")}), "overlap in part");
}

TEST(AMutation, MovesABuffer) {
  small_kernel k;
  const std::string middle = k.site("LocalTensor", 1);
  EXPECT_EQ(middle.find("LocalTensor(UB, 0x100) "), 0u);
  expect_error(k.run({action::misalign_destination, middle}), "address 258 is no multiple of 32 B");
  expect_error(k.run({action::overflow_destination, middle}), "its memory at 188160");
  expect_error(k.run({action::overlap_previous, middle}), "overlap in part");
}

TEST(AMutation, RepeatsTooOften) {
  small_kernel k;
  expect_error(k.run({action::too_many_repeats, k.site("Adds")}), "the repeat count is 257");
}

TEST(AMutation, LosesAScalar) {
  small_kernel k;
  expect_fine(k.run({action::scalar_lost, k.site("Adds")}));
  EXPECT_EQ(k.result[0], 3.0f);
  expect_fine(k.run({action::scalar_lost, k.site("Muls")}));
  EXPECT_EQ(k.result[0], 3.0f);
}

TEST(AMutation, CanMeanOneCallOfItsSite) {
  std::vector<float> result(64);
  const auto run = [&](const ascend_model::mutation& change) {
    return on_vector([&] {
      Duplicate(floats(0, 64), 0.0f, 64);
      for (int i = 0; i < 5; ++i) {
        PipeBarrier<PIPE_V>();
        Adds(floats(0, 64), floats(0, 64), 1.0f, 64);
      }
      hand_over<HardEvent::V_MTE3>();
      DataCopy(global(result), floats(0, 64), 64);
    }, {output(result)}, target::ascend_2201, change);
  };
  const outcome o = run({});
  EXPECT_EQ(result[0], 5.0f);
  const auto adds = std::find_if(o.sites.begin(), o.sites.end(), [](const auto& s) { return s.call == "Adds"; });
  ASSERT_NE(adds, o.sites.end());
  EXPECT_EQ(adds->calls, 5u);
  EXPECT_EQ(run({action::drop, adds->name, 3}).mutated_calls, 1u);
  EXPECT_EQ(result[0], 4.0f);
  EXPECT_EQ(run({action::drop, adds->name}).mutated_calls, 5u);
  EXPECT_EQ(result[0], 0.0f);
}

TEST(AMutation, OfNoSiteChangesNothing) {
  small_kernel k;
  const outcome o = k.run({action::drop, "SetFlag<MTE2_V>(0) elsewhere.hpp:1"});
  expect_fine(o);
  EXPECT_EQ(o.mutated_calls, 0u);
}

TEST(AnError, StopsTheOtherCores) {
  bool went_on = false;
  expect_error(launch(
                   target::ascend_2201, 3,
                   [&] {
                     if ASCEND_IS_AIV {
                       CrossCoreWaitFlag(0);
                       went_on = true;
                     } else {
                       PipeBarrier<PIPE_V>();
                     }
                   },
                   {}),
               "AIC of block 0: PipeBarrier<V>() run_test.cpp:");
  EXPECT_FALSE(went_on);
}

TEST(AnException, DoesNotLeaveTheRun) {
  expect_error(on_vector([] { throw std::runtime_error("a mistake"); }), "the kernel threw: a mistake");
  expect_error(on_vector([] { throw 1; }), "the kernel threw");
}

TEST(AReport, NamesBothCallsAndTheirPipes) {
  small_kernel k;
  const outcome o = k.run({action::drop, k.site("WaitFlag")});
  expect_error(o, "AIV0 of block 0: Adds run_test.cpp:");
  expect_error(o, "(AIV0, pipe V): reads UB at 0x0, written by DataCopy run_test.cpp:");
  expect_error(o, "(AIV0, pipe MTE2): no flag or barrier orders the two");
}

}  // namespace
}  // namespace crestmax_test
