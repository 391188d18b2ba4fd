#include "cli/stage_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/digest.h"
#include "base/error.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Three stages that keep the promise of every stage: b reads a, c reads a and b; each writes its number and those it read.
class StageGraph : public testing::Test {
 protected:
  const TestFolder folder_;
  const fs::path run_ = folder_ / "runs/x";
  std::map<std::string, int> settings_ = {{"a", 1}, {"b", 1}, {"c", 1}};
  std::map<std::string, int> executions_;
  std::string failing_;

  Stage stage(const std::string& name, const std::vector<std::string>& inputs) {
    Stage stage{name, inputs, {{"number", settings_[name]}}, "one number", 100, {}};
    stage.execute = [this, name, inputs, config = stage.config](const fs::path& run_folder) -> StageResult {
      std::string text = config.dump();
      Json digests = Json::object();
      for (const auto& input : inputs) {
        digests[input] = sha256_file(run_folder / input / "number");
        text += read_file(run_folder / input / "number");
      }
      if (auto manifest = up_to_date(run_folder / name, name, config, digests)) return {*manifest, true};
      ++executions_[name];
      write_file(run_folder / name / "partial", "");
      check(failing_ != name, "no luck");
      write_file(run_folder / name / "number", text);
      Manifest manifest;
      manifest.stage = name, manifest.config = config, manifest.inputs = digests;
      write_manifest(run_folder / name, manifest, {"number"});
      return {manifest, false};
    };
    return stage;
  }
  std::vector<Stage> stages() { return {stage("a", {}), stage("b", {"a"}), stage("c", {"a", "b"})}; }
  void execute(const StageRange& range = {}) { execute_stages(stages(), run_, range, {{"name", "x"}}, "corollary run x"); }
  std::vector<std::string> plan(const StageRange& range = {}) {
    std::vector<std::string> lines;
    for (const PlannedStage& planned : plan_stages(stages(), run_, range))
      lines.push_back(planned.state == PlannedStage::State::up_to_date ? "up to date"
                      : planned.state == PlannedStage::State::left_out ? "left out"
                                                                       : planned.why);
    return lines;
  }
};

TEST_F(StageGraph, RunsOnceThenIsUpToDate) {
  EXPECT_THAT(plan(), ElementsAre("never run", "never run", "never run"));
  EXPECT_FALSE(fs::exists(run_)) << "a plan changes nothing";
  execute();
  EXPECT_THAT(plan(), ElementsAre("up to date", "up to date", "up to date"));
  execute();
  EXPECT_THAT(executions_, ElementsAre(testing::Pair("a", 1), testing::Pair("b", 1), testing::Pair("c", 1)));
  EXPECT_EQ(read_json_file(run_ / "run.json")["recipe"]["name"], "x");
}

TEST_F(StageGraph, AChangeRunsWhatFollowsFromIt) {
  execute();
  settings_["b"] = 2;
  EXPECT_THAT(plan(), ElementsAre("up to date", "configuration changed: number", "reads what b will write"));
  execute();
  EXPECT_THAT(executions_, ElementsAre(testing::Pair("a", 1), testing::Pair("b", 2), testing::Pair("c", 2)));
}

TEST_F(StageGraph, LostOutputsAndChangedInputsAreNoticed) {
  execute();
  fs::remove(run_ / "b/number");
  EXPECT_THAT(plan(), ElementsAre("up to date", "output missing or changed: number", "reads what b will write"));
  execute();
  fs::remove(run_ / "b/manifest.json");
  EXPECT_THAT(plan()[1], HasSubstr("interrupted"));
  execute();
  settings_["a"] = 5;
  execute({"", "a"});
  EXPECT_THAT(plan(), ElementsAre("up to date", "input changed: a", "reads what b will write"));
}

TEST_F(StageGraph, ADamagedRecordAsksTheStagesAgain) {
  execute();
  for (const char* text : {"", "{", "[]", R"({"stages": 3})", R"({"stages": {"a": 1, "b": [], "c": {"config": 0}}})"}) {
    write_file(run_ / "run.json", text);
    EXPECT_NE(plan()[0], "up to date") << text;
    execute();
    EXPECT_THAT(plan(), ElementsAre("up to date", "up to date", "up to date"));
  }
  EXPECT_EQ(executions_["a"], 1);
}

TEST_F(StageGraph, FailureNamesStageAndHowToResume) {
  failing_ = "b";
  EXPECT_THAT([&] { execute(); }, ThrowsMessage<Error>(testing::AllOf(HasSubstr("stage b failed: "), HasSubstr("no luck"),
                                                                      HasSubstr("resume with: corollary run x"))));
  EXPECT_THAT(plan(), ElementsAre("up to date", "interrupted: goes on from what is there", "never run"));
  failing_.clear();
  execute();
  EXPECT_EQ(executions_["a"], 1);
}

TEST_F(StageGraph, Ranges) {
  EXPECT_THAT([&] { plan({"b", ""}); }, ThrowsMessage<Error>(HasSubstr("stage a before it is not finished (never run)")));
  execute({"", "b"});
  EXPECT_THAT(plan({"b", "b"}), ElementsAre("left out", "up to date", "left out"));
  EXPECT_EQ(executions_["c"], 0);
  execute({"c", ""});
  EXPECT_EQ(executions_["c"], 1);
  EXPECT_THAT([&] { plan({"d", ""}); }, ThrowsMessage<Error>(HasSubstr("no stage named d: there are a, b, c")));
  EXPECT_THAT([&] { plan({"c", "a"}); }, ThrowsMessage<Error>(HasSubstr("c comes after a")));
}

TEST_F(StageGraph, OneRunAtATimeInAFolder) {
  auto table = stages();
  std::string second;
  table[0].execute = [&, inner = table[0].execute](const fs::path& run_folder) {
    try {
      execute();
    } catch (const Error& error) {
      second = error.what();
    }
    return inner(run_folder);
  };
  execute_stages(table, run_, {}, Json::object(), "");
  EXPECT_THAT(second, HasSubstr("another corollary run works in"));
}

TEST_F(StageGraph, TooLittleDiskStopsBeforeTheWork) {
  auto table = stages();
  table[2].disk_bytes = std::int64_t{1} << 60;
  EXPECT_THAT([&] { execute_stages(table, run_, {}, Json::object(), ""); },
              ThrowsMessage<Error>(HasSubstr("too little space: the run needs")));
  EXPECT_EQ(executions_["a"], 0);
}

TEST_F(StageGraph, ATableOutOfOrderIsOurOwnMistake) {
  EXPECT_THAT(
      [&] {
        plan_stages({stage("b", {"a"}), stage("a", {})}, run_);
      },
      ThrowsMessage<Error>(HasSubstr("does not come before it")));
}

TEST_F(StageGraph, PlansReadWell) {
  execute({"", "a"});
  const auto planned = plan_stages(stages(), run_, {"", "b"});
  EXPECT_EQ(plan_to_table(planned), "a          up to date\nb          to do: one number; never run\nc          left out\n");
  EXPECT_EQ(to_line(plan_to_json(planned)[1]), R"({"stage":"b","state":"to_do","why":"never run","work":"one number"})");
}

}  // namespace
}  // namespace corollary
