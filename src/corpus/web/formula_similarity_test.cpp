#include "corpus/web/formula_similarity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace corollary {
namespace {

using Formulas = std::vector<std::string>;

TEST(FormulaSimilarity, FormulasOfAText) {
  EXPECT_EQ(formulas_in("a $x$ b $$y$$ `$c$` \\$5 and \\$6\n\n\\begin{align}\nz\n\\end{align}\n\n```\n$d$\n```\n$\\$e$ $$ f $$"),
            (Formulas{"x", "y", "\\begin{align}\nz\n\\end{align}", "\\$e", "f"}));
  EXPECT_EQ(formulas_in("it costs $5"), Formulas{});
}

TEST(FormulaSimilarity, Normalisation) {
  EXPECT_EQ(normalized_formula("{\\displaystyle a + {b}}"), "a+b");
  EXPECT_EQ(normalized_formula("{a}^{bc} \\le \\left(c\\right)"), "a^{bc}\\leq(c)");
  EXPECT_EQ(normalized_formula("\\begin{equation} \\label{eq:1} x\n\\end{equation}"), "x");
}

/// The table of the textbook, row by row.
std::int64_t plain_distance(const std::string& a, const std::string& b) {
  std::vector<std::int64_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<std::int64_t>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::int64_t diagonal = row[0];
    row[0] = static_cast<std::int64_t>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::int64_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

TEST(FormulaSimilarity, EditDistanceIsTheTextbooks) {
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::string a, b;
    for (std::size_t n = random() % 200; n-- > 0;) a += static_cast<char>('a' + random() % 3);
    b = a;
    for (int edits = static_cast<int>(random() % 60); edits-- > 0 && !b.empty();) {
      const std::size_t at = random() % b.size();
      if (random() % 2 == 0)
        b.erase(at, 1 + random() % 3);
      else
        b.insert(at, 1, static_cast<char>('a' + random() % 3));
    }
    ASSERT_EQ(edit_distance(a, b), plain_distance(a, b)) << a << " " << b;
  }
}

TEST(FormulaSimilarity, CommonFormulasKeepTheirOrder) {
  EXPECT_EQ(formulas_in_common({"a", "b", "c"}, {"a ", "x", "c"}), 2);
  EXPECT_EQ(formulas_in_common({"a", "b"}, {"b", "a"}), 1);
  EXPECT_EQ(formulas_in_common({}, {"b"}), 0);
}

TEST(FormulaSimilarity, WordsLeaveFormulasOut) {
  const WordScore score = word_score("The group $G$ acts", "# the **group** $$H$$ acts freely");
  EXPECT_DOUBLE_EQ(score.recall, 1);
  EXPECT_DOUBLE_EQ(score.precision, 0.75);
}

}  // namespace
}  // namespace corollary
