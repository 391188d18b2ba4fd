#pragma once
#include <string>

#include "base/files.h"
#include "device/buffer.h"
#include "model/config.h"
#include "model/lora.h"

namespace corollary {

/// Adapters alone, as the PEFT library stores them: adapter_model.safetensors, f32, tensors
/// "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", and adapter_config.json.
///   flat  [adapter_layout().count] f32      base  where the frozen weights came from, told in the configuration
void save_adapters(const fs::path& folder, const LlamaConfig& model, const LoraConfig& lora, ConstTensor flat, const std::string& base);

struct LoadedAdapters {
  LoraConfig lora;
  OwnedTensor flat;  ///< [adapter_layout().count] f32
};
/// Error if a tensor is missing, of another shape than the model asks for, or not finite.
LoadedAdapters load_adapters(const fs::path& folder, const LlamaConfig& model);

}  // namespace corollary
