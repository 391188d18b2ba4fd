#pragma once
#include <string_view>

#include "tokenizer/merge_rules.h"
#include "tokenizer/token_buffer.h"
#include "tokenizer/word_cache.h"
#include "tokenizer/word_cuts.h"
#include "tokenizer/word_merger.h"

namespace corollary {

/// All that encoding needs to know, made once from a vocabulary and shared by every thread.
struct EncodingTables {
  explicit EncodingTables(Vocabulary given);
  EncodingTables(const EncodingTables&) = delete;
  EncodingTables& operator=(const EncodingTables&) = delete;
  const Vocabulary vocabulary;
  const PieceIndex index;
  const MergeRules rules;
  const WordCuts cuts;
  /// False if the ids of a word can depend on the text around it: a SentencePiece model with unused pieces, which are taken apart
  /// again the way they were last put together anywhere in the text. Then whole_text.h encodes.
  const bool words_are_independent;
};

/// Text to ids: cuts the text into words (word_cuts.h), looks each up (word_cache.h), merges those not seen before (word_merger.h).
/// One per thread; remembers words from text to text.
class Encoder {
 public:
  explicit Encoder(const EncodingTables& tables);  ///< which must outlive it

  /// Appends the ids of `text` as one stretch, as if a space stood before it where `with_prefix`. Spaces, U+2581 and malformed
  /// bytes as in WordMerger. Linear in the length of the text; allocates nothing once buffers have grown.
  void encode(std::string_view text, bool with_prefix, TokenBuffer& out);

 private:
  void encode_words(std::string_view text, std::size_t at, TokenBuffer& out);
  std::size_t find_words(const char*& start, const char* block, const char* end);
  void look_up_words(std::size_t count, TokenBuffer& out);
  std::int32_t* encode_word(std::string_view word, std::int32_t* end, TokenBuffer& out);
  std::int32_t* encode_unseen(std::string_view word, std::int32_t* end, TokenBuffer& out);

  const EncodingTables& tables_;
  WordMerger merger_;
  WordCache cache_;
  static constexpr std::size_t kBlockBytes = 64, kBatchBytes = 32 * kBlockBytes;
  static constexpr std::size_t kBatchIds = kBatchBytes * WordCache::kMaxInlineIds;
  struct Word {
    std::uint64_t key;  // of a short word
    const char* begin;
    std::size_t length;
  };
  std::vector<Word> words_;  // a batch
  TokenBuffer word_ids_;
  std::string first_word_;
};

}  // namespace corollary
