#include "cli/dry_run.h"

#include <unistd.h>

#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/random.h"
#include "comm/communicator.h"
#include "device/buffer.h"
#include "model/checkpoint_folder.h"
#include "model/parameters.h"
#include "tokenizer/indexed_dataset.h"
#include "tokenizer/pack.h"
#include "train/shrink.h"
#include "train/trainer.h"

namespace corollary {
namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "corollary-dry-run-XXXXXX").string();
    check(::mkdtemp(name.data()) != nullptr, "cannot make a folder ", name, ": set TMPDIR to one that can be written");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Tokenizer of 259 or fewer single characters, as Hugging Face writes one.
void write_tokenizer(const fs::path& folder, std::int64_t vocab_size) {
  const char* special[] = {"<unk>", "<s>", "</s>"};
  Json vocab = Json::object(), added = Json::array();
  for (int id = 0; id < 3; ++id) {
    vocab[special[id]] = id;
    added.push_back({{"id", id}, {"content", special[id]}, {"special", true}});
  }
  constexpr char32_t kFirst = 0x4E00;  // one character a piece, each of three bytes
  for (std::int64_t id = 3; id < vocab_size; ++id) {
    const auto c = static_cast<std::uint32_t>(kFirst + static_cast<char32_t>(id));
    vocab[std::string{static_cast<char>(0xE0 | (c >> 12)), static_cast<char>(0x80 | ((c >> 6) & 63)), static_cast<char>(0x80 | (c & 63))}] = id;
  }
  write_json_file(folder / "tokenizer.json",
                  {{"added_tokens", added},
                   {"normalizer", {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}},
                   {"pre_tokenizer", nullptr},
                   {"model", {{"type", "BPE"}, {"unk_token", "<unk>"}, {"vocab", vocab}, {"merges", Json::array()}}}});
}

/// Documents in which each token mostly follows from the one before, by a rule of the subset's own: there is something to learn.
void write_set(const fs::path& prefix, std::int64_t vocab_size, std::int64_t tokens, std::int64_t factor, std::uint64_t seed) {
  IndexedDatasetWriter writer(prefix, vocab_size);
  Random random(seed);
  const std::int64_t pieces = vocab_size - 3;
  for (std::int64_t written = 0; written < tokens;) {
    std::vector<std::int32_t> document(static_cast<std::size_t>(20 + random.below(200)));
    std::int64_t token = random.below(pieces);
    for (std::int32_t& id : document) {
      id = static_cast<std::int32_t>(3 + token);
      token = random.below(8) == 0 ? random.below(pieces) : (factor * token + 1) % pieces;
    }
    document.back() = 2;
    writer.add(document);
    written += static_cast<std::int64_t>(document.size());
  }
  writer.commit();
}

void write_initial(const fs::path& folder, LlamaConfig model, std::uint64_t seed) {
  OwnedTensor weights(DType::f32, {parameter_count(model)});
  initialize(weights, model, seed);
  model.rope_theta *= 100;  // Code Llama's is 1e6 where Llama's is 1e4: what a contraction begins from
  save_checkpoint_folder(folder, model, weights, {});
}

std::vector<Json> steps_of(const fs::path& metrics) {
  std::istringstream text(read_file(metrics));
  std::vector<Json> steps;
  for (std::string line; std::getline(text, line);)
    if (Json json = parse_json(line, metrics.string()); json.contains("loss")) steps.push_back(std::move(json));
  return steps;
}

}  // namespace

Json dry_run(const LlamaConfig& given_model, const TrainConfig& given_config, const Mixture& mixture, std::int64_t steps) {
  const TemporaryFolder folder;
  const auto world = make_single_rank();
  LlamaConfig model = shrunken(given_model, given_config.tensor_parallel);
  TrainConfig config = shrunken(given_config, steps);
  if (config.tensor_parallel > world->world_size()) {
    log_warning("dry run: train.tensor_parallel {} on {} rank: every product whole", config.tensor_parallel, world->world_size());
    config.tensor_parallel = 1;
  }
  const auto seed = static_cast<std::uint64_t>(config.seed);
  const std::int64_t tokens = config.global_batch_size * config.seq_len;  // a step's, of each set: some are read more than once
  std::int64_t factor = 5;
  for (const MixturePart& part : mixture) {
    write_set(folder.path() / "pack" / packed_name(part.subset, "train"), model.vocab_size, tokens, factor, seed);
    write_set(folder.path() / "pack" / packed_name(part.subset, "validation"), model.vocab_size, tokens / 20 + 1, factor, seed + 1);
    factor += 2;
  }
  write_tokenizer(folder.path() / "tokenizer", model.vocab_size);
  if (!config.init_from.empty()) {
    config.init_from = (folder.path() / "init").string();
    write_initial(config.init_from, model, seed);
  }
  log_info("dry run: {} layers of {}, {} of {} heads, {} parameters, {} steps of {} sequences of {}", model.num_hidden_layers,
           model.hidden_size, model.num_key_value_heads, model.num_attention_heads,
           format_count(static_cast<double>(parameter_count(model))), config.train_iters, config.global_batch_size, config.seq_len);
  const fs::path out = folder.path() / "train";
  Json counts = train(model, config, mixture, folder.path() / "pack", folder.path() / "tokenizer", out, *world).manifest.counts;
  counts["metrics"] = steps_of(out / "metrics.jsonl");
  return counts;
}

}  // namespace corollary
