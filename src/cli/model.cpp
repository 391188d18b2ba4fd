#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "cli/commands.h"
#include "model/llama2c.h"
#include "model/safetensors.h"
#include "tokenizer/tokenizer.h"
#include "train/state_export.h"

namespace corollary {
namespace {

// ---- convert ----

struct ConvertOptions {
  std::string in, out, tokenizer, dtype = "stored";
  std::int64_t max_shard_bytes = SaveOptions{}.max_shard_bytes;
};

DType target_dtype(const std::string& dtype, bool is_folder, const fs::path& in) {
  if (dtype == "f32") return DType::f32;
  if (dtype == "bf16") return DType::bf16;
  if (is_folder && is_training_state(in)) return training_state_dtype(in);
  const bool is_bf16 = is_folder && read_huggingface_config(in / "config.json").torch_dtype == "bfloat16";
  return is_bf16 ? DType::bf16 : DType::f32;
}

void convert(const ConvertOptions& options) {
  const fs::path in = options.in, out = options.out;
  check(fs::exists(in), "no model at ", in.string(), ": give a Hugging Face folder, a checkpoint of a run or a llama2.c .bin");
  check(!fs::exists(out) || !fs::equivalent(in, out), "cannot convert ", in.string(), " onto itself: choose another folder");
  check(!fs::exists(out) || fs::is_directory(out), "cannot write to ", out.string(), ": it is no folder");
  const bool is_folder = fs::is_directory(in);
  const DType dtype = target_dtype(options.dtype, is_folder, in);
  std::optional<Tokenizer> tokenizer;
  if (!options.tokenizer.empty()) tokenizer = Tokenizer::load(options.tokenizer);

  const bool is_state = is_folder && is_training_state(in);
  LoadedModel model = is_state    ? load_training_state_weights(in, dtype)
                      : is_folder ? load_checkpoint_folder(in, dtype)
                                  : load_llama2c(in, dtype);
  if (tokenizer) {
    check(tokenizer->vocab_size() <= model.config.vocab_size, "the tokenizer ", options.tokenizer, " knows ",
          tokenizer->vocab_size(), " ids, the model has ", model.config.vocab_size, ": they do not belong together");
    if (!is_folder) {  // llama2.c states no ids
      model.config.bos_token_id = tokenizer->bos_id();
      model.config.eos_token_id = tokenizer->eos_id();
    }
    tokenizer->save(out);  // before the weights: a folder with config.json is complete
  } else if (!is_folder) {
    log_warning("no --tokenizer given: corollary generate will ask for one");
  }
  SaveOptions save{dtype, options.max_shard_bytes, {}};
  if (is_folder && !tokenizer) save.tokenizer = is_state ? training_state_tokenizer(in) : in;
  if (is_state && !tokenizer && save.tokenizer.empty())
    log_warning("no --tokenizer given and no initial/ beside the run's checkpoints: corollary generate will ask for one");
  save_checkpoint_folder(out, model.config, model.parameters, save);
  log_info("wrote {}: {} parameters as {}", out.string(), format_count(static_cast<double>(parameter_count(model.config))),
           name_of(dtype));
}

void add_convert(CLI::App& model) {
  const auto options = std::make_shared<ConvertOptions>();
  CLI::App* command = model.add_subcommand("convert", "A model into a Hugging Face folder that other tools load");
  command->add_option("in", options->in, "Hugging Face folder, a run's checkpoints/step-*, or llama2.c .bin")->required();
  command->add_option("out", options->out, "folder to write")->required();
  command->add_option("--tokenizer", options->tokenizer,
                      "tokenizer.model, tokenizer.json, llama2.c tokenizer.bin or a folder (default: the one in IN)");
  command->add_option("--dtype", options->dtype, "of the weights written")
      ->check(CLI::IsMember({"stored", "f32", "bf16"}))
      ->capture_default_str();
  command->add_option("--max-shard-bytes", options->max_shard_bytes, "weights above this size are split into several files")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->footer("Example:\n  corollary model convert stories260K.bin stories260K --tokenizer tok512.bin\n"
                  "         corollary model convert run/train/checkpoints/step-00000500 step500 --dtype bf16");
  command->callback([options] { convert(*options); });
}

// ---- inspect ----

struct InspectedTensor {
  std::string file, name, dtype;
  std::vector<std::int64_t> shape;
  std::int64_t bytes = 0;
};

struct Inspection {
  std::string format;
  std::optional<LlamaConfig> config;
  std::vector<InspectedTensor> tensors;
  std::map<std::string, std::string> metadata;
};

Inspection inspect(const fs::path& path) {
  Inspection result;
  const auto add = [&](const std::string& file, const SafetensorsEntry& entry) {
    result.tensors.push_back({file, entry.name, entry.dtype, entry.shape, entry.size_bytes});
  };
  check(fs::exists(path), "nothing at ", path.string(), ": give a Hugging Face folder, a .safetensors file or a llama2.c .bin");
  if (fs::is_directory(path)) {
    result.format = "Hugging Face folder";
    result.config = read_llama_config(path / "config.json");
    for (const FolderTensor& tensor : list_folder_tensors(path)) add(tensor.file, tensor.entry);
  } else if (path.extension() == ".safetensors") {
    result.format = "safetensors file";
    const SafetensorsFile file(path);
    result.metadata = file.metadata();
    for (const SafetensorsEntry& entry : file.entries()) add(path.filename().string(), entry);
  } else {
    result.format = "llama2.c file";
    result.config = load_llama2c(path, DType::f32).config;
    for (const ParameterLayout::Entry& entry : parameter_layout(*result.config).entries)
      result.tensors.push_back({path.filename().string(),
                                entry.name,
                                "F32",
                                {entry.shape.extents().begin(), entry.shape.extents().end()},
                                entry.shape.count() * 4});
  }
  return result;
}

Json to_json(const Inspection& inspection) {
  Json json;
  json["format"] = inspection.format;
  if (inspection.config) {
    json["config"] = fields_to_json(*inspection.config);
    json["parameters"] = parameter_count(*inspection.config);
    json["flops_per_token"] = flops_per_token(*inspection.config, inspection.config->max_position_embeddings);
  }
  if (!inspection.metadata.empty()) json["metadata"] = inspection.metadata;
  json["tensors"] = Json::array();
  for (const InspectedTensor& tensor : inspection.tensors)
    json["tensors"].push_back(
        {{"name", tensor.name}, {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"bytes", tensor.bytes}, {"file", tensor.file}});
  return json;
}

std::string to_text(const Inspection& inspection) {
  std::string text = inspection.format + "\n\n";
  if (inspection.config) {
    const LlamaConfig& config = *inspection.config;
    LlamaConfig::each(config, [&](const char* name, const auto& value) { text += fmt::format("  {:<26} {}\n", name, value); });
    text += fmt::format("\n  {:<26} {}\n", "parameters", parameter_count(config));
    text += fmt::format("  {:<26} {:.2f} GFLOP trained, at {} tokens\n\n", "one token costs",
                        flops_per_token(config, config.max_position_embeddings) / 1e9, config.max_position_embeddings);
  }
  for (const auto& [key, value] : inspection.metadata) text += fmt::format("  {}: {}\n", key, value);
  std::int64_t bytes = 0;
  for (const InspectedTensor& tensor : inspection.tensors) {
    bytes += tensor.bytes;
    text += fmt::format("  {:<52} {:<5} {:<16} {}\n", tensor.name, tensor.dtype, shape_text(tensor.shape), tensor.file);
  }
  return text + fmt::format("  {} tensors, {}\n", inspection.tensors.size(), format_bytes(static_cast<double>(bytes)));
}

void add_inspect(CLI::App& model) {
  struct Options {
    std::string path;
    bool as_json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = model.add_subcommand("inspect", "What a model is: configuration, parameters, tensors");
  command->add_option("path", options->path, "Hugging Face folder, .safetensors file, or llama2.c .bin")->required();
  command->add_flag("--json", options->as_json, "print JSON");
  command->footer("Example:\n  corollary model inspect runs/quickstart/train/final");
  command->callback([options] {
    const Inspection inspection = inspect(options->path);
    std::fputs((options->as_json ? to_json(inspection).dump(2) + "\n" : to_text(inspection)).c_str(), stdout);
  });
}

}  // namespace

void add_model_command(CLI::App& app) {
  CLI::App* model = app.add_subcommand("model", "Convert and inspect models");
  model->require_subcommand(1);
  add_convert(*model);
  add_inspect(*model);
  model->footer("Example:\n  corollary model inspect runs/quickstart/train/final");
}

}  // namespace corollary
