#pragma once
#include <cstdint>
#include <vector>

#include "device/tensor.h"

namespace corollary {

/// What a model says of one fixed sequence, stored with its weights and asked again of the weights loaded: catches what digests
/// cannot, weights put in the wrong place and a program that computes something else.
struct ForwardCheck {
  double mean_loss = 0;        ///< nats per token, over `tokens`
  std::int64_t tokens = 0;     ///< targets of the sequence; 0: no check was stored
  std::vector<double> losses;  ///< of the first few tokens
  static constexpr std::int64_t kLosses = 8;
  static void each(auto& stored, auto&& visit) {
    visit("mean_loss", stored.mean_loss);
    visit("tokens", stored.tokens);
    visit("losses", stored.losses);
  }
  bool operator==(const ForwardCheck&) const = default;
};

/// Of the losses and targets of one sequence. tokens is 0 if a loss is not finite: there is nothing to compare then.
///   losses  [seq_len] f32, targets  [seq_len] i32, both in host memory
ForwardCheck forward_check_of(ConstTensor losses, ConstTensor targets);

/// Largest difference of mean losses that another order of sums explains, relative to the loss or 1: some tens of roundings of the
/// dtype computed in, which the mean over a sequence does not add up. A tensor in the wrong place changes a trained model's loss by
/// far more.
double forward_check_tolerance(DType compute);

}  // namespace corollary
