// Runs that are killed, at any moment and as often as you like, end with the bytes of a run that was left alone.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "base/random.h"
#include "base/test_folder.h"
#include "train/test_corpus.h"

extern char** environ;

namespace corollary {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// train_helper as a child; its stderr goes to a file.
class Child {
 public:
  Child(const fs::path& folder, const fs::path& out, const std::vector<std::string>& settings, const fs::path& log) {
    std::vector<std::string> arguments = {COROLLARY_BUILD_DIR "/tests/train_helper", folder.string(), out.string()};
    arguments.insert(arguments.end(), settings.begin(), settings.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    EXPECT_EQ(::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ), 0) << argv[0];
    ::posix_spawn_file_actions_destroy(&actions);
  }
  ~Child() {
    if (pid_ > 0) send(SIGKILL), wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  void send(int signal_number) {
    if (pid_ > 0) ::kill(pid_, signal_number);  // -1 would be everybody
  }
  bool is_running() { return ::waitpid(pid_, &status_, WNOHANG) == 0 || (pid_ = -1, false); }
  /// Exit status, or minus the signal that ended it.
  int wait() {
    if (pid_ > 0) ::waitpid(pid_, &status_, 0);
    pid_ = -1;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
  }

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

class Resume : public ::testing::Test {
 protected:
  Resume() { TestCorpus::write(folder_.path()); }
  int run(const std::string& out, std::vector<std::string> settings = {}) {
    return Child(folder_.path(), folder_ / out, settings, log(out)).wait();
  }
  fs::path log(const std::string& out) const { return folder_ / (out + ".log"); }

  /// metrics.jsonl without what the clock decides.
  std::string metrics(const std::string& out) const {
    std::istringstream lines(read_file(folder_ / out / "metrics.jsonl"));
    std::string kept;
    for (std::string line; std::getline(lines, line);) {
      Json json = parse_json(line, "metrics");
      for (const char* name : {"seconds", "tokens_per_second", "mfu"}) json.erase(name);
      kept += to_line(json) + "\n";
    }
    return kept;
  }
  std::string weights(const std::string& out) const { return read_file(folder_ / out / "final" / "model.safetensors"); }
  std::string state(const std::string& out) const {
    std::string bytes;
    for (const char* file : {"master", "m", "v"})
      bytes += read_file(folder_ / out / "checkpoints" / "step-00000040" / (std::string(file) + "-00000.safetensors"));
    return bytes;
  }
  void expect_same_run(const std::string& a, const std::string& b) const {
    EXPECT_TRUE(weights(a) == weights(b)) << "final weights differ";
    EXPECT_TRUE(state(a) == state(b)) << "master weights or moments differ";
    EXPECT_EQ(metrics(a), metrics(b));
  }

  TestFolder folder_;
};

TEST_F(Resume, TwoRunsLeftAloneAgree) {
  ASSERT_EQ(run("one"), 0) << read_file(log("one"));
  ASSERT_EQ(run("two"), 0) << read_file(log("two"));
  expect_same_run("one", "two");
  ASSERT_EQ(run("three", {"seed=7"}), 0);
  EXPECT_FALSE(weights("one") == weights("three")) << "the comparison sees nothing";
}

TEST_F(Resume, KilledAtAnyMomentItEndsWithTheSameBytes) {
  ASSERT_EQ(run("undisturbed"), 0) << read_file(log("undisturbed"));
  // A run takes some 300 ms, of which every third step is a save of several: delays spread over all of it, saves included.
  Random random(static_cast<std::uint64_t>(::getpid()));
  int kills = 0;
  for (int attempt = 0; attempt < 200; ++attempt) {
    Child child(folder_.path(), folder_ / "killed", {}, log("killed"));
    const auto deadline = std::chrono::steady_clock::now() + 1ms * (15 + random.below(60));
    while (kills < 12 && std::chrono::steady_clock::now() < deadline && child.is_running()) std::this_thread::sleep_for(1ms);
    if (kills < 12) {
      child.send(SIGKILL);
      ++kills;
    }
    const int status = child.wait();
    if (status == 0) break;
    ASSERT_TRUE(status == -SIGKILL) << "attempt " << attempt << " ended with " << status << ": " << read_file(log("killed"));
  }
  EXPECT_GE(kills, 3);
  expect_same_run("undisturbed", "killed");
}

// Kills aimed at the save: the child is shot as soon as the half-written folder of a checkpoint is there.
TEST_F(Resume, KilledDuringASaveItEndsWithTheSameBytes) {
  ASSERT_EQ(run("undisturbed"), 0) << read_file(log("undisturbed"));
  const fs::path checkpoints = folder_ / "killed" / "checkpoints";
  int torn = 0;
  for (int step = 3; step <= 36; step += 6) {
    const fs::path half = checkpoints / (".step-000000" + std::string(step < 10 ? "0" : "") + std::to_string(step));
    Child child(folder_.path(), folder_ / "killed", {}, log("killed"));
    while (child.is_running() && !fs::exists(half)) {
    }
    child.send(SIGKILL);
    const int status = child.wait();
    if (status == 0) break;  // a busy machine let it end before the shot
    ASSERT_EQ(status, -SIGKILL) << read_file(log("killed"));
    torn += fs::exists(half) ? 1 : 0;
  }
  EXPECT_GT(torn, 0) << "no save was hit";
  ASSERT_EQ(run("killed"), 0) << read_file(log("killed"));
  expect_same_run("undisturbed", "killed");
}

// The same by training that waits for the disk: what is written does not depend on who writes it.
TEST_F(Resume, SavingBesideTrainingChangesNothing) {
  ASSERT_EQ(run("beside"), 0) << read_file(log("beside"));
  ASSERT_EQ(run("waiting", {"async_checkpoints=false"}), 0) << read_file(log("waiting"));
  expect_same_run("beside", "waiting");
}

// A spike at step 26 sends the run back to 21 or before; kills all around it do not change where it goes nor what comes of it.
TEST_F(Resume, KilledAroundARewindItEndsWithTheSameBytes) {
  const std::vector<std::string> guarded = {"spike=100", "spike_sigma=6", "spike_window=16", "on_spike=\"rewind\"",
                                            "rewind_steps=5"};
  ASSERT_EQ(run("undisturbed", guarded), 0) << read_file(log("undisturbed"));
  ASSERT_THAT(read_file(log("undisturbed")), HasSubstr("went back from step 26 to 21"));
  for (const char* moment : {"step 26/40", "went back", "step 22/40", "step 28/40"}) {
    const auto count = [&] {
      const std::string text = fs::exists(log("killed")) ? read_file(log("killed")) : "";
      std::size_t found = 0;
      for (std::size_t at = text.find(moment); at != std::string::npos; at = text.find(moment, at + 1)) ++found;
      return found;
    };
    const std::size_t before = count();
    Child child(folder_.path(), folder_ / "killed", guarded, log("killed"));
    while (child.is_running() && count() == before) std::this_thread::sleep_for(2ms);
    child.send(SIGKILL);
    child.wait();
  }
  ASSERT_EQ(run("killed", guarded), 0) << read_file(log("killed"));
  expect_same_run("undisturbed", "killed");
}

TEST_F(Resume, CtrlCSavesAndSaysHowToGoOn) {
  ASSERT_EQ(run("undisturbed"), 0) << read_file(log("undisturbed"));
  const std::vector<std::string> rarely = {"save_interval=0"};
  Child child(folder_.path(), folder_ / "stopped", rarely, log("stopped"));
  while (child.is_running() && read_file(log("stopped")).find("step 7/40") == std::string::npos) std::this_thread::sleep_for(1ms);
  child.send(SIGINT);
  EXPECT_EQ(child.wait(), 1);
  EXPECT_THAT(read_file(log("stopped")), HasSubstr("give the same command again to go on"));
  ASSERT_EQ(run("stopped", rarely), 0) << read_file(log("stopped"));
  EXPECT_THAT(read_file(log("stopped")), HasSubstr("resuming after step"));
  expect_same_run("undisturbed", "stopped");
}

TEST_F(Resume, FinishedItHasNothingToDoAndAnotherRunIsRefused) {
  ASSERT_EQ(run("done"), 0) << read_file(log("done"));
  const auto before = fs::last_write_time(folder_ / "done" / "manifest.json");
  ASSERT_EQ(run("done"), 0);
  EXPECT_EQ(fs::last_write_time(folder_ / "done" / "manifest.json"), before);

  EXPECT_EQ(run("done", {"learning_rate=0.02"}), 1);
  EXPECT_THAT(read_file(log("done")), HasSubstr("train.learning_rate: 0.01 there, 0.02 here"));
  TestCorpus::write_indexed(folder_ / "pack" / "small_train_text_document", TestCorpus::documents(9, 7, 4));
  EXPECT_EQ(run("done"), 1);
  EXPECT_THAT(read_file(log("done")), HasSubstr("inputs.pack/small_train_text_document.bin"));
}

}  // namespace
}  // namespace corollary
