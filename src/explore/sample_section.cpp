#include "explore/sample_section.h"

#include <algorithm>
#include <string>

#include "explore/counts_table.h"

namespace corollary {
namespace {

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

/// A formula begins in the prompt and ends in the completion: the two must be one text for KaTeX.
bool is_formula_open(std::string_view prompt) {
  std::size_t dollars = 0;
  for (std::size_t i = 0; i < prompt.size(); ++i) dollars += prompt[i] == '$' && (i == 0 || prompt[i - 1] != '\\');
  const auto count = [&](std::string_view part) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = prompt.find(part, at)) != std::string_view::npos; at += part.size()) ++found;
    return found;
  };
  return dollars % 2 == 1 || count("\\(") != count("\\)") || count("\\[") != count("\\]") || count("\\begin{") != count("\\end{");
}

/// At most `max_bytes`, cut between characters.
std::string_view head_of(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  while (max_bytes > 0 && (static_cast<unsigned char>(text[max_bytes]) & 0xC0) == 0x80) --max_bytes;
  return text.substr(0, max_bytes);
}

Html card(const Sample& sample, std::size_t max_bytes) {
  const std::string_view prompt = head_of(sample.prompt, max_bytes);
  const std::string_view completion = head_of(sample.completion, max_bytes);
  const bool is_code = looks_like_code(sample.prompt + sample.completion);
  Html out;
  out << "<article class=\"sample\"><h3>"_html << (is_code ? "program or proof" : "prose");
  if (sample.seed) out << " · seed "_html << *sample.seed;
  if (prompt.size() < sample.prompt.size() || completion.size() < sample.completion.size())
    out << " · cut, in full in samples.jsonl"_html;
  out << "</h3>\n"_html << (is_code ? "<pre class=\"said\">"_html : "<div class=\"said math\">"_html);
  if (is_code || !is_formula_open(prompt))
    out << "<b>"_html << prompt << "</b>"_html << completion;
  else
    out << prompt << completion;
  return out << (is_code ? "</pre></article>\n"_html : "</div></article>\n"_html);
}

}  // namespace

bool looks_like_code(std::string_view text) {
  if (contains_any(text, {"$", "\\(", "\\[", "\\begin{"})) return false;
  return contains_any(
      text, {"def ", "Theorem ", "Lemma ", "Proof.",  "Qed.",      "import ",     "return ",  "forall ", ":=",     "->",   "=>",
             "::",   "{\n",      "();",    "let rec", "function ", "endfunction", "#include", "==",      "assert", "THEN "});
}

Html sample_section(const RunRecord& run, const ReportConfig& config) {
  Html out;
  out << "<section id=\"samples\"><h2>Samples</h2>\n"_html;
  if (!run.samples || run.samples->samples.empty())
    return out << "<p class=\"missing\">None: the sample stage left no samples.jsonl with a sample in it.</p>\n</section>\n"_html;
  out << "<p>What the model goes on with when it is given the <b>beginning</b>. It is a small model: read for shape, not for truth.</p>\n"_html;
  const auto& samples = run.samples->samples;
  const std::size_t shown = std::min(samples.size(), static_cast<std::size_t>(config.max_samples));
  for (std::size_t i = 0; i < shown; ++i) out << card(samples[i], static_cast<std::size_t>(config.max_sample_bytes));
  if (shown < samples.size())
    out << "<p class=\"note\">"_html << with_commas(static_cast<std::int64_t>(samples.size() - shown))
        << " more in sample/samples.jsonl.</p>\n"_html;
  return out << "</section>\n"_html;
}

}  // namespace corollary
