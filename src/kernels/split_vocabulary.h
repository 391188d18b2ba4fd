#pragma once
#include <cstdint>

#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// Embedding and cross entropy where a rank has [begin, end) of the vocabulary: what it does with its part; the exchanges between are the
/// model's (docs/math/parallel.md). `part_targets` and the like are ids_within() of the whole ids.

/// part[t] = ids[t] - begin, or -1 where ids[t] lies outside [begin, end)      ids, part [T] i32, may be the same
void ids_within(Stream& stream, Tensor part, ConstTensor ids, std::int64_t begin, std::int64_t end);

///   maxima[t] = max_v logits[t,v]      logits [T, this rank's columns] f32 or bf16      maxima [T] f32
void split_maxima(Stream& stream, Tensor maxima, ConstTensor logits);
///   sums[0,t] = sum_v exp(logits[t,v] - maxima[t])      sums[1,t] = logits[t,part_targets[t]] - maxima[t], 0 where that is -1
///   maxima: over all ranks      sums [2, T] f32
void split_sums(Stream& stream, Tensor sums, ConstTensor logits, ConstTensor maxima, ConstTensor part_targets);
///   loss[t] = log sums[0,t] - sums[1,t], 0 where targets[t] is -1      sums, targets: over all ranks
void split_losses(Stream& stream, Tensor losses, ConstTensor sums, ConstTensor targets);
/// logits overwritten by their gradient:  grad_scale * (exp(logits[t,v] - maxima[t]) / sums[0,t] - [v = part_targets[t]]); 0 where
/// targets[t] is -1
void split_gradient(Stream& stream, Tensor logits, ConstTensor maxima, ConstTensor sums, ConstTensor targets, ConstTensor part_targets,
                    float grad_scale);

namespace cpu {
decltype(corollary::ids_within) ids_within;
decltype(corollary::split_maxima) split_maxima;
decltype(corollary::split_sums) split_sums;
decltype(corollary::split_losses) split_losses;
decltype(corollary::split_gradient) split_gradient;
}  // namespace cpu
namespace cuda {
decltype(corollary::ids_within) ids_within;
decltype(corollary::split_maxima) split_maxima;
decltype(corollary::split_sums) split_sums;
decltype(corollary::split_losses) split_losses;
decltype(corollary::split_gradient) split_gradient;
}  // namespace cuda

}  // namespace corollary
