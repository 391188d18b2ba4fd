#pragma once
#include <cstdint>
#include <vector>

#include "model/config.h"

namespace corollary {

/// How ZeRO-1 (arXiv:1910.02054) deals one copy of the parameters out to its data ranks: the run of memory (model/parameters.h) is cut
/// into buckets whose gradients are ready together, embedding, one a block, head, norms, and each bucket into data_size pieces of whole
/// cache lines. A rank owns its piece of every bucket, one after another in its shard. With one rank the shard is the run itself.
class Shards {
 public:
  struct Range {
    std::int64_t begin = 0, end = 0;
    std::int64_t count() const { return end - begin; }
    bool operator==(const Range&) const = default;
  };
  static constexpr std::int64_t kAlignment = 16;  ///< elements: 64 bytes of f32

  Shards(const LlamaConfig& part, int data_size);

  const std::vector<Range>& buckets() const { return buckets_; }  ///< of the run of memory, ascending, without gaps
  /// The bucket that lies in [begin, end), which the model says is ready. Error if none is exactly that.
  std::size_t bucket_at(std::int64_t begin, std::int64_t end) const;
  Range piece(std::size_t bucket, int data_rank) const;              ///< of the run of memory
  Range in_shard(std::size_t bucket, int data_rank) const;           ///< of the rank's shard
  std::int64_t shard_count(int data_rank) const;                     ///< elements a rank owns
  int data_size() const { return data_size_; }

 private:
  std::vector<Range> buckets_;
  int data_size_;
};

}  // namespace corollary
