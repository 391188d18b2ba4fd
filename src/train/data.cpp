#include "train/data.h"

#include <algorithm>
#include <optional>

#include "base/digest.h"
#include "base/error.h"
#include "base/manifest.h"
#include "tokenizer/indexed_dataset.h"
#include "tokenizer/pack.h"
#include "train/blend.h"

namespace corollary {
namespace {

/// The manifest of the folder's pack stage, if it has one that can be read.
std::optional<Manifest> pack_manifest(const fs::path& pack) {
  try {
    return fs::exists(pack / "manifest.json") ? std::optional(read_manifest(pack)) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// sha256 of pack/name: what the manifest says, if it says it of a file of this size; else from the bytes.
std::string digest_of(const fs::path& pack, const std::string& name, const std::optional<Manifest>& manifest) {
  if (manifest && manifest->outputs.contains(name)) {
    const Json& about = manifest->outputs[name];
    if (about.is_object() && about.contains("sha256") && about["sha256"].is_string() &&
        about.value("bytes", Json()) == Json(fs::file_size(pack / name)))
      return about["sha256"];
  }
  return sha256_file(pack / name);
}

/// The first `count` tokens of a set, or all it has.
std::vector<std::int32_t> first_tokens(const IndexedDataset& dataset, std::int64_t count) {
  std::vector<std::int32_t> tokens;
  for (std::int64_t document = 0; document < dataset.num_documents(); ++document) {
    const std::int64_t wanted = std::min(count - static_cast<std::int64_t>(tokens.size()), dataset.length(document));
    if (wanted <= 0) break;
    const std::size_t at = tokens.size();
    tokens.resize(at + static_cast<std::size_t>(wanted));
    dataset.read(document, 0, std::span(tokens).subspan(at));
  }
  return tokens;
}

std::vector<BlendedDataset::Part> parts_of(const fs::path& pack, const Mixture& mixture) {
  std::vector<BlendedDataset::Part> parts;
  for (const MixturePart& part : mixture) {
    const fs::path prefix = pack / packed_name(part.subset, "train");
    check(IndexedDataset::exists(prefix), "nothing to train on: ", prefix.string(), ".bin and .idx are not there; pack the subset ",
          part.subset, " or leave it out of the mixture");
    parts.push_back({prefix, part.weight});
  }
  return parts;
}

}  // namespace

struct TrainingData::State {
  std::int64_t seq_len, vocab_size, eval_sequences;
  std::vector<std::string> training_names;
  BlendedDataset training;
  std::vector<std::string> validation_subsets;
  std::vector<std::vector<std::int32_t>> validation_tokens;  // of each: as many as its windows read
  Json digests = Json::object();

  void check_ids(std::span<const std::int32_t> tokens, const std::string& name) const {
    for (const std::int32_t token : tokens)
      check(token >= 0 && token < vocab_size, "token ", token, " in ", name, " is beyond the model's vocabulary of ", vocab_size,
            ": pack with the tokenizer the model has");
  }
};

TrainingData::TrainingData(const fs::path& pack, const Mixture& mixture, const TrainConfig& config, std::int64_t vocab_size) {
  check_mixture(mixture);
  const auto parts = parts_of(pack, mixture);
  state_ = std::make_unique<State>(State{
      .seq_len = config.seq_len,
      .vocab_size = vocab_size,
      .eval_sequences = config.eval_sequences,
      .training_names = {},
      .training = {parts, config.seq_len, config.train_iters * config.global_batch_size, static_cast<std::uint32_t>(config.seed)},
      .validation_subsets = {},
      .validation_tokens = {}});
  const auto manifest = pack_manifest(pack);
  const auto note_digests = [&](const std::string& name) {
    for (const char* ending : {".bin", ".idx"}) state_->digests["pack/" + name + ending] = digest_of(pack, name + ending, manifest);
  };
  for (const MixturePart& part : mixture) {
    state_->training_names.push_back(packed_name(part.subset, "train"));
    note_digests(state_->training_names.back());
    const std::string name = packed_name(part.subset, "validation");
    if (config.eval_sequences == 0 || !IndexedDataset::exists(pack / name)) continue;
    auto tokens = first_tokens(IndexedDataset(pack / name), config.eval_sequences * config.seq_len + 1);
    if (tokens.size() < 2) continue;  // no token has one before it
    state_->check_ids(tokens, name);
    note_digests(name);
    state_->validation_subsets.push_back(part.subset);
    state_->validation_tokens.push_back(std::move(tokens));
  }
}

TrainingData::~TrainingData() = default;

void TrainingData::sample(std::int64_t number, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) const {
  std::vector<std::int32_t> both(static_cast<std::size_t>(state_->seq_len) + 1);
  state_->training.read(number, both);
  state_->check_ids(both, state_->training_names[state_->training.blend().at(number).set]);
  std::copy(both.begin(), both.end() - 1, tokens.begin());
  std::copy(both.begin() + 1, both.end(), targets.begin());
}

const std::vector<std::string>& TrainingData::validation_subsets() const { return state_->validation_subsets; }

std::int64_t TrainingData::validation_windows(std::size_t subset) const {
  const auto predicted = static_cast<std::int64_t>(state_->validation_tokens.at(subset).size()) - 1;
  return (predicted + state_->seq_len - 1) / state_->seq_len;
}

void TrainingData::validation_window(std::size_t subset, std::int64_t number, std::span<std::int32_t> tokens,
                                     std::span<std::int32_t> targets) const {
  const std::vector<std::int32_t>& all = state_->validation_tokens.at(subset);
  check(number >= 0 && number < validation_windows(subset), "validation window ", number, " of ", validation_windows(subset));
  const auto begin = static_cast<std::size_t>(number * state_->seq_len);
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const bool is_there = begin + t + 1 < all.size();
    tokens[t] = is_there ? all[begin + t] : 0;
    targets[t] = is_there ? all[begin + t + 1] : -1;
  }
}

const Json& TrainingData::digests() const { return state_->digests; }

}  // namespace corollary
