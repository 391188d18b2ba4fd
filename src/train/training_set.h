#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"

namespace corollary {

/// Room for one sequence of a batch.   each [seq_len]
struct SequenceRow {
  std::span<std::int32_t> tokens, targets;             ///< target -1: nothing is to be predicted there
  std::span<std::int32_t> positions, document_starts;  ///< kernels/rope.h, kernels/attention.h; empty unless the set has_documents()
};

/// What a run trains on, by number: packed text (train/data.h) or queries with responses (train/sft_data.h). Which row a number means
/// follows from files and configuration alone. Thread-safe.
class TrainingSet {
 public:
  virtual ~TrainingSet() = default;
  /// Whether rows hold several documents that must not see one another: positions and document_starts are then filled too.
  virtual bool has_documents() const = 0;
  /// Sequence `number` of [0, train_iters * global_batch_size).
  virtual void training_row(std::int64_t number, const SequenceRow& row) const = 0;
  /// Subsets that have validation sequences, in the mixture's order.
  virtual const std::vector<std::string>& validation_subsets() const = 0;
  virtual std::int64_t validation_windows(std::size_t subset) const = 0;
  virtual void validation_row(std::size_t subset, std::int64_t number, const SequenceRow& row) const = 0;
  /// File name -> sha256, of all files read.
  virtual const Json& digests() const = 0;
};

}  // namespace corollary
