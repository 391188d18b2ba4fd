#include "train/shards.h"

#include <algorithm>

#include "base/error.h"
#include "model/parameters.h"

namespace corollary {

Shards::Shards(const LlamaConfig& part, int data_size) : data_size_(data_size) {
  check(data_size > 0, "shards: dealt out to ", data_size, " ranks");
  const ParameterLayout layout = parameter_layout(part);
  const std::int64_t table = part.vocab_size * part.hidden_size, layers = part.num_hidden_layers;
  const std::int64_t block = (layout.decayed_count - 2 * table) / layers;
  buckets_.push_back({0, table});
  for (std::int64_t layer = 0; layer < layers; ++layer) buckets_.push_back({table + layer * block, table + (layer + 1) * block});
  buckets_.push_back({layout.decayed_count - table, layout.decayed_count});
  buckets_.push_back({layout.decayed_count, layout.count});
}

std::size_t Shards::bucket_at(std::int64_t begin, std::int64_t end) const {
  const auto found = std::ranges::find(buckets_, Range{begin, end});
  check(found != buckets_.end(), "shards: no bucket is [", begin, ", ", end, ")");
  return static_cast<std::size_t>(found - buckets_.begin());
}

Shards::Range Shards::piece(std::size_t bucket, int data_rank) const {
  const Range whole = buckets_[bucket];
  const std::int64_t size = (whole.count() + data_size_ - 1) / data_size_, aligned = (size + kAlignment - 1) / kAlignment * kAlignment;
  return {std::min(whole.end, whole.begin + data_rank * aligned), std::min(whole.end, whole.begin + (data_rank + 1) * aligned)};
}

Shards::Range Shards::in_shard(std::size_t bucket, int data_rank) const {
  std::int64_t begin = 0;
  for (std::size_t earlier = 0; earlier < bucket; ++earlier) begin += piece(earlier, data_rank).count();
  return {begin, begin + piece(bucket, data_rank).count()};
}

std::int64_t Shards::shard_count(int data_rank) const { return in_shard(buckets_.size() - 1, data_rank).end; }

}  // namespace corollary
