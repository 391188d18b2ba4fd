#include "train/trainer.h"

#include <algorithm>
#include <memory>

#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/threads.h"
#include "tokenizer/tokenizer.h"
#include "train/data.h"
#include "train/loop.h"
#include "train/sft_data.h"
#include "train/plan.h"
#include "train/state.h"

namespace corollary {
namespace {

/// All that decides which numbers a run computes. Fields that only decide how often it looks, saves and logs are left out, and so
/// are those whose change costs rounding alone (layout_of), and the guards, which one turns on when a run has gone wrong.
Json identity_of(const LlamaConfig& model, const TrainConfig& config, const Mixture& mixture, const Json& inputs) {
  Json train = fields_to_json(config);
  for (const char* name : {"init_from", "micro_batch_size", "device", "precision", "recompute", "tensor_parallel",
                           "collective_timeout_seconds", "eval_interval", "eval_sequences", "save_interval",
                           "keep_checkpoints", "log_interval", "skip_abort_after", "keep_every", "async_checkpoints", "forward_check", "resume",
                           "spike_window", "spike_sigma", "on_spike", "rewind_steps", "rewind_after", "max_rewinds"})
    train.erase(name);
  return {{"model", fields_to_json(model)}, {"train", train}, {"mixture", detail::value_to_json(mixture)}, {"inputs", inputs}};
}

Json layout_of(const TrainConfig& config, DType compute, Device device, const Communicator& communicator) {
  return {{"device", name_of(device)},
          {"precision", name_of(compute)},
          {"micro_batch_size", config.micro_batch_size},
          {"ranks", communicator.world_size()},
          {"tensor_parallel", config.tensor_parallel},
          {"threads", num_threads()}};
}

/// The fields that decide the shapes of the weights: what init_from and the model must share.
Json shapes_of(const LlamaConfig& model) {
  Json shapes = fields_to_json(model);
  for (const char* name :
       {"max_position_embeddings", "rope_theta", "rms_norm_eps", "bos_token_id", "eos_token_id", "initializer_range"})
    shapes.erase(name);
  return shapes;
}

/// File name -> sha256 of the files directly in a folder whose bytes decide a run: weights, or a tokenizer.
Json digests_of(const fs::path& folder, const std::string& prefix, const std::vector<std::string>& endings) {
  Json digests = Json::object();
  for (const fs::path& path : list_files(folder)) {
    const std::string name = path.filename().string();
    const bool is_wanted = std::ranges::any_of(endings, [&](const std::string& ending) { return name.ends_with(ending); });
    if (is_wanted && path.parent_path() == folder) digests[prefix + name] = sha256_file(path);
  }
  check(!digests.empty(), "nothing to read in ", folder.string(), ": no file ends in ", endings.front());
  return digests;
}

std::int64_t bytes_below(const fs::path& folder) {
  std::int64_t bytes = 0;
  for (const fs::path& path : list_files(folder)) bytes += static_cast<std::int64_t>(fs::file_size(path));
  return bytes;
}

std::vector<std::string> outputs_of(const fs::path& out) {
  std::vector<std::string> outputs = {"metrics.jsonl"};
  for (const char* folder : {"initial", "final"})
    for (const fs::path& path : list_files(out / folder)) outputs.push_back(path.lexically_relative(out).string());
  return outputs;
}

}  // namespace

StageResult train(const LlamaConfig& given_model, const TrainConfig& given_config, const Mixture& mixture, const fs::path& pack,
                  const fs::path& tokenizer, const fs::path& out, Communicator& communicator,
                  const GradientFault& fault) {
  TrainConfig config = given_config;
  LlamaConfig model = given_model;
  const Tokenizer pieces = Tokenizer::load(tokenizer);
  std::unique_ptr<SftData> sft;
  if (config.sft.is_on()) {
    sft = std::make_unique<SftData>(config, pieces);
    config.train_iters = sft->steps();
    log_info("finetuning: {}", sft->counts().dump());
  }
  config = resolve(config, communicator.world_size());
  const std::int64_t tokenizer_vocab = pieces.vocab_size();
  if (model.vocab_size == 0) model.vocab_size = tokenizer_vocab;
  model = resolve(model);
  check(model.vocab_size >= tokenizer_vocab, "model.vocab_size ", model.vocab_size, " is less than the ", tokenizer_vocab,
        " pieces of ", tokenizer.string(), ": leave it out to take the tokenizer's");
  check(config.seq_len <= model.max_position_embeddings, "train.seq_len ", config.seq_len,
        " is beyond model.max_position_embeddings ", model.max_position_embeddings);

  std::unique_ptr<TrainingSet> packed;
  if (!sft) packed = std::make_unique<TrainingData>(pack, mixture, config, model.vocab_size);
  const TrainingSet& data = sft ? static_cast<const TrainingSet&>(*sft) : *packed;
  Json inputs = data.digests();
  inputs.update(digests_of(tokenizer, "tokenizer/", {"tokenizer.model", "tokenizer.json"}));
  if (!config.init_from.empty()) {
    const LlamaConfig from = read_llama_config(fs::path(config.init_from) / "config.json");
    const std::string difference = describe_difference(shapes_of(from), shapes_of(model), "model");
    check(difference.empty(), "init_from ", config.init_from, " is another model: ", difference);
    inputs.update(digests_of(config.init_from, "init_from/", {".safetensors"}));
  }
  Json stage_config = {
      {"model", fields_to_json(model)}, {"train", fields_to_json(config)}, {"mixture", detail::value_to_json(mixture)}};
  stage_config["train"].erase("resume");  // how the numbers came about does not change what they are
  if (config.resume == "auto")
    if (auto manifest = up_to_date(out, "train", stage_config, inputs)) return {std::move(*manifest), true};

  // Budgets before the work: an hour lost to a full disk is an hour lost.
  const TrainPlan plan = plan_training(model, config, /*measures=*/false, communicator.world_size());
  check(plan.memory_bytes() <= available_memory_bytes(plan.device), "training needs ", format_bytes(static_cast<double>(plan.memory_bytes())),
        " of memory, ", format_bytes(static_cast<double>(available_memory_bytes(plan.device))),
        " are available: lower micro_batch_size or seq_len (corollary train --plan shows what takes how much)");
  const std::int64_t there =
      fs::is_directory(out) ? bytes_below(out) : 0;  // by earlier sessions: kept or replaced, not needed again
  require_space(out, std::max(plan.disk_bytes - there, plan.checkpoint_bytes), "training");

  TrainLoop loop({.model = model,
                  .config = config,
                  .out = out,
                  .tokenizer = tokenizer,
                  .identity = identity_of(model, config, mixture, inputs),
                  .layout = layout_of(config, plan.compute, plan.device, communicator),
                  .fault = fault},
                 plan, data, communicator);
  loop.run();
  Json counts = loop.counts();
  if (sft) counts["sft"] = sft->counts();

  StageResult result;
  result.manifest = {.stage = "train",
                     .config = stage_config,
                     .inputs = inputs,
                     .outputs = Json::object(),
                     .counts = counts,
                     .seconds = loop.wall_seconds(),
                     .version = program_version()};
  if (communicator.rank() == 0) {
    write_manifest(out, result.manifest, outputs_of(out));
    result.manifest = read_manifest(out);
  }
  communicator.barrier();
  return result;
}

}  // namespace corollary
