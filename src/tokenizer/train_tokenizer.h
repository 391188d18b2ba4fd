#pragma once
#include <cstdint>

#include "base/manifest.h"

namespace corollary {

/// What decides a tokenizer. Fixed, as Llama's: BPE with byte fallback, digits split, no normalisation, a space before the text,
/// pieces of spaces alone allowed, at most 16 characters a piece, ids 0 1 2 for unknown, beginning and end.
struct TokenizerConfig {
  std::int64_t vocab_size = 8192;  ///< pieces, the 3 special and 256 byte pieces among them
  std::int64_t input_bytes =
      12'000'000;  ///< of text, about: documents are drawn from the training sets by chance, the same every run
  double character_coverage = 0.99995;  ///< share of the characters that get a piece; the rest becomes bytes
  std::int64_t seed = 1234;             ///< of the drawing
  static void each(auto& config, auto&& visit) {
    visit("vocab_size", config.vocab_size);
    visit("input_bytes", config.input_bytes);
    visit("character_coverage", config.character_coverage);
    visit("seed", config.seed);
  }
};

/// Stage "tokenizer": trains with the SentencePiece library on the "train" sets of `corpus` (corpus_files.h) and writes
/// tokenizer.model, tokenizer_config.json and manifest.json to `out`. Same input, same bytes. One thread, about a second per
/// megabyte.
StageResult train_tokenizer(const TokenizerConfig& config, const fs::path& corpus, const fs::path& out);

}  // namespace corollary
