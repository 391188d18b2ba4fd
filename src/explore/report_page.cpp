#include "explore/report_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/log.h"
#include "explore/charts.h"
#include "explore/counts_table.h"
#include "explore/provenance.h"
#include "explore/sample_section.h"
#include "explore/web_assets.h"

namespace corollary {
namespace {

Html missing(const std::string& what) {
  Html out;
  return out << "<p class=\"missing\">"_html << what << "</p>\n"_html;
}

Html strong(const std::string& text) {
  Html out;
  return out << "<strong>"_html << text << "</strong>"_html;
}

/// A number and its unit on one line.
Html unbroken(const std::string& text) {
  Html out;
  return out << "<span class=\"unbroken\">"_html << text << "</span>"_html;
}

std::string bits(double value) { return std::isnan(value) ? "–" : fixed(value, 3); }

/// A paragraph that says what came out to someone who never trained a model.
Html summary(const RunRecord& run) {
  Html out;
  out << "<p class=\"lead\">"_html;
  const auto trained = run.metrics ? totals(*run.metrics) : std::nullopt;
  if (trained) {
    out << "A model of "_html
        << (run.parameters ? format_count(static_cast<double>(*run.parameters)) + " parameters" : "unknown size") << " read "
        << (std::isfinite(trained->tokens) ? format_count(trained->tokens) : "an unknown number of") << " tokens of mathematics";
    if (std::isfinite(trained->seconds)) out << " in "_html << unbroken(format_seconds(trained->seconds));
    out << ". "_html;
  } else {
    out << "No training step is on record. "_html;
  }
  const auto all = run.bits_per_byte ? overall(*run.bits_per_byte) : std::nullopt;
  if (!all) return out << "How well it predicts mathematics it has not seen was not measured.</p>\n"_html;
  const auto megabyte = [](double bits_per_byte) { return format_bytes(bits_per_byte / 8 * 1e6); };
  out << "It compresses held-out mathematics to "_html << strong(fixed(all->after, 2) + " bits per byte") << " ("_html
      << fixed(all->before, 2) << " before training); "_html << unbroken("xz -9e") << " needs "_html << strong(fixed(all->xz, 2))
      << " on the same bytes. A megabyte of such text becomes "_html << unbroken(megabyte(all->after))
      << " with the model’s predictions, "_html << unbroken(megabyte(all->xz)) << " with xz"_html;
  const double gain = 1 - all->after / all->xz;
  if (all->xz > 0 && gain >= 0.005) out << ": "_html << unbroken(fmt::format("{:.0f} % smaller", 100 * gain));
  if (all->xz > 0 && gain <= -0.005) out << ": xz is still ahead"_html;
  return out << ".</p>\n"_html;
}

Html tiles(const RunRecord& run) {
  Html out;
  const auto tile = [&](const std::string& name, const std::string& value) {
    out << "<div><dt>"_html << name << "</dt><dd>"_html << value << "</dd></div>"_html;
  };
  out << "<dl class=\"tiles\">"_html;
  if (run.parameters) tile("parameters", format_count(static_cast<double>(*run.parameters)));
  if (const auto all = run.metrics ? totals(*run.metrics) : std::nullopt) {
    tile("tokens trained on", std::isfinite(all->tokens) ? format_count(all->tokens) : "NaN");
    tile("tokens per second", whole(all->tokens_per_second));
    tile("final training loss", fixed(all->final_loss, 3));
  }
  double seconds = 0;
  for (const StageRecord& stage : run.stages) seconds += stage.manifest ? stage.manifest->seconds : 0;
  tile("all stages", format_seconds(seconds));
  return out << "</dl>\n"_html;
}

/// One row: label, bar, number. `share` of the full width, 0 to 1.
Html bar(Markup row_class, const std::string& label, double share, const std::string& value) {
  Html out;
  out << "<div class=\"bar "_html << row_class << "\"><span class=\"label\">"_html << label
      << "</span><svg aria-hidden=\"true\"><rect height=\"100%\" width=\""_html
      << fmt::format("{:.2f}%", 100 * std::clamp(share, 0.0, 1.0)) << "\" rx=\"2\"/></svg><span>"_html << value
      << "</span></div>\n"_html;
  return out;
}

Html compression(const RunRecord& run) {
  Html out;
  out << "<section id=\"compression\"><h2>Compression</h2>\n<p>Bits that the model needs for a byte of text it never trained on: "
         "its surprise, and the size "
         "to which an arithmetic coder driven by it would shrink that text. Lower is better.</p>\n"_html;
  if (!run.bits_per_byte || run.bits_per_byte->empty())
    return out << missing("Not measured: the evaluate stage left no results.json.") << "</section>\n"_html;
  double widest = 0;
  for (const BitsPerByte& one : *run.bits_per_byte)
    for (const double value : {one.before, one.after, one.xz})
      if (std::isfinite(value)) widest = std::max(widest, value);
  out << "<div class=\"bars\">\n"_html;
  for (const BitsPerByte& one : *run.bits_per_byte) {
    out << "<figure><figcaption>"_html << one.subset << "</figcaption>\n"_html;
    const auto row = [&](Markup row_class, const char* label, double value) {
      out << bar(row_class, label, widest > 0 && std::isfinite(value) ? value / widest : 0, bits(value));
    };
    row("ours"_html, "trained", one.after);
    row("xz"_html, "xz -9e", one.xz);
    row("untrained"_html, "untrained", one.before);
    out << "</figure>\n"_html;
  }
  out << "</div>\n<div class=\"wide\"><table><caption>Bits per byte of each subset’s test split</caption>\n<thead><tr><td></td>"_html;
  for (const char* column : {"before", "after", "xz -9e", "after / xz", "bytes", "tokens", "bytes per token"})
    out << "<th scope=\"col\">"_html << column << "</th>"_html;
  out << "</tr></thead>\n<tbody>\n"_html;
  const auto row = [&](const BitsPerByte& one, Markup row_class) {
    out << "<tr class=\""_html << row_class << "\"><th scope=\"row\">"_html << one.subset << "</th>"_html;
    for (const std::string& cell : {bits(one.before), bits(one.after), bits(one.xz), one.xz > 0 ? bits(one.after / one.xz) : "–",
                                    whole(one.bytes), whole(one.tokens), one.tokens > 0 ? fixed(one.bytes / one.tokens, 2) : "–"})
      out << "<td>"_html << cell << "</td>"_html;
    out << "</tr>\n"_html;
  };
  for (const BitsPerByte& one : *run.bits_per_byte) row(one, ""_html);
  if (const auto all = overall(*run.bits_per_byte); all && run.bits_per_byte->size() > 1) row(*all, "total"_html);
  return out << "</tbody></table></div>\n</section>\n"_html;
}

/// About a dozen steps of the curves, for those who read tables.
Html curve_table(const RunMetrics& metrics) {
  Html out;
  out << "<details><summary>The curves as a table</summary>\n<div class=\"wide\"><table><caption>Training, every so many steps</caption><thead><tr>"_html;
  for (const char* column : {"step", "tokens", "loss", "learning rate", "gradient norm", "tokens/s"})
    out << "<th scope=\"col\">"_html << column << "</th>"_html;
  out << "</tr></thead>\n<tbody>\n"_html;
  const auto& points = metrics.training;
  const std::size_t rows = std::min<std::size_t>(12, points.size());
  for (std::size_t i = 0; i < rows; ++i) {
    const TrainingPoint& point = points[rows == 1 ? 0 : i * (points.size() - 1) / (rows - 1)];
    out << "<tr><th scope=\"row\">"_html << point.step << "</th>"_html;
    for (const std::string& cell :
         {std::isfinite(point.tokens) ? format_count(point.tokens) : "–", fixed(point.loss, 4),
          fmt::format("{:.3g}", point.learning_rate), fixed(point.grad_norm, 3), fixed(point.tokens_per_second, 0)})
      out << "<td"_html << (cell == "NaN" ? " class=\"bad\""_html : ""_html) << ">"_html << cell << "</td>"_html;
    out << "</tr>\n"_html;
  }
  out << "</tbody></table></div>\n"_html;
  if (!metrics.validation.empty()) {
    out << "<div class=\"wide\"><table><caption>Validation loss, nats per token</caption><thead><tr><td></td>"
           "<th scope=\"col\">first</th><th scope=\"col\">last</th><th scope=\"col\">at step</th></tr></thead>\n<tbody>\n"_html;
    for (const ValidationCurve& curve : metrics.validation)
      out << "<tr><th scope=\"row\">"_html << curve.subset << "</th><td>"_html << fixed(curve.points.front().second, 4)
          << "</td><td>"_html << fixed(curve.points.back().second, 4) << "</td><td>"_html << curve.points.back().first
          << "</td></tr>\n"_html;
    out << "</tbody></table></div>\n"_html;
  }
  return out << "</details>\n"_html;
}

Html training(const RunRecord& run, const std::vector<Chart>& charts) {
  Html out;
  out << "<section id=\"training\"><h2>Training</h2>\n"_html;
  const auto all = run.metrics ? totals(*run.metrics) : std::nullopt;
  if (!all) return out << missing("Not trained: train/metrics.jsonl holds no step.") << "</section>\n"_html;
  for (const Chart& chart : charts)
    if (chart.id == "loss") out << chart_figure(chart);
  out << "<div class=\"small\">\n"_html;
  for (const Chart& chart : charts)
    if (chart.id != "loss") out << chart_figure(chart);
  out << "</div>\n<div class=\"columns\">\n<div class=\"wide\"><table><caption>The run</caption><tbody>\n"_html;
  const auto row = [&](const char* name, const std::string& value) {
    out << "<tr><th scope=\"row\">"_html << name << "</th><td"_html << (value == "NaN" ? " class=\"bad\""_html : ""_html)
        << ">"_html << value << "</td></tr>\n"_html;
  };
  row("steps", with_commas(all->steps));
  row("tokens", whole(all->tokens));
  row("time", std::isfinite(all->seconds) ? format_seconds(all->seconds) : "NaN");
  row("tokens per second", whole(all->tokens_per_second));
  row("final training loss", fixed(all->final_loss, 4));
  if (const double mfu = run.metrics->training.back().mfu; mfu > 0) row("share of peak arithmetic", fixed(100 * mfu, 1) + " %");
  if (run.metrics->not_finite_losses > 0) row("steps without a finite loss", with_commas(run.metrics->not_finite_losses));
  out << "</tbody></table></div>\n"_html;
  if (run.model_config.is_object()) {
    Json shown = Json::object();
    for (const char* key :
         {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
          "vocab_size", "max_position_embeddings", "rope_theta", "rms_norm_eps", "tie_word_embeddings", "torch_dtype"})
      if (run.model_config.contains(key) && !run.model_config[key].is_null()) shown[key] = run.model_config[key];
    if (run.parameters) shown["parameters"] = *run.parameters;
    out << counts_tables("Model", shown);
  }
  return out << "</div>\n"_html << curve_table(*run.metrics) << "</section>\n"_html;
}

Html corpus(const RunRecord& run) {
  Html out;
  out << "<section id=\"corpus\"><h2>Corpus and tokens</h2>\n"_html;
  static constexpr std::pair<const char*, const char*> kStages[] = {
      {"corpus", "Documents"}, {"fetch", "Sources"}, {"tokenizer", "Tokenizer"}, {"pack", "Token files"}};
  bool is_empty = true;
  for (const auto& [stage, caption] : kStages) {
    const Manifest* manifest = run.manifest(stage);
    if (manifest == nullptr) continue;
    const Html tables = counts_tables(caption, manifest->counts);
    if (tables.empty()) continue;
    is_empty = false;
    out << "<div class=\"columns\">"_html << tables << "</div>\n"_html;
  }
  if (is_empty) out << missing("No stage that builds the corpus left its counts.");
  return out << "</section>\n"_html;
}

/// The policy, the title and everything that is ours or a library's, inline.
Html head(const std::string& title) {
  const std::string styles = std::string(web::katex_css) + "\n" + std::string(web::uplot_css) + "\n" + std::string(web::report_css);
  std::string scripts;
  for (const std::string_view script : {web::early_js, web::katex_js, web::auto_render_js, web::uplot_js, web::report_js})
    scripts.append(" ").append(csp_hash(script));
  Html licences;
  licences.comment("This page embeds KaTeX (formulas and their fonts) and uPlot (curves). Their licences follow.\n\nuPlot\n" +
                   std::string(web::uplot_licence) + "\n\nKaTeX\n" + std::string(web::katex_licence));
  Html out;
  out << "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" "
         "content=\""
         "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; font-src data:; style-src "_html;
  out.code(csp_hash(styles)) << "; script-src"_html;
  out.code(scripts)
      << "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>"_html
      << title << " · corollary</title>\n<link rel=\"icon\" href=\"data:,\">\n"_html << licences << "<style>"_html;
  out.code(styles) << "</style>\n<script>"_html;
  out.code(web::early_js) << "</script>\n</head>\n"_html;
  return out;
}

}  // namespace

std::vector<std::string> page_problems(const RunRecord& run) {
  std::vector<std::string> problems = run.problems;
  if (run.metrics && run.metrics->malformed_lines > 0)
    problems.push_back(fmt::format("train/metrics.jsonl: {} malformed lines were left out, the first: {}",
                                   run.metrics->malformed_lines, run.metrics->first_malformed));
  if (run.metrics && run.metrics->first_not_finite_step)
    problems.push_back(fmt::format("the training loss is not a finite number (NaN) at {} steps, first at step {}",
                                   run.metrics->not_finite_losses, *run.metrics->first_not_finite_step));
  if (run.samples && run.samples->malformed_lines > 0)
    problems.push_back(fmt::format("sample/samples.jsonl: {} malformed lines were left out", run.samples->malformed_lines));
  return problems;
}

Html report_page(const RunRecord& run, const ReportConfig& config) {
  const std::string title = config.title.empty() ? run.name : config.title;
  const std::vector<Chart> charts = run.metrics ? run_charts(*run.metrics) : std::vector<Chart>{};
  Html out = head(title);
  out << "<body>\n<a class=\"skip\" href=\"#compression\">To the results</a>\n<header>\n<p class=\"eyebrow\">corollary "_html
      << program_version() << " · report of a run</p>\n<h1>"_html << title << "</h1>\n"_html << summary(run) << tiles(run)
      << "<nav aria-label=\"Sections\"><ul><li><a href=\"#compression\">Compression</a></li><li><a "
         "href=\"#training\">Training</a></li>"
         "<li><a href=\"#samples\">Samples</a></li><li><a href=\"#corpus\">Corpus and tokens</a></li>"
         "<li><a href=\"#provenance\">Provenance</a></li></ul></nav>\n</header>\n<main>\n"_html;
  if (const auto problems = page_problems(run); !problems.empty()) {
    out << "<aside class=\"problems\" aria-label=\"Problems\"><h2>Read with care</h2><ul>"_html;
    for (const std::string& problem : problems) out << "<li>"_html << problem << "</li>"_html;
    out << "</ul></aside>\n"_html;
  }
  out << compression(run) << training(run, charts) << sample_section(run, config) << corpus(run) << provenance_section(run)
      << "</main>\n<footer>One file, nothing fetched. Formulas by KaTeX, curves by uPlot; their licences are in this page’s "
         "source.</footer>\n"
         "<script type=\"application/json\" id=\"report-data\">"_html;
  out.json(chart_data(charts)) << "</script>\n"_html;
  for (const std::string_view script : {web::katex_js, web::auto_render_js, web::uplot_js, web::report_js}) {
    out << "<script>"_html;
    out.code(script) << "</script>\n"_html;
  }
  return out << "</body>\n</html>\n"_html;
}

}  // namespace corollary
