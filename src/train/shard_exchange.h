#pragma once
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "device/stream.h"
#include "train/rank_groups.h"
#include "train/shards.h"

namespace corollary {

/// Buckets of gradients and weights on their way between the data ranks, while the rank computes on: by a thread of its own on the CPU, on
/// a stream of its own on a GPU. Buckets are exchanged whole, one after another in the order they are given, which must be the same on
/// all ranks; sums do not depend on when. One thread calls.
class ShardExchange {
 public:
  ShardExchange(Shards shards, RankGroups& ranks, Device device);
  ~ShardExchange();  ///< abandons what has not begun
  ShardExchange(const ShardExchange&) = delete;
  ShardExchange& operator=(const ShardExchange&) = delete;

  const Shards& shards() const { return shards_; }
  int data_rank() const { return ranks_.layout().data_rank; }
  /// Norm scales lie on every tensor rank alike: the first one's count in a sum over all ranks.
  bool counts(std::size_t bucket) const { return ranks_.layout().tensor_rank == 0 || !holds_norms(bucket); }

  /// This rank's piece of the bucket becomes its sum over data ranks, of norms over tensor ranks before that. `stream` is where the
  /// gradients were computed.
  void reduce(Stream& stream, Tensor gradients, std::size_t bucket);
  /// Every rank gets the others' pieces.
  void gather(Stream& stream, Tensor weights, std::size_t bucket);
  /// What was given is done, on a GPU for all that is queued on `stream` from now on. Rethrows what went wrong.
  void wait(Stream& stream);

 private:
  bool holds_norms(std::size_t bucket) const { return bucket + 1 == shards_.buckets().size(); }
  void submit(Stream& stream, std::function<void(Stream&)> task);
  void work();

  Shards shards_;
  RankGroups& ranks_;
  Stream own_stream_;
  Event given_, done_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void(Stream&)>> tasks_;
  bool is_busy_ = false, stops_ = false;
  std::exception_ptr failure_;
  std::thread thread_;  // none on a GPU, and none with one data rank
};

}  // namespace corollary
