#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"
#include "train/config.h"
#include "train/sft_examples.h"
#include "train/training_set.h"

namespace corollary {

/// Queries and responses as rows of a batch. Each epoch goes over all training examples once, in an order drawn from (seed, epoch).
/// packed: examples go, in that order, into the first row that has room, of at most 64 that are open; each is a document of its own:
///   positions begin again at 0, attention does not cross. What is left of a row is a document without targets.
/// padded: one example a row from its begin; what follows it has no targets, and causality keeps it from being seen.
/// An example of n ids takes n - 1 positions: its last id is only a target. Targets of the prompt are -1.
class SftData final : public TrainingSet {
 public:
  /// Reads and encodes config.sft's files. Error if they cannot be read or leave nothing to train on.
  SftData(const TrainConfig& config, const Tokenizer& tokenizer);

  /// Optimizer steps that sft.epochs make, the last one filled up with rows of another epoch; with epochs 0: train_iters.
  std::int64_t steps() const { return steps_; }
  /// {"train": counts of SftExamples, "validation": ..., "rows_per_epoch", "fill": share of positions that hold an example}
  const Json& counts() const { return counts_; }

  bool has_documents() const override { return is_packed_; }
  void training_row(std::int64_t number, const SequenceRow& row) const override;
  const std::vector<std::string>& validation_subsets() const override { return validation_subsets_; }
  std::int64_t validation_windows(std::size_t subset) const override;
  void validation_row(std::size_t subset, std::int64_t number, const SequenceRow& row) const override;
  const Json& digests() const override { return digests_; }

 private:
  /// Rows of examples, one after another: row r holds examples [begins[r], begins[r + 1]) of the list.
  struct Rows {
    std::vector<std::int64_t> examples, begins{0};
    std::int64_t size() const { return static_cast<std::int64_t>(begins.size()) - 1; }
  };
  void add_rows(Rows& rows, const SftExamples& from, const std::vector<std::int64_t>& order) const;
  void fill(const SftExamples& from, const Rows& rows, std::int64_t number, const SequenceRow& row) const;

  std::int64_t seq_len_, steps_ = 0;
  bool is_packed_;
  std::int32_t padding_;
  SftExamples examples_;
  std::unique_ptr<SftExamples> validation_file_;  // if the held-out examples have a file of their own
  Rows training_, validation_;
  std::vector<std::string> validation_subsets_;
  Json digests_, counts_;
};

}  // namespace corollary
