#include "train/sample_index.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "train/numpy_shuffle.h"

namespace corollary {

SampleIndex::SampleIndex(IndexedDataset dataset, std::int64_t seq_len, std::int64_t needed_samples, std::uint32_t seed)
    : dataset_(std::move(dataset)), seq_len_(seq_len) {
  const std::int64_t tokens = dataset_.num_tokens(), n = dataset_.num_documents();
  const std::string name = dataset_.prefix().string();
  check(seq_len > 0 && needed_samples > 0, "sample index of ", name, ": seq_len ", seq_len, " and samples ", needed_samples,
        " must be positive");
  check(tokens > 0, "no tokens in ", name, ": leave this set out of the mixture, or pack more documents");
  constexpr std::int64_t kMax = std::numeric_limits<std::int32_t>::max();
  check(needed_samples <= kMax && seq_len <= kMax, "sample index of ", name, ": ", needed_samples, " samples of ", seq_len,
        " tokens are more than 2^31 - 1");
  epochs_ = (needed_samples * seq_len + 1 + tokens - 1) / tokens;
  check(epochs_ <= kMax / n, "sample index of ", name, ": ", needed_samples, " samples need ", epochs_, " epochs of ", n,
        " documents, more than 2^31 - 1 in all: lower the weight of this set or train for fewer steps");
  const std::int64_t samples = (epochs_ * tokens - 1) / seq_len;
  check(samples < std::int64_t{1} << 32, "sample index of ", name, ": ", samples, " samples are more than 2^32");

  NumpyRandom random(seed);
  documents_.resize(static_cast<std::size_t>(epochs_ * n));
  for (std::size_t i = 0; i < documents_.size(); ++i) documents_[i] = static_cast<std::int32_t>(static_cast<std::int64_t>(i) % n);
  random.shuffle(std::span(documents_));
  begins_.reserve(documents_.size() + 1);
  begins_.push_back(0);
  for (const std::int32_t document : documents_) begins_.push_back(begins_.back() + dataset_.length(document));
  order_.resize(static_cast<std::size_t>(samples));
  std::iota(order_.begin(), order_.end(), 0u);
  random.shuffle(std::span(order_));
}

std::int64_t SampleIndex::position(std::int64_t i) const {
  check(i >= 0 && i < size(), "sample ", i, " of ", size(), " in ", dataset_.prefix().string());
  return order_[static_cast<std::size_t>(i)];
}

void SampleIndex::read(std::int64_t i, std::span<std::int32_t> tokens) const {
  check(static_cast<std::int64_t>(tokens.size()) == seq_len_ + 1, "a sample has ", seq_len_ + 1, " tokens, room is for ",
        tokens.size());
  std::int64_t at = position(i) * seq_len_;  // in the stream
  auto document = static_cast<std::size_t>(std::upper_bound(begins_.begin(), begins_.end(), at) - begins_.begin()) - 1;
  while (!tokens.empty()) {
    const std::int64_t offset = at - begins_[document], left = begins_[document + 1] - at;
    const auto taken = std::min(static_cast<std::size_t>(left), tokens.size());
    dataset_.read(documents_[document], offset, tokens.first(taken));
    tokens = tokens.subspan(taken);
    at += static_cast<std::int64_t>(taken);
    ++document;
  }
}

}  // namespace corollary
