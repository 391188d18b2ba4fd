#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "explore/html.h"
#include "explore/run_metrics.h"

namespace corollary {

/// One line of a chart. Its colour is the page's style for `colour` (c0 grey, c1 ... c7).
struct Curve {
  std::string label;
  int colour = 0;
  bool has_dots = false;                          ///< few points: mark each
  std::vector<std::pair<double, double>> points;  ///< (x, y), x rising; y NaN leaves a gap
};

struct Chart {
  std::string id, title, x_label, y_label;
  std::vector<Curve> curves;
};

/// The run's charts: loss with the subsets' validation, learning rate, tokens per second, gradient norm. Curves of more than
/// kMaxPoints steps are averaged over equal runs of steps. A chart without one finite point is left out.
std::vector<Chart> run_charts(const RunMetrics& metrics);
constexpr std::size_t kMaxPoints = 1200;

/// A <figure>: the chart as SVG, readable and printable without a script; report.js draws uPlot's in its place on a screen.
Html chart_figure(const Chart& chart);
/// What report.js draws from: [{"id","x_label","y_label","curves":[{"label","colour","has_dots","x":[],"y":[]}]}], gaps as null.
Json chart_data(const std::vector<Chart>& charts);

}  // namespace corollary
