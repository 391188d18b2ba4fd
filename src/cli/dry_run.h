#pragma once
#include "base/json.h"
#include "model/config.h"
#include "train/config.h"

namespace corollary {

/// The first `steps` steps of a shrunken model (train/shrink.h) through exactly the given configuration: data of our making for every
/// subset of the mixture, packed, blended in its proportions; weights to go on from, if init_from is set, with another rope_theta;
/// checkpoint, export. In a temporary folder that is removed. Returns the run's counts and "metrics", its steps. Error as train().
Json dry_run(const LlamaConfig& model, const TrainConfig& config, const Mixture& mixture, std::int64_t steps);

}  // namespace corollary
