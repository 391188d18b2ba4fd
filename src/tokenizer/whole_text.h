#pragma once
#include <string_view>

#include "tokenizer/token_buffer.h"
#include "tokenizer/vocabulary.h"

namespace corollary {

/// The encoding rules applied to a whole text with one queue, no words and no cache: what the encoder must equal (tests and fuzzing
/// compare them), and what runs for vocabularies whose words depend on each other. About 1 to 3 MB/s. Arguments as Encoder::encode;
/// a run of unknown characters gives one unknown id each.
void encode_whole_text(const Vocabulary& vocabulary, const PieceIndex& index, std::string_view text, bool with_prefix,
                       TokenBuffer& out);

}  // namespace corollary
