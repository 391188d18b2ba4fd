// Training as a Slurm job on a real, if small, Slurm (slurm_cluster.sh): the recipes of docs/slurm.md. Skipped where it is not installed.
// Debian's Open MPI and Slurm meet in PMIx alone: srun --mpi=pmix starts ranks; --mpi=pmi2 and --mpi=none do not, and its MPI says so.
#include <gtest/gtest.h>

#include <sstream>

#include "base/test_folder.h"
#include "comm/test_mpirun.h"
#include "comm/world.h"
#include "train/test_corpus.h"

namespace corollary {
namespace {

class Slurm : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kHasMpi) GTEST_SKIP() << "built without MPI";
    TestCorpus::write(folder_.path());
  }
  std::string helper(const std::string& out, const std::string& settings) const {
    return std::string(COROLLARY_BUILD_DIR "/tests/train_helper ") + folder_.path().string() + " " + (folder_ / out).string() +
           " train_iters=6 save_interval=3 eval_interval=3 log_interval=100 micro_batch_size=1 " + settings;
  }
  /// One rank without Slurm is the judge.
  void expect_same_losses(const std::string& launcher, const std::string& settings) const {
    const MpiRun alone = run_command("COROLLARY_THREADS=1 " + helper("alone", ""));
    ASSERT_EQ(alone.status, 0) << alone.output;
    const MpiRun job = run_command(
        "COROLLARY_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl=self,vader "
        "OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_mpi_yield_when_idle=1 timeout 120 " COROLLARY_SOURCE_DIR
        "/tests/slurm_cluster.sh sh -c '" +
        launcher + " " + helper("job", settings) + "'");
    if (job.status == 77) GTEST_SKIP() << job.output;
    ASSERT_EQ(job.status, 0) << job.output;
    const std::vector<double> ours = losses("job"), theirs = losses("alone");
    ASSERT_EQ(ours.size(), 6u);
    ASSERT_EQ(theirs.size(), 6u);
    for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i] / theirs[i], 1, 1e-5) << "step " << i + 1;
    EXPECT_EQ(read_json_file(folder_ / "job" / "manifest.json").at("counts").at("ranks"), 2);
  }

 private:
  std::vector<double> losses(const std::string& out) const {
    std::istringstream text(read_file(folder_ / out / "metrics.jsonl"));
    std::vector<double> found;
    for (std::string line; std::getline(text, line);)
      if (const Json json = parse_json(line, "metrics"); json.contains("loss")) found.push_back(json.at("loss"));
    return found;
  }
  TestFolder folder_;
};

TEST_F(Slurm, SrunOverPmixTrainsTwoCopies) { 
  expect_same_losses("srun --mpi=list 2>&1 | grep pmix || { echo This Slurm has no PMIx; exit 77; }; srun -n 2 --mpi=pmix", "tensor_parallel=1");
}
TEST_F(Slurm, MpirunInAnAllocationTrainsASplitModel) { expect_same_losses("salloc -n 2 mpirun --bind-to none -n 2", "tensor_parallel=2"); }

}  // namespace
}  // namespace corollary
