#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tokenizer/indexed_dataset.h"

namespace corollary {

/// Cuts one packed set into training samples of seq_len + 1 tokens in NeoX's order (docs/formats/indexed_dataset.md, "Order of
/// samples"):
///
///   E     = the fewest epochs with floor((E * tokens - 1) / seq_len) >= needed_samples
///   docs  = 0 1 ... n-1 repeated E times, shuffled as a whole by NumpyRandom(seed): epochs are mixed
///   sample k = tokens [k * seq_len, (k + 1) * seq_len] of the stream the documents make in that order: neighbours share one token
///   order = 0 1 ... floor((E * tokens - 1) / seq_len) - 1, shuffled by the same generator
///
/// so that the i-th sample is sample order[i]. A pure function of (files, seq_len, needed_samples, seed): nothing is stored, a run
/// restarts from the number of the sample alone. Memory: 12 bytes a document and epoch, 4 or 8 a sample.
class SampleIndex {
 public:
  /// Error if the set holds too few tokens for one sample, or more than 2^31 - 1 documents times epochs would be needed.
  SampleIndex(IndexedDataset dataset, std::int64_t seq_len, std::int64_t needed_samples, std::uint32_t seed);

  std::int64_t size() const { return static_cast<std::int64_t>(order_.size()); }
  std::int64_t epochs() const { return epochs_; }
  std::int64_t seq_len() const { return seq_len_; }
  const IndexedDataset& dataset() const { return dataset_; }

  /// The i-th sample, i in [0, size()): seq_len + 1 tokens. Thread-safe.
  void read(std::int64_t i, std::span<std::int32_t> tokens) const;
  /// Which sample of the stream the i-th is.
  std::int64_t position(std::int64_t i) const;

 private:
  IndexedDataset dataset_;
  std::int64_t seq_len_, epochs_ = 0;
  std::vector<std::int32_t> documents_;  // in the order of the stream
  std::vector<std::int64_t> begins_;     // of each in the stream, in tokens; one more for the end
  std::vector<std::uint32_t> order_;
};

}  // namespace corollary
