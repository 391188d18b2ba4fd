#pragma once
#include "base/files.h"
#include "model/checkpoint_folder.h"

namespace corollary {

/// Whether `folder` is a checkpoint of a training run (train/state.h).
bool is_training_state(const fs::path& folder);

/// What such a checkpoint's weights were computed with: f32 or bf16.
DType training_state_dtype(const fs::path& folder);

/// The weights of a checkpoint as f32 or bf16, whatever layout of ranks wrote it and without those ranks. Digests are compared
/// first. Error as of Checkpoints::load_step().
LoadedModel load_training_state_weights(const fs::path& folder, DType dtype);

/// The tokenizer that the run of a checkpoint copied beside its first weights; empty if the checkpoint was moved away from it.
fs::path training_state_tokenizer(const fs::path& folder);

}  // namespace corollary
