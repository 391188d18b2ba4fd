#include "tokenizer/word_merger.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "tokenizer/utf8.h"

namespace corollary {

WordMerger::WordMerger(const Vocabulary& vocabulary, const PieceIndex& index, const MergeRules& rules)
    : vocabulary_(vocabulary), index_(index), rules_(rules) {
  byte_ids_.fill(-1);
  for (std::size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const Piece& piece = vocabulary.pieces[id];
    if (piece.type == PieceType::byte)
      byte_ids_[static_cast<std::size_t>(byte_of_piece(piece.text))] = static_cast<std::int32_t>(id);
    if (piece.type == PieceType::user_defined) user_defined_[piece.text[0]].push_back(piece.text);
  }
  for (auto& [head, texts] : user_defined_)
    std::sort(texts.begin(), texts.end(), [](std::string_view a, std::string_view b) { return a.size() > b.size(); });
}

void WordMerger::normalize(std::string_view word) {
  if (text_.size() < 3 * word.size()) text_.resize(3 * word.size());
  char* to = text_.data();
  const auto write = [&](std::string_view bytes) {
    std::memcpy(to, bytes.data(), bytes.size());
    to += bytes.size();
  };
  for (std::size_t at = 0; at < word.size();) {
    const char head = word[at];
    if (head == ' ') {
      write(kSpaceSymbol);
      ++at;
    } else if (static_cast<unsigned char>(head) < 0x80) {
      *to++ = head;
      ++at;
    } else {
      const auto length = static_cast<std::size_t>(utf8_length(word.substr(at)));
      write(length == 0 ? kReplacementCharacter : word.substr(at, length));
      at += std::max<std::size_t>(length, 1);
    }
  }
  text_bytes_ = static_cast<std::size_t>(to - text_.data());
}

std::size_t WordMerger::user_defined_length(std::string_view text) const {
  const auto candidates = user_defined_.find(text[0]);
  if (candidates == user_defined_.end()) return 0;
  for (const std::string_view piece : candidates->second)
    if (text.starts_with(piece)) return piece.size();
  return 0;
}

void WordMerger::split_into_symbols() {
  check(text_bytes_ < kEnd, "a word of ", text_bytes_, " bytes is more than can be encoded at once: split the document");
  if (symbols_.size() < text_bytes_) symbols_.resize(text_bytes_), begins_.resize(text_bytes_ + 1);
  places_ = 0;
  const std::string_view text(text_.data(), text_bytes_);
  for (std::size_t at = 0, length; at < text.size(); at += length) {
    begins_[places_] = static_cast<std::uint32_t>(at);
    length = user_defined_.empty() ? 0 : user_defined_length(text.substr(at));
    if (length == 0) {
      length = static_cast<std::size_t>(utf8_length(text.substr(at)));
      symbols_[places_++] = rules_.symbol_of(text.substr(at, length));
    } else {
      symbols_[places_++] = MergeRules::kNoSymbol;
    }
  }
  begins_[places_] = static_cast<std::uint32_t>(text_bytes_);
}

/// Merges by scanning all pairs for the best one. A pair is one number, rank above place, so that the lowest of them is the best
/// rank and of those the leftmost, found by a loop without branches.
void WordMerger::merge_short(TokenBuffer& out) {
  static_assert(kShortSymbols == 64 && MergeRules::kMaxRanks <= 1 << 25);
  constexpr std::int32_t kNoPair = std::numeric_limits<std::int32_t>::max();
  const auto n = static_cast<int>(places_);
  const int scanned = (n + 7) / 8 * 8;
  std::int32_t pairs[kShortSymbols], merged[kShortSymbols];
  std::int8_t next[kShortSymbols + 1], previous[kShortSymbols + 1];
  std::int32_t* const symbols = symbols_.data();
  const auto offer = [&](int left, int right) {
    const MergeRules::Rule* rule = rules_.find(symbols[left], symbols[right]);
    pairs[left] = rule == nullptr ? kNoPair : static_cast<std::int32_t>(rule->rank << 6) | left;
    merged[left] = rule == nullptr ? 0 : rule->merged;
  };
  for (int i = 0; i < n; ++i) next[i] = static_cast<std::int8_t>(i + 1), previous[i] = static_cast<std::int8_t>(i - 1);
  for (int i = 0; i + 1 < n; ++i) offer(i, i + 1);
  for (int i = n - 1; i < scanned; ++i) pairs[i] = kNoPair;
  for (;;) {
    std::int32_t best = kNoPair;
    for (int i = 0; i < scanned; ++i) best = std::min(best, pairs[i]);
    if (best == kNoPair) break;
    const int place = best & 63, right = next[place], after = next[right];
    symbols[place] = merged[place];
    pairs[right] = kNoPair;
    next[place] = static_cast<std::int8_t>(after);
    previous[after] = static_cast<std::int8_t>(place);
    if (after < n)
      offer(place, after);
    else
      pairs[place] = kNoPair;
    if (place > 0) offer(previous[place], place);
  }
  for (int i = 0; i < n; i = next[i]) emit(static_cast<std::size_t>(i), static_cast<std::size_t>(next[i]), out);
}

void WordMerger::RankQueue::push(std::uint32_t rank, std::uint32_t place) {
  if (rank <= current_rank) {
    late.push(static_cast<std::uint64_t>(rank) << 32 | place);
    return;
  }
  if (buckets[rank].empty()) waiting_ranks.push(rank);
  buckets[rank].push_back(place);
}

void WordMerger::merge_long(TokenBuffer& out) {
  const auto n = static_cast<std::uint32_t>(places_);
  next_.resize(n);
  previous_.resize(n);
  for (std::uint32_t i = 0; i < n; ++i) next_[i] = i + 1 < n ? i + 1 : kEnd, previous_[i] = i - 1;  // kEnd before the first
  queue_.buckets.resize(rules_.num_ranks());
  queue_.current_rank = -1;
  constexpr std::int32_t kGone = -2;  // swallowed by its left neighbour

  const auto offer = [&](std::uint32_t left, std::uint32_t right) {
    const MergeRules::Rule* rule = rules_.find(symbols_[left], symbols_[right]);
    if (rule != nullptr) queue_.push(rule->rank, left);
  };
  // An entry is stale unless the pair that stands at its place now has its rank: every pair that comes to stand is offered.
  const auto merge = [&](std::uint32_t rank, std::uint32_t place) {
    if (symbols_[place] == kGone || next_[place] == kEnd) return;
    const std::uint32_t right = next_[place];
    const MergeRules::Rule* rule = rules_.find(symbols_[place], symbols_[right]);
    if (rule == nullptr || rule->rank != rank) return;
    symbols_[place] = rule->merged;
    symbols_[right] = kGone;
    next_[place] = next_[right];
    if (next_[place] != kEnd) previous_[next_[place]] = place;
    if (previous_[place] != kEnd) offer(previous_[place], place);
    if (next_[place] != kEnd) offer(place, next_[place]);
  };
  const auto merge_late_before = [&](std::uint64_t key) {
    while (!queue_.late.empty() && queue_.late.top() < key) {
      const std::uint64_t top = queue_.late.top();
      queue_.late.pop();
      merge(static_cast<std::uint32_t>(top >> 32), static_cast<std::uint32_t>(top));
    }
  };

  for (std::uint32_t i = 0; i + 1 < n; ++i) offer(i, i + 1);
  std::vector<std::uint32_t> places;
  while (!queue_.waiting_ranks.empty()) {
    const std::uint32_t rank = queue_.waiting_ranks.top();
    queue_.waiting_ranks.pop();
    queue_.current_rank = rank;
    places.clear();
    places.swap(queue_.buckets[rank]);
    if (!std::is_sorted(places.begin(), places.end())) std::sort(places.begin(), places.end());
    for (const std::uint32_t place : places) {
      merge_late_before(static_cast<std::uint64_t>(rank) << 32 | place);
      merge(rank, place);
    }
    merge_late_before(~std::uint64_t{0});  // all of them rank no lower than what comes next
  }

  for (std::uint32_t i = 0; i != kEnd; i = next_[i]) emit(i, std::min(next_[i], n), out);
}

void WordMerger::emit(std::size_t place, std::size_t next_place, TokenBuffer& out) const {
  const std::int32_t symbol = symbols_[place];
  std::int32_t id = rules_.id_of(symbol);
  if (id >= 0) return out.push_back(id);
  const std::string_view text(text_.data() + begins_[place], begins_[next_place] - begins_[place]);
  if (symbol == MergeRules::kNoSymbol && !user_defined_.empty()) id = index_.find(text);  // else a character that no piece has
  if (id >= 0 && id != vocabulary_.unk_id)
    out.push_back(id);
  else if (vocabulary_.byte_fallback)
    for (const char byte : text) out.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
  else
    out.push_back(vocabulary_.unk_id);
}

void WordMerger::encode(std::string_view word, TokenBuffer& out) {
  normalize(word);
  split_into_symbols();
  if (places_ <= kShortSymbols)
    merge_short(out);
  else
    merge_long(out);
}

}  // namespace corollary
