#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// Ranks that compute together. All of them call the same operations in the same order, with tensors of the same dtype and count;
/// tensors are contiguous, f32 or bf16, and lie where the stream is. Operations are done on return on the CPU, queued on a GPU.
/// One thread at a time uses a communicator; threads with one each work side by side.
///
/// Invariants:
/// (1) Every sum is over ranks 0, 1, 2, ... in this order, in f32 whatever the dtype, and rounded once: the same ranks give the same
///     bits, however a tensor is cut into calls. (NCCL: the order of its ring, the same from run to run.)
/// (2) All ranks see the same bits of a result.
/// (3) A rank that waits longer than the job's timeout ends the job and says which rank did not come (comm/watchdog.h).
///
/// An operation on pieces cuts its tensor for P ranks: rank r has elements [r * piece, (r + 1) * piece), the last ones perhaps fewer.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int world_size() const = 0;
  virtual void barrier() = 0;

  virtual void all_reduce_sum(Stream& stream, Tensor x) = 0;  ///< x = sum over ranks of x
  virtual void all_reduce_max(Stream& stream, Tensor x) = 0;  ///< x = elementwise largest; f32
  /// This rank's piece of x becomes the sum over ranks of that piece; what the other pieces hold afterwards is not said.
  virtual void reduce_scatter_sum(Stream& stream, Tensor x, std::int64_t piece) = 0;
  virtual void all_gather(Stream& stream, Tensor x, std::int64_t piece) = 0;  ///< every rank's piece is sent to all; in place
  virtual void broadcast(Stream& stream, Tensor x, int root) = 0;            ///< any dtype
  /// Few numbers in host memory, at once and in double: losses, counts, flags.
  virtual void all_reduce_sum(std::span<double> x) = 0;
  virtual void all_reduce_max(std::span<double> x) = 0;

  /// The ranks that gave the same color, in order of key: a communicator of its own. Called by all.
  virtual std::unique_ptr<Communicator> split(int color, int key) = 0;

  /// Bytes of payload that this rank sent since the start through this communicator (not through those split from it). With P ranks and
  /// x of N bytes: reduce_scatter and all_gather (P - 1) / P * N, all_reduce both (of less than 4 KiB and of doubles: (P - 1) * N, every
  /// rank sends all it has), broadcast (P - 1) * N from the root. docs/math/parallel.md sums them up for a step.
  virtual std::int64_t bytes_moved() const = 0;

  /// Ends all ranks of the job, at once: called when one fails, so that none hangs. One rank alone: does nothing.
  virtual void abort() noexcept = 0;
};

/// Elements a piece has when `count` are cut for `ranks`: whole cache lines.
constexpr std::int64_t piece_of(std::int64_t count, int ranks) { return ((count + ranks - 1) / ranks + 15) / 16 * 16; }

/// What bytes_moved() counts for an all_reduce_sum of `count` elements of `element_bytes`. Under kSmallBytes all ranks send all they have:
/// one exchange instead of two.
inline constexpr std::int64_t kSmallBytes = 4096;
constexpr std::int64_t all_reduce_bytes(std::int64_t count, std::int64_t element_bytes, int ranks, int rank) {
  if (count * element_bytes < kSmallBytes) return (ranks - 1) * count * element_bytes;
  const std::int64_t piece = piece_of(count, ranks), begin = rank * piece < count ? rank * piece : count;
  const std::int64_t own = count - begin < piece ? count - begin : piece;
  return (count - own + (ranks - 1) * own) * element_bytes;
}

/// The world of one rank.
std::unique_ptr<Communicator> make_single_rank();

}  // namespace corollary
