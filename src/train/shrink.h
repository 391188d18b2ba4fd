#pragma once
#include "model/config.h"
#include "train/config.h"

namespace corollary {

/// A model of the same structure that trains anywhere in seconds: two layers, heads of 16 (8 if many) with the same number of queries a key, as
/// many keys as tensor_parallel asks for, the same proportions, rope_theta, eps and ids, a vocabulary of 256.
LlamaConfig shrunken(const LlamaConfig& model, std::int64_t tensor_parallel);

/// Its training: the same everything (batch, schedule, optimizer, layout, precision) but sequences of 64 tokens and the first `steps`
/// steps. Both validated and checkpointed at the end.
TrainConfig shrunken(const TrainConfig& config, std::int64_t steps);

}  // namespace corollary
