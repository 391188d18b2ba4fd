// Real formulas of which the author's LaTeX is known: Wikipedia's and KaTeX's annotations, Stack Exchange's MathJax sources.
#include <gtest/gtest.h>

#include <cstdio>

#include "base/compress.h"
#include "base/files.h"
#include "corpus/web/mathml.h"
#include "corpus/web/mathml_similarity.h"

namespace corollary {
namespace {

struct Pair {
  std::string source, converted;
};

std::string text_below(HtmlNode node) {
  std::string text;
  for (HtmlNode child = node.first_child(); child; child = child.next())
    text += child.is_text() ? std::string(child.text()) : text_below(child);
  return text;
}

MathmlOptions without_annotation() {
  MathmlOptions options;
  options.use_annotation = false;
  return options;
}

/// Every <math> with an annotation, and every MathJax preview that carries its MathML beside the script it was made from.
void collect(HtmlNode node, std::vector<Pair>& pairs, std::string& mathml) {
  for (HtmlNode child = node.first_child(); child; child = child.next()) {
    if (!child.is_element()) continue;
    if (child.name() == "math") {
      if (const HtmlNode annotation = find_first(child, [](HtmlNode n) { return n.attribute("encoding") == "application/x-tex"; }))
        pairs.push_back({text_below(annotation), mathml_to_latex(child, without_annotation())});
      continue;
    }
    if (child.name() == "script" && child.attribute("type").starts_with("math/tex") && !mathml.empty()) {
      const HtmlTree tree(mathml);
      const HtmlNode math = find_first(tree.root(), [](HtmlNode n) { return n.name() == "math"; });
      // Sites wrap their macros in such scripts; they are no formulas.
      if (const std::string source = text_below(child); source != "\\begingroup" && source != "\\endgroup")
        pairs.push_back({source, mathml_to_latex(math, without_annotation())});
      mathml.clear();
    }
    if (const auto carried = child.attribute("data-mathml"); !carried.empty()) mathml = carried;
    collect(child, pairs, mathml);
  }
}

TEST(MathmlRoundTrip, PagesOfTheWeb) {
  const fs::path path = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/corpus/html/pages_math.warc.gz";
  if (!fs::exists(path)) GTEST_SKIP() << "no " << path;
  const std::string warc = gzip_decompress(read_file(path), std::size_t{64} << 20, path.string());
  std::vector<Pair> pairs;
  for (std::size_t at = warc.find("WARC/1.0\r\n"); at != std::string::npos;) {
    const std::size_t next = warc.find("WARC/1.0\r\n", at + 1);
    const std::string_view record = std::string_view(warc).substr(at, next - at);
    if (const std::size_t body = record.find('<'); body != std::string_view::npos) {
      const HtmlTree tree(record.substr(body));
      std::string mathml;
      collect(tree.root(), pairs, mathml);
    }
    at = next;
  }
  ASSERT_GT(pairs.size(), 400u);
  double sum = 0;
  std::size_t exact = 0;
  for (const auto& [source, converted] : pairs) {
    const double similarity = testing::latex_similarity(source, converted);
    sum += similarity;
    exact += similarity == 1;
    if (similarity < 0.9) std::printf("%.2f\n  %s\n  %s\n", similarity, source.c_str(), converted.c_str());
  }
  const double mean = sum / static_cast<double>(pairs.size());
  std::printf("%zu formulas, mean similarity %.4f, %zu the same\n", pairs.size(), mean, exact);
  EXPECT_GT(mean, 0.998);
  EXPECT_GT(static_cast<double>(exact), 0.98 * static_cast<double>(pairs.size()));
}

}  // namespace
}  // namespace corollary
