#include "tokenizer/whole_text.h"

#include <map>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "tokenizer/utf8.h"

namespace corollary {
namespace {

/// Deliberately on strings throughout, sharing nothing with merge_rules.h: an independent second opinion.
class WholeText {
 public:
  WholeText(const Vocabulary& vocabulary, const PieceIndex& index, TokenBuffer& out)
      : vocabulary_(vocabulary), index_(index), out_(out) {
    for (const Piece& piece : vocabulary.pieces)
      if (piece.type == PieceType::user_defined) user_defined_.push_back(piece.text);
    for (std::size_t i = 0; i < vocabulary.merges.size(); ++i) {
      const auto& [left, right] = vocabulary.merges[i];
      explicit_ranks_[{text_of(left), text_of(right)}] = static_cast<double>(i);
    }
  }

  void encode(std::string text) {
    text_ = std::move(text);
    split();
    for (std::size_t i = 0; i + 1 < symbols_.size(); ++i) offer(i, i + 1);
    while (!queue_.empty()) {
      const Pair pair = queue_.top();
      queue_.pop();
      if (is_stale(pair)) continue;
      Symbol &left = symbols_[pair.left], &right = symbols_[pair.right];
      left.text = joined(left, right);
      right.text = {};
      left.next = right.next;
      if (right.next != kNone) symbols_[right.next].previous = pair.left;
      if (left.previous != kNone) offer(left.previous, pair.left);
      if (left.next != kNone) offer(pair.left, left.next);
    }
    for (std::size_t i = symbols_.empty() ? kNone : 0; i != kNone; i = symbols_[i].next) emit(symbols_[i].text);
  }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};
  struct Symbol {
    std::string_view text;
    std::size_t previous, next;
    bool is_frozen;
  };
  struct Pair {
    double badness;  // of the merge, the lowest first; then the leftmost
    std::size_t left, right, size;
    bool operator<(const Pair& other) const { return badness != other.badness ? badness > other.badness : left > other.left; }
  };

  std::string_view text_of(std::int32_t id) const { return vocabulary_.pieces[static_cast<std::size_t>(id)].text; }
  static std::string_view joined(const Symbol& left, const Symbol& right) {
    return {left.text.data(), left.text.size() + right.text.size()};
  }
  bool is_stale(const Pair& pair) const {
    const auto &left = symbols_[pair.left].text, &right = symbols_[pair.right].text;
    return left.empty() || right.empty() || left.size() + right.size() != pair.size;
  }

  void split() {
    for (std::size_t at = 0; at < text_.size();) {
      const std::string_view rest = std::string_view(text_).substr(at);
      std::size_t length = 0;
      for (const std::string& piece : user_defined_)
        if (piece.size() > length && rest.starts_with(piece)) length = piece.size();
      const bool is_frozen = length > 0;
      if (!is_frozen) length = static_cast<std::size_t>(utf8_length(rest));
      const std::size_t here = symbols_.size();
      at += length;
      symbols_.push_back({rest.substr(0, length), here == 0 ? kNone : here - 1, at < text_.size() ? here + 1 : kNone, is_frozen});
    }
  }

  void offer(std::size_t left, std::size_t right) {
    if (symbols_[left].is_frozen || symbols_[right].is_frozen) return;
    const std::string_view text = joined(symbols_[left], symbols_[right]);
    double badness;
    if (vocabulary_.has_explicit_merges) {
      if (vocabulary_.splits_before_space && symbols_[right].text.starts_with(kSpaceSymbol)) return;
      const auto rule = explicit_ranks_.find({symbols_[left].text, symbols_[right].text});
      if (rule == explicit_ranks_.end()) return;
      badness = rule->second;
    } else {
      const auto piece = index_.mergeable.find(text);
      if (piece == index_.mergeable.end()) return;
      badness = -vocabulary_.pieces[static_cast<std::size_t>(piece->second)].score;
      if (vocabulary_.pieces[static_cast<std::size_t>(piece->second)].type == PieceType::unused)
        taken_apart_[text] = {symbols_[left].text, symbols_[right].text};
    }
    queue_.push({badness, left, right, text.size()});
  }

  /// An unused piece comes out as the two it was last offered from, anywhere in the text: SentencePiece's rule.
  void emit(std::string_view text) {
    const std::int32_t id = index_.find(text);
    if (id >= 0 && vocabulary_.pieces[static_cast<std::size_t>(id)].type == PieceType::unused) {
      if (const auto halves = taken_apart_.find(text); halves != taken_apart_.end()) {
        emit(halves->second.first);
        emit(halves->second.second);
        return;
      }
    }
    if (id >= 0 && id != vocabulary_.unk_id) {
      out_.push_back(id);
    } else if (vocabulary_.byte_fallback) {
      for (const char byte : text) out_.push_back(index_.find(piece_of_byte(static_cast<unsigned char>(byte))));
    } else {
      out_.push_back(vocabulary_.unk_id);
    }
  }

  const Vocabulary& vocabulary_;
  const PieceIndex& index_;
  TokenBuffer& out_;
  std::vector<std::string> user_defined_;
  std::map<std::pair<std::string_view, std::string_view>, double> explicit_ranks_;
  std::unordered_map<std::string_view, std::pair<std::string_view, std::string_view>> taken_apart_;
  std::string text_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Pair> queue_;
};

}  // namespace

void encode_whole_text(const Vocabulary& vocabulary, const PieceIndex& index, std::string_view text, bool with_prefix,
                       TokenBuffer& out) {
  std::string normalized = with_prefix && !text.empty() ? std::string(kSpaceSymbol) : std::string();
  for (std::size_t at = 0; at < text.size();) {
    const int length = utf8_length(text.substr(at));
    if (length == 0)
      normalized += kReplacementCharacter;
    else if (text[at] == ' ')
      normalized += kSpaceSymbol;
    else
      normalized += text.substr(at, static_cast<std::size_t>(length));
    at += length == 0 ? 1 : static_cast<std::size_t>(length);
  }
  WholeText(vocabulary, index, out).encode(std::move(normalized));
}

}  // namespace corollary
