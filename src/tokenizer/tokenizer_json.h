#pragma once
#include <string>
#include <string_view>

#include "tokenizer/vocabulary.h"

namespace corollary {

/// Reads a Hugging Face `tokenizer.json` of the Llama family: BPE with byte fallback over U+2581 for spaces, by a Prepend/Replace
/// normaliser or a Metaspace pre-tokenizer (docs/formats/tokenizer_json.md). Error, naming `where`, the key and the remedy, for
/// damage and for every component whose effect on the ids is not implemented.
Vocabulary parse_tokenizer_json(std::string_view json, const std::string& where);

}  // namespace corollary
