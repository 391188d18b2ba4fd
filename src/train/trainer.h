#pragma once
#include <functional>

#include "base/files.h"
#include "base/manifest.h"
#include "comm/communicator.h"
#include "model/config.h"
#include "device/tensor.h"
#include "train/config.h"

namespace corollary {

/// For tests: called with the gradients of every step before ranks add them, and the number of the step's first sample.
using GradientFault = std::function<void(Tensor gradients, std::int64_t first_sample)>;

/// Trains a Llama on a mixture of packed subsets, or with config.sft on responses to queries (train/sft_config.h; then `mixture` and
/// `pack` are not read and sft.epochs decide train_iters), and returns once the last step is on disk. Reads
///   pack/{subset}_{train,validation}_text_document.{bin,idx}     (a subset without a validation split is trained on, not
///   validated) tokenizer/                                                   copied beside the weights, gives vocab_size where the
///   model has 0 config.init_from/                                            if set: the weights to go on from, of exactly
///   `model`'s shapes
/// and writes into `out` (docs/architecture.md, docs/formats/training_state.md)
///   initial/, final/          Hugging Face folders: the weights before the first and after the last step, in the compute dtype;
///                             with config.lora adapters merged into them, and adapter/ in each, the adapters alone
///   checkpoints/step-*/       training state: the newest keep_checkpoints, and more (docs/formats/training_state.md)
///   metrics.jsonl, events.out.tfevents.*
///   manifest.json             last; counts: tokens, steps, seconds (all sessions), tokens_per_second, final_loss, validation, ...
///
/// Which tokens a step sees follows from (files, seed, step) alone, and sums are in a fixed order: a run that was killed and
/// started again ends with the same bytes of weights and the same metrics, times aside, as one that was not, on the same machine
/// with the same threads, ranks, micro_batch_size and precision.
///
/// Resumes as config.resume says, by itself from the newest whole checkpoint in `out`. Error if that came from other data, another model
/// or another schedule (naming the first field that differs) or its weights no longer say what they said, if memory, disk or data do not
/// suffice, after Ctrl-C (state saved; the message says how to go on), after skip_abort_after steps in a row whose loss or gradient was not
/// finite or a spike, or after max_rewinds returns to a checkpoint.
StageResult train(const LlamaConfig& model, const TrainConfig& config, const Mixture& mixture, const fs::path& pack,
                  const fs::path& tokenizer, const fs::path& out, Communicator& communicator, const GradientFault& fault = {});

}  // namespace corollary
