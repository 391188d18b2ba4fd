#include "corpus/filters.h"

#include <gtest/gtest.h>

namespace corollary {
namespace {

std::string verdict(const std::string& subset, const std::string& text) {
  const auto rejection = filter_for(subset, "x")({text, "", ""});
  return rejection ? rejection->reason : "";
}
std::string repeat(const std::string& piece, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += piece;
  return out;
}

TEST(Filters, Web) {
  EXPECT_EQ(verdict("web", "short"), "too_short");
  EXPECT_EQ(verdict("web", repeat("the sum of two even numbers is even ", 30)), "");
  EXPECT_EQ(verdict("web", repeat("la somme de deux nombres pairs est paire ", 30)), "not_english");
  EXPECT_EQ(verdict("web", std::string((1 << 24) + 1, 'x')), "too_large");
}

TEST(Filters, Papers) {
  EXPECT_EQ(verdict("papers", std::string(400, 'x')), "too_short");
  EXPECT_EQ(verdict("papers", repeat("\\section{The sum} of $x$ and $y$ is even. ", 30)), "");
  EXPECT_EQ(verdict("papers", repeat("\\expandafter\\def\\csname x\\endcsname{}", 30)), "tex_program");
}

TEST(Filters, LicencesOfCode) {
  CorpusConfig config;
  config.licences = {"MIT", "BSD-*"};
  const Filter filter = filter_for("code", "agda", config);
  const Json mit = {{"licence", "MIT"}}, gpl = {{"licence", "GPL-3.0"}};
  EXPECT_FALSE(filter({"x : Nat", "", "", &mit}).has_value());
  EXPECT_EQ(filter({"x : Nat", "", "", &gpl})->reason, "licence");
  EXPECT_EQ(filter({"x : Nat", "", ""})->reason, "licence");
}

TEST(Filters, CodeTakesTheLanguages) {
  EXPECT_TRUE(filter_for("code", "lean")({"def x := 0", "", ""}).has_value());
  EXPECT_FALSE(filter_for("code", "agda")({"x : Nat", "", ""}).has_value());
}

}  // namespace
}  // namespace corollary
