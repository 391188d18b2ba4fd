#pragma once
#include <memory>

#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// The ranks that train one model. All ranks call the same operations in the same order. Sums are in a fixed order: the same world
/// gives the same bits.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int world_size() const = 0;
  virtual void barrier() = 0;
  /// x = sum over ranks of x, f32, in place.
  virtual void all_reduce_sum(Stream& stream, Tensor x) = 0;
  /// Ends all ranks: called by main() when one fails, so that none hangs.
  virtual void abort() noexcept = 0;
};

/// The world of one rank.
std::unique_ptr<Communicator> make_single_rank();

}  // namespace corollary
