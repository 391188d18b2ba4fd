#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace corollary {

/// The parts of Proof-Pile-2, in the corpus's order.
constexpr std::array<const char*, 3> kSubsets = {"code", "web", "papers"};

/// One document of the corpus: UTF-8 text and what is known of it. On disk a line {"text": ..., "meta": {...}}
/// (docs/formats/documents.md).
struct Document {
  std::string text;
  Json meta = Json::object();
};

/// Why something did not become a document. Expected, so a value: counted by reason and listed in rejected.jsonl.
struct Rejection {
  std::string reason;       ///< a word_with_underscores: the key it is counted under
  std::int64_t offset = 0;  ///< byte in the record where the reason stands, 0 if it concerns the whole
  std::string detail = {};  ///< for people; may be empty
};

/// One JSON object without newline; invalid UTF-8 becomes U+FFFD.
std::string document_to_line(const Document& document);
/// Reads {"text": string, "meta": object, or a string holding one (as the published Proof-Pile-2 has it), or nothing}.
/// Other fields are kept in meta. Throws Error naming `where`.
Document document_from_line(std::string_view line, const std::string& where);

}  // namespace corollary
