#include "explore/charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace corollary {
namespace {

std::vector<std::pair<double, double>> averaged(const std::vector<TrainingPoint>& training, double TrainingPoint::*value) {
  std::vector<std::pair<double, double>> points;
  const std::size_t run = (training.size() + kMaxPoints - 1) / kMaxPoints;  // 1 unless the run is long
  for (std::size_t begin = 0; begin < training.size(); begin += run) {
    const std::size_t end = std::min(begin + run, training.size());
    double sum = 0;
    std::size_t finite = 0;
    for (std::size_t i = begin; i < end; ++i)
      if (std::isfinite(training[i].*value)) sum += training[i].*value, ++finite;
    points.emplace_back(static_cast<double>(training[end - 1].step),
                        finite == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(finite));
  }
  return points;
}

bool has_finite_point(const Chart& chart) {
  for (const Curve& curve : chart.curves)
    for (const auto& [x, y] : curve.points)
      if (std::isfinite(y)) return true;
  return false;
}

/// About five round numbers from at most `low` to at least `high`.
std::vector<double> ticks(double low, double high) {
  if (!(high > low)) high = low + std::max(std::abs(low), 1e-12);
  const double rough = (high - low) / 4, power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double candidate : {1.0, 2.0, 2.5, 5.0})
    if (candidate * power >= rough) {
      step = candidate * power;
      break;
    }
  std::vector<double> values;
  const double first = std::floor(low / step + 1e-9);
  for (int i = 0; i < 12; ++i) {
    values.push_back((first + i) * step);
    if (values.back() >= high - 1e-9 * step) break;
  }
  return values;
}

std::string short_number(double value) {
  if (value == 0) return "0";
  if (std::abs(value) >= 1e6) return fmt::format("{:.3g} M", value / 1e6);
  if (std::abs(value) >= 1e4) return fmt::format("{:.4g} k", value / 1e3);
  return fmt::format("{:.4g}", value);
}

}  // namespace

std::vector<Chart> run_charts(const RunMetrics& metrics) {
  std::vector<Chart> charts;
  Chart loss{"loss", "Loss", "step", "nats per token", {{"training", 0, false, averaged(metrics.training, &TrainingPoint::loss)}}};
  int colour = 1;
  for (const ValidationCurve& validation : metrics.validation) {
    Curve curve{"validation: " + validation.subset, colour++, validation.points.size() <= 60, {}};
    for (const auto& [step, value] : validation.points) curve.points.emplace_back(static_cast<double>(step), value);
    loss.curves.push_back(std::move(curve));
  }
  charts.push_back(std::move(loss));
  const auto single = [&](const char* id, const char* title, const char* y_label, double TrainingPoint::*value) {
    charts.push_back({id, title, "step", y_label, {{title, 1, false, averaged(metrics.training, value)}}});
  };
  single("learning_rate", "Learning rate", "", &TrainingPoint::learning_rate);
  single("tokens_per_second", "Tokens per second", "", &TrainingPoint::tokens_per_second);
  single("grad_norm", "Gradient norm", "before clipping", &TrainingPoint::grad_norm);
  std::erase_if(charts, [](const Chart& chart) { return !has_finite_point(chart); });
  return charts;
}

Html chart_figure(const Chart& chart) {
  constexpr double kWidth = 720, kHeight = 300, kLeft = 64, kRight = 12, kTop = 12, kBottom = 34;
  double x_low = std::numeric_limits<double>::infinity(), x_high = -x_low, y_low = x_low, y_high = -x_low;
  for (const Curve& curve : chart.curves)
    for (const auto& [x, y] : curve.points) {
      if (!std::isfinite(y)) continue;
      x_low = std::min(x_low, x), x_high = std::max(x_high, x);
      y_low = std::min(y_low, y), y_high = std::max(y_high, y);
    }
  const std::vector<double> y_ticks = ticks(y_low, y_high);
  y_low = y_ticks.front(), y_high = y_ticks.back();
  if (!(x_high > x_low)) x_high = x_low + 1;
  const auto px = [&](double x) { return kLeft + (x - x_low) / (x_high - x_low) * (kWidth - kLeft - kRight); };
  const auto py = [&](double y) { return kHeight - kBottom - (y - y_low) / (y_high - y_low) * (kHeight - kTop - kBottom); };
  const auto at = [](double value) { return fmt::format("{:.1f}", value); };

  Html out;
  out << "<figure class=\"chart\" id=\"chart-"_html << chart.id << "\">\n<figcaption>"_html << chart.title;
  if (!chart.y_label.empty()) out << "<span class=\"unit\"> "_html << chart.y_label << "</span>"_html;
  out << "</figcaption>\n<div class=\"plot\"></div>\n<svg class=\"fallback\" viewBox=\"0 0 720 300\" role=\"img\" aria-label=\""_html
      << chart.title << " against " << chart.x_label << "\">\n"_html;
  for (const double y : y_ticks)
    out << "<line class=\"grid\" x1=\"64\" x2=\"708\" y1=\""_html << at(py(y)) << "\" y2=\""_html << at(py(y))
        << "\"/><text class=\"tick end\" x=\"56\" y=\""_html << at(py(y) + 4) << "\">"_html << short_number(y) << "</text>\n"_html;
  for (const double x : ticks(x_low, x_high))
    if (x >= x_low && x <= x_high)
      out << "<text class=\"tick middle\" x=\""_html << at(px(x)) << "\" y=\"288\">"_html << short_number(x) << "</text>\n"_html;
  for (const Curve& curve : chart.curves) {
    std::string path;
    bool is_down = false;  // the pen
    for (const auto& [x, y] : curve.points) {
      if (!std::isfinite(y)) {
        is_down = false;
        continue;
      }
      path += is_down ? 'L' : 'M';
      path.append(at(px(x))).append(" ").append(at(py(y)));
      is_down = true;
    }
    out << "<path class=\"curve c"_html << std::int64_t{curve.colour % 8} << "\" d=\""_html << path << "\"/>\n"_html;
  }
  out << "</svg>\n"_html;
  if (chart.curves.size() > 1) {
    out << "<ul class=\"legend fallback\">"_html;
    for (const Curve& curve : chart.curves)
      out << "<li class=\"c"_html << std::int64_t{curve.colour % 8} << "\">"_html << curve.label << "</li>"_html;
    out << "</ul>\n"_html;
  }
  return out << "</figure>\n"_html;
}

Json chart_data(const std::vector<Chart>& charts) {
  Json data = Json::array();
  for (const Chart& chart : charts) {
    Json curves = Json::array();
    for (const Curve& curve : chart.curves) {
      Json x = Json::array(), y = Json::array();
      for (const auto& [at, value] : curve.points) x.push_back(at), y.push_back(value);  // dumped as null if not finite
      curves.push_back({{"label", curve.label}, {"colour", curve.colour % 8}, {"has_dots", curve.has_dots}, {"x", x}, {"y", y}});
    }
    data.push_back({{"id", chart.id}, {"x_label", chart.x_label}, {"y_label", chart.y_label}, {"curves", curves}});
  }
  return data;
}

}  // namespace corollary
