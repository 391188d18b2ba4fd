#pragma once
#include <string>
#include <vector>

#include "cli/stage_graph.h"
#include "corpus/build.h"
#include "corpus/fetch.h"
#include "eval/bits_per_byte.h"
#include "explore/report.h"
#include "infer/sample.h"
#include "model/config.h"
#include "tokenizer/pack.h"
#include "tokenizer/train_tokenizer.h"
#include "train/config.h"

namespace corollary {

/// A recipe.toml (docs/formats/recipe.md): what each stage of a run is to do.
struct Recipe {
  std::string name;
  std::int64_t seed = 1234;  ///< of every stage whose own table does not say otherwise
  std::vector<SourceConfig> sources;
  CorpusConfig corpus;
  TokenizerConfig tokenizer;
  PackConfig pack;
  Mixture mixture;
  LlamaConfig model;
  TrainConfig train;
  EvaluateConfig evaluate;
  SampleConfig sample;
  ReportConfig report;
  static void each(auto& recipe, auto&& visit) {
    visit("name", recipe.name);
    visit("seed", recipe.seed);
    visit("sources", recipe.sources);
    visit("corpus", recipe.corpus);
    visit("tokenizer", recipe.tokenizer);
    visit("pack", recipe.pack);
    visit("mixture", recipe.mixture);
    visit("model", recipe.model);
    visit("train", recipe.train);
    visit("evaluate", recipe.evaluate);
    visit("sample", recipe.sample);
    visit("report", recipe.report);
  }
};

/// From the JSON of a recipe file; Error names `where`, the field and what is known. Folders in sources are taken relative to the
/// recipe's own folder unless they are absolute.
Recipe read_recipe(const Json& json, const fs::path& file);

/// The table of a run: fetch, corpus, tokenizer, pack, train, evaluate, sample, report.
std::vector<Stage> recipe_stages(const Recipe& recipe);

}  // namespace corollary
