#pragma once
#include <chrono>
#include <cmath>
#include <functional>
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
#include "train/rank_groups.h"
#include "train/shard_exchange.h"
#include "train/spike_guard.h"
#include "train/state.h"
#include "train/training_set.h"

namespace corollary {

/// What a run is, resolved.
struct TrainRun {
  LlamaConfig model;
  TrainConfig config;
  fs::path out, tokenizer;
  Json identity, layout;  ///< as Checkpoints wants them (train/state.h)
  std::function<void(Tensor gradients, std::int64_t first_sample)> fault = {};  ///< GradientFault of trainer.h
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
  bool is_alone() const { return communicator_.world_size() == 1; }
  bool is_adapting() const { return run_.config.lora.is_on(); }
  Weights weights() const;
  Gradients gradients();
  TokenBatch batch(std::int64_t micro_batch);
  void copy_batch();  ///< to the model's device
  Optimizer make_optimizer();
  bool stop_is_requested();  ///< of any rank
  fs::path matmul_choices_path() const { return run_.out / "matmul_choices.json"; }
  void keep_matmul_choices();
  void begin_or_resume();
  void take_over(const Checkpoints::Loaded& loaded);
  void load_initial_weights();
  void load_frozen_weights();
  void upload_master(ConstTensor host);  ///< [shard] f32, from host memory into the optimizer; its weights too
  OwnedTensor gather_weights();
  OwnedTensor merge_adapters(const fs::path& folder);
  std::vector<OwnedSlice> slices() const;
  void write_weights(const char* folder);
  std::optional<std::string> step();  ///< why to go back, if so
  bool rewind(const std::string& reason);
  void log_step(double loss, const Optimizer::Outcome& outcome, double learning_rate, double tokens_per_second);
  void evaluate_first_micro_batch();  ///< losses_ of tokens_ and targets_, of micro-batch 0
  ValidationLosses validate();
  void validate_and_log();
  void save();
  bool saves_beside_training();
  ForwardCheck forward_check();
  void verify_forward_check(const Checkpoints::Loaded& loaded);
  OwnedState owned_state();
  CheckpointRanks checkpoint_ranks();
  std::int64_t micro_batches() const;  ///< of this rank, in a step
  SequenceRow row_of(std::int64_t row);
  double sum_of_losses(std::int64_t micro_batches) const;
  std::int64_t count_targets(std::int64_t micro_batches) const;
  double over_ranks(double sum);  ///< that are of the copies of the model
  double over_all_ranks(double sum);

  TrainRun run_;
  TrainPlan plan_;
  const TrainingSet& data_;
  Communicator& communicator_;
  RankGroups groups_;
  LlamaConfig part_;        // of the model, what this rank holds
  ParameterLayout layout_;  // of the whole model
  std::optional<ShardExchange> exchange_;  // none if this rank is alone
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
  SpikeGuard guard_;
  std::optional<bool> saves_beside_training_;  // decided at the first save
  ValidationLosses final_validation_;
  std::int64_t step_bytes_sent_ = 0;  // by this rank, in the last step
  double final_loss_ = std::nan(""), peak_flops_ = 0;
  double wall_seconds_before_ = 0;  // earlier sessions
  std::chrono::steady_clock::time_point wall_start_ = std::chrono::steady_clock::now();
};

}  // namespace corollary
