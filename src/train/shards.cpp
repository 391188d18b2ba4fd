#include "train/shards.h"

#include <algorithm>

#include "base/error.h"
#include "comm/communicator.h"

namespace corollary {

Shards::Shards(const LlamaConfig& part, int data_size) : buckets_(parameter_parts(part)), data_size_(data_size) {
  check(data_size > 0, "shards: dealt out to ", data_size, " ranks");
}

std::int64_t Shards::piece_size(std::size_t bucket) const { return piece_of(buckets_[bucket].count(), data_size_); }

ParameterRange Shards::piece(std::size_t bucket, int data_rank) const {
  const ParameterRange whole = buckets_[bucket];
  const std::int64_t size = piece_size(bucket);
  return {std::min(whole.end, whole.begin + data_rank * size), std::min(whole.end, whole.begin + (data_rank + 1) * size)};
}

ParameterRange Shards::in_shard(std::size_t bucket, int data_rank) const {
  std::int64_t begin = 0;
  for (std::size_t earlier = 0; earlier < bucket; ++earlier) begin += piece(earlier, data_rank).count();
  return {begin, begin + piece(bucket, data_rank).count()};
}

std::int64_t Shards::shard_count(int data_rank) const { return in_shard(buckets_.size() - 1, data_rank).end; }

}  // namespace corollary
