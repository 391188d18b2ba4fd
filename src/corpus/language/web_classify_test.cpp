#include "corpus/language/web_classify.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/compress.h"
#include "base/error.h"
#include "base/random.h"
#include "base/test_error.h"
#include "base/test_folder.h"
#include "corpus/language/language_guess.h"
#include "corpus/language/train_models.h"

namespace corollary {
namespace {

TEST(LanguageGuess, TellsLanguagesApart) {
  const std::vector<std::pair<const char*, const char*>> texts = {
      {"en", "Let us show that the sequence converges. For each of these there is a neighbourhood in which it is bounded."},
      {"de", "Wir zeigen, dass die Folge konvergiert. Für jede von ihnen gibt es eine Umgebung, in der sie beschränkt ist."},
      {"fr", "Montrons que la suite converge. Pour chacune il existe un voisinage dans lequel elle est bornée et les valeurs sont."},
      {"es", "Veamos que la sucesión converge. Para cada una de ellas existe un entorno en el que está acotada y los valores se ven."},
      {"it", "Mostriamo che la successione converge. Per ognuna di esse esiste un intorno nel quale è limitata e gli altri sono della forma."},
      {"pt", "Mostremos que a sequência converge. Para cada uma delas existe uma vizinhança em que não é limitada, mas os valores são."},
      {"nl", "Wij tonen aan dat de rij convergeert. Voor elk van deze is er een omgeving waarin het begrensd wordt door een getal."},
      {"pl", "Pokażemy, że ciąg jest zbieżny. Dla każdego z nich istnieje otoczenie, w którym jest ograniczony przez liczbę."},
      {"cs", "Ukážeme, že posloupnost konverguje. Pro každou z nich existuje okolí, ve kterém je omezená, ale není to tak."},
      {"ru", "Покажем, что последовательность сходится. Для каждой из них есть окрестность, в которой она ограничена, и это не так."},
      {"uk", "Покажемо, що послідовність збігається. Для кожної з них є окіл, у якому вона обмежена, але це не так."},
      {"ru", "Теорема Пифагора, алгебра, геометрия"},
      {"el", "Θα δείξουμε ότι η ακολουθία συγκλίνει για κάθε αριθμό."},
      {"zh", "我们证明该序列收敛。对于每一个，都存在一个有界的邻域。因此定理成立。"},
      {"ja", "数列が収束することを示す。それぞれについて、有界な近傍が存在する。"},
      {"ko", "수열이 수렴함을 보이자. 각각에 대하여 유계인 근방이 존재한다."},
      {"ar", "لنثبت أن المتتالية متقاربة. لكل منها يوجد جوار تكون فيه محدودة."},
      {"he", "נראה שהסדרה מתכנסת. לכל אחת מהן קיימת סביבה שבה היא חסומה."},
      {"hi", "हम दिखाएंगे कि अनुक्रम अभिसरित होता है। प्रत्येक के लिए एक प्रतिवेश है।"}};
  for (const auto& [language, text] : texts) EXPECT_EQ(guess_language(text).language, language) << text;
  EXPECT_EQ(guess_language("x = y + z").language, "und");
  EXPECT_EQ(guess_language("\\the \\of \\and \\in").language, "und") << "commands of TeX are no words";
  EXPECT_EQ(guess_language("").probability, 0);
  EXPECT_GE(guessable_languages().size(), 40u);
}

TEST(LanguageGuess, SharedEnglishDocumentsAreEnglish) {
  const fs::path shared = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/corpus/cc_en_head-0091.jsonl.zst";
  if (!fs::exists(shared)) GTEST_SKIP() << "needs ../shared/data";
  each_document({shared.string()}, [](const Document& document) { EXPECT_EQ(guess_language(document.text).language, "en") << document.text.substr(0, 200); });
}

TEST(WebClassify, SampleIsInBoundsAndWhole) {
  std::string scratch, text;
  for (int i = 0; i < 20000; ++i) text += "word" + std::to_string(i) + " ";
  EXPECT_EQ(sample_text("short", 100, scratch), "short");
  EXPECT_EQ(sample_text(text, 0, scratch), text);
  const std::string sample(sample_text(text, 4000, scratch));
  EXPECT_LE(sample.size(), 4009u);
  EXPECT_GT(sample.size(), 3500u);
  EXPECT_TRUE(sample.starts_with("word0 word1 "));
  EXPECT_NE(sample.find("word19"), std::string::npos) << "nothing from the end";
  for (std::size_t at = 0; at < sample.size();) {  // no word is cut
    const std::size_t end = sample.find_first_of(" \n", at);
    if (end > at) {
      EXPECT_NE(text.find(sample.substr(at, end - at) + " "), std::string::npos);
    }
    at = end + 1;
  }
}

TEST(WebClassify, LatexCommandsOfTheList) {
  EXPECT_TRUE(contains_popular_latex("so $\\frac12$"));
  EXPECT_TRUE(contains_popular_latex("\\infinite is \\in"));
  EXPECT_FALSE(contains_popular_latex("C:\\Users \\gnu \\\\ \\"));
  EXPECT_TRUE(contains_formula("a $x$ b"));
  EXPECT_FALSE(contains_formula("costs \\$5 and $6"));
  EXPECT_EQ(math_score_features("Let $x$ be\n\\alpha-stable 2"), "let  be  -stable 0");
}

/// Pages about mathematics, with or without their TeX, and about other things.
void write_pages(const fs::path& path) {
  const std::vector<std::string> math = {"theorem", "proof", "integral", "prime", "matrix", "group"}, other = {"garden", "recipe", "football", "hotel", "shoes", "music"};
  const std::vector<std::string> both = {"the", "of", "and", "is", "in", "that", "for", "with"};
  Random random(11);
  CompressedWriter out(path);
  for (int i = 0; i < 600; ++i) {
    const bool is_math = i % 2 == 0;
    std::string text;
    for (int n = 0; n < 60; ++n) {
      const auto& words = random.uniform() < 0.6 ? both : is_math ? math : other;
      text += words[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(words.size())))] + " ";
    }
    if (is_math) text += "$\\frac{a}{b}$";
    out.write_line(document_to_line({text, {{"label", is_math ? "math" : "other"}}}));
  }
  out.commit();
}

TEST(WebClassify, TrainedModelsJudgePages) {
  if (!can_train_classifier()) GTEST_SKIP() << "needs libfasttext-dev";
  const TestFolder folder;
  write_pages(folder / "pages.jsonl.zst");
  const std::vector<std::string> inputs = {(folder / "pages.jsonl.zst").string()};
  const Json math = train_math_score(inputs, {.epochs = 10}, folder / "math.bin");
  EXPECT_GT(math["labels"]["positive"]["precision"].get<double>(), 0.95);
  EXPECT_GT(math["thresholds"][1]["positive"]["recall"].get<double>(), 0.9);
  EXPECT_GT(math["labels"]["positive"]["held_out"].get<int>(), 10);
  const Json labelled = train_classifier_on(inputs, "label", true, {.epochs = 10}, folder / "labels.bin");
  EXPECT_GT(labelled["labels"]["other"]["recall"].get<double>(), 0.95);
  EXPECT_THROW(train_classifier_on(inputs, "absent", true, {}, folder / "x.bin"), Error);
  const Json language_model = train_language_model(inputs, {.order = 3}, true, folder / "lm.ngram", folder / "lm.arpa.zst");
  EXPECT_GT(language_model["held_out"]["perplexity"].get<double>(), 1);
  EXPECT_EQ(read_json_file(folder / "lm.ngram.json"), language_model);

  WebClassifierConfig config;
  config.math_model = (folder / "math.bin").string();
  config.perplexity_model = (folder / "lm.ngram").string();
  const std::string strange = "the zyx of qwv and abc is def in ghi that jkl for mno with pqr";
  const double usual_perplexity = WebClassifier(config).score("the proof of the theorem is in the integral and the prime").perplexity.value();
  const double strange_perplexity = WebClassifier(config).score(strange).perplexity.value();
  EXPECT_GT(strange_perplexity, 1.5 * usual_perplexity);
  config.max_perplexity = std::sqrt(usual_perplexity * strange_perplexity);
  config.min_math_score = 0;
  EXPECT_EQ(WebClassifier(config).judge(strange, true)->reason, "high_perplexity");
  config.max_perplexity = 300;
  const WebClassifier classifier(config);
  WebScores scores;
  EXPECT_FALSE(classifier.judge("the proof of the theorem is in the integral and the prime matrix that is with the group $x$", {}, &scores));
  EXPECT_EQ(scores.language, "en");
  EXPECT_GT(scores.math_score.value(), 0.8);
  EXPECT_LT(scores.perplexity.value(), 300);
  const auto reason = [&](const std::string& text, std::optional<bool> has_math = {}) {
    const auto rejection = classifier.judge(text, has_math);
    return rejection ? rejection->reason : "";
  };
  EXPECT_EQ(reason("der Beweis des Satzes ist in der Gruppe und die Matrix wird mit dem Integral"), "not_english");
  EXPECT_EQ(reason("the hotel and the garden is for the music and the shoes of football recipe"), "low_math_score");
  EXPECT_EQ(classifier.model_digests().size(), 2u);
  // The same verdict for a sample of a long text.
  config.judged_bytes = 2000;  // and, for comparison, of all of it
  std::string longer;
  while (longer.size() < 100'000) longer += "the proof of the theorem is in the integral and the prime matrix that is with the group ";
  EXPECT_FALSE(WebClassifier(config).judge(longer, true));
  // Code that a sample cuts into must not be taken for the text.
  std::string with_code;
  while (with_code.size() < 50'000) with_code += "the proof of the theorem is in the integral\n```\nder die das und ist ein\n```\n";
  WebClassifierConfig short_sample;
  short_sample.judged_bytes = 1000;
  EXPECT_FALSE(WebClassifier(short_sample).judge(with_code));
  config.math_label = "maths";
  EXPECT_NE(error_of([&] { WebClassifier wrong(config); }).find("math_label"), std::string::npos);
}

TEST(WebClassify, WithoutModelsTheLanguageIsGuessed) {
  const WebClassifier classifier({});
  EXPECT_FALSE(classifier.judge("x"));
  EXPECT_FALSE(classifier.judge("the proof of the theorem is in the book"));
  EXPECT_EQ(classifier.judge("La démonstration du théorème est dans le livre et les autres sont pour vous")->reason, "not_english");
  std::string table;
  for (int i = 0; i < 300; ++i) table += "zyx qvw ";
  EXPECT_EQ(classifier.judge(table)->reason, "not_english");
}

}  // namespace
}  // namespace corollary
