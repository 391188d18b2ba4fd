// The whole pipeline through the program itself, offline, on tests/data/mini_recipe.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <sstream>
#include <thread>

#include "base/digest.h"
#include "base/json.h"
#include "base/random.h"
#include "run_program.h"

namespace corollary {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kStages[] = {"fetch", "corpus", "tokenizer", "pack", "train", "evaluate", "sample", "report"};

/// A copy of the mini recipe, so that a test may change it, and what a run leaves.
class EndToEnd : public testing::Test {
 protected:
  const TestFolder folder_;
  const fs::path run_ = folder_ / "run";

  void SetUp() override {
    if (run_program({"run", "--help"}).status != 0) GTEST_SKIP() << "this build has no `corollary run` yet";
    fs::copy(COROLLARY_SOURCE_DIR "/tests/data/mini_recipe", folder_ / "mini", fs::copy_options::recursive);
  }

  std::vector<std::string> command(const std::vector<std::string>& more = {}, const std::string& out = "run") {
    std::vector<std::string> words = {"run", "mini", "--out", out, "--threads", "2"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Outcome run(const std::vector<std::string>& more = {}, const std::string& out = "run") {
    return run_program(command(more, out), folder_.path());
  }
  void run_whole(const std::string& out = "run") {
    const Outcome outcome = run({}, out);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }
};

/// What must not depend on interruptions: every output file of the run by its bytes, metrics without their times.
std::map<std::string, std::string> results_of(const fs::path& run) {
  std::map<std::string, std::string> results;
  for (const char* name : {"corpus/manifest.json", "tokenizer/tokenizer.model", "train/final/model.safetensors",
                           "evaluate/results.json", "sample/samples.jsonl"})
    results[name] =
        name == std::string("corpus/manifest.json") ? read_json_file(run / name)["outputs"].dump() : sha256_file(run / name);
  std::istringstream metrics(read_file(run / "train/metrics.jsonl"));
  std::string lines;
  for (std::string line; std::getline(metrics, line);) {
    Json json = parse_json(line, "metrics.jsonl");
    for (const char* time : {"seconds", "tokens_per_second", "mfu"}) json.erase(time);
    lines += to_line(json) + "\n";
  }
  results["train/metrics.jsonl"] = lines;
  return results;
}

TEST_F(EndToEnd, EveryStageLeavesWhatTheArchitectureSays) {
  const auto start = std::chrono::steady_clock::now();
  const Outcome outcome = run();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  RecordProperty("seconds", std::to_string(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()));
  EXPECT_THAT(outcome.out, HasSubstr("report/report.html")) << "the closing line names the report";

  for (const char* stage : kStages) {
    ASSERT_TRUE(fs::exists(run_ / stage / "manifest.json")) << stage;
    EXPECT_EQ(read_json_file(run_ / stage / "manifest.json")["stage"], stage);
  }
  for (const char* subset : {"code", "web", "papers"}) {
    EXPECT_TRUE(fs::exists(run_ / "corpus" / subset / "train.jsonl.zst")) << subset;
    for (const char* end : {"bin", "idx"})
      EXPECT_TRUE(fs::exists(run_ / "pack" / (std::string(subset) + "_train_text_document." + end))) << subset;
  }
  for (const char* name : {"tokenizer/tokenizer.model", "train/initial/model.safetensors", "train/final/config.json",
                           "sample/samples.jsonl", "report/report.html"})
    EXPECT_TRUE(fs::exists(run_ / name)) << name;

  const Json report = read_json_file(run_ / "report/report.json");
  std::vector<std::string> names;
  for (const Json& stage : report.at("stages")) {
    names.push_back(stage.at("name"));
    EXPECT_GE(stage.at("seconds").get<double>(), 0);
  }
  for (const char* stage : kStages)
    if (stage != std::string("report")) {
      EXPECT_THAT(names, testing::Contains(stage));
    }
  const Json& training = report.at("training");
  EXPECT_EQ(training.at("tokens"), 30 * 8 * 64);
  EXPECT_GT(training.at("seconds").get<double>(), 0);
  EXPECT_GT(training.at("tokens_per_second").get<double>(), 0);
  EXPECT_LT(training.at("final_loss").get<double>(), 6.24) << "below log(512): it has learnt more than that all tokens are alike";
  for (const char* subset : {"code", "web", "papers"}) {
    const Json& bits = report.at("bits_per_byte").at(subset);
    EXPECT_LT(bits.at("after").get<double>(), bits.at("before").get<double>()) << subset;
    EXPECT_GT(bits.at("xz").get<double>(), 0) << subset;
  }
}

TEST_F(EndToEnd, ASecondRunHasNothingToDo) {
  run_whole();
  const auto before = results_of(run_);
  const Outcome dry = run({"--dry-run"});
  const Outcome again = run();
  EXPECT_EQ(again.status, 0);
  for (const char* stage : kStages) {
    EXPECT_THAT(again.err, HasSubstr(std::string(stage) + ": up to date"));
    EXPECT_THAT(dry.out, testing::ContainsRegex(std::string(stage) + " +up to date")) << stage;
  }
  EXPECT_EQ(results_of(run_), before);
}

TEST_F(EndToEnd, APlanSaysWhyAndDoesNothing) {
  const Outcome fresh = run({"--dry-run"});
  EXPECT_EQ(fresh.status, 0) << fresh.err;
  EXPECT_FALSE(fs::exists(run_));
  for (const char* stage : kStages) EXPECT_THAT(fresh.out, HasSubstr(stage));
  run_whole();
  const Outcome changed = run({"--dry-run", "--set", "train.learning_rate=1e-3"});
  EXPECT_THAT(changed.out, AllOf(testing::ContainsRegex("pack +up to date"), HasSubstr("learning_rate"),
                                 HasSubstr("reads what train will write")));
}

TEST_F(EndToEnd, OnlyAPart) {
  const Outcome until = run({"--until", "tokenizer"});
  EXPECT_EQ(until.status, 0) << until.err;
  EXPECT_TRUE(fs::exists(run_ / "tokenizer/manifest.json"));
  EXPECT_FALSE(fs::exists(run_ / "pack"));
  const Outcome from = run({"--from", "pack", "--until", "pack"});
  EXPECT_EQ(from.status, 0) << from.err;
  EXPECT_THAT(from.err, testing::Not(HasSubstr("corpus: up to date")));
  EXPECT_EQ(run({"--from", "sample"}).status, 1);
}

TEST_F(EndToEnd, BadRecipesAreRefusedByFileAndField) {
  for (const auto& [setting, complaint] : std::map<std::string, std::string>{{"train.no_such=1", "no_such"},
                                                                             {"train.train_iters=many", "train_iters"},
                                                                             {"sources.0.uri=no/such/folder", "no/such/folder"},
                                                                             {"mixture.0.subset=poems", "poems"}}) {
    const Outcome outcome = run({"--set", setting});
    EXPECT_EQ(outcome.status, 1) << setting;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("error: "), HasSubstr(complaint)));
  }
  write_file(folder_ / "mini/recipe.toml", "name = \"x\"\n[train\n");
  EXPECT_THAT(run().err, AllOf(HasSubstr("recipe.toml"), HasSubstr("line 2")));
  EXPECT_EQ(run_program({"run", "nowhere"}, folder_.path()).status, 1);
}

TEST_F(EndToEnd, CtrlCSavesAndSaysHowToGoOn) {
  Program program(command({"--set", "train.train_iters=100000"}), folder_.path());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (program.is_running() && !fs::exists(run_ / "train/metrics.jsonl") && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(program.err(), AllOf(HasSubstr("stopped in stage train"), HasSubstr("resume with: corollary run mini")));
}

// kill -9 at random moments, as often as it takes to reach the end: the same bytes as an undisturbed run.
TEST_F(EndToEnd, KilledAtAnyMomentItEndsTheSame) {
  run_whole("undisturbed");
  const auto expected = results_of(folder_ / "undisturbed");
  Random random(static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()));
  int kills = 0;
  for (bool is_done = false; !is_done;) {
    Program program(command(), folder_.path());
    // The first comes before any machine could be done, the later ones later and later, so that the end is reached.
    const auto pause = std::chrono::milliseconds(random.below(200) + 40 * kills);
    const auto until = std::chrono::steady_clock::now() + pause;
    while (program.is_running() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (program.is_running()) program.signal(SIGKILL), ++kills;
    const int status = program.wait();
    ASSERT_TRUE(status == 0 || status == 128 + SIGKILL) << "status " << status << " after " << kills << " kills: " << program.err();
    is_done = status == 0;
  }
  RecordProperty("kills", kills);
  EXPECT_GT(kills, 0);
  EXPECT_EQ(results_of(run_), expected);
}

}  // namespace
}  // namespace corollary
