#include "explore/run_metrics.h"

#include <gmock/gmock.h>

#include <cmath>

#include "explore/charts.h"

namespace corollary {
namespace {

using testing::HasSubstr;

std::string training_line(int step, const std::string& loss) {
  return "{\"step\":" + std::to_string(step) + ",\"loss\":" + loss + ",\"tokens\":" + std::to_string(100 * step) +
         ",\"seconds\":" + std::to_string(step) + "}\n";
}

TEST(RunMetrics, ReadsBothKindsOfLine) {
  const RunMetrics metrics =
      parse_run_metrics(training_line(1, "9.5") + "{\"step\":1,\"validation\":{\"web\":8.5,\"code\":7}}\n" +
                        "{\"step\":2,\"rewind\":{\"to_step\":1}}\n" + training_line(2, "9"));
  ASSERT_EQ(metrics.training.size(), 2u);
  EXPECT_EQ(metrics.training[0].loss, 9.5);
  EXPECT_TRUE(std::isnan(metrics.training[0].grad_norm)) << "not on the line";
  ASSERT_EQ(metrics.validation.size(), 2u);
  EXPECT_EQ(metrics.validation[0].subset, "code");
  EXPECT_EQ(metrics.validation[1].points, (std::vector<std::pair<std::int64_t, double>>{{1, 8.5}}));
  EXPECT_EQ(metrics.malformed_lines, 0);
  const auto all = totals(metrics);
  EXPECT_EQ(all->steps, 2);
  EXPECT_EQ(all->tokens_per_second, 100);
  EXPECT_FALSE(totals({}).has_value());
}

TEST(RunMetrics, MalformedLinesAreCountedAndTheFirstIsNamed) {
  const std::string text =
      training_line(5, "1") + "\n" + "nonsense\n" + training_line(3, "1") + "{\"step\":-1,\"loss\":1}\n" +
      "{\"step\":6,\"loss\":\"low\"}\n[]\n{\"step\":7}\n{\"step\":1e400,\"loss\":1}\n{\"step\":18446744073709551615,\"loss\":1}\n" +
      training_line(8, "1") + "{\"step\":9,\"lo";
  const RunMetrics metrics = parse_run_metrics(text);
  EXPECT_EQ(metrics.training.size(), 2u);
  EXPECT_EQ(metrics.malformed_lines, 9);
  EXPECT_THAT(metrics.first_malformed, HasSubstr("line 3"));
  EXPECT_THAT(metrics.first_malformed, testing::Not(HasSubstr(".cpp")));
}

TEST(RunMetrics, NullIsNaNAndIsCounted) {
  const RunMetrics metrics = parse_run_metrics(training_line(1, "2") + training_line(2, "null") + training_line(3, "null"));
  EXPECT_TRUE(std::isnan(metrics.training[2].loss));
  EXPECT_EQ(metrics.not_finite_losses, 2);
  EXPECT_EQ(metrics.first_not_finite_step, 2);
}

TEST(Charts, LongRunsAreAveragedAndGapsStayGaps) {
  RunMetrics metrics;
  for (int step = 1; step <= 3000; ++step)
    metrics.training.push_back({.step = step, .loss = step <= 3 ? NAN : 2.0, .grad_norm = NAN});
  const auto charts = run_charts(metrics);
  ASSERT_FALSE(charts.empty());
  EXPECT_EQ(charts[0].id, "loss");
  const auto& points = charts[0].curves[0].points;
  EXPECT_EQ(points.size(), 1000u);
  EXPECT_TRUE(std::isnan(points[0].second));
  EXPECT_EQ(points[1], (std::pair{6.0, 2.0}));
  for (const Chart& chart : charts) EXPECT_NE(chart.id, "grad_norm") << "nothing finite to draw";
  EXPECT_TRUE(parse_json(chart_data(charts).dump(), "data")[0]["curves"][0]["y"][0].is_null());
}

TEST(Charts, DegenerateRangesDraw) {
  for (const double loss : {0.0, -5.0, 1e300, -1e300, 5e-324}) {
    RunMetrics metrics;
    metrics.training = {{.step = 1, .loss = loss}, {.step = 2, .loss = loss / 3}};
    EXPECT_THAT(chart_figure(run_charts(metrics)[0]).str(), HasSubstr("<path class=\"curve c0\" d=\"M64.0 "));
    metrics.training.pop_back();
    EXPECT_THAT(chart_figure(run_charts(metrics)[0]).str(), HasSubstr("<path"));
  }
}

}  // namespace
}  // namespace corollary
