#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "tokenizer/merge_rules.h"

namespace corollary {

/// Where a text may be cut into words that encode independently, proved from the vocabulary when it is loaded:
///
///   A merge that reaches over the border between two characters c d joins a left piece that ends in c to a right piece that begins
///   with d. If no rule has such a left and right piece, no merge ever crosses the border, so what happens on either side does not
///   depend on the other, and the ids of the whole are the ids of the parts, one after another.
///
/// The table keeps this by bytes: (last byte of c, first byte of d), which only errs towards not cutting. A user-defined piece is
/// kept whole the same way. With Llama's vocabulary this cuts before runs of spaces, at newlines, around digits, and between
/// letters and signs, because no piece of it crosses those; a vocabulary whose pieces do simply gets longer words.
///
/// Bytes are those of the raw text: ' ' and U+2581 count as the same character, malformed bytes as U+FFFD.
class WordCuts {
 public:
  WordCuts(const Vocabulary& vocabulary, const MergeRules& rules);

  bool between(char left, char right) const { return table_[pair(left, right)] != 0; }

  /// Bit i says whether to cut before text[i], i in [0, 64). Reads text[-1] to text[63].
  std::uint64_t mask64(const char* text) const {
    std::uint64_t mask = 0;
    const std::uint8_t* const table = table_.data();
#pragma GCC unroll 64
    for (int i = 63; i >= 0; --i) mask = 2 * mask + table[pair_at(text + i - 1)];
    return mask;
  }
  /// The first place at or after `at` (>= 1) to cut before; text.size() if none.
  std::size_t next(std::string_view text, std::size_t at) const {
    while (at < text.size() && !between(text[at - 1], text[at])) ++at;
    return at;
  }

 private:
  // Two neighbouring bytes as they lie in memory are the place in the table.
  static std::size_t pair_at(const char* left) {
    std::uint16_t both;
    std::memcpy(&both, left, 2);
    return both;
  }
  static std::size_t pair(char left, char right) {
    const char both[2] = {left, right};
    return pair_at(both);
  }
  void forbid(std::string_view left, std::string_view right);
  std::vector<std::uint8_t> table_;
};

}  // namespace corollary
