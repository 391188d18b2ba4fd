#pragma once
// What the tests of this folder share: SentencePiece as the judge, models of our own making, texts that break things.
#include <gtest/gtest.h>
#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "tokenizer/sentencepiece_model.h"
#include "tokenizer/tokenizer.h"

namespace corollary::testing {

inline fs::path shared_data() { return fs::path(COROLLARY_SOURCE_DIR) / ".." / "shared" / "data"; }

/// The SentencePiece library over the same bytes: what our ids must equal.
class Oracle {
 public:
  explicit Oracle(const std::string& model) { EXPECT_TRUE(processor_.LoadFromSerializedProto(model).ok()); }
  std::vector<std::int32_t> encode(std::string_view text) const {
    std::vector<int> ids;
    EXPECT_TRUE(processor_.Encode({text.data(), text.size()}, &ids).ok());
    return {ids.begin(), ids.end()};
  }
  std::string decode(const std::vector<std::int32_t>& ids) const {
    std::string text;
    EXPECT_TRUE(processor_.Decode(std::vector<int>(ids.begin(), ids.end()), &text).ok());
    return text;
  }

 private:
  sentencepiece::SentencePieceProcessor processor_;
};

/// English, mathematics, code and some other scripts, written for these tests.
inline std::vector<std::string> sample_lines() {
  std::vector<std::string> lines;
  Random random(7);
  const std::vector<std::string> words = {"the",          "theorem",
                                          "Let",          "continuous",
                                          "function",     "\\frac{a}{b}",
                                          "\\alpha",      "$x^2$",
                                          "lemma",        "proof:",
                                          "def",          "return",
                                          "self.value",   "for",
                                          "in",           "range(10)",
                                          "matrix",       "eigenvalue",
                                          "integral",     "\xce\xb1\xce\xb2",
                                          "na\xc3\xafve", "\xe6\x95\xb0\xe5\xad\xa6",
                                          "->",           ":=",
                                          "{{",           "}}",
                                          "(n+1)/2",      "3.14159",
                                          "2023",         "a_{ij}",
                                          "||",           "==",
                                          "\xe2\x88\x80", "\xe2\x88\x83",
                                          "\xe2\x86\x92", "group",
                                          "ring",         "field",
                                          "aaaa",         "abab"};
  for (int line = 0; line < 3000; ++line) {
    std::string text(static_cast<std::size_t>(random.below(4)), ' ');
    for (std::int64_t word = random.below(14); word >= 0; --word)
      text += words[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(words.size())))] +
              std::string(random.below(9) == 0 ? 3 : 1, ' ');
    lines.push_back(text);
  }
  return lines;
}

/// A small model trained here by SentencePiece on sample_lines(), Llama's way unless `options` say otherwise.
inline std::string train_model(const std::unordered_map<std::string, std::string>& options = {}) {
  class Lines : public sentencepiece::SentenceIterator {
   public:
    bool done() const override { return at_ == lines_.size(); }
    void Next() override { ++at_; }
    const std::string& value() const override { return lines_[at_]; }
    sentencepiece::util::Status status() const override { return {}; }

   private:
    std::vector<std::string> lines_ = sample_lines();
    std::size_t at_ = 0;
  };
  std::unordered_map<std::string, std::string> all = {{"model_type", "bpe"},
                                                      {"vocab_size", "420"},
                                                      {"byte_fallback", "true"},
                                                      {"split_digits", "true"},
                                                      {"normalization_rule_name", "identity"},
                                                      {"remove_extra_whitespaces", "false"},
                                                      {"allow_whitespace_only_pieces", "true"},
                                                      {"num_threads", "1"},
                                                      {"minloglevel", "3"}};
  for (const auto& [key, value] : options) all[key] = value;
  Lines lines;
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(all, &lines, &model);
  EXPECT_TRUE(status.ok()) << status.message();
  return model;
}

/// Random texts of several kinds: words of the sample, any code point, any byte, runs, cut characters.
inline std::string random_text(Random& random) {
  static const std::vector<std::string> lines = sample_lines();
  const auto some = [&](std::int64_t n) { return static_cast<std::size_t>(random.below(n)); };
  const auto code_point = [&](std::uint32_t c) {
    std::string out;
    if (c < 0x80) return std::string(1, static_cast<char>(c));
    if (c < 0x800) return std::string{static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
    if (c < 0x10000)
      return std::string{static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
                         static_cast<char>(0x80 | (c & 63))};
    return std::string{static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
                       static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
  };
  std::string text;
  for (std::int64_t part = random.below(8); part >= 0; --part) {
    switch (random.below(9)) {
      case 0:
        text += lines[some(3000)];
        break;
      case 1:
        for (auto n = some(30); n > 0; --n)
          text += code_point(static_cast<std::uint32_t>(random.below(0x110000)));  // surrogates too
        break;
      case 2:
        for (auto n = some(40); n > 0; --n) text += static_cast<char>(random.below(256));
        break;
      case 3:
        text += std::string(some(100), "a b1\n\t(\0_"[some(9)]);
        break;
      case 4:
        for (auto n = some(20); n > 0; --n) text += "\xe2\x96\x81";
        break;
      case 5:
        text += std::string("\xe2\x96\x81\xf0\x9f\x98\x80\xef\xbf\xbd").substr(0, some(11));
        break;
      case 6:
        for (auto n = some(60); n > 0; --n) text += static_cast<char>(' ' + random.below(95));
        break;
      case 7:
        text += std::string(some(12), ' ') + "\n" + std::string(some(5), ' ');
        break;
      default:
        for (auto n = some(40); n > 0; --n) text += "ab"[some(2)];
    }
  }
  return text;
}

}  // namespace corollary::testing
