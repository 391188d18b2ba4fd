#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/merge_rules.h"
#include "tokenizer/token_buffer.h"

namespace corollary {

/// Encodes one word by merging, with no cache: what the encoder does for words it has not seen. Short words by scanning a small
/// array for the best pair, long ones (a word can be the whole text) with pairs sorted into buckets by rank, in time close to
/// linear. Holds scratch memory: one per thread.
class WordMerger {
 public:
  /// All three must outlive the merger.
  WordMerger(const Vocabulary& vocabulary, const PieceIndex& index, const MergeRules& rules);

  /// Appends the ids of `word` (raw bytes: ' ' or U+2581 for a space, malformed bytes count as U+FFFD). A run of unknown characters
  /// gives one unknown id each here; who joins words fuses them.
  void encode(std::string_view word, TokenBuffer& out);

 private:
  void normalize(std::string_view word);
  void split_into_symbols();
  void merge_short(TokenBuffer& out);
  void merge_long(TokenBuffer& out);
  void emit(std::size_t place, std::size_t next_place, TokenBuffer& out) const;
  std::size_t user_defined_length(std::string_view text) const;

  static constexpr std::size_t kShortSymbols = 64;
  static constexpr std::uint32_t kEnd = ~std::uint32_t{0};

  const Vocabulary& vocabulary_;
  const PieceIndex& index_;
  const MergeRules& rules_;
  std::array<std::int32_t, 256> byte_ids_;
  std::unordered_map<char, std::vector<std::string_view>> user_defined_;  // by first byte, longest first

  // A place is a character of the word (or a user-defined piece); a symbol stands at the place where it begins.
  // The arrays only ever grow; places_ says how much of them is in use.
  std::vector<char> text_;             // the word, normalised
  std::vector<std::int32_t> symbols_;  // by place
  std::vector<std::uint32_t> begins_;  // by place, in text_; one more for the end
  std::size_t text_bytes_ = 0, places_ = 0;
  std::vector<std::uint32_t> next_, previous_;  // merge_long: neighbours by place

  /// merge_long's queue: pairs as (rank, place). A rank's bucket is sorted when its turn comes; what arrives for a rank whose turn
  /// has come already waits in a heap. Ranks only rarely go down while merging, so the heap stays small.
  struct RankQueue {
    std::vector<std::vector<std::uint32_t>> buckets;
    std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> waiting_ranks;
    std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> late;
    std::int64_t current_rank = -1;
    void push(std::uint32_t rank, std::uint32_t place);
  };
  RankQueue queue_;
};

}  // namespace corollary
