#pragma once
#include <cstdint>
#include <vector>

#include "model/config.h"
#include "model/parameters.h"

namespace corollary {

/// How ZeRO-1 (arXiv:1910.02054) deals one copy of the parameters out to its data ranks: the run of memory (model/parameters.h) is cut
/// into buckets whose gradients are ready together, embedding, one a block, head, norms, and each bucket into data_size pieces of whole
/// cache lines. A rank owns its piece of every bucket, one after another in its shard. With one rank the shard is the run itself.
class Shards {
 public:
  Shards(const LlamaConfig& part, int data_size);

  const std::vector<ParameterRange>& buckets() const { return buckets_; }  ///< parameter_parts() of what a copy's rank holds
  std::int64_t piece_size(std::size_t bucket) const;                      ///< as Communicator cuts it; the last ones may be shorter
  ParameterRange piece(std::size_t bucket, int data_rank) const;          ///< of the run of memory
  ParameterRange in_shard(std::size_t bucket, int data_rank) const;       ///< of the rank's shard
  std::int64_t shard_count(int data_rank) const;                          ///< elements a rank owns
  int data_size() const { return data_size_; }

 private:
  std::vector<ParameterRange> buckets_;
  int data_size_;
};

}  // namespace corollary
