#include "explore/report.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "base/error.h"
#include "explore/fixture_run.h"

namespace corollary {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Report : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    write_fixture_run(run_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string html() const { return read_file(run_ / "report/report.html"); }
  Json json() const { return read_json_file(run_ / "report/report.json"); }
  /// The page without the scripts and styles that are not ours to judge.
  std::string body() const {
    const std::string page = html();
    const std::size_t begin = page.find("<body>");
    return page.substr(begin, page.find("<script>", begin) - begin);
  }
  const fs::path folder_ = fs::temp_directory_path() / ("corollary_report_" + std::to_string(::getpid()));
  const fs::path run_ = folder_ / "quick \"<start>\"";
};

TEST_F(Report, JsonHasWhatMachinesNeed) {
  const StageResult result = write_report({}, run_, run_ / "report");
  EXPECT_FALSE(result.was_up_to_date);
  const Json report = json();
  ASSERT_EQ(report["stages"].size(), 8u);
  EXPECT_EQ(report["stages"][4], (Json{{"name", "train"}, {"seconds", 318.4}}));
  EXPECT_EQ(report["stages"][7]["name"], "report");
  EXPECT_EQ(report["training"]["tokens"], 8192 * 600);
  EXPECT_DOUBLE_EQ(report["training"]["seconds"], 306.0);
  EXPECT_NEAR(report["training"]["tokens_per_second"], 8192 * 600 / 306.0, 1e-9);
  EXPECT_NEAR(report["training"]["final_loss"], 2.64, 0.2);
  EXPECT_EQ(report["bits_per_byte"]["web"]["after"], 1.466);
  EXPECT_EQ(report["bits_per_byte"]["web"]["xz"], 1.913);
  EXPECT_EQ(report["model"]["hidden_size"], 256);
  EXPECT_EQ(report["parameters"], 10096896);
  EXPECT_EQ(report["version"], program_version());
  EXPECT_EQ(report["counts"]["pack"]["web"]["train"]["tokens"], 5300000);
  EXPECT_EQ(report["validation"].size(), 3u);
  EXPECT_TRUE(report["problems"].empty());
}

TEST_F(Report, PageSaysItInWordsAndTables) {
  write_report({}, run_, run_ / "report");
  EXPECT_THAT(body(), AllOf(HasSubstr("quick &quot;&lt;start&gt;&quot;"), HasSubstr("<strong>1.24 bits per byte</strong>"),
                            HasSubstr("<strong>1.65</strong>"), HasSubstr("10.1 M parameters"), HasSubstr("too many digits"),
                            HasSubstr("<caption>Model</caption>"), HasSubstr("Time by stage"), HasSubstr("Theorem add_comm")));
  EXPECT_THAT(body(), HasSubstr("<td class=\"words\">tokenizer</td>")) << "pack read what tokenizer wrote";
  EXPECT_THAT(html(), AllOf(HasSubstr("Leon Sorokin"), HasSubstr("Khan Academy"))) << "the licences travel along";
}

TEST_F(Report, HostileTextStaysText) {
  write_report({.title = kAttack}, run_, run_ / "report");
  EXPECT_THAT(body(), AllOf(HasSubstr("&lt;/script&gt;&lt;img src=x onerror="), Not(HasSubstr("<img")),
                            Not(HasSubstr("<script>document"))));
  EXPECT_THAT(html(), HasSubstr("default-src 'none'"));
  EXPECT_THAT(html(), Not(HasSubstr("unsafe-inline")));
}

TEST_F(Report, NothingIsFetched) {
  write_report({}, run_, run_ / "report");
  const std::string page = html();
  for (const char* attribute : {"src=\"http", "href=\"http", "url(http", "url(fonts", "@import", "src=\"//"})
    EXPECT_THAT(page, Not(HasSubstr(attribute)));
}

TEST_F(Report, SecondCallHasNothingToDo) {
  write_report({}, run_, run_ / "report");
  EXPECT_TRUE(write_report({}, run_, run_ / "report").was_up_to_date);
  EXPECT_FALSE(render_report({}, run_, run_ / "report").was_up_to_date);
  write_file(run_ / "sample/samples.jsonl", "{\"prompt\":\"a\",\"completion\":\"b\"}\n");
  EXPECT_FALSE(write_report({}, run_, run_ / "report").was_up_to_date);
  EXPECT_FALSE(write_report({.title = "other"}, run_, run_ / "report").was_up_to_date);
}

TEST_F(Report, MissingStagesAreNamed) {
  for (const char* stage : {"sample", "evaluate", "train", "corpus"}) fs::remove_all(run_ / stage);
  write_report({}, run_, run_ / "report");
  EXPECT_THAT(body(),
              AllOf(HasSubstr("the sample stage left no samples.jsonl"), HasSubstr("the evaluate stage left no results.json"),
                    HasSubstr("Not trained"), HasSubstr("not finished"), HasSubstr("was not measured")));
  EXPECT_TRUE(json()["training"].is_null());
  EXPECT_TRUE(json()["bits_per_byte"].is_null());
}

TEST_F(Report, DamageIsShown) {
  const std::string metrics = read_file(run_ / "train/metrics.jsonl");
  write_file(run_ / "train/metrics.jsonl", "garbage\n" + metrics + "{\"step\":601,\"loss\":null,\"tokens\":1}\n{\"step\":60");
  write_file(run_ / "evaluate/results.json", "{\"bits_per_byte\":[]}");
  write_file(run_ / "corpus/manifest.json", "{}");
  write_file(run_ / "sample/samples.jsonl", "{\"prompt\":3}\n");
  write_report({}, run_, run_ / "report");
  EXPECT_THAT(body(), AllOf(HasSubstr("2 malformed lines were left out, the first: line 1"), HasSubstr("first at step 601"),
                            HasSubstr("evaluate/results.json cannot be used"), HasSubstr("corpus/manifest.json cannot be used"),
                            HasSubstr("samples.jsonl: 1 malformed"), HasSubstr("<td class=\"bad\">NaN</td>")));
  EXPECT_EQ(json()["problems"].size(), 5u);
  EXPECT_TRUE(json()["training"]["final_loss"].is_null());
}

TEST_F(Report, LongSamplesAreCutBetweenCharacters) {
  write_file(run_ / "sample/samples.jsonl",
             to_line({{"prompt", "aé"}, {"completion", "ζζζζ"}}) + "\n" + to_line({{"prompt", "p"}, {"completion", "c"}}) + "\n");
  write_report({.max_samples = 1, .max_sample_bytes = 5}, run_, run_ / "report");
  EXPECT_THAT(body(),
              AllOf(HasSubstr("<b>aé</b>ζζ</div>"), HasSubstr("cut, in full in"), HasSubstr("1 more in sample/samples.jsonl")));
}

TEST_F(Report, RefusesWhatIsNoRun) {
  fs::create_directories(folder_ / "empty");
  EXPECT_THROW(write_report({}, folder_ / "empty", folder_ / "out"), Error);
  EXPECT_THROW(write_report({}, folder_ / "absent", folder_ / "out"), Error);
  EXPECT_THROW(write_report({.max_samples = -1}, run_, folder_ / "out"), Error);
  EXPECT_FALSE(fs::exists(folder_ / "out/report.html"));
}

}  // namespace
}  // namespace corollary
