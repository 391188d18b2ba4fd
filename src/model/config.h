#pragma once
#include <cstdint>
#include <string>

#include "base/files.h"
#include "base/json.h"

namespace corollary {

/// A Llama, in the words of its Hugging Face config.json.
struct LlamaConfig {
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 256;
  std::int64_t intermediate_size = 0;  ///< of the feed-forward; 0: int(8 hidden_size / 3) rounded up to a multiple of 64
  std::int64_t num_hidden_layers = 8;
  std::int64_t num_attention_heads = 4;
  std::int64_t num_key_value_heads = 0;  ///< 0: as many as attention heads
  std::int64_t head_dim = 0;             ///< 0: hidden_size / num_attention_heads
  std::int64_t max_position_embeddings = 512;
  double rms_norm_eps = 1e-5;
  double rope_theta = 10000.0;
  std::int64_t bos_token_id = 1, eos_token_id = 2;  ///< -1: none
  double initializer_range = 0.02;                  ///< standard deviation of fresh weights

  static void each(auto& config, auto&& visit) {
    visit("vocab_size", config.vocab_size);
    visit("hidden_size", config.hidden_size);
    visit("intermediate_size", config.intermediate_size);
    visit("num_hidden_layers", config.num_hidden_layers);
    visit("num_attention_heads", config.num_attention_heads);
    visit("num_key_value_heads", config.num_key_value_heads);
    visit("head_dim", config.head_dim);
    visit("max_position_embeddings", config.max_position_embeddings);
    visit("rms_norm_eps", config.rms_norm_eps);
    visit("rope_theta", config.rope_theta);
    visit("bos_token_id", config.bos_token_id);
    visit("eos_token_id", config.eos_token_id);
    visit("initializer_range", config.initializer_range);
  }

  std::int64_t q_size() const { return num_attention_heads * head_dim; }
  std::int64_t kv_size() const { return num_key_value_heads * head_dim; }
};

/// Fills in what follows from what; Error with the numbers and the remedy if the fields contradict one another or overflow.
LlamaConfig resolve(LlamaConfig config);

/// A Hugging Face config.json: model_type llama, silu, no biases, plain rotary embedding; anything else is an Error naming the
/// file, the key and what is supported. Unknown keys are ignored, as Hugging Face adds more with every release. Defaults of absent
/// keys are Hugging Face's. A list of end-of-sequence ids counts by its first; null ids become -1.
struct HuggingFaceConfig {
  LlamaConfig config;            ///< resolved
  bool ties_embeddings = false;  ///< the file has no lm_head: the embedding table serves as both (model/checkpoint_folder.h)
  std::string torch_dtype;       ///< "float32", "bfloat16", ..., or "" if not said
};
HuggingFaceConfig read_huggingface_config(const fs::path& config_json);
HuggingFaceConfig parse_huggingface_config(const Json& json, const std::string& where);
LlamaConfig read_llama_config(const fs::path& config_json);  ///< the first part of it
/// The config.json other tools read: untied, `torch_dtype` as they name it ("float32", "bfloat16").
Json llama_config_to_huggingface(const LlamaConfig& config, const std::string& torch_dtype);

std::int64_t parameter_count(const LlamaConfig& config);
/// Of one trained token, forward and backward: 6 flops a weight of every matrix product (embedding look-ups are none) plus
/// attention over the causal half, 6 * layers * seq_len * q_size (docs/math/llama.md).
double flops_per_token(const LlamaConfig& config, std::int64_t seq_len);

}  // namespace corollary
