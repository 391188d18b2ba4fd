#include "tokenizer/decoder.h"

#include <algorithm>

#include "base/error.h"
#include "tokenizer/utf8.h"

namespace corollary {

DecodingTables::DecodingTables(const Vocabulary& vocabulary, const PieceIndex& index)
    : strips_prefix(vocabulary.prefix != Vocabulary::Prefix::none || vocabulary.removes_extra_spaces),
      strips_every_prefix(vocabulary.removes_extra_spaces) {
  for (std::size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const std::string& text = vocabulary.pieces[id].text;
    // By text, as SentencePiece does it: of two pieces with one text it decodes the reserved one.
    const std::int32_t known = text.empty() ? -1 : index.find(text);
    const PieceType type = vocabulary.pieces[known < 0 ? id : static_cast<std::size_t>(known)].type;
    Entry entry;
    entry.begin = static_cast<std::uint32_t>(surfaces.size());
    if (type == PieceType::byte) {
      entry.kind = Kind::byte;
      entry.byte = static_cast<char>(byte_of_piece(text));
    } else if (type == PieceType::control) {
      entry.kind = Kind::control;
    } else if (type == PieceType::unknown) {
      entry.kind = Kind::unknown;
      surfaces += vocabulary.unk_surface;
    } else {
      entry.has_prefix = text.starts_with(kSpaceSymbol);
      for (std::size_t at = 0; at < text.size();) {
        const bool is_space = std::string_view(text).substr(at).starts_with(kSpaceSymbol);
        surfaces += is_space ? ' ' : text[at];
        at += is_space ? kSpaceSymbol.size() : 1;
      }
    }
    entry.length = static_cast<std::uint32_t>(surfaces.size()) - entry.begin;
    entries.push_back(entry);
  }
}

void StreamDecoder::flush_bytes(std::string& out, bool is_last) {
  std::string_view rest = bytes_;
  while (!rest.empty()) {
    const int length = utf8_length(rest);
    if (length == 0 && !is_last && is_utf8_prefix(rest)) break;
    has_text_ = true;
    out += length == 0 ? kReplacementCharacter : rest.substr(0, static_cast<std::size_t>(length));
    rest.remove_prefix(static_cast<std::size_t>(std::max(length, 1)));
  }
  bytes_.erase(0, bytes_.size() - rest.size());
}

void StreamDecoder::push(std::int32_t id, std::string& out) {
  check(id >= 0 && static_cast<std::size_t>(id) < tables_->entries.size(), "id ", id, " is outside the vocabulary of ",
        tables_->entries.size(), ": is this the tokenizer the ids were made with?");
  const auto& entry = tables_->entries[static_cast<std::size_t>(id)];
  if (entry.kind == DecodingTables::Kind::byte) {
    bytes_ += entry.byte;
    flush_bytes(out, false);
    return;
  }
  flush_bytes(out, true);
  if (prefix_was_stripped_ || has_text_) expects_prefix_ = false;
  prefix_was_stripped_ = false;
  std::string_view text = std::string_view(tables_->surfaces).substr(entry.begin, entry.length);
  if (expects_prefix_ && tables_->strips_prefix && entry.has_prefix) {
    text.remove_prefix(1);
    prefix_was_stripped_ = !tables_->strips_every_prefix;
  }
  has_text_ = has_text_ || !text.empty();
  out += text;
}

}  // namespace corollary
