#include "corpus/code/theorem_decontamination.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/compress.h"
#include "base/test_folder.h"
#include "corpus/code/theorem_names.h"
#include "corpus/document.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

using testing::make_archive;

std::string names_of(const TheoremDecontaminator::Result& result) {
  std::string names;
  for (const auto& removal : result.removed)
    names += removal.name + "@" + std::to_string(removal.offset) + "+" + std::to_string(removal.bytes) + ";";
  return names;
}

const TestTheorems kTests = {{"lemma foo [simp]: \"x = x\"", "lemma (in monoid) bar: assumes \"a\" shows \"b\"",
                              "lemma \"unnamed  statement\"", "lemma [simp]: \"f x = g x\"", "theorem t\\<^sub>1: \"True\""},
                             {{"src/algebra/basic.lean", "mul.comm.left"}, {"src/algebra/basic.lean", "solo"}, {"", "amc12_p1"}}};

TEST(TheoremDecontamination, IsabelleByWholeName) {
  const TheoremDecontaminator tests(kTests);
  EXPECT_EQ(names_of(tests.isabelle("lemma foo[intro]:\n \"y\"\n  by auto\n\nlemma foo2: \"x\"\n\nlemma foo: z")),
            "foo@0+32;foo@51+12;");
  EXPECT_EQ(tests.isabelle("a\n\ntheorem bar:\n x\n \t\nb").text, "a\n\n\n \t\nb")
      << "a line of blanks is blank; the separator stays";
  EXPECT_EQ(tests.isabelle("lemma (* why *) (in group) \"bar\" : x").text, "");
  EXPECT_EQ(tests.isabelle("corollary t\\<^sub>1 : x\n\ny").text, "\n\ny");
  for (const char* kept :
       {"lemma fo: x", "lemma foo x", "lemma foo' : x", "dilemma foo: x", "lemmas foo: x", "lemma t: x", "lemma foo.a: x", ""})
    EXPECT_EQ(tests.isabelle(kept).text, kept);
}

TEST(TheoremDecontamination, IsabelleWithoutNameByStatement) {
  const TheoremDecontaminator tests(kTests);
  EXPECT_EQ(names_of(tests.isabelle("lemma\n  \"unnamed statement\"\n by x\n\n")), "lemma\"unnamedstatement\"@0+33;");
  EXPECT_EQ(tests.isabelle("lemma [simp]: \"f x =\n  g x\" by y").text, "");
  EXPECT_EQ(tests.isabelle("lemma [simp]: \"f x = h x\"").text, "lemma [simp]: \"f x = h x\"") << "upstream cuts this";
}

TEST(TheoremDecontamination, IsabelleAsPublished) {
  const TheoremDecontaminator tests(kTests, true);
  EXPECT_EQ(names_of(tests.isabelle("lemma foo: a\n\nlemma foo [simp]: b\n\nlemma foo [simp]: c\n\n")), "lemma foo [simp]:@14+19;")
      << "the first alone, to the byte";
  EXPECT_EQ(tests.isabelle("x lemma [simp]: unrelated").text, "x ");
  EXPECT_EQ(names_of(tests.isabelle("lemma foo [simp]: theorem t\\<^sub>1: x\n\nlemma [simp]:")),
            "lemma foo [simp]:@0+38;lemma [simp]:@40+13;")
      << "offsets are of the text as it came";
}

TEST(TheoremDecontamination, LeanByAnyPartOfTheNameInItsFile) {
  const TheoremDecontaminator tests(kTests);
  const char* file = "repo/src/algebra/basic.lean";
  for (const char* name : {"left", "comm.left", "mul.comm.left", "_root_.mul.comm.left", "left.{u v}", "solo", "amc12_p1"})
    EXPECT_EQ(tests.lean(std::string("a\n\ntheorem ") + name + " (x) : y :=\nby z\n\nb", file).text, "a\n\n\n\nb") << name;
  EXPECT_EQ(tests.lean("@[simp] protected lemma left : x\n\nlemma left : y", file).text, "\n\n")
      << "every occurrence, with its attributes";
  EXPECT_EQ(tests.lean("x lemma left : y", file).text, "x ");
  for (const char* kept :
       {"theorem left' : x", "theorem mul : x", "def left : x", "theorem aleft : x", "theorem_left x", "theorem"})
    EXPECT_EQ(tests.lean(kept, file).text, kept);
  EXPECT_EQ(tests.lean("theorem left : x", "repo/other.lean").text, "theorem left : x");
  EXPECT_EQ(tests.lean("theorem left : x", "notsrc/algebra/basic.lean").text, "theorem left : x");
  EXPECT_EQ(tests.lean("theorem left : x", "p/_target/deps/mathlib/src/algebra/basic.lean").text, "");
  EXPECT_EQ(tests.lean("theorem amc12_p1 : x", "any.lean").text, "") << "a test that belongs to no file";
}

TEST(TheoremDecontamination, LeanAsPublished) {
  const TestTheorems theorems = {{}, {{"a.lean", "first.one"}, {"b.lean", "p.q.r"}, {"a.lean", "last.two"}, {"c.lean", "solo"}}};
  const TheoremDecontaminator tests(theorems, true);
  EXPECT_EQ(tests.lean("theorem one : x\n\ntheorem two : y", "xa.lean").text, "theorem one : x\n\n")
      << "one theorem a file survives in the list";
  EXPECT_EQ(tests.lean("theorem solo : x", "c.lean").text, "theorem solo : x") << "names without a dot are never removed";
  EXPECT_EQ(tests.lean("theorem p.q.r : x", "b.lean").text, "theorem p.q.r : x") << "nor by the full name";
  EXPECT_EQ(tests.lean("theorem q.r : x\n\ntheorem r : y\n\nlemma q.r : z", "b.lean").text, "theorem q.r : x\n\n\n\n");
}

TEST(TheoremDecontamination, ProofSteps) {
  const TheoremDecontaminator ours(kTests), exact(kTests, true);
  EXPECT_EQ(ours.isabelle_hit("[STATEMENT]\nlemma foo: \"q\""), "foo");
  EXPECT_EQ(exact.isabelle_hit("[STATEMENT]\nlemma foo: \"q\""), std::nullopt);
  EXPECT_EQ(ours.isabelle_hit("[STATEMENT]\nlemma z:\n\"q\"\n... lemma foo [simp]:\n\"x = x\""), kTests.isabelle[0]);
  EXPECT_EQ(exact.isabelle_hit("... lemma foo [simp]: \"x = x\""), kTests.isabelle[0]);
  EXPECT_EQ(exact.isabelle_hit("... lemma foo [simp]:\n\"x = x\""), std::nullopt);
  EXPECT_EQ(ours.isabelle_hit("[STATEMENT]\nlemma z: \"q\"\n[PROOF STEP]\nfrom lemma foo: x"), std::nullopt);
}

TEST(TheoremDecontamination, ListsAreReadInAllTheirForms) {
  const TestFolder folder;
  const auto put = [&](const char* name, const std::string& bytes) { write_file(folder.path() / name, bytes); };
  fs::create_directories(folder.path() / "pisa");
  fs::create_directories(folder.path() / "dojo" / "random");
  put("pisa/quick_test_name_0.json", R"([["a/B.thy", "lemma x: \"y\""]])");
  put("dojo/random/val.json", R"([{"file_path": "src/a.lean", "full_name": "a.b", "extra": 1}])");
  put("dojo/random/test.json", R"([{"file_path": "src/b.lean", "full_name": "c"}])");
  put("dojo/random/train.json", R"([{"file_path": "src/c.lean", "full_name": "not.a.test"}])");
  put("list.jsonl",
      "{\"thy\": \"T.thy\", \"statement\": \"lemma z: q\"}\n\n{\"name\": \"mini\"}\n{\"full_name\": \"m\", \"file_path\": "
      "\"MiniF2F/Test.lean\"}\n[1]\n");
  put("pisa.tar.gz",
      make_archive({{"u/test_name_1.json", R"([["a/B.thy", "lemma w: \"y\""]])"}, {"u/readme", "{"}}, false, "gzip"));
  TestTheorems theorems;
  for (const char* name : {"pisa", "dojo", "list.jsonl", "pisa.tar.gz"}) add_test_theorems(folder.path() / name, theorems);
  EXPECT_EQ(theorems.isabelle, (std::vector<std::string>{"lemma x: \"y\"", "lemma z: q", "theorem mini:", "lemma w: \"y\""}));
  std::string lean;
  for (const auto& theorem : theorems.lean) lean += theorem.file_path + " " + theorem.full_name + ";";
  EXPECT_EQ(lean, "src/b.lean c;src/a.lean a.b; mini; m;");
  EXPECT_EQ(theorems.unknown_records, 1);
  put("broken.json", "[");
  EXPECT_THROW(add_test_theorems(folder.path() / "broken.json", theorems), Error);
}

/// Numbers counted by a program of another language that follows upstream's script.
TEST(TheoremDecontamination, RealTheories) {
  const fs::path data = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data";
  if (!fs::exists(data)) GTEST_SKIP() << "no shared data";
  TestTheorems theorems;
  add_test_theorems(data / "proof/pisa_test_theorems.jsonl.zst", theorems);
  ASSERT_EQ(theorems.isabelle.size(), 3600U);
  const TheoremDecontaminator ours(theorems), exact(theorems, true);
  std::int64_t removals = 0, bytes = 0, all_bytes = 0, our_removals = 0;
  const auto start = std::chrono::steady_clock::now();
  double our_seconds = 0;
  LineReader lines(data / "corpus/source/isabelle.jsonl.zst");
  while (const auto line = lines.next()) {
    const Document document = document_from_line(*line, "isabelle");
    for (const auto& removal : exact.isabelle(document.text).removed) ++removals, bytes += removal.bytes;
    const auto begin = std::chrono::steady_clock::now();
    const auto result = ours.isabelle(document.text);
    our_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    all_bytes += static_cast<std::int64_t>(document.text.size());
    our_removals += static_cast<std::int64_t>(result.removed.size());
    for (const auto& removal : result.removed) {
      const std::string_view cut =
          std::string_view(document.text).substr(static_cast<std::size_t>(removal.offset), static_cast<std::size_t>(removal.bytes));
      EXPECT_TRUE(isabelle_head(document.text, static_cast<std::size_t>(removal.offset)).is_theorem);
      EXPECT_EQ(cut.find("\n\n"), std::string_view::npos);
    }
    if (document.meta["path"] != "utp/utp_pred_laws.thy") continue;
    EXPECT_GE(result.removed.size(), 8U);
    for (const char* name : {"lemma UINF_conj_UINF", "lemma bool_eq_splitI:", "lemma cond_distr:"}) {
      EXPECT_NE(document.text.find(name), std::string::npos);
      EXPECT_EQ(result.text.find(name), std::string::npos) << name;
    }
  }
  EXPECT_EQ(removals, 21);
  EXPECT_EQ(bytes, 3410);
  std::printf("%lld removed of ours, %.0f MB/s; %.1f s together\n", static_cast<long long>(our_removals),
              static_cast<double>(all_bytes) / 1e6 / our_seconds,
              std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

TEST(TheoremDecontamination, HostileTextsTakeLinearTime) {
  std::string text;
  while (text.size() < 4'000'000) text += "lemma (* ";
  const TheoremDecontaminator ours(kTests);
  EXPECT_EQ(ours.isabelle(text).text, text);
  std::string brackets = "lemma foo" + std::string(4'000'000, '[');
  EXPECT_EQ(ours.isabelle(brackets).text, brackets);
  std::string lines;
  while (lines.size() < 4'000'000) lines += "theorem left\n";
  EXPECT_EQ(ours.lean(lines, "src/algebra/basic.lean").text, "");
  EXPECT_EQ(ours.lean(lines, std::string(1 << 20, '/')).text, lines);
}

}  // namespace
}  // namespace corollary
