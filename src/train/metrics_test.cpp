#include "train/metrics.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "base/json.h"

namespace corollary {
namespace {

using testing::HasSubstr;

StepMetrics metrics_at(std::int64_t step) {
  return {.step = step,
          .loss = 9.0 / static_cast<double>(step),
          .grad_norm = 0.1 * static_cast<double>(step),
          .learning_rate = 1e-3,
          .tokens = 8192 * step,
          .seconds = 0.5 * static_cast<double>(step),
          .tokens_per_second = 16384,
          .mfu = 0.25};
}

class MetricsLogTest : public testing::Test {
 protected:
  void SetUp() override { fs::remove_all(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  /// Steps from+1 to `to`, a validation every third step.
  static void train(MetricsLog& log, std::int64_t from, std::int64_t to) {
    for (std::int64_t step = from + 1; step <= to; ++step) {
      log.step(metrics_at(step));
      if (step % 3 == 0) log.validation(step, {{"code", 1.5}, {"web", 2.0 + static_cast<double>(step)}});
    }
  }
  std::string lines() const { return read_file(folder_ / "metrics.jsonl"); }
  void overwrite(const std::string& text) const {
    fs::create_directories(folder_);
    std::ofstream(folder_ / "metrics.jsonl", std::ios::binary) << text;
  }
  std::int64_t event_files() const {
    std::int64_t count = 0;
    for (const auto& entry : fs::directory_iterator(folder_))
      count += entry.path().filename().string().starts_with("events.out.tfevents.");
    return count;
  }
  const fs::path folder_ = fs::temp_directory_path() / ("corollary_metrics_" + std::to_string(::getpid()));
};

TEST_F(MetricsLogTest, WritesTheKeysThatArchitectureNames) {
  {
    MetricsLog log(folder_, 0);
    EXPECT_FALSE(log.resumed_from().has_value());
    log.step(metrics_at(1));
    log.validation(1, {{"code", 1.25}});
  }
  EXPECT_EQ(
      lines(),
      R"({"step":1,"loss":9.0,"grad_norm":0.1,"learning_rate":0.001,"tokens":8192,"seconds":0.5,"tokens_per_second":16384.0,"mfu":0.25})"
      "\n"
      R"({"step":1,"validation":{"code":1.25}})"
      "\n");
  EXPECT_EQ(event_files(), 1);
}

TEST_F(MetricsLogTest, ResumedFileEqualsAnUndisturbedOne) {  // invariant 1
  {
    MetricsLog log(folder_, 0);
    train(log, 0, 10);
  }
  const std::string undisturbed = lines();
  for (const std::int64_t checkpoint : {1, 3, 6, 9, 10}) {
    {
      MetricsLog log(folder_, checkpoint);
      ASSERT_TRUE(log.resumed_from().has_value());
      EXPECT_EQ(log.resumed_from()->step, checkpoint);
      EXPECT_EQ(log.resumed_from()->seconds, 0.5 * static_cast<double>(checkpoint));
      train(log, checkpoint, 10);
    }
    EXPECT_EQ(lines(), undisturbed) << "resumed at " << checkpoint;
  }
  EXPECT_EQ(event_files(), 6);
  const MetricsLog anew(folder_, 0);
  EXPECT_EQ(lines(), "");
  EXPECT_EQ(event_files(), 1);
}

TEST_F(MetricsLogTest, TornLastLineIsCut) {  // invariant 3, at every length of the torn line
  {
    MetricsLog log(folder_, 0);
    train(log, 0, 4);
  }
  const std::string whole = lines();
  const std::size_t last = whole.rfind('\n', whole.size() - 2) + 1;
  for (std::size_t length = last; length < whole.size(); length += 7) {
    overwrite(whole.substr(0, length));
    {
      MetricsLog log(folder_, 3);
      EXPECT_EQ(log.resumed_from()->step, 3);
      train(log, 3, 4);
    }
    EXPECT_EQ(lines(), whole);
  }
}

TEST_F(MetricsLogTest, NotFiniteIsNullAndSurvivesAResume) {
  StepMetrics diverged = metrics_at(1);
  diverged.loss = std::numeric_limits<double>::quiet_NaN();
  diverged.grad_norm = std::numeric_limits<double>::infinity();
  MetricsLog(folder_, 0).step(diverged);
  EXPECT_THAT(lines(), HasSubstr(R"("loss":null,"grad_norm":null)"));
  const MetricsLog log(folder_, 1);
  EXPECT_TRUE(std::isnan(log.resumed_from()->loss));
}

TEST_F(MetricsLogTest, ForeignFileIsNamedWithItsLine) {
  for (const char* const line : {"hello", "[1]", "{\"loss\":1}", "{\"step\":1.5}", "{\"step\":2,\"loss\":\"low\"}"}) {
    overwrite("{\"step\":1,\"validation\":{}}\n" + std::string(line) + "\n");
    try {
      const MetricsLog log(folder_, 5);
      FAIL() << "accepted " << line;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("metrics.jsonl line 2")) << line;
    }
    EXPECT_THAT(lines(), HasSubstr(line)) << "nothing is cut from a file that is not ours";
  }
}

TEST_F(MetricsLogTest, UnwritableFolderIsAnError) {
  overwrite("");
  EXPECT_THROW(MetricsLog(folder_ / "metrics.jsonl", 0), Error);  // a file where the folder should be
}

}  // namespace
}  // namespace corollary
