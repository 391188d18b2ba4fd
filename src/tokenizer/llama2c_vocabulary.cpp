#include "tokenizer/llama2c_vocabulary.h"

#include <cstring>

#include "tokenizer/utf8.h"

namespace corollary {
namespace {

std::string spaces_to_symbol(std::string_view text) {
  std::string out;
  for (const char c : text) c == ' ' ? out += kSpaceSymbol : out += c;
  return out;
}

}  // namespace

std::optional<Vocabulary> parse_llama2c_vocabulary(std::string_view bytes) {
  const auto read = [&](auto& value) {
    if (bytes.size() < sizeof value) return false;
    std::memcpy(&value, bytes.data(), sizeof value);
    bytes.remove_prefix(sizeof value);
    return true;
  };
  std::int32_t longest = 0;
  if (!read(longest) || longest <= 0) return std::nullopt;
  Vocabulary vocabulary;
  int byte_pieces = 0;
  while (!bytes.empty()) {
    Piece piece;
    std::int32_t length = 0;
    if (!read(piece.score) || !read(length) || length < 0 || static_cast<std::size_t>(length) > bytes.size()) return std::nullopt;
    const std::string_view text = bytes.substr(0, static_cast<std::size_t>(length));
    bytes.remove_prefix(text.size());
    const std::size_t id = vocabulary.pieces.size();
    if (id >= kMaxVocabularySize) return std::nullopt;
    if (id < 3) {  // whichever decoration the exporter gave them
      constexpr const char* names[] = {"<unk>", "<s>", "</s>"};
      piece.text = names[id];
      piece.type = id == 0 ? PieceType::unknown : PieceType::control;
    } else {
      piece.text = spaces_to_symbol(text);
      if (byte_of_piece(piece.text) >= 0) piece.type = PieceType::byte, ++byte_pieces;
    }
    vocabulary.pieces.push_back(std::move(piece));
  }
  if (vocabulary.pieces.size() < 3) return std::nullopt;
  vocabulary.byte_fallback = byte_pieces > 0;
  vocabulary.unk_id = 0, vocabulary.bos_id = 1, vocabulary.eos_id = 2;
  vocabulary.unk_surface = " \xe2\x81\x87 ";
  return vocabulary;
}

}  // namespace corollary
