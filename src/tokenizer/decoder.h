#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace corollary {

/// What each id writes, made once from a vocabulary and shared by every thread.
struct DecodingTables {
  explicit DecodingTables(const Vocabulary& vocabulary, const PieceIndex& index);
  enum class Kind : std::uint8_t { text, control, unknown, byte };
  struct Entry {
    std::uint32_t begin = 0, length = 0;  ///< in surfaces
    Kind kind = Kind::text;
    char byte = 0;
    bool has_prefix = false;  ///< begins with a space that stands for the prefix at the start of a text
  };
  std::vector<Entry> entries;
  std::string surfaces;
  bool strips_prefix = false;        ///< the first space of a text is the encoder's
  bool strips_every_prefix = false;  ///< and so are all spaces before the first text (remove_extra_whitespaces)
};

/// Ids to text, one at a time. Text comes out as soon as it is certain: the bytes of an unfinished UTF-8 character are withheld.
/// The pieces together are what SentencePiece decodes: control ids are invisible, malformed byte pieces become U+FFFD, one each.
class StreamDecoder {
 public:
  explicit StreamDecoder(const DecodingTables& tables) : tables_(&tables) {}  ///< which must outlive it
  /// Appends the text that has become certain with `id`. Error if the id is outside the vocabulary.
  void push(std::int32_t id, std::string& out);
  /// Appends what was withheld.
  void finish(std::string& out) { flush_bytes(out, true); }

 private:
  void flush_bytes(std::string& out, bool is_last);
  const DecodingTables* tables_;
  std::string bytes_;  // of byte pieces, not yet a character
  bool has_text_ = false, expects_prefix_ = true, prefix_was_stripped_ = false;
};

}  // namespace corollary
