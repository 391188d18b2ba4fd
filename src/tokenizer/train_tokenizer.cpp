#include "tokenizer/train_tokenizer.h"

#include <sentencepiece_trainer.h>

#include <chrono>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/compress.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/random.h"
#include "base/stop.h"
#include "tokenizer/corpus_files.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxLineBytes = 4192;         // SentencePiece's default; longer lines are cut, where it would leave them out
constexpr std::size_t kMaxDocumentBytes = 1 << 20;  // one document must not be the whole sample

/// f(text, number of the document) for the training documents in order; counts lines that hold none.
std::int64_t for_each_document(const std::vector<CorpusSet>& sets, const auto& f) {
  DocumentParser parser;
  std::int64_t number = 0, rejected = 0;
  for (const CorpusSet& set : sets) {
    for (const fs::path& path : set.files) {
      LineReader lines(path);
      while (const auto line = lines.next()) {
        if (line->empty()) continue;
        check(!stop_requested(), "stopped before the tokenizer was trained: run the command again");
        if (const auto text = parser.text(*line))
          f(text->substr(0, kMaxDocumentBytes), number++);
        else
          ++rejected;
      }
    }
  }
  return rejected;
}

/// SentencePiece's view of the sample: one line at a time.
class Lines : public sentencepiece::SentenceIterator {
 public:
  void add_document(std::string_view text) {
    while (!text.empty()) {
      const std::size_t newline = text.find('\n');
      std::string_view line = text.substr(0, newline);
      text.remove_prefix(newline == text.npos ? text.size() : newline + 1);
      while (!line.empty()) {
        std::size_t length = std::min(line.size(), kMaxLineBytes);
        while (length < line.size() && length > 1 && is_utf8_continuation(line[length])) --length;
        lines_.emplace_back(line.substr(0, length));
        line.remove_prefix(length);
      }
    }
  }
  bool done() const override { return at_ == lines_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return lines_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }
  bool empty() const { return lines_.empty(); }

 private:
  std::vector<std::string> lines_;
  std::size_t at_ = 0;
};

std::string train(const TokenizerConfig& config, Lines& lines) {
  const std::unordered_map<std::string, std::string> options = {
      {"model_type", "bpe"},
      {"vocab_size", std::to_string(config.vocab_size)},
      {"character_coverage", fmt::format("{}", config.character_coverage)},
      {"byte_fallback", "true"},
      {"split_digits", "true"},
      {"normalization_rule_name", "identity"},
      {"add_dummy_prefix", "true"},
      {"remove_extra_whitespaces", "false"},
      {"allow_whitespace_only_pieces", "true"},
      {"max_sentencepiece_length", "16"},
      {"max_sentence_length", std::to_string(kMaxLineBytes)},
      {"input_sentence_size", "0"},
      {"unk_id", "0"},
      {"bos_id", "1"},
      {"eos_id", "2"},
      {"pad_id", "-1"},
      {"num_threads", "2"},  // fixed, for it is written into the model: the same bytes on every machine
      {"minloglevel", "3"}};
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(options, &lines, &model);
  check(status.ok(), "SentencePiece could not train ", config.vocab_size, " pieces: ", status.message(),
        "; a small corpus needs a smaller vocab_size");
  return model;
}

}  // namespace

StageResult train_tokenizer(const TokenizerConfig& config, const fs::path& corpus, const fs::path& out) {
  check(config.vocab_size > 259 && config.vocab_size <= kMaxVocabularySize, "vocab_size is ", config.vocab_size,
        ", must be 260 to ", kMaxVocabularySize, " (3 special and 256 byte pieces are among them)");
  check(config.input_bytes > 0, "input_bytes is ", config.input_bytes, ", must be positive");
  check(config.character_coverage >= 0.98 && config.character_coverage <= 1, "character_coverage is ", config.character_coverage,
        ", must be 0.98 to 1");
  const auto start = std::chrono::steady_clock::now();
  std::vector<CorpusSet> sets = corpus_sets(corpus);
  std::erase_if(sets, [](const CorpusSet& set) { return set.split != "train"; });
  check(!sets.empty(), "no training set in ", corpus.string(), ": expected SUBSET/train.jsonl, .jsonl.zst or .jsonl.gz there");
  const Json settings = fields_to_json(config), inputs = {{"corpus", corpus_digests(corpus, sets)}};
  if (auto done = up_to_date(out, "tokenizer", settings, inputs)) return {std::move(*done), true};

  std::int64_t bytes = 0, documents = 0, used_bytes = 0, used_documents = 0;
  const std::int64_t rejected = for_each_document(sets, [&](std::string_view text, std::int64_t) {
    bytes += static_cast<std::int64_t>(text.size());
    ++documents;
  });
  const double share = bytes == 0 ? 0 : static_cast<double>(config.input_bytes) / static_cast<double>(bytes);
  Lines lines;
  for_each_document(sets, [&](std::string_view text, std::int64_t number) {
    if (Random(static_cast<std::uint64_t>(config.seed), static_cast<std::uint64_t>(number)).uniform() >= share) return;
    lines.add_document(text);
    used_bytes += static_cast<std::int64_t>(text.size());
    ++used_documents;
  });
  check(!lines.empty(), "no text to train on in ", corpus.string(), ": ", documents, " documents, ", rejected,
        " lines that are none");
  const Tokenizer tokenizer = Tokenizer::from_bytes(train(config, lines), (out / "tokenizer.model").string());
  tokenizer.save(out);

  Manifest manifest;
  manifest.stage = "tokenizer";
  manifest.config = settings;
  manifest.inputs = inputs;
  manifest.counts = {{"documents", documents},   {"bytes", bytes},       {"documents_used", used_documents},
                     {"bytes_used", used_bytes}, {"rejected", rejected}, {"vocab_size", tokenizer.vocab_size()}};
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  write_manifest(out, manifest, {"tokenizer.model", "tokenizer_config.json"});
  return {read_manifest(out), false};
}

}  // namespace corollary
