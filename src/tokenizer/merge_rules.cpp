#include "tokenizer/merge_rules.h"

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "tokenizer/utf8.h"

namespace corollary {

MergeRules::MergeRules(const Vocabulary& vocabulary, const PieceIndex& index)
    : splits_before_space_(vocabulary.splits_before_space) {
  ascii_.fill(kNoSymbol);
  for (const Piece& piece : vocabulary.pieces) {
    texts_.push_back(piece.text);
    // A control piece and a normal one may share their text; SentencePiece then gives out the control piece.
    const std::int32_t id = piece.text.empty() ? -1 : index.find(piece.text);
    id_of_.push_back(id == vocabulary.unk_id ? -1 : id);
  }
  if (vocabulary.has_explicit_merges)
    rules_from_merges(vocabulary, index);
  else
    rules_from_scores(vocabulary, index);
  check(num_ranks_ <= kMaxRanks, "the tokenizer has ", num_ranks_, " ranks of merges, at most ", kMaxRanks, " are supported");
  space_ = find_character(kSpaceSymbol);
  build_table();
}

std::int32_t MergeRules::find_character(std::string_view character) const {
  if (character.size() == 1) return ascii_[static_cast<unsigned char>(character[0])];
  const auto at = characters_.find(character);
  return at == characters_.end() ? kNoSymbol : at->second;
}

void MergeRules::add(std::int32_t left, std::int32_t right, Rule rule) {
  if (splits_before_space_ && text_of(right).starts_with(kSpaceSymbol)) return;
  added_.push_back({pair_key(left, right), rule});
}

void MergeRules::rules_from_scores(const Vocabulary& vocabulary, const PieceIndex& index) {
  // Every character of every piece is a symbol, whether or not it is a piece of its own.
  const auto add_character = [&](std::string_view character) {
    if (find_character(character) != kNoSymbol) return;
    auto symbol = static_cast<std::int32_t>(texts_.size());
    if (const auto at = index.mergeable.find(character); at != index.mergeable.end()) {
      symbol = at->second;
    } else {
      texts_.push_back(character);
      const std::int32_t id = index.find(character);
      id_of_.push_back(id == vocabulary.unk_id ? -1 : id);
    }
    if (character.size() == 1)
      ascii_[static_cast<unsigned char>(character[0])] = symbol;
    else
      characters_.emplace(character, symbol);
  };
  const auto for_each_character = [](std::string_view text, const auto& f) {
    for (std::size_t at = 0, length; at < text.size(); at += length) {
      length = static_cast<std::size_t>(utf8_length(text.substr(at)));
      f(at, text.substr(at, length));
    }
  };
  std::vector<float> scores;
  for (const auto& [text, id] : index.mergeable) {
    for_each_character(text, [&](std::size_t, std::string_view character) { add_character(character); });
    scores.push_back(vocabulary.pieces[static_cast<std::size_t>(id)].score);
  }
  // Characters that only stand alone, as reserved pieces.
  for (const auto& [text, id] : index.reserved)
    if (static_cast<std::size_t>(utf8_length(text)) == text.size()) add_character(text);
  std::sort(scores.begin(), scores.end(), std::greater<>());
  scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
  num_ranks_ = static_cast<std::uint32_t>(scores.size());

  const auto symbol_of_text = [&](std::string_view text) {
    if (const auto at = index.mergeable.find(text); at != index.mergeable.end()) return at->second;
    return static_cast<std::size_t>(utf8_length(text)) == text.size() ? find_character(text) : kNoSymbol;
  };
  for (std::size_t id = 0; id < vocabulary.pieces.size(); ++id) {  // in order of ids: the table is the same on every run
    const std::string_view text = vocabulary.pieces[id].text;
    const auto own = index.mergeable.find(text);
    if (text.empty() || own == index.mergeable.end() || own->second != static_cast<std::int32_t>(id)) continue;
    const auto rank =
        std::lower_bound(scores.begin(), scores.end(), vocabulary.pieces[id].score, std::greater<>()) - scores.begin();
    for_each_character(text, [&](std::size_t at, std::string_view) {
      if (at == 0) return;
      const std::int32_t left = symbol_of_text(text.substr(0, at)), right = left < 0 ? left : symbol_of_text(text.substr(at));
      if (right >= 0) add(left, right, {static_cast<std::int32_t>(id), static_cast<std::uint32_t>(rank)});
    });
  }
}

void MergeRules::rules_from_merges(const Vocabulary& vocabulary, const PieceIndex& index) {
  for (std::size_t id = 0; id < texts_.size(); ++id) {
    const std::string_view text = texts_[id];
    if (text.empty() || static_cast<std::size_t>(utf8_length(text)) != text.size()) continue;
    if (text.size() == 1)
      ascii_[static_cast<unsigned char>(text[0])] = static_cast<std::int32_t>(id);
    else
      characters_.emplace(text, static_cast<std::int32_t>(id));
  }
  std::string joined;
  for (const auto& [left, right] : vocabulary.merges) {
    joined.assign(text_of(left)).append(text_of(right));
    const std::int32_t merged = index.find(joined);
    check(merged >= 0, "a merge rule makes \"", joined, "\", which is not in the vocabulary");
    add(left, right, {merged, num_ranks_++});
  }
}

void MergeRules::build_table() {
  const std::size_t slots = std::bit_ceil(2 * added_.size() + 2);
  table_.assign(slots, Entry{});
  mask_ = slots - 1;
  shift_ = 64 - std::countr_zero(slots);
  filter_.assign((std::size_t{1} << kFilterBits) / 64, 0);
  for (const Entry& entry : added_) {
    const std::uint64_t hash = entry.key * kHashFactor;
    filter_[hash >> (64 - kFilterBits) >> 6] |= std::uint64_t{1} << (hash >> (64 - kFilterBits) & 63);
    std::size_t slot = hash >> shift_;
    while (table_[slot].key != kEmpty && table_[slot].key != entry.key) slot = (slot + 1) & mask_;
    table_[slot] = entry;  // a rule given twice: the later holds, as in Hugging Face's table
  }
  added_ = {};
}

}  // namespace corollary
