#include "infer/language_model.h"

#include "base/digest.h"

namespace corollary {
namespace {

DType choose_dtype(const std::string& precision, const fs::path& folder) {
  if (precision == "fp32") return DType::f32;
  if (precision == "bf16") return DType::bf16;
  if (precision == "auto") return __builtin_cpu_supports("avx512bf16") ? DType::bf16 : DType::f32;
  check(precision == "stored", "precision is ", precision, ", must be stored, fp32, bf16 or auto");
  return read_huggingface_config(folder / "config.json").torch_dtype == "bfloat16" ? DType::bf16 : DType::f32;
}

}  // namespace

std::int32_t LanguageModel::start_token() const {
  return tokenizer.bos_id() >= 0 ? tokenizer.bos_id() : static_cast<std::int32_t>(config().bos_token_id);
}

std::vector<std::int32_t> LanguageModel::encode_with_start(std::string_view text) const {
  std::vector<std::int32_t> ids = tokenizer.encode(text);
  if (start_token() >= 0) ids.insert(ids.begin(), start_token());
  return ids;
}

LanguageModel load_language_model(const fs::path& folder, const std::string& precision, const fs::path& tokenizer) {
  check(fs::is_directory(folder), "no model folder at ", folder.string());
  Tokenizer loaded = Tokenizer::load(tokenizer.empty() ? folder : tokenizer);
  LanguageModel model{load_checkpoint_folder(folder, choose_dtype(precision, folder)), std::move(loaded)};
  check(model.tokenizer.vocab_size() <= model.config().vocab_size, "the tokenizer of ", folder.string(), " knows ",
        model.tokenizer.vocab_size(), " ids, the model has ", model.config().vocab_size,
        ": they do not belong together; give another --tokenizer");
  return model;
}

Json model_folder_digests(const fs::path& folder) {
  check(fs::is_directory(folder), "no model folder at ", folder.string());
  Json digests = Json::object();
  for (const fs::path& file : list_files(folder)) {
    const std::string name = file.filename().string();
    const bool decides = name == "config.json" || name.starts_with("tokenizer") || name.ends_with(".safetensors");
    if (file.parent_path() == folder && decides) digests[name] = sha256_file(file);
  }
  return digests;
}

}  // namespace corollary
