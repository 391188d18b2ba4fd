// Pages made to be slow: each in two sizes, n and 4n. The time must grow about as the page does.
#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <string>

#include "corpus/web/html_text.h"

namespace corollary {
namespace {

std::string repeat(const std::string& piece, std::size_t n) {
  std::string out;
  out.reserve(piece.size() * n);
  while (n-- > 0) out += piece;
  return out;
}

double seconds(const std::string& page) {
  const std::clock_t start = std::clock();  // of the processor: the machine may be busy
  (void)html_to_text(page);
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

struct Hostile {
  const char* name;
  std::function<std::string(std::size_t)> page;
};

TEST(HtmlHostile, TimeIsLinear) {
  const std::string mathjax = "<script src=MathJax.js></script><p>";
  const Hostile cases[] = {
      {"dollars", [&](std::size_t n) { return mathjax + repeat("$", n); }},
      {"dollars and braces", [&](std::size_t n) { return mathjax + "<script>inlineMath:[['$','$']]</script>" + repeat("$ {", n); }},
      {"begin", [&](std::size_t n) { return mathjax + repeat("\\begin{", n); }},
      {"begin align", [&](std::size_t n) { return mathjax + repeat("\\begin{align} ", n / 8) + "\\end{align}"; }},
      {"open brackets", [&](std::size_t n) { return mathjax + repeat("\\({", n) + "\\)"; }},
      {"escaped math", [](std::size_t n) { return repeat("&lt;math&gt; ", n / 4) + "&lt;/math"; }},
      {"attributes",
       [](std::size_t n) {
         std::string page = "<p";
         for (std::size_t i = 0; i < n; ++i) page += " a" + std::to_string(i) + "=1";
         return page + ">x";
       }},
      {"formatting",
       [](std::size_t n) {
         std::string page;
         for (int i = 0; i < 150; ++i) page += "<b a=" + std::to_string(i) + ">";
         return page + repeat("<p>x", n / 4);
       }},
      {"links open", [](std::size_t n) { return repeat("<a><p>", n / 4); }},
      {"spans", [](std::size_t n) { return "<table>" + repeat("<tr><td colspan=1000 rowspan=1000>x", n / 20); }},
      {"entities", [](std::size_t n) { return repeat("&amp;", n) + repeat("&noname", n); }},
      {"comments", [](std::size_t n) { return repeat("<!--", n) + repeat("<", n); }},
      {"scripts", [](std::size_t n) { return repeat("<script><!--<script>", n / 8); }},
      {"quotations", [](std::size_t n) { return repeat("<blockquote class=quote>quoted text</blockquote><p>p", n / 8); }},
      {"deep quotations", [](std::size_t n) { return repeat("<blockquote class=quote>", 300) + repeat("x ", n); }},
      {"deep classes", [](std::size_t n) { return repeat("<div class='x tex math katex MathJax a'>", 390) + repeat("y ", n); }},
      {"images", [](std::size_t n) { return repeat("<img class=mwe-math-fallback-image alt=x>", n / 8); }},
      {"definitions", [](std::size_t n) { return "<dl>" + repeat("<dd>x", n / 4); }},
      {"backticks", [](std::size_t n) { return "<pre>" + repeat("`", n) + "</pre>"; }},
      {"codecogs", [](std::size_t n) { return "<img src='//latex.codecogs.com/a?" + repeat("&space;", n / 2) + "'>"; }},
      {"colours", [](std::size_t n) { return "<img class=tex alt='" + repeat("\\textcolor[", n / 2) + "'>"; }},
      {"foster", [](std::size_t n) { return "<table>" + repeat("<b>x<tr>", n / 8); }},
  };
  for (const Hostile& at : cases) {
    constexpr std::size_t kSize = 100'000;
    const double small = seconds(at.page(kSize)), large = seconds(at.page(4 * kSize));
    // Quadratic would be 16 times; a page of this size takes 0.1 s where it is slow at all, and memory is new to a large one.
    EXPECT_LT(large, 10 * small + 0.5) << at.name << ": " << small << " s, then " << large << " s";
  }
}

TEST(HtmlHostile, TheSameBytesGiveTheSameText) {
  const std::string page = repeat("<ul><li><b>a<table><tr><td>$x$<math><mi>y", 50);
  EXPECT_EQ(html_to_text(page).text, html_to_text(page).text);
}

}  // namespace
}  // namespace corollary
