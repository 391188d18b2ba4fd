#include "explore/corpus_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/log.h"
#include "explore/html.h"

namespace corollary {
namespace {

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}"
    "th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #ddd;font-variant-numeric:tabular-nums}"
    "th:first-child,td:first-child,.t{text-align:left}tr.sum td{font-weight:600}svg{width:100%;height:auto}"
    "svg text{font:11px system-ui,sans-serif;fill:currentColor}.b1{fill:#3465a4}.b2{fill:#4e9a06}.b3{fill:#c17d11}"
    ".scroll{overflow-x:auto}"
    "@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#181818}th,td{border-color:#444}"
    ".b1{fill:#729fcf}.b2{fill:#8ae234}.b3{fill:#e9b96e}}";

std::string count(const Json& value) { return value.is_number() ? format_count(value.get<double>()) : std::string(); }
std::string size(const Json& value) { return value.is_number() ? format_bytes(value.get<double>()) : std::string(); }
std::string text(const Json& object, const char* name) {
  return object.contains(name) && object[name].is_string() ? object[name].get<std::string>() : std::string();
}
double number(const Json& object, const char* name) {
  return object.contains(name) && object[name].is_number() ? object[name].get<double>() : 0.0;
}

void cells(Html& page, const std::vector<std::string>& values, bool is_head = false) {
  page << "<tr>"_html;
  for (const std::string& value : values) {
    if (is_head)
      page << "<th>"_html << value << "</th>"_html;
    else
      page << "<td>"_html << value << "</td>"_html;
  }
  page << "</tr>\n"_html;
}

/// What the rows of one subset hold together.
struct Total {
  double documents = 0, bytes = 0, tokens = 0;
  bool has_tokens = false;
  std::map<double, double> octaves;  ///< documents by length from 2^k bytes
};

Html overview(const std::vector<std::string>& subsets, const std::map<std::string, Total>& totals) {
  Html page;
  page << "<h2>Subsets</h2>\n<table>\n"_html;
  cells(page, {"subset", "documents", "text", "tokens", "mean length"}, true);
  for (const std::string& subset : subsets) {
    const Total& total = totals.at(subset);
    cells(page, {subset, format_count(total.documents), format_bytes(total.bytes),
                 total.has_tokens ? format_count(total.tokens) : "", format_bytes(total.bytes / std::max(total.documents, 1.0))});
  }
  page << "</table>\n"_html;
  return page;
}

/// Bars of documents by length, an octave each.
Html lengths(const std::string& subset, const Total& total, int colour) {
  Html page;
  if (total.octaves.empty()) return page;
  constexpr double kWidth = 720, kHeight = 160, kBase = 130;
  double most = 1;
  for (const auto& [from, n] : total.octaves) most = std::max(most, n);
  const double step = kWidth / static_cast<double>(total.octaves.size());
  page << "<figure><figcaption>"_html << subset
       << ": documents by length</figcaption>\n<svg viewBox=\"0 0 720 160\" role=\"img\">\n"_html;
  double x = 0;
  for (const auto& [from, n] : total.octaves) {
    const double height = (kBase - 20) * n / most;
    page << "<rect class=\"b"_html << std::int64_t{colour} << "\" x=\""_html << fmt::format("{:.1f}", x + 1) << "\" y=\""_html
         << fmt::format("{:.1f}", kBase - height) << "\" width=\""_html << fmt::format("{:.1f}", step - 2) << "\" height=\""_html
         << fmt::format("{:.1f}", height) << "\"><title>"_html << fmt::format("{} from {}", count(n), format_bytes(from))
         << "</title></rect><text text-anchor=\"middle\" x=\""_html << fmt::format("{:.1f}", x + step / 2) << "\" y=\""_html
         << fmt::format("{:.1f}", kHeight - 14) << "\">"_html << format_bytes(from) << "</text>"_html
         << "<text text-anchor=\"middle\" x=\""_html << fmt::format("{:.1f}", x + step / 2) << "\" y=\""_html
         << fmt::format("{:.1f}", kBase - height - 4) << "\">"_html << count(n) << "</text>\n"_html;
    x += step;
  }
  page << "</svg></figure>\n"_html;
  return page;
}

}  // namespace

std::string corpus_page(const Json& stats, const std::string& title) {
  std::map<std::string, Total> totals;
  std::vector<std::string> subsets;
  Html table;
  table << "<h2>Languages</h2>\n<div class=\"scroll\"><table>\n"_html;
  cells(table, {"subset, language", "split", "documents", "text", "tokens", "shortest", "median", "mean", "95 %", "longest"}, true);
  for (const Json& row : stats.value("rows", Json::array())) {
    const std::string subset = text(row, "subset");
    if (!totals.contains(subset)) subsets.push_back(subset);
    Total& total = totals[subset];
    total.documents += number(row, "documents");
    total.bytes += number(row, "bytes");
    total.tokens += number(row, "tokens");
    total.has_tokens = total.has_tokens || row.contains("tokens");
    const Json lengths = row.value("lengths", Json::object());
    if (lengths.contains("octaves") && lengths["octaves"].is_object())
      for (const auto& [from, n] : lengths["octaves"].items())
        if (n.is_number()) total.octaves[std::strtod(from.c_str(), nullptr)] += n.get<double>();
    const auto length = [&](const char* name) { return lengths.contains(name) ? size(lengths[name]) : std::string(); };
    cells(table, {subset + ", " + text(row, "language"), text(row, "split"), count(row.value("documents", Json())),
                  size(row.value("bytes", Json())), row.contains("tokens") ? count(row["tokens"]) : "", length("least"),
                  length("p50"), length("mean"), length("p95"), length("most")});
  }
  table << "</table></div>\n"_html;

  Html page;
  page
      << "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"_html
      << "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '"_html << csp_hash(kStyle)
      << "'\"><title>"_html << title << "</title><style>"_html;
  page.code(kStyle);
  page << "</style></head>\n<body><h1>"_html << title << "</h1>\n"_html << overview(subsets, totals);
  int colour = 0;
  for (const std::string& subset : subsets) page << lengths(subset, totals.at(subset), 1 + colour++ % 3);
  page << table;
  page << "<h2>Largest origins</h2>\n<div class=\"scroll\"><table>\n"_html;
  cells(page, {"origin", "subset", "documents", "text"}, true);
  for (const Json& origin : stats.value("origins", Json::array()))
    cells(page, {text(origin, "name"), text(origin, "subset"), count(origin.value("documents", Json())),
                 size(origin.value("bytes", Json()))});
  page << "</table></div>\n"_html;
  if (const Json rejected = stats.value("rejected", Json::object()); !rejected.empty()) {
    page << "<h2>Not in the corpus, by reason</h2>\n<table>\n"_html;
    cells(page, {"reason", "files or records"}, true);
    for (const auto& [reason, n] : rejected.items()) cells(page, {reason, count(n)});
    page << "</table>\n"_html;
  }
  page << "</body></html>\n"_html;
  return page.str();
}

}  // namespace corollary
