#pragma once
#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// One step of Adam with decoupled weight decay (arXiv:1711.05101, alg. 2) on a run of parameters (docs/math/adamw.md):
///   g = gradient_scale * gradient;   m = beta1 m + (1-beta1) g;   v = beta2 v + (1-beta2) g^2
///   w = w - learning_rate * (m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + eps) + weight_decay * w)
struct AdamWStep {
  float learning_rate = 0, beta1 = 0.9f, beta2 = 0.95f, eps = 1e-8f, weight_decay = 0;
  float gradient_scale = 1;  ///< clipping and averaging over the batch, folded in
  std::int64_t step = 1;     ///< from 1
};

///   master, m, v, gradient  [n] f32      weights  [n] bf16: master rounded to nearest even, or an empty view to write none
/// One pass over memory: 28 bytes a parameter (30 with bf16 weights).
void adamw(Stream& stream, Tensor weights, Tensor master, Tensor m, Tensor v, ConstTensor gradient, const AdamWStep& step);

/// The very same numbers with the master kept as a bf16 weight and what that lacks (kernels/weight_bits.h), 2 bytes less a
/// parameter:
///   weights  [n] bf16      remainder  [n] u16      m, v, gradient  [n] f32
/// 28 bytes of traffic a parameter.
void adamw_split(Stream& stream, Tensor weights, Tensor remainder, Tensor m, Tensor v, ConstTensor gradient, const AdamWStep& step);

/// Without a master, 4 bytes less a parameter again: weights [n] bf16 are updated in f32 and rounded up or down at random, so that
/// what is below their last bit counts in the mean. The draw for element i hashes (seed, step.step, first_index + i): `first_index`
/// is where this run begins in the whole, so a resumed or differently sharded run rounds alike.      m, v, gradient  [n] f32 24
/// bytes of traffic a parameter.
void adamw_stochastic(Stream& stream, Tensor weights, Tensor m, Tensor v, ConstTensor gradient, const AdamWStep& step,
                      std::uint64_t seed, std::int64_t first_index);

/// Sum of squares of x, f32 of any contiguous shape, in double, pieces of fixed size added in order: the same bits for any thread
/// count. On a GPU this waits for the stream.
double sum_of_squares(Stream& stream, ConstTensor x);

/// y = x in the other dtype, any contiguous shape: f32 to bf16 bit for bit as to_bf16(), bf16 to f32 exactly; same dtypes: a copy.
/// y may not overlap x unless it is x.
void cast(Stream& stream, Tensor y, ConstTensor x);

/// y += x, y f32 and x f32 or bf16, any contiguous shape: a gradient summed over micro-batches.
void accumulate(Stream& stream, Tensor y, ConstTensor x);

namespace cpu {
decltype(corollary::adamw) adamw;
decltype(corollary::adamw_split) adamw_split;
decltype(corollary::adamw_stochastic) adamw_stochastic;
decltype(corollary::sum_of_squares) sum_of_squares;
decltype(corollary::cast) cast;
decltype(corollary::accumulate) accumulate;
}  // namespace cpu
namespace cuda {
decltype(corollary::adamw) adamw;
decltype(corollary::adamw_split) adamw_split;
decltype(corollary::adamw_stochastic) adamw_stochastic;
decltype(corollary::sum_of_squares) sum_of_squares;
decltype(corollary::cast) cast;
decltype(corollary::accumulate) accumulate;
}  // namespace cuda

}  // namespace corollary
