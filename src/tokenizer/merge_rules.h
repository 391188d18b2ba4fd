#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/utf8.h"
#include "tokenizer/vocabulary.h"

namespace corollary {

/// The merges of a vocabulary in the form the encoder runs on. A symbol is what stands at one place while merging: a piece (its
/// id), or a character that is no piece itself but part of one (ids from pieces.size() on), or kNoSymbol, which merges with
/// nothing.
class MergeRules {
 public:
  static constexpr std::int32_t kNoSymbol = -1;
  static constexpr std::uint32_t kMaxRanks = 1 << 25;
  struct Rule {
    std::int32_t merged;  ///< symbol
    std::uint32_t rank;   ///< lowest merges first; at equal rank the leftmost
  };

  MergeRules(const Vocabulary& vocabulary, const PieceIndex& index);

  /// The rule for two neighbours; nullptr if they never merge. A filter of a bit per pair, which stays in the second-level cache,
  /// answers for most of those that do not.
  const Rule* find(std::int32_t left, std::int32_t right) const {
    if (left < 0 || right < 0) return nullptr;
    const std::uint64_t key = pair_key(left, right), hash = key * kHashFactor;
    if ((filter_[hash >> (64 - kFilterBits) >> 6] >> (hash >> (64 - kFilterBits) & 63) & 1) == 0) return nullptr;
    for (std::size_t slot = hash >> shift_;; slot = (slot + 1) & mask_) {
      if (table_[slot].key == key) return &table_[slot].rule;
      if (table_[slot].key == kEmpty) return nullptr;
    }
  }
  /// Symbol of one UTF-8 character, kNoSymbol if no merge knows it.
  std::int32_t symbol_of(std::string_view character) const {
    if (character.size() == 1) return ascii_[static_cast<unsigned char>(character[0])];
    return character == kSpaceSymbol ? space_ : find_character(character);
  }
  /// The id a symbol ends as; -1 for a character that is no piece.
  std::int32_t id_of(std::int32_t symbol) const { return symbol < 0 ? -1 : id_of_[static_cast<std::size_t>(symbol)]; }
  std::uint32_t num_ranks() const { return num_ranks_; }

  /// f(left text, right text) for every rule: the only places over which merging can ever reach.
  void for_each_border(const auto& f) const {
    for (const Entry& entry : table_)
      if (entry.key != kEmpty)
        f(text_of(static_cast<std::int32_t>(entry.key >> 32)), text_of(static_cast<std::int32_t>(entry.key & 0xFFFFFFFF)));
  }

 private:
  static constexpr std::uint64_t kHashFactor = 0x9E3779B97F4A7C15, kEmpty = ~std::uint64_t{0};
  struct Entry {
    std::uint64_t key = kEmpty;
    Rule rule{};
  };
  static std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }
  std::int32_t find_character(std::string_view character) const;
  std::string_view text_of(std::int32_t symbol) const { return texts_[static_cast<std::size_t>(symbol)]; }
  void rules_from_scores(const Vocabulary& vocabulary, const PieceIndex& index);
  void rules_from_merges(const Vocabulary& vocabulary, const PieceIndex& index);
  void add(std::int32_t left, std::int32_t right, Rule rule);
  void build_table();

  static constexpr int kFilterBits = 19;
  std::vector<std::uint64_t> filter_;
  std::vector<Entry> table_;
  std::size_t mask_ = 0;
  int shift_ = 0;
  std::uint32_t num_ranks_ = 0;
  bool splits_before_space_ = false;
  std::array<std::int32_t, 128> ascii_{};
  std::int32_t space_ = kNoSymbol;
  std::unordered_map<std::string_view, std::int32_t> characters_;  // of several bytes
  std::vector<std::string_view> texts_;                            // by symbol
  std::vector<std::int32_t> id_of_;                                // by symbol
  std::vector<Entry> added_;                                       // while building
};

}  // namespace corollary
