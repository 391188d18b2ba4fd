#pragma once
#include <optional>
#include <string_view>

#include "tokenizer/vocabulary.h"

namespace corollary {

/// Reads llama2.c's tokenizer.bin: i32 longest piece, then per id f32 score, i32 bytes, the bytes (little endian; a space stands
/// for U+2581, ids 0 1 2 are unknown, beginning and end, then may follow the 256 byte pieces). nullopt if `bytes` are not of that
/// shape.
std::optional<Vocabulary> parse_llama2c_vocabulary(std::string_view bytes);

}  // namespace corollary
