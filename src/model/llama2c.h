#pragma once
#include "model/checkpoint_folder.h"

namespace corollary {

/// Imports a llama2.c `.bin` of the first version (docs/formats/llama2c.md): seven int32, then f32 weights, rotary embedding
/// interleaved. Rows of q and k are put into the half-split order of model/parameters.h; a shared classifier is duplicated as head.
/// Ids of the tokenizer are Llama's (1, 2), rms_norm_eps 1e-5, rope_theta 10000: the format states none of them.
/// Error naming the file and the numbers if the header contradicts itself or the size of the file.
LoadedModel load_llama2c(const fs::path& path, DType dtype);
LoadedModel parse_llama2c(std::span<const std::byte> bytes, DType dtype, const std::string& where);

/// Whether a file looks like one: a plausible header and exactly the size that follows from it.
bool is_llama2c(const fs::path& path);

}  // namespace corollary
