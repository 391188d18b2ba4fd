#include "cli/recipe.h"

#include <fmt/format.h>

#include "base/fields.h"
#include "base/log.h"
#include "comm/communicator.h"
#include "train/trainer.h"

namespace corollary {
namespace {

/// Sizes for the check of free space before the first stage: generous, and of the right order.
constexpr std::int64_t kPackageBytes = 30'000'000, kDocumentBytes = 20'000'000;  // a source, packed and as documents

std::int64_t training_bytes(const LlamaConfig& model, const TrainConfig& train, std::int64_t vocab_size) {
  LlamaConfig sized = model;
  if (sized.vocab_size == 0) sized.vocab_size = vocab_size;
  const std::int64_t parameters = parameter_count(resolve(sized));
  return parameters * (12 * train.most_checkpoints() + 2 * 4);  // states of three f32, and the initial and final folder
}

}  // namespace

Recipe read_recipe(const Json& json, const fs::path& file) {
  Recipe recipe;
  check(json.is_object(), "recipe ", file.string(), " is no table");
  if (json.contains("seed") && json["seed"].is_number_integer()) recipe.seed = json["seed"].get<std::int64_t>();
  for (std::int64_t* seed : {&recipe.corpus.seed, &recipe.tokenizer.seed, &recipe.train.seed, &recipe.sample.seed})
    *seed = recipe.seed;
  fields_from_json(recipe, json, file.string());
  check(!recipe.sources.empty() || !recipe.data.tokenizer.empty(), "recipe ", file.string(),
        " has neither [[sources]] nor [data]: there is nothing to learn from");
  recipe.sources = select_sources(std::move(recipe.sources), file.parent_path());
  recipe.trains = json.contains("train") || json.contains("model");
  if (!recipe.train.sft.is_on() && recipe.trains) check_mixture(recipe.mixture);
  recipe.train = resolve(recipe.train, static_cast<int>(recipe.train.tensor_parallel));
  return recipe;
}

std::vector<Stage> recipe_stages(const Recipe& r) {
  const auto config = [](const auto& fields) { return fields_to_json(fields); };
  const auto sources = static_cast<std::int64_t>(r.sources.size());
  const FetchConfig fetch_config{r.sources};
  Json train_config = config(r.train);
  train_config["model"] = config(r.model);
  train_config["mixture"] = Json::array();
  for (const MixturePart& part : r.mixture) train_config["mixture"].push_back(config(part));
  const double tokens = static_cast<double>(r.train.train_iters * r.train.tokens_per_step());

  std::vector<Stage> stages;
  const bool has_sources = !r.sources.empty();
  const auto add_train = [&] {
    stages.push_back({"train", has_sources ? std::vector<std::string>{"pack", "tokenizer"} : std::vector<std::string>{},
                      train_config, fmt::format("{} steps, {} tokens", r.train.train_iters, format_count(tokens)),
                      training_bytes(r.model, r.train, r.tokenizer.vocab_size), [=](const fs::path& run) {
                        const fs::path pack = has_sources ? run / "pack" : fs::path(r.data.pack);
                        const fs::path tokenizer = has_sources ? run / "tokenizer" : fs::path(r.data.tokenizer);
                        const auto communicator = make_single_rank();
                        return train(r.model, r.train, r.mixture, pack, tokenizer, run / "train", *communicator);
                      }});
  };
  const auto add_sample = [&] {
    stages.push_back({"sample",
                      {"train"},
                      config(r.sample),
                      fmt::format("{} completions", r.sample.prompts.size()),
                      1'000'000,
                      [=](const fs::path& run) { return sample(r.sample, run / "train" / "final", run / "sample"); }});
  };
  if (!has_sources) {
    add_train();
    add_sample();
    return stages;
  }
  stages.push_back(
      {"fetch", {}, config(fetch_config), fmt::format("{} sources", sources), sources * kPackageBytes, [=](const fs::path& run) {
         return fetch(fetch_config, run / "fetch");
       }});
  stages.push_back({"corpus",
                    {"fetch"},
                    config(r.corpus),
                    "extract, filter, deduplicate, split",
                    sources * kDocumentBytes,
                    [=](const fs::path& run) { return build_corpus(r.corpus, run / "fetch", run / "corpus"); }});
  stages.push_back({"tokenizer",
                    {"corpus"},
                    config(r.tokenizer),
                    fmt::format("BPE of {} pieces from {} of text", r.tokenizer.vocab_size,
                                format_bytes(static_cast<double>(r.tokenizer.input_bytes))),
                    10'000'000,
                    [=](const fs::path& run) { return train_tokenizer(r.tokenizer, run / "corpus", run / "tokenizer"); }});
  stages.push_back({"pack",
                    {"corpus", "tokenizer"},
                    config(r.pack),
                    "documents to token files",
                    sources * kDocumentBytes,
                    [=](const fs::path& run) { return pack(r.pack, run / "corpus", run / "tokenizer", run / "pack"); }});
  if (!r.trains) return stages;
  add_train();
  stages.push_back({"evaluate",
                    {"corpus", "train"},
                    config(r.evaluate),
                    "bits per byte before and after, and xz",
                    1'000'000,
                    [=](const fs::path& run) { return evaluate(r.evaluate, run / "corpus", run / "train", run / "evaluate"); }});
  add_sample();
  stages.push_back({"report",
                    {"fetch", "corpus", "tokenizer", "pack", "train", "evaluate", "sample"},
                    config(r.report),
                    "one page",
                    10'000'000,
                    [=](const fs::path& run) { return write_report(r.report, run, run / "report"); }});
  return stages;
}

}  // namespace corollary
