#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace corollary {

enum class PieceType { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };  ///< SentencePiece's numbers

struct Piece {
  std::string text;  ///< spaces written as U+2581; empty: an id that no text has
  float score = 0;   ///< higher merges first
  PieceType type = PieceType::normal;
};

/// A token that Hugging Face's tokenizer.json cuts out of the text before anything else sees it.
struct AddedToken {
  std::string text;
  std::int32_t id = 0;
  bool is_special = false;                         ///< <s> and such: matched in text only on request, left out by decode
  bool is_normalized = false;                      ///< looked for after the normalizer, and itself rewritten by it
  bool strips_left = false, strips_right = false;  ///< takes the white space beside it along
};

/// What a tokenizer file says, whichever format it has; ids index `pieces`. Meaning of the fields: docs/formats/tokenizer_model.md.
struct Vocabulary {
  std::vector<Piece> pieces;

  /// Explicit rules as (left id, right id), best first (tokenizer.json). Without them any two neighbours whose joint text is a
  /// piece merge, highest score first, then leftmost (SentencePiece).
  std::vector<std::pair<std::int32_t, std::int32_t>> merges;
  bool has_explicit_merges = false;

  bool byte_fallback = false;        ///< unknown characters become one byte piece per byte
  bool fuses_unknown = true;         ///< a run of unknown characters is one unknown id
  bool splits_before_space = false;  ///< no merge reaches leftwards over the start of a space
  bool removes_extra_spaces = false;
  enum class Prefix { none, always, if_absent };
  Prefix prefix = Prefix::always;    ///< a space before the text; if_absent: unless it starts with one
  bool prefix_on_every_part = true;  ///< also after each added token, as tokenizer.json's normalizers work

  std::vector<AddedToken> added_tokens;
  bool normalizes_early = false;  ///< spaces are rewritten, and Prefix::always added, before normalized added tokens are looked for
  std::int32_t unk_id = -1, bos_id = -1, eos_id = -1, pad_id = -1;  ///< -1: none
  std::string unk_surface;                                          ///< what decode writes for unk_id
};

constexpr std::int32_t kMaxVocabularySize = 1 << 20;
constexpr std::size_t kMaxPieceBytes = 1024;

/// Throws Error, naming `where` and the id, for what no encoder could use: no unknown piece, pieces that are too long, twice there,
/// hold a zero byte or invalid UTF-8, a score that is not a number, byte fallback without its 256 pieces, too many pieces.
void check_vocabulary(const Vocabulary& vocabulary, const std::string& where);

/// "<0x00>" to "<0xFF>": 0 to 255; anything else -1.
int byte_of_piece(std::string_view text);
std::string piece_of_byte(int byte);

/// Text to id. As in SentencePiece two tables: `mergeable` has what merging can make, `reserved` the rest, which wins when both
/// have it.
struct PieceIndex {
  explicit PieceIndex(const Vocabulary& vocabulary);  ///< refers to the vocabulary's strings
  std::unordered_map<std::string_view, std::int32_t> mergeable, reserved;
  std::int32_t find(std::string_view text) const;  ///< -1 if none
};

}  // namespace corollary
