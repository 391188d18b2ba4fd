#pragma once
#include <string>
#include <string_view>

#include "tokenizer/vocabulary.h"

namespace corollary {

/// Reads a SentencePiece `tokenizer.model` (docs/formats/tokenizer_model.md). Error, naming `where`, offset and remedy, for a
/// damaged file and for what this program does not encode: models other than BPE, normalisers with a character map (nmt_nfkc and
/// kin), spaces as suffix, unescaped spaces, a denormaliser.
Vocabulary parse_sentencepiece_model(std::string_view bytes, const std::string& where);

/// The same vocabulary as a tokenizer.model that SentencePiece loads. Needs scores: Error if the vocabulary has explicit merges.
std::string serialize_sentencepiece_model(const Vocabulary& vocabulary);

}  // namespace corollary
