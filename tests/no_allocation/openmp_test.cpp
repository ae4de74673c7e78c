// Only in the program that is compiled with OpenMP: Eigen would start a team of its own if it were asked
// for a product of run-time size.
#if defined(_OPENMP)

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

TEST(NoAllocationWithOpenMp, TheOpenMpExecutorStartsTheTeamAndTheCallNothingMore) {
  quiet_call<float> c({.batch = 1, .q_len = 300, .kv_len = 500});
  const crestmax::openmp team{7};  // more than any team before
  c.give_workspace(c.contiguous(), crestmax::causal{}, team);
  crestmax::status s{};
  const traces first = count([&] {
    s = crestmax::attention(c.query.view<float>(), c.contiguous(), c.output.view<float>(), c.options,
                            crestmax::causal{}, crestmax::backend::automatic{}, team);
  });
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_GT(first.threads, 0);
  // The team is there now: nothing is left to start or to allocate.
  c.expect_quiet(crestmax::causal{}, team);
}

}  // namespace
}  // namespace crestmax_test

#endif
