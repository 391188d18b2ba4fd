#pragma once
#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// The ranks that hold one model between them (arXiv:1909.08053), as the model sees them. Each has the rows or columns of every matrix
/// that train/owned_slice.h says, and between the matrices its rows, one slice of the micro-batch's tokens (sequence parallel,
/// arXiv:2205.05198): norms and residual stream are computed once. All ranks call the same functions in the same order; tensors are in
/// the compute dtype unless said otherwise. The default is a model that one rank holds alone: nothing to exchange.
class TensorParallel {
 public:
  virtual ~TensorParallel() = default;
  virtual int rank() const { return 0; }
  virtual int size() const { return 1; }
  virtual void gather(Stream&, Tensor) {}           ///< x [T, n]: every rank's rows of it are sent to all
  virtual void sum_and_scatter(Stream&, Tensor) {}  ///< x [T, n]: this rank's rows become their sum over ranks; the others are used up
  virtual void sum(Stream&, Tensor) {}              ///< x f32: becomes its sum over ranks
  virtual void max(Stream&, Tensor) {}              ///< x f32: becomes its largest over ranks

  /// This rank's rows of x [T, ...]; T is a multiple of size().
  Tensor own(Tensor x) const {
    const std::int64_t rows = x.dim(0) / size();
    return x.rows(rank() * rows, (rank() + 1) * rows);
  }
};

}  // namespace corollary
