#include "tokenizer/vocabulary.h"

#include <array>
#include <cmath>
#include <unordered_set>

#include "base/error.h"
#include "tokenizer/utf8.h"

namespace corollary {
namespace {

bool is_mergeable(PieceType type) {
  return type == PieceType::normal || type == PieceType::user_defined || type == PieceType::unused;
}

constexpr std::string_view kHex = "0123456789ABCDEF";

}  // namespace

int byte_of_piece(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  const std::size_t high = kHex.find(text[3]), low = kHex.find(text[4]);
  return high == kHex.npos || low == kHex.npos ? -1 : static_cast<int>(high * 16 + low);
}

std::string piece_of_byte(int byte) {
  return {'<', '0', 'x', kHex[static_cast<std::size_t>(byte) / 16], kHex[static_cast<std::size_t>(byte) % 16], '>'};
}

PieceIndex::PieceIndex(const Vocabulary& vocabulary) {
  mergeable.reserve(vocabulary.pieces.size());
  for (std::size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const Piece& piece = vocabulary.pieces[id];
    if (!piece.text.empty()) (is_mergeable(piece.type) ? mergeable : reserved).emplace(piece.text, static_cast<std::int32_t>(id));
  }
}

std::int32_t PieceIndex::find(std::string_view text) const {
  if (const auto at = reserved.find(text); at != reserved.end()) return at->second;
  const auto at = mergeable.find(text);
  return at == mergeable.end() ? -1 : at->second;
}

void check_vocabulary(const Vocabulary& vocabulary, const std::string& where) {
  const auto& pieces = vocabulary.pieces;
  const auto size = static_cast<std::int32_t>(pieces.size());
  check(!pieces.empty(), "in ", where, ": no pieces at all: not a tokenizer, or a damaged one");
  check(pieces.size() <= kMaxVocabularySize, "in ", where, ": ", pieces.size(), " pieces, at most ", kMaxVocabularySize,
        " are supported");
  std::unordered_set<std::string_view> seen[2];
  std::array<bool, 256> has_byte{};
  for (std::int32_t id = 0; id < size; ++id) {
    const Piece& piece = pieces[static_cast<std::size_t>(id)];
    check(piece.text.size() <= kMaxPieceBytes, "in ", where, ": piece ", id, " has ", piece.text.size(), " bytes, at most ",
          kMaxPieceBytes, " are supported");
    check(piece.text.find('\0') == std::string::npos, "in ", where, ": piece ", id, " holds a zero byte: the file is damaged");
    check(is_valid_utf8(piece.text), "in ", where, ": piece ", id, " is not valid UTF-8: the file is damaged");
    check(std::isfinite(piece.score), "in ", where, ": the score of piece ", id, " is not a number: the file is damaged");
    if (!piece.text.empty())
      check(seen[is_mergeable(piece.type) ? 0 : 1].insert(piece.text).second, "in ", where, ": piece ", id, " (\"", piece.text,
            "\") is there twice: the file is damaged");
    if (piece.type == PieceType::byte) {
      const int byte = byte_of_piece(piece.text);
      check(byte >= 0, "in ", where, ": byte piece ", id, " is \"", piece.text, "\", expected <0x00> to <0xFF>");
      check(vocabulary.byte_fallback, "in ", where, ": byte piece ", id, " although byte fallback is off: the file is damaged");
      has_byte[static_cast<std::size_t>(byte)] = true;
    }
  }
  check(vocabulary.unk_id < size && (vocabulary.unk_id >= 0 || vocabulary.byte_fallback), "in ", where,
        ": no piece for unknown text (<unk>)");
  if (vocabulary.byte_fallback)
    for (int byte = 0; byte < 256; ++byte)
      check(has_byte[static_cast<std::size_t>(byte)], "in ", where, ": byte fallback is on but piece ", piece_of_byte(byte),
            " is missing");
}

}  // namespace corollary
