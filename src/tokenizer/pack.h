#pragma once
#include <cstdint>

#include "base/manifest.h"

namespace corollary {

struct PackConfig {
  bool append_eod = true;  ///< one end-of-document id after every document
  std::int64_t eod_id =
      -1;  ///< -1: the tokenizer's end-of-text id, 2 for Llama. NeoX's Llama runs used 0 (docs/formats/indexed_dataset.md)
  bool strict = false;  ///< stop at the first line that is no document, instead of listing it in rejected.jsonl
  static void each(auto& config, auto&& visit) {
    visit("append_eod", config.append_eod);
    visit("eod_id", config.eod_id);
    visit("strict", config.strict);
  }
};

/// The name of a packed set below the stage's folder, without .bin or .idx: "code_train_text_document".
std::string packed_name(const std::string& subset, const std::string& split);

/// Stage "pack": encodes every set of `corpus` (corpus_files.h) on all threads with the tokenizer at `tokenizer` (no
/// beginning-of-text id, special tokens not matched) and writes SUBSET_SPLIT_text_document.bin and .idx, rejected.jsonl if lines
/// were rejected, and manifest.json, whose counts give documents, tokens and bytes of each set. Empty documents are left out and
/// counted. The files are the same whatever the number of threads.
StageResult pack(const PackConfig& config, const fs::path& corpus, const fs::path& tokenizer, const fs::path& out);

}  // namespace corollary
