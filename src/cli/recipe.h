#pragma once
#include <string>
#include <vector>

#include "cli/stage_graph.h"
#include "corpus/build.h"
#include "corpus/estimate.h"
#include "corpus/sources/fetch.h"
#include "eval/bits_per_byte.h"
#include "explore/report.h"
#include "infer/sample.h"
#include "model/config.h"
#include "tokenizer/pack.h"
#include "tokenizer/train_tokenizer.h"
#include "train/cluster.h"
#include "train/config.h"

namespace corollary {

/// What a recipe without sources trains on: files made before, elsewhere. Paths are taken relative to the current folder.
struct RecipeData {
  std::string pack;       ///< folder of SUBSET_SPLIT_text_document.{bin,idx}
  std::string tokenizer;  ///< folder with the tokenizer they were packed with
  static void each(auto& data, auto&& visit) {
    visit("pack", data.pack);
    visit("tokenizer", data.tokenizer);
  }
};

/// A recipe.toml (docs/formats/recipe.md): what each stage of a run is to do.
struct Recipe {
  std::string name;
  std::int64_t seed = 1234;  ///< of every stage whose own table does not say otherwise
  std::vector<SourceConfig> sources;
  RecipeData data;  ///< instead of sources
  CorpusConfig corpus;
  CorpusCluster corpus_cluster;  ///< for plans only
  TokenizerConfig tokenizer;
  PackConfig pack;
  Mixture mixture;
  LlamaConfig model;
  TrainConfig train;
  ClusterConfig cluster;  ///< for plans only
  EvaluateConfig evaluate;
  SampleConfig sample;
  ReportConfig report;
  bool trains = true;  ///< false: there is no [train] and no [model], and the run ends with packed tokens
  static void each(auto& recipe, auto&& visit) {
    visit("name", recipe.name);
    visit("seed", recipe.seed);
    visit("sources", recipe.sources);
    visit("data", recipe.data);
    visit("corpus", recipe.corpus);
    visit("corpus_cluster", recipe.corpus_cluster);
    visit("tokenizer", recipe.tokenizer);
    visit("pack", recipe.pack);
    visit("mixture", recipe.mixture);
    visit("model", recipe.model);
    visit("train", recipe.train);
    visit("cluster", recipe.cluster);
    visit("evaluate", recipe.evaluate);
    visit("sample", recipe.sample);
    visit("report", recipe.report);
  }
};

/// From the JSON of a recipe file; Error names `where`, the field and what is known. Folders in sources are taken relative to the
/// recipe's own folder unless they are absolute.
Recipe read_recipe(const Json& json, const fs::path& file);

/// The table of a run: fetch, corpus, tokenizer, pack, train, evaluate, sample, report; without sources: train, sample.
std::vector<Stage> recipe_stages(const Recipe& recipe);

}  // namespace corollary
