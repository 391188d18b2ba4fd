#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/config.h"
#include "model/parameters.h"

std::vector<std::string> fuzz_seeds() {
  corollary::LlamaConfig config;
  config.vocab_size = 320;
  return {
      corollary::llama_config_to_huggingface(corollary::resolve(config), "bfloat16").dump(),
      R"({"model_type":"llama","vocab_size":16,"hidden_size":8,"intermediate_size":24,"num_hidden_layers":2,"num_attention_heads":2,
              "eos_token_id":[3,4],"bos_token_id":null,"rope_scaling":null,"rope_parameters":{"rope_type":"default","rope_theta":5e5}})"};
}

/// A config.json that is accepted describes a model that can be counted and written again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corollary;
  try {
    const Json json = parse_json({reinterpret_cast<const char*>(data), size}, "config.json");
    const LlamaConfig config = parse_huggingface_config(json, "config.json").config;
    if (parameter_count(config) <= 0 || !(flops_per_token(config, 1) > 0)) __builtin_trap();
    if (config.num_hidden_layers < 1000 && parameter_layout(config).count != parameter_count(config)) __builtin_trap();
    (void)parse_huggingface_config(llama_config_to_huggingface(config, "float32"), "config.json");
  } catch (const Error&) {
  }
  return 0;
}
