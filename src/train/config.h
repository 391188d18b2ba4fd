#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/llama.h"
#include "model/lora.h"
#include "train/schedule.h"
#include "train/sft_config.h"

namespace corollary {

/// How a model is trained. Defaults are those of the quickstart; the rest follows Llemma's runs.
struct TrainConfig {
  std::int64_t seq_len = 512;           ///< tokens of context per sequence
  std::int64_t micro_batch_size = 8;    ///< sequences per forward and backward pass, per copy of the model: decides the memory, not the result
  std::int64_t global_batch_size = 16;  ///< sequences per optimizer step, all ranks together
  std::int64_t train_iters = 600;       ///< optimizer steps
  double learning_rate = 2e-3;          ///< peak, reached after the warm-up
  double min_lr_ratio = 0.033;          ///< floor of the cosine / peak
  std::int64_t warmup_iters = 40;
  double warmup_ratio = 0;             ///< of train_iters: decides warmup_iters, rounded up; 0: warmup_iters counts
  std::string lr_schedule = "cosine";  ///< after the warm-up: cosine | constant
  std::int64_t lr_decay_iters = 0;  ///< step at which the cosine reaches its floor; 0: train_iters
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8;
  double weight_decay = 0.1;           ///< of matrices; norm scales have none
  double clip_grad = 1.0;              ///< largest global L2 norm of the gradient; 0: never clipped
  std::int64_t seed = 1234;            ///< of fresh weights and of the order of samples
  std::string device = "auto";         ///< cpu | cuda | auto: the GPU if there is one
  std::string precision = "auto";      ///< fp32 | bf16 | auto: bf16 on a GPU and where the processor multiplies it (AVX512-BF16, AMX)
  std::string master_weights = "fp32"; ///< fp32 | split: the same, exactly, in 2 bytes less a parameter | stochastic: none (bf16 only)
  std::int64_t tensor_parallel = 1;    ///< ranks a model is split over; the ranks of the job / this train copies of it on parts of the batch
  double collective_timeout_seconds = 600;  ///< several ranks: one that is silent, or waited for, longer than this ends the job; 0: never
  std::string recompute = "norms";     ///< norms: normed rows and SwiGLU's product again in the backward pass; none: kept, for memory
  std::string init_from = "";          ///< Hugging Face folder whose weights training goes on from; empty: fresh weights
  std::int64_t eval_interval = 50;     ///< steps between validations; 0: only before the first and after the last step
  std::int64_t eval_sequences = 32;    ///< sequences of each subset's validation split, always the same ones; 0: no validation
  std::int64_t save_interval = 100;    ///< steps between checkpoints; 0: only the last step's
  std::int64_t keep_checkpoints = 2;   ///< newest ones kept
  std::int64_t keep_every = 0;         ///< checkpoints of a multiple of this step are kept for ever; 0: none
  bool async_checkpoints = true;       ///< training waits for a copy in host memory alone, not for the disk
  bool forward_check = true;           ///< losses of one sequence stored with each checkpoint, computed again when it is loaded
  std::string resume = "auto";         ///< auto: the newest whole checkpoint | never: from the start | the step of a checkpoint
  std::int64_t log_interval = 1;       ///< steps between lines on stderr; metrics.jsonl has every step
  std::int64_t skip_abort_after = 10;  ///< steps in a row with a loss or gradient that is not finite before training gives up
  std::int64_t spike_window = 128;     ///< steps whose losses and gradient norms a step is compared with
  double spike_sigma = 0;              ///< standard deviations above their mean that make a spike; 0: none is looked for
  std::string on_spike = "skip";       ///< warn | skip: the step changes nothing | rewind: to a checkpoint, then past the data that led there
  std::int64_t rewind_steps = 20;      ///< steps to go back at least
  std::int64_t rewind_after = 5;       ///< steps in a row that are not finite before on_spike = rewind goes back too
  std::int64_t max_rewinds = 3;        ///< in a run, before training gives up
  SftConfig sft = {};                  ///< train on responses to queries instead of packed text
  LoraConfig lora = {};                ///< train small factors beside frozen matrices instead of the matrices

  static void each(auto& config, auto&& visit) {
    visit("seq_len", config.seq_len);
    visit("micro_batch_size", config.micro_batch_size);
    visit("global_batch_size", config.global_batch_size);
    visit("tensor_parallel", config.tensor_parallel);
    visit("train_iters", config.train_iters);
    visit("learning_rate", config.learning_rate);
    visit("min_lr_ratio", config.min_lr_ratio);
    visit("warmup_iters", config.warmup_iters);
    visit("warmup_ratio", config.warmup_ratio);
    visit("lr_schedule", config.lr_schedule);
    visit("lr_decay_iters", config.lr_decay_iters);
    visit("beta1", config.beta1);
    visit("beta2", config.beta2);
    visit("eps", config.eps);
    visit("weight_decay", config.weight_decay);
    visit("clip_grad", config.clip_grad);
    visit("seed", config.seed);
    visit("device", config.device);
    visit("precision", config.precision);
    visit("master_weights", config.master_weights);
    visit("collective_timeout_seconds", config.collective_timeout_seconds);
    visit("recompute", config.recompute);
    visit("init_from", config.init_from);
    visit("eval_interval", config.eval_interval);
    visit("eval_sequences", config.eval_sequences);
    visit("save_interval", config.save_interval);
    visit("keep_checkpoints", config.keep_checkpoints);
    visit("keep_every", config.keep_every);
    visit("async_checkpoints", config.async_checkpoints);
    visit("forward_check", config.forward_check);
    visit("resume", config.resume);
    visit("log_interval", config.log_interval);
    visit("skip_abort_after", config.skip_abort_after);
    visit("spike_window", config.spike_window);
    visit("spike_sigma", config.spike_sigma);
    visit("on_spike", config.on_spike);
    visit("rewind_steps", config.rewind_steps);
    visit("rewind_after", config.rewind_after);
    visit("max_rewinds", config.max_rewinds);
    visit("sft", config.sft);
    visit("lora", config.lora);
  }

  Recompute recompute_choice() const { return recompute == "none" ? Recompute::none : Recompute::norms; }
  Schedule schedule() const { return {learning_rate, min_lr_ratio, warmup_iters, lr_decay_iters, lr_schedule == "constant"}; }
  std::int64_t tokens_per_step() const { return global_batch_size * seq_len; }
  bool rewinds() const { return on_spike == "rewind"; }
  std::int64_t most_checkpoints() const;  ///< on disk at once, one being written among them
};

/// Fills in lr_decay_iters and checks every field for `world_size` ranks; Error names the field, its value and the remedy.
/// `precision` stays as given: resolve_precision() asks the machine.
TrainConfig resolve(TrainConfig config, int world_size);

/// A subset of the packed corpus and its share of the tokens trained on, in proportion to the other weights.
struct MixturePart {
  std::string subset;
  double weight = 1;
  static void each(auto& part, auto&& visit) {
    visit("subset", part.subset);
    visit("weight", part.weight);
  }
};
using Mixture = std::vector<MixturePart>;

/// "papers=2,web=4,code=1"; Error names the part that is not NAME=NUMBER.
Mixture parse_mixture(const std::string& text);
/// Error if empty, if a weight is not positive and finite, or if a subset is named twice.
void check_mixture(const Mixture& mixture);

}  // namespace corollary
