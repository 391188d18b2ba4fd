// The communicator in as many processes as it has ranks, and what ends a job (invariant 3).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/test_mpirun.h"
#include "comm/world.h"

namespace corollary {
namespace {

using ::testing::HasSubstr;

const std::string kHelper = COROLLARY_BUILD_DIR "/tests/comm_helper";

template <class Base>
class WithMpirun : public Base {
 protected:
  void SetUp() override {
    if (!kHasMpi) GTEST_SKIP() << "built without MPI";
    if (!has_mpirun()) GTEST_SKIP() << "no mpirun here: install openmpi-bin";
  }
};

class Mpi : public WithMpirun<::testing::TestWithParam<int>> {};
class MpiFailure : public WithMpirun<::testing::Test> {};

TEST_P(Mpi, CollectivesAreExactInOrderAndCounted) {
  const MpiRun run = mpirun(GetParam(), kHelper + " 60");
  EXPECT_EQ(run.status, 0) << run.output;
}
INSTANTIATE_TEST_SUITE_P(Ranks, Mpi, ::testing::Values(2, 3, 4, 8));

constexpr double kTimeout = 3, kEnd = 40;  // seconds: of silence; until mpirun has cleared up on a busy machine

void expect_end(const std::string& arguments, const std::string& says) {
  const MpiRun run = mpirun(3, kHelper + " " + std::to_string(kTimeout) + " " + arguments);
  EXPECT_NE(run.status, 0);
  EXPECT_THAT(run.output, HasSubstr(says));
  EXPECT_LT(run.seconds, kEnd) << run.output;
}

TEST_F(MpiFailure, AStoppedRankIsNamed) { expect_end("stop 2", "no sign of life from rank 2 (process "); }
TEST_F(MpiFailure, AStoppedFirstRankIsNamed) { expect_end("stop 0", "no sign of life from rank 0 (process "); }
TEST_F(MpiFailure, AHangingRankIsNamed) { expect_end("sleep 1", "not arrived: rank 1 (process "); }
TEST_F(MpiFailure, AKilledRankIsNamed) { expect_end("kill 1", "rank 1"); }
TEST_F(MpiFailure, AFailingRankSaysWhy) { expect_end("throw 1", "rank 1 of 3 on "); }

}  // namespace
}  // namespace corollary
