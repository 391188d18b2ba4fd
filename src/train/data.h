#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "train/config.h"
#include "train/training_set.h"

namespace corollary {

/// The packed corpus as a run sees it: training samples by their number in the run, validation windows by subset. A sample is
/// seq_len tokens and, as targets, the seq_len tokens one further on; which they are follows from (files, mixture, seed, number)
/// alone (train/blend.h, docs/formats/training_state.md). Positions that have no target hold -1. Files are mapped, not read.
class TrainingData final : public TrainingSet {
 public:
  /// Opens pack/{subset}_{train,validation}_text_document.{bin,idx} for every subset of the mixture.
  /// Error if a training file is absent or damaged, or if a token is not below vocab_size (when it is met), naming the file.
  TrainingData(const fs::path& pack, const Mixture& mixture, const TrainConfig& config, std::int64_t vocab_size);
  ~TrainingData() override;

  /// Sample `number` of [0, train_iters * global_batch_size).     tokens, targets [seq_len]
  void sample(std::int64_t number, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) const;

  /// Subsets that have validation tokens, in the mixture's order.
  const std::vector<std::string>& validation_subsets() const override;
  /// Of that subset: eval_sequences, or as many as its tokens make, the last one perhaps not full.
  std::int64_t validation_windows(std::size_t subset) const override;
  /// Window `number` covers tokens [number * seq_len, (number + 1) * seq_len) of the file, in its order.
  void validation_window(std::size_t subset, std::int64_t number, std::span<std::int32_t> tokens,
                         std::span<std::int32_t> targets) const;

  bool has_documents() const override { return false; }  ///< one stream: attention crosses documents, as in the original
  void training_row(std::int64_t number, const SequenceRow& row) const override { sample(number, row.tokens, row.targets); }
  void validation_row(std::size_t subset, std::int64_t number, const SequenceRow& row) const override {
    validation_window(subset, number, row.tokens, row.targets);
  }

  /// File name -> sha256, of all files opened: from the pack's manifest where that vouches for them by size, else computed.
  const Json& digests() const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace corollary
