#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "train/append_file.h"
#include "train/tensorboard.h"

namespace corollary {

/// What one optimizer step tells: a line of metrics.jsonl, a point on each of TensorBoard's curves.
struct StepMetrics {
  std::int64_t step = 0;         ///< optimizer steps done, this one included: the first is 1
  double loss = 0;               ///< mean over the step's tokens, nats per token
  double grad_norm = 0;          ///< global L2 norm before clipping
  double learning_rate = 0;      ///< used by this step
  std::int64_t tokens = 0;       ///< trained on since step 0, this step included
  double seconds = 0;            ///< spent training since step 0, earlier sessions' kept steps included
  double tokens_per_second = 0;  ///< of this step
  double mfu = 0;                ///< model flops per second / peak flops per second, of this step; 0 if the peak is not known
  static void each(auto& metrics, auto&& visit) {
    visit("step", metrics.step);
    visit("loss", metrics.loss);
    visit("grad_norm", metrics.grad_norm);
    visit("learning_rate", metrics.learning_rate);
    visit("tokens", metrics.tokens);
    visit("seconds", metrics.seconds);
    visit("tokens_per_second", metrics.tokens_per_second);
    visit("mfu", metrics.mfu);
  }
};

/// folder/metrics.jsonl and a TensorBoard event file beside it. One writer per folder: rank 0.
/// A number that is not finite is null in metrics.jsonl (JSON has none) and kept as it is in the event file.
/// Invariants: (1) opened at `step`, the file holds its earlier lines up to that step, byte for byte, and nothing after: training
/// on gives the file that an undisturbed run writes; (2) after sync() all lines so far are on disk: a step's lines (step(), then
/// validation() if one is due) and sync() come before its checkpoint gets its name, so that no checkpoint is ahead of its metrics;
/// (3) a line stands there whole or is the last one and is cut on reopening.
class MetricsLog {
 public:
  /// Cuts what lies beyond `resume_step`. 0 starts anew: the file is emptied (a validation of the untrained model, step 0, is
  /// written again) and older event files are removed. Error naming the line if one to be kept is no metrics line.
  MetricsLog(const fs::path& folder, std::int64_t resume_step);
  void step(const StepMetrics& metrics);
  /// Mean loss in nats per token on held-out tokens of each subset, after `step` steps.
  void validation(std::int64_t step, const std::vector<std::pair<std::string, double>>& loss_by_subset);
  /// That the run went back to step `to_step`: a line of step to_step + 1, before that step's own.
  void rewind(std::int64_t to_step, const Json& what);
  void sync();
  /// The last training step the file held when it was opened, after the cut: where `seconds` and `tokens` go on from.
  const std::optional<StepMetrics>& resumed_from() const { return resumed_from_; }

 private:
  std::optional<StepMetrics> resumed_from_;
  std::unique_ptr<AppendFile> lines_;
  std::unique_ptr<TensorBoardWriter> events_;
};

}  // namespace corollary
