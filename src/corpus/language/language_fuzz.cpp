// Model files and texts that nobody meant well: fastText's, ARPA, our n-gram images, KenLM's binaries; normaliser and guess.
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "corpus/language/classifier.h"
#include "corpus/language/language_guess.h"
#include "corpus/language/ngram_image.h"
#include "corpus/language/ngram_model.h"
#include "corpus/language/normalise.h"
#include "corpus/language/web_classify.h"

using namespace corollary;

namespace {

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Two words, two labels, four buckets, as fastText would write it.
std::string tiny_classifier(int loss) {
  std::string out;
  for (const int value : {793712314, 12, 2, 5, 1, 1, 0, 2, loss, 3, 4, 1, 2, 100}) put(out, value);
  put(out, 1e-4);
  for (const int value : {4, 2, 2}) put(out, value);
  put(out, std::int64_t{10}), put(out, std::int64_t{-1});
  int i = 0;
  for (const char* word : {"</s>", "proof", "__label__a", "__label__b"}) {
    out.append(word, std::strlen(word) + 1);
    put(out, std::int64_t{5 - i}), out += static_cast<char>(i++ >= 2);
  }
  for (const std::int64_t rows : {6, 2}) {
    out += '\0';
    put(out, rows), put(out, std::int64_t{2});
    for (int value = 0; value < 2 * rows; ++value) put(out, static_cast<float>(value) - 3.5f);
  }
  return out;
}

constexpr const char* kArpa =
    "\\data\\\nngram 1=4\nngram 2=2\n\n\\1-grams:\n-99\t<s>\t-0.3\n-1\t</s>\n-2\t<unk>\t-0.5\n-0.6\ta\t-0.2\n\n\\2-grams:\n-0.4\t<s> a\n-0.3\ta </s>\n\n\\end\\\n";

std::string tiny_image(bool is_quantized) {
  NgramImageBuilder builder(2, is_quantized, true, 1 << 20, fs::temp_directory_path());
  for (const char* word : {"<s>", "</s>", "<unk>", "a"}) builder.add(1, ngram_word_key(word), -1, -0.5);
  builder.add(2, extend_ngram_key(ngram_word_key("a"), ngram_word_key("<s>")), -0.3f, 0);
  std::string out;
  builder.finish([&](const void* data, std::size_t size) { out.append(static_cast<const char*>(data), size); });
  return out;
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {tiny_classifier(3), tiny_classifier(1), tiny_classifier(4), kArpa, tiny_image(false), tiny_image(true),
          "Let $x$ be `code` “quoted” – é ``` x ``` <s> \\alpha $$ y $$ der die und the of Ω 数学"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  if (normalise(bytes).size() > 11 * size + 16) __builtin_trap();
  std::string left;
  without_formulas(bytes, left);
  if (left.size() > size) __builtin_trap();
  (void)guess_language(bytes);
  (void)math_score_features(bytes);
  std::string scratch;
  if (sample_text(bytes, 64, scratch).size() > 64 + 16 && size > 64) __builtin_trap();
  try {
    (void)TextClassifier(bytes, "fuzz").predict("a proof of the lemma é");
  } catch (const Error&) {
  }
  try {
    (void)NgramModel(bytes, "fuzz").score("a b a unheard a");
  } catch (const Error&) {
  }
  return 0;
}
