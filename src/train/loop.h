#pragma once
#include <chrono>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "comm/communicator.h"
#include "model/llama.h"
#include "train/metrics.h"
#include "train/optimizer.h"
#include "train/plan.h"
#include "train/state.h"
#include "train/training_set.h"

namespace corollary {

/// What a run is, resolved.
struct TrainRun {
  LlamaConfig model;
  TrainConfig config;
  fs::path out, tokenizer;
  Json identity, layout;  ///< as Checkpoints wants them (train/state.h)
};

/// One rank's part of a run, from its first step or its newest checkpoint to its last step: samples, micro-batches, optimizer,
/// validation, checkpoints, metrics. trainer.h says what it promises; the stage around it (budgets, inputs, manifest) is
/// trainer.cpp.
class TrainLoop {
 public:
  TrainLoop(TrainRun run, const TrainPlan& plan, const TrainingSet& data, Communicator& communicator);

  /// Returns after the last step, with everything but the manifest on disk. Error after Ctrl-C, saved.
  void run();

  Json counts() const;          ///< of the finished run, for its manifest
  double wall_seconds() const;  ///< all sessions together

 private:
  using ValidationLosses = std::vector<std::pair<std::string, double>>;  // subset, nats per token

  bool is_first_rank() const { return communicator_.rank() == 0; }
  bool is_adapting() const { return run_.config.lora.is_on(); }
  Weights weights() const;
  Gradients gradients();
  TokenBatch batch(std::int64_t micro_batch);
  void copy_batch();  ///< to the model's device
  fs::path matmul_choices_path() const { return run_.out / "matmul_choices.json"; }
  void keep_matmul_choices();
  void begin_or_resume();
  void load_initial_weights();
  void load_frozen_weights();
  void write_weights(const char* folder);
  void step();
  void log_step(double loss, const Optimizer::Outcome& outcome, double learning_rate, double tokens_per_second);
  ValidationLosses validate();
  void validate_and_log();
  void save();
  std::int64_t micro_batches() const;  ///< of this rank, in a step
  SequenceRow row_of(std::int64_t row);
  double sum_of_losses(std::int64_t micro_batches) const;
  std::int64_t count_targets(std::int64_t micro_batches) const;
  double over_ranks(double sum);

  TrainRun run_;
  TrainPlan plan_;
  const TrainingSet& data_;
  Communicator& communicator_;
  ParameterLayout layout_;
  Checkpoints checkpoints_;
  Optimizer optimizer_;
  Llama model_;
  OwnedTensor tokens_, targets_, losses_;                       // on the host, of all micro-batches of a step
  OwnedTensor positions_, document_starts_;                     // likewise, if the data has documents
  OwnedTensor device_tokens_, device_targets_, device_losses_;  // the same where the model is
  OwnedTensor device_positions_, device_document_starts_;
  OwnedTensor frozen_, unwanted_;                               // what adapters stand beside; gradients of its norms
  Stream stream_;
  std::optional<MetricsLog> metrics_;  // rank 0
  TrainState state_;
  ValidationLosses final_validation_;
  double final_loss_ = std::nan(""), peak_flops_ = 0;
  double wall_seconds_before_ = 0;  // earlier sessions
  std::chrono::steady_clock::time_point wall_start_ = std::chrono::steady_clock::now();
};

}  // namespace corollary
