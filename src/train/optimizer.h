#pragma once
#include <cstdint>
#include <functional>

#include "comm/communicator.h"
#include "device/buffer.h"
#include "device/stream.h"
#include "train/config.h"
#include "train/master_weights.h"

namespace corollary {

/// AdamW over all parameters as one run of memory (model/parameters.h): f32 master weights, first and second moments and gradients,
/// and beside them the weights the model computes with. 16 bytes a parameter in f32, 18 with bf16 weights.
///
/// A step whose loss or gradient norm is not finite, or that a guard refuses, changes nothing and is counted: one bad batch must not end a run of weeks, and
/// a run that makes nothing else must end. Every rank sees the same sums, so all of them decide alike.
class Optimizer {
 public:
  /// What happened so far: part of the training state.
  struct Counts {
    std::int64_t updates = 0;           ///< steps applied; Adam's bias correction counts these
    std::int64_t skipped = 0;           ///< steps with a loss or gradient that was not finite, or refused
    std::int64_t skipped_in_a_row = 0;  ///< of these, since the last applied one
    static void each(auto& counts, auto&& visit) {
      visit("updates", counts.updates);
      visit("skipped", counts.skipped);
      visit("skipped_in_a_row", counts.skipped_in_a_row);
    }
  };
  struct Outcome {
    double grad_norm = 0;  ///< global L2 norm before clipping, all ranks together
    bool was_applied = false;
  };

  /// Parameters [0, decayed_count) decay, the rest do not. All zero at birth, and all on `device`, as are the streams given below.
  Optimizer(std::int64_t count, std::int64_t decayed_count, DType compute, const TrainConfig& config, Device device = Device::cpu);

  Tensor master() { return master_.f32(); }  ///< of master weights kept in f32; the others go through read_master() and write_master()
  MasterWeights::Kind master_kind() const { return master_.kind(); }
  /// Elements [begin, begin + values.count()) of the master weights, f32; writing sets the weights too.
  void read_master(Stream& stream, Tensor values, std::int64_t begin);
  void write_master(Stream& stream, ConstTensor values, std::int64_t begin);
  Tensor m() { return m_; }
  Tensor v() { return v_; }
  Tensor gradients() { return gradients_; }  ///< [count] f32: of the mean loss over this rank's share, before step()
  ConstTensor weights() const;               ///< [count] in the compute dtype; the master itself in f32
  void weights_from_master(Stream& stream);  ///< after master() was written from outside

  /// Sums gradients over ranks, clips their norm to clip_grad, updates master, m, v and weights.
  /// `loss`: of the step, all ranks together. `refuses` is asked once, if loss and norm are finite: true leaves the step out; it must
  /// say the same on all ranks. Error after skip_abort_after skipped steps in a row.
  using Refuses = std::function<bool(double grad_norm)>;
  Outcome step(Stream& stream, Communicator& communicator, double loss, double learning_rate, const Refuses& refuses = {});

  Device device() const { return device_; }
  const Counts& counts() const { return counts_; }
  void set_counts(const Counts& counts) { counts_ = counts; }

 private:
  TrainConfig config_;
  std::int64_t decayed_count_;
  Device device_;
  MasterWeights master_;
  OwnedTensor m_, v_, gradients_, bf16_weights_;
  Counts counts_;
};

/// Bytes an Optimizer of `count` parameters holds, by kind, as a plan shows them.
struct OptimizerMemory {
  std::int64_t weights_bytes = 0;  ///< compute copy; 0 in f32, where the master serves
  std::int64_t master_bytes = 0, m_bytes = 0, v_bytes = 0, gradients_bytes = 0;
  std::int64_t total_bytes() const { return weights_bytes + master_bytes + m_bytes + v_bytes + gradients_bytes; }
};
OptimizerMemory optimizer_memory(std::int64_t count, DType compute, MasterWeights::Kind kind = MasterWeights::Kind::fp32);

}  // namespace corollary
