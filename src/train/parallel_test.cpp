// Training by several ranks, each a process: any layout computes what one rank computes, and what ends it ends it soon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/fields.h"
#include "base/test_folder.h"
#include "comm/test_mpirun.h"
#include "comm/world.h"
#include "model/checkpoint_folder.h"
#include "train/test_corpus.h"
#include "train/traffic.h"

namespace corollary {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// Ranks, and over how many of them a copy of the model is split.
struct Layout {
  int ranks, tensor_parallel;
};
void PrintTo(const Layout& layout, std::ostream* out) {
  *out << layout.ranks / layout.tensor_parallel << " copies on " << layout.tensor_parallel << " ranks each";
}

class Parallel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kHasMpi) GTEST_SKIP() << "built without MPI";
    if (!has_mpirun()) GTEST_SKIP() << "no mpirun here: install openmpi-bin";
    TestCorpus::write(folder_.path());
  }
  /// Four key/value heads, so that four ranks can share them; a sequence a micro-batch, so that four copies can share a batch.
  std::string helper(const Layout& layout, const std::string& out, const std::string& settings) const {
    return std::string(COROLLARY_BUILD_DIR "/tests/train_helper '") + folder_.path().string() + "' '" + (folder_ / out).string() +
           "' train_iters=10 warmup_iters=2 eval_interval=5 save_interval=5 keep_checkpoints=9 log_interval=100 micro_batch_size=1 "
           "model.num_key_value_heads=4 tensor_parallel=" +
           std::to_string(layout.tensor_parallel) + " " + settings;
  }
  void run(const Layout& layout, const std::string& out, const std::string& settings = "") const {
    const std::string command = helper(layout, out, settings);
    const MpiRun done = layout.ranks == 1 ? run_command("COROLLARY_THREADS=1 " + command) : mpirun(layout.ranks, command);
    ASSERT_EQ(done.status, 0) << done.output;
  }
  std::vector<Json> steps(const std::string& out) const {
    std::istringstream text(read_file(folder_ / out / "metrics.jsonl"));
    std::vector<Json> found;
    for (std::string line; std::getline(text, line);) {
      Json json = parse_json(line, "metrics");
      for (const char* name : {"seconds", "tokens_per_second", "mfu"}) json.erase(name);
      found.push_back(json);
    }
    return found;
  }
  void expect_near(const std::string& out, const std::string& judge, double tolerance) const {
    const auto ours = steps(out), theirs = steps(judge);
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      for (const char* name : {"loss", "grad_norm"}) {
        if (!theirs[i].contains(name)) continue;
        EXPECT_NEAR(ours[i][name].get<double>() / theirs[i][name].get<double>(), 1, tolerance) << name << ": " << theirs[i];
      }
      if (theirs[i].contains("validation")) {
        for (const auto& [subset, loss] : theirs[i]["validation"].items())
          EXPECT_NEAR(ours[i]["validation"][subset].get<double>() / loss.get<double>(), 1, tolerance);
      }
    }
    for (const char* weights : {"initial", "final"}) {
      const LoadedModel a = load_checkpoint_folder(folder_ / out / weights, DType::f32);
      const LoadedModel b = load_checkpoint_folder(folder_ / judge / weights, DType::f32);
      double square = 0, size = 0;
      for (std::int64_t i = 0; i < a.parameters.view().count(); ++i) {
        const double x = a.parameters.view().data<float>()[i], y = b.parameters.view().data<float>()[i];
        square += (x - y) * (x - y), size += y * y;
      }
      EXPECT_LE(std::sqrt(square / size), std::string(weights) == "initial" ? 0 : tolerance) << weights;
    }
  }
  std::string weights(const std::string& out) const { return read_file(folder_ / out / "final" / "model.safetensors"); }

  TestFolder folder_;
};

class ParallelLayout : public Parallel, public ::testing::WithParamInterface<Layout> {};

TEST_P(ParallelLayout, ComputesWhatOneRankComputesAndSendsWhatTheFormulasSay) {
  const Layout layout = GetParam();
  run({1, 1}, "one");
  run(layout, "many");
  if (HasFatalFailure()) return;
  expect_near("many", "one", 1e-5);

  const Json manifest = read_json_file(folder_ / "many" / "manifest.json");
  LlamaConfig model;
  fields_from_json(model, manifest["config"]["model"], "model");
  TrainConfig config;
  fields_from_json(config, manifest["config"]["train"], "train");
  const StepTraffic traffic =
      step_traffic(model, config, rank_layout(layout.ranks, 0, layout.tensor_parallel), DType::f32, Device::cpu);
  EXPECT_EQ(manifest["counts"]["step_bytes_sent"], traffic.total_bytes());
}
INSTANTIATE_TEST_SUITE_P(Layouts, ParallelLayout,
                         ::testing::Values(Layout{2, 1}, Layout{4, 1}, Layout{2, 2}, Layout{4, 4}, Layout{4, 2}, Layout{8, 2},
                                           Layout{8, 4}));

TEST_F(Parallel, TheSameLayoutGivesTheSameBits) {
  run({4, 2}, "first");
  run({4, 2}, "again");
  EXPECT_TRUE(weights("first") == weights("again"));
  EXPECT_EQ(steps("first"), steps("again"));
}

TEST_F(Parallel, Bf16AgreesToItsRounding) {
  run({1, 1}, "one", "precision=\\\"bf16\\\"");
  run({4, 2}, "many", "precision=\\\"bf16\\\"");
  if (HasFatalFailure()) return;
  const auto one = steps("one"), many = steps("many");
  ASSERT_EQ(one.size(), many.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    if (!one[i].contains("loss")) continue;
    EXPECT_NEAR(many[i]["loss"].get<double>() / one[i]["loss"].get<double>(), 1, 0.02) << one[i];
  }
}

TEST_F(Parallel, GoesOnAtAnotherWorldSize) {
  run({1, 1}, "one");
  run({4, 2}, "moved");
  if (HasFatalFailure()) return;
  const auto forget_the_end = [&] {
    fs::remove(folder_ / "moved" / "manifest.json");
    fs::remove_all(folder_ / "moved" / "final");
    fs::remove_all(folder_ / "moved" / "checkpoints" / "step-00000010");
  };
  for (const Layout layout : {Layout{2, 1}, Layout{1, 1}, Layout{4, 4}}) {
    forget_the_end();
    run(layout, "moved");
    if (HasFatalFailure()) return;
    expect_near("moved", "one", 1e-5);
  }
}

// One rank's gradients are not finite in step 4: every rank skips it, and they stay together.
TEST_F(Parallel, ARankThatDivergesIsSeenByAll) {
  for (const Layout layout : {Layout{2, 1}, Layout{4, 2}}) {
    const std::string out = "nan" + std::to_string(layout.ranks);
    run(layout, out, "nan=12");
    if (HasFatalFailure()) return;
    const Json counts = read_json_file(folder_ / out / "manifest.json")["counts"];
    EXPECT_EQ(counts["steps"], 10);
    EXPECT_EQ(counts["skipped_steps"], 1);
    EXPECT_TRUE(std::isfinite(counts["final_loss"].get<double>()));
  }
}

TEST_F(Parallel, SaysWhatDoesNotDivide) {
  const MpiRun odd = mpirun(3, helper({3, 2}, "odd", ""));
  EXPECT_NE(odd.status, 0);
  EXPECT_THAT(odd.output, HasSubstr("train.tensor_parallel 2 does not divide the 3 ranks"));
  const MpiRun heads = mpirun(2, helper({2, 2}, "heads", "model.num_key_value_heads=1"));
  EXPECT_NE(heads.status, 0);
  EXPECT_THAT(heads.output, HasSubstr("does not divide model.num_key_value_heads 1"));
}

/// A job in the background; its ranks by their process ids, in order.
class Job {
 public:
  Job(const std::string& command, const fs::path& log) {
    pid_ = ::fork();
    if (pid_ == 0) {
      const std::string line = "exec env " + command + " > '" + log.string() + "' 2>&1";
      ::execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
      ::_exit(127);
    }
  }
  ~Job() {
    if (pid_ > 0) ::kill(pid_, SIGKILL), ::waitpid(pid_, nullptr, 0);
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  bool is_running() { return pid_ > 0 && (::waitpid(pid_, &status_, WNOHANG) == 0 || (pid_ = -1, false)); }
  std::vector<pid_t> ranks() const {
    std::vector<pid_t> found;
    for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid_) + "/task")) {
      std::ifstream children(task.path() / "children");
      for (pid_t child; children >> child;) found.push_back(child);
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  int status() const { return status_; }

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

// The stated time: the timeout, its fifth if rank 0 is the culprit, and what mpirun takes to clear up.
TEST_F(Parallel, AStoppedOrKilledRankEndsTheJobNamedAndItGoesOnFromTheLastCheckpoint) {
  const std::string settings = "train_iters=2000 collective_timeout_seconds=3";
  for (const int signal_number : {SIGSTOP, SIGKILL}) {
    const std::string out = signal_number == SIGSTOP ? "stopped" : "killed";
    Job job(mpirun_command(4, helper({4, 2}, out, settings)), folder_ / (out + ".log"));
    const auto log = [&] { return read_file(folder_ / (out + ".log")); };
    while (job.is_running() && !fs::exists(folder_ / out / "checkpoints" / "step-00000010")) std::this_thread::sleep_for(10ms);
    ASSERT_TRUE(job.is_running()) << log();
    const auto ranks = job.ranks();
    ASSERT_EQ(ranks.size(), 4u);
    const auto start = std::chrono::steady_clock::now();
    ::kill(ranks[2], signal_number);
    while (job.is_running() && std::chrono::steady_clock::now() < start + 60s) std::this_thread::sleep_for(10ms);
    EXPECT_FALSE(job.is_running());
    EXPECT_NE(job.status(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 3s + 12s);
    if (signal_number == SIGSTOP) {
      EXPECT_THAT(log(), HasSubstr("no sign of life from rank 2 (process " + std::to_string(ranks[2]) + " on "));
    } else {
      EXPECT_THAT(log(), HasSubstr("rank 2"));
    }
  }
  // The killed run reached step 10: with those steps for its end it goes on and ends.
  EXPECT_TRUE(fs::exists(folder_ / "killed" / "checkpoints" / "step-00000010"));
  Job job(mpirun_command(4, helper({4, 2}, "killed", settings + " log_interval=1")), folder_ / "again.log");
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  const auto log = [&] { return fs::exists(folder_ / "again.log") ? read_file(folder_ / "again.log") : ""; };
  while (job.is_running() && std::chrono::steady_clock::now() < deadline && log().find("/2000  loss") == std::string::npos)
    std::this_thread::sleep_for(10ms);
  EXPECT_THAT(log(), HasSubstr("resuming after step "));
  EXPECT_THAT(log(), HasSubstr("/2000  loss"));
}

}  // namespace
}  // namespace corollary
