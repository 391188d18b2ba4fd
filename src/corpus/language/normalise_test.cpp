#include "corpus/language/normalise.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "base/compress.h"
#include "base/test_folder.h"
#include "corpus/document.h"
#include "corpus/text.h"

namespace corollary {
namespace {

TEST(Normalise, RulesOfCcNet) {
  EXPECT_EQ(normalise("  The Réal NUMBERS 3.14 ÜBER Άλφα Ёж  "), "the real numbers 0.00 uber αλφα еж");
  EXPECT_EQ(normalise("“quoted” – it’s… 100％ （x）、y。"), "\"quoted\" - it's... 000% (x),y.");
  EXPECT_EQ(normalise("a\x01" "b\nc\td\x7F\xC2\x85" "e"), "ab c de");
  EXPECT_EQ(normalise("<s>one</s> a<b <sub>"), "one a<b <sub>");
  EXPECT_EQ(normalise("٣ １２ ५"), "0 00 0");
  EXPECT_EQ(normalise(""), "");
  EXPECT_EQ(normalise(" \n "), "");
  EXPECT_EQ(normalise("a\xFF" "b\xE4\xBD"), "a\xEF\xBF\xBD" "b\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(Normalise, FormulasAndCode) {
  EXPECT_EQ(normalise("Let $x_1$ and $$y\n= 2$$ be"), "let [EQUATION] and [EQUATION] be");
  EXPECT_EQ(normalise("Let $x_1$ be", {.marks_formulas = false}), "let  be");
  EXPECT_EQ(normalise("It costs \\$5 or $6."), "it costs \\$0 or $0.");
  EXPECT_EQ(normalise("open $x\n\nnext $y$ end"), "open $x  next [EQUATION] end");
  EXPECT_EQ(normalise("run `ls -L` and\n```\nint X;\n\nY\n```\nend"), "run [CODE] and [CODE] end");
  EXPECT_EQ(normalise("a ` b"), "a ` b");
  EXPECT_EQ(normalise("$a \\$ b$ c"), "[EQUATION] c");
  std::string left;
  without_formulas("Der $x$ Satz `code` \\$5 $offen", left);
  EXPECT_EQ(left, "Der  Satz  \\$5 $offen");
}

/// Python's unicodedata and the steps as cc_net describes them.
TEST(Normalise, AgreesWithPythonOnRealTexts) {
  const fs::path shared = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/corpus/general.jsonl.zst";
  if (std::system("python3 -c 'import unicodedata' 2>/dev/null") != 0) GTEST_SKIP() << "needs python3";
  const TestFolder folder;
  std::vector<std::string> texts = {"Ünïcödé ΑΒΓ Ждё ﬁ ½ Ǆ", "Việt Nam đẹp", "かがぱ 한국어 हिन्दी עִבְרִית عَرَبِي", "x̂ ÅÅ Å é"};
  if (fs::exists(shared)) {
    LineReader lines(shared);
    while (const auto line = lines.next()) {
      std::string text = document_from_line(*line, "general").text;
      std::erase_if(text, [](char c) { return c == '$' || c == '`'; });
      std::size_t size = std::min<std::size_t>(text.size(), 20000);
      while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
      texts.push_back(text.substr(0, size));
    }
  }
  std::string input;
  for (const std::string& text : texts) input += to_line({{"text", text}, {"ours", normalise(text)}}) + "\n";
  write_file(folder / "in.jsonl", input);
  write_file(folder / "check.py", R"PY(
import json, re, sys, unicodedata
punctuation = dict(zip("，。、„”“«»」「《》´∶：？！（）；–～’━〈〉【】％►", ',.,"""""""""\'::?!();-~\'-<>[]%-'))
punctuation.update({"—": " - ", "．": ". ", "…": "..."})
bad = 0
for line in open(sys.argv[1], encoding="utf-8"):
    row = json.loads(line)
    text = row["text"].strip(" \t\n\v\f\r").replace("\u03a3", "\u03c3").lower()
    text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    text = re.sub(r"\d", "0", text)
    text = "".join(punctuation.get(c, c) for c in text)
    text = re.sub("[\t-\r]", " ", text)
    text = re.sub("[\x00-\x1f\x7f-\x9f]", "", text).replace("<s>", "").replace("</s>", "").rstrip(" ")
    if text != row["ours"]:
        at = next((i for i, (a, b) in enumerate(zip(text, row["ours"])) if a != b), min(len(text), len(row["ours"])))
        print(repr(text[at - 20:at + 20]), repr(row["ours"][at - 20:at + 20]))
        bad += 1
sys.exit(bad != 0)
)PY");
  EXPECT_EQ(std::system(("python3 " + (folder / "check.py").string() + " " + (folder / "in.jsonl").string()).c_str()), 0);
}

TEST(Normalise, HostileTextTakesLinearTime) {
  const auto start = std::chrono::steady_clock::now();
  for (const char* piece : {"$", "$$ ", "`", "`` ", "``` x\n````", "$\n\n", "\\$", "<s", "$$ $\n", "\xF0\x9F"}) {
    std::string text;
    while (text.size() < 4'000'000) text += piece;
    EXPECT_LE(normalise(text).size(), 11 * text.size());
    std::string left;
    without_formulas(text, left);
    EXPECT_LE(left.size(), text.size());
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace corollary
