// A corpus built by job arrays on a real, if small, Slurm (slurm_cluster.sh), its workers killed at random. Skipped where Slurm is
// not installed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "base/digest.h"
#include "base/files.h"
#include "base/test_folder.h"
#include "comm/test_mpirun.h"

namespace corollary {
namespace {

const std::string kProgram = COROLLARY_BUILD_DIR "/corollary";

class CorpusSlurm : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 120; ++i) {
      std::string text = "Theorem t" + std::to_string(i) + " : True. Proof. exact I. Qed.\n";
      for (int line = 0; line < 100; ++line)
        text += "Definition d" + std::to_string(line * (i % 100)) + " := " + std::to_string(i % 100) + ".\n";
      write_file(folder_ / "in" / (std::to_string(1000 + i) + ".v"), text);
    }
    expect_ok(kProgram + " corpus fetch --subset code --language coq --uri " + (folder_ / "in").string() + " --glob '*.v' --out " +
              (folder_ / "fetch").string());
    expect_ok(build("alone"));
  }
  std::string build(const std::string& out) const {
    return "env COROLLARY_THREADS=1 " + kProgram + " corpus build --fetch " + (folder_ / "fetch").string() + " --out " +
           (folder_ / out).string() + " --shard-bytes 12000";
  }
  static void expect_ok(const std::string& command) {
    const MpiRun run = run_command(command);
    ASSERT_EQ(run.status, 0) << command << "\n" << run.output;
  }
  std::map<std::string, std::string> digests(const std::string& out) const {
    std::map<std::string, std::string> all;
    for (const fs::path& file : list_files(folder_ / out))
      if (file.filename() != "manifest.json") all[file.lexically_relative(folder_ / out).string()] = sha256_file(file);
    return all;
  }
  TestFolder folder_;
};

TEST_F(CorpusSlurm, ArraysBuildTheSameBytes) {
  const MpiRun run = run_command("timeout 120 " COROLLARY_SOURCE_DIR "/tests/slurm_cluster.sh " + build("slurm") +
                                 " --slurm --slurm-jobs 3 --wait");
  if (run.status == 77) GTEST_SKIP() << run.output;
  ASSERT_EQ(run.status, 0) << run.output;
  EXPECT_EQ(digests("slurm"), digests("alone"));
  EXPECT_NE(run.output.find("RUNNING"), std::string::npos) << "states are read back:\n" << run.output;
}

TEST_F(CorpusSlurm, KilledWorkersAreSubmittedAgain) {
  const unsigned seed = 7;
  std::string pauses;
  std::srand(seed);
  for (int i = 0; i < 12; ++i) pauses += " 0." + std::to_string(2 + std::rand() % 7);
  // Whatever worker of this build runs at those moments dies; then it is submitted until it is done, with fewer kills each time.
  const std::string pattern = "corpus build --out " + (folder_ / "slurm").string() + " --step";
  write_file(folder_ / "again.sh",
             "tries=0\nwhile :; do\n  tries=$((tries + 1))\n  " + build("slurm") +
                 " --slurm --slurm-jobs 3 --wait & waiter=$!\n  [ $tries -lt 3 ] && for pause in" + pauses +
                 "; do sleep $pause; pkill -9 -f '" + pattern +
                 "' && echo killed; done\n  wait $waiter && break\n  [ $tries -lt 6 ] || exit 1\ndone\necho tries $tries\n");
  const MpiRun run =
      run_command("timeout 170 " COROLLARY_SOURCE_DIR "/tests/slurm_cluster.sh sh " + (folder_ / "again.sh").string());
  if (run.status == 77) GTEST_SKIP() << run.output;
  ASSERT_EQ(run.status, 0) << run.output;
  EXPECT_EQ(digests("slurm"), digests("alone"));
  if (run.output.find("killed") == std::string::npos) GTEST_SKIP() << "no worker was caught alive on this machine";
  EXPECT_EQ(run.output.find("tries 1\n"), std::string::npos) << run.output;
}

}  // namespace
}  // namespace corollary
