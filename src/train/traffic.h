#pragma once
#include <cstdint>

#include "device/device.h"
#include "device/tensor.h"
#include "model/config.h"
#include "train/config.h"
#include "train/owned_slice.h"

namespace corollary {

/// Bytes a rank sends in a training step, as docs/math/parallel.md derives them and Communicator::bytes_moved() counts them.
struct StepTraffic {
  std::int64_t gradients_bytes = 0;    ///< reduce-scattered over data ranks
  std::int64_t weights_bytes = 0;      ///< gathered from data ranks
  std::int64_t activations_bytes = 0;  ///< gathered and summed over tensor ranks, all micro-batches
  std::int64_t logits_bytes = 0;       ///< maxima and sums of logits over tensor ranks, all micro-batches
  std::int64_t norms_bytes = 0;        ///< gradients of norm scales over tensor ranks
  std::int64_t scalars_bytes = 0;      ///< the number of predicted tokens, the loss and the gradient norm
  std::int64_t total_bytes() const {
    return gradients_bytes + weights_bytes + activations_bytes + logits_bytes + norms_bytes + scalars_bytes;
  }
};
StepTraffic step_traffic(const LlamaConfig& model, const TrainConfig& config, const RankLayout& layout, DType compute, Device device);

}  // namespace corollary
