#pragma once
#include <string>
#include <vector>

#include "device/buffer.h"
#include "model/config.h"
#include "model/parameters.h"
#include "model/safetensors.h"

namespace corollary {

/// A Hugging Face folder of a Llama (docs/formats/weights.md): config.json; model.safetensors, or shards named by
/// model.safetensors.index.json; generation_config.json; the tokenizer's files.

struct LoadedModel {
  LlamaConfig config;
  OwnedTensor parameters;  ///< [count] f32 or bf16, in the order of parameter_layout(config)
  Weights weights() const { return {config, parameters.view()}; }
};

/// Reads a folder into memory as f32 or bf16, whatever the files hold (F32, BF16, F16). Error that lists what is missing, unknown
/// or of another shape; names the first tensor and element that is not finite. A folder with tied embeddings (tie_word_embeddings)
/// gets the table twice, as embedding and as head: from then on they are two. Buffers of old releases (rotary_emb.inv_freq) are
/// skipped.
LoadedModel load_checkpoint_folder(const fs::path& folder, DType dtype);

/// The tensors a folder's files declare, by name; the weights themselves are not read.
struct FolderTensor {
  std::string file;  ///< in the folder
  SafetensorsEntry entry;
};
std::vector<FolderTensor> list_folder_tensors(const fs::path& folder);

struct SaveOptions {
  DType dtype = DType::f32;                      ///< of the files; f32 parameters may be saved as bf16, not the other way round
  std::int64_t max_shard_bytes = 5'000'000'000;  ///< more than this in all: several files and an index
  fs::path tokenizer = {};                       ///< a folder with tokenizer files to copy beside the weights; empty: none
};

/// Writes a folder other tools load.   flat  [count] f32 or bf16. Invariants:
/// (1) config.json stands there only when all weights beside it are whole and on disk: it goes first and comes last;
/// (2) weights left by an earlier save of another shape or sharding are gone;
/// (3) parameters that are not finite are refused before anything is written.
void save_checkpoint_folder(const fs::path& folder, const LlamaConfig& config, ConstTensor flat, const SaveOptions& options);

/// Error naming the first tensor and element that is NaN or infinite, and how many there are.   flat  [count] f32 or bf16
void check_finite(const LlamaConfig& config, ConstTensor flat, const std::string& where);

}  // namespace corollary
