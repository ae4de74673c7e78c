// Only in the program that is compiled with OpenMP: Eigen would start a team of its own if it were asked
// for a product of run-time size.
#if defined(_OPENMP)

#include <Eigen/Core>
#include <atomic>

#include "quiet.hpp"

namespace crestmax_test {
namespace {

TEST(NoAllocationWithOpenMp, TheProgramCouldStartATeam) {
  int members = 0;
  const traces t = count([&] {
#pragma omp parallel num_threads(3) reduction(+ : members)
    members += 1;
  });
  EXPECT_EQ(members, 3);
  EXPECT_EQ(t.threads, 2) << "the counter must see a team start";
}

TEST(NoAllocationWithOpenMp, EigenWouldUseThreads) {
  Eigen::setNbThreads(4);
  EXPECT_EQ(Eigen::nbThreads(), 4);
  const Eigen::MatrixXf a = Eigen::MatrixXf::Ones(512, 512);
  Eigen::MatrixXf product(512, 512);
  EXPECT_GT(count([&] { product.noalias() = a * a; }).threads, 0) << "the counter must see Eigen's threads";
}

TEST(NoAllocationWithOpenMp, TheSerialExecutorStartsNoThread) {
  Eigen::setNbThreads(4);
  quiet_call<float> c({.batch = 1, .q_len = 300, .kv_len = 2000, .d_qk = 128, .d_v = 128});
  c.expect_quiet();
  c.expect_quiet(crestmax::causal{});
}

TEST(NoAllocationWithOpenMp, WhatATeamTakesIsTheTeamsAlone) {
  quiet_call<float> c({.batch = 1, .q_len = 300, .kv_len = 500});
  const crestmax::openmp team{7};  // more than any team before
  c.give_workspace(c.contiguous(), crestmax::causal{}, team);
  std::atomic<index_type> items{0};
  const auto idle = [&](index_type, int) { ++items; };
  const traces first = count([&] { team.run(100, idle); });
  EXPECT_EQ(items, 100);
  EXPECT_GT(first.threads, 0) << "the counter must see the team start";
  // The threads are there now. Some run-time libraries still allocate for every team, as they please.
  const traces bare = count([&] { team.run(100, idle); });
  EXPECT_EQ(bare.threads, 0);
  crestmax::status s{};
  const traces call = count([&] {
    s = crestmax::attention(c.query.view<float>(), c.contiguous(), c.output.view<float>(), c.options,
                            crestmax::causal{}, c.backend, team);
  });
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(c.report.rows, 300 * 4);
  EXPECT_EQ(call.threads, 0);
  EXPECT_LE(call.allocations, bare.allocations);
}

}  // namespace
}  // namespace crestmax_test

#endif
