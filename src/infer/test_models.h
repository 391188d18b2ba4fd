#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/compress.h"
#include "base/json.h"
#include "infer/language_model.h"
#include "model/llama2c.h"

namespace corollary {

/// Published checkpoints and what an independent double-precision program computes with them.
struct ReferenceCase {
  std::string model;
  std::vector<std::int32_t> ids, argmax;
  std::vector<double> last_logits, nll_of_next;
};

inline const fs::path kModels = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/models";

inline std::vector<ReferenceCase> reference_cases() {
  std::vector<ReferenceCase> cases;
  if (!fs::exists(kModels / "reference_logits.jsonl")) return cases;
  LineReader reader(kModels / "reference_logits.jsonl");
  while (const auto line = reader.next()) {
    const Json json = parse_json(*line, "reference_logits.jsonl");
    cases.push_back({json["model"], json["ids"], json["argmax"], json["last_logits"], json["nll_of_next"]});
  }
  return cases;
}

inline LoadedModel reference_model(const std::string& name, DType dtype) {
  return name == "stories260K" ? load_llama2c(kModels / "stories260K/stories260K.bin", dtype)
                               : load_checkpoint_folder(kModels / name, dtype);
}

/// A model of our own, for what needs no published one: grouped queries, odd sizes.
inline LoadedModel small_model(DType dtype, std::int64_t vocab_size = 50, std::uint64_t seed = 5) {
  LlamaConfig c;
  c.vocab_size = vocab_size, c.hidden_size = 48, c.intermediate_size = 80, c.num_hidden_layers = 3, c.num_attention_heads = 6;
  c.num_key_value_heads = 2, c.max_position_embeddings = 96, c.initializer_range = 0.2;
  c = resolve(c);
  OwnedTensor flat(DType::f32, {parameter_count(c)});
  initialize(flat, c, seed);
  LoadedModel model{c, OwnedTensor(dtype, {parameter_count(c)})};
  for (std::int64_t i = 0; i < parameter_count(c); ++i) {
    const float value = flat.view().data<float>()[i];
    if (dtype == DType::f32)
      model.parameters.view().data<float>()[i] = value;
    else
      model.parameters.view().data<bf16>()[i] = to_bf16(value);
  }
  return model;
}

/// A tokenizer of our own: bytes, letters, a few merges; in llama2.c's layout.
inline Tokenizer small_tokenizer() {
  std::string file("\x10\0\0\0", 4);
  const auto add = [&](const std::string& piece, float score) {
    const auto length = static_cast<std::int32_t>(piece.size());
    file.append(reinterpret_cast<const char*>(&score), 4).append(reinterpret_cast<const char*>(&length), 4) += piece;
  };
  for (const char* name : {"<unk>", "<s>", "</s>"}) add(name, 0);
  const char* digits = "0123456789ABCDEF";
  for (int byte = 0; byte < 256; ++byte) add(std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">", 0);
  float score = 0;
  for (const char* merge : {"th", "the", " the", "in", "an", " a", "on"}) add(merge, score -= 1);
  for (const char c : std::string(" abcdefghijklmnopqrstuvwxyz.")) add(std::string(1, c), score -= 1);
  return Tokenizer::from_bytes(std::move(file), "small tokenizer");
}
/// The two together: fresh weights, so it says nothing, but always the same.
inline LanguageModel small_language_model(DType dtype = DType::f32, std::uint64_t seed = 5) {
  Tokenizer tokenizer = small_tokenizer();
  return {small_model(dtype, tokenizer.vocab_size(), seed), tokenizer};
}
/// And as a Hugging Face folder.
inline void save_language_model(const fs::path& folder, const LanguageModel& model) {
  model.tokenizer.save(folder);
  save_checkpoint_folder(folder, model.config(), model.model.parameters, {});
}

inline std::vector<std::int32_t> some_tokens(std::size_t count, std::int32_t vocab_size) {
  std::vector<std::int32_t> tokens(count);
  for (std::size_t i = 0; i < count; ++i)
    tokens[i] = static_cast<std::int32_t>((i * 37 + i * i * 11 + 5) % static_cast<std::size_t>(vocab_size));
  return tokens;
}

}  // namespace corollary
