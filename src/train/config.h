#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/lora.h"
#include "train/schedule.h"
#include "train/sft_config.h"

namespace corollary {

/// How a model is trained. Defaults are those of the quickstart; the rest follows Llemma's runs.
struct TrainConfig {
  std::int64_t seq_len = 512;           ///< tokens of context per sequence
  std::int64_t micro_batch_size = 8;    ///< sequences per forward and backward pass, per rank: decides the memory, not the result
  std::int64_t global_batch_size = 16;  ///< sequences per optimizer step, all ranks together
  std::int64_t tensor_parallel = 1;     ///< ranks that share one copy of the model
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
  std::string init_from = "";          ///< Hugging Face folder whose weights training goes on from; empty: fresh weights
  std::int64_t eval_interval = 50;     ///< steps between validations; 0: only before the first and after the last step
  std::int64_t eval_sequences = 32;    ///< sequences of each subset's validation split, always the same ones; 0: no validation
  std::int64_t save_interval = 100;    ///< steps between checkpoints; 0: only the last step's
  std::int64_t keep_checkpoints = 2;   ///< newest ones kept
  std::int64_t log_interval = 1;       ///< steps between lines on stderr; metrics.jsonl has every step
  std::int64_t skip_abort_after = 10;  ///< steps in a row with a loss or gradient that is not finite before training gives up
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
    visit("init_from", config.init_from);
    visit("eval_interval", config.eval_interval);
    visit("eval_sequences", config.eval_sequences);
    visit("save_interval", config.save_interval);
    visit("keep_checkpoints", config.keep_checkpoints);
    visit("log_interval", config.log_interval);
    visit("skip_abort_after", config.skip_abort_after);
    visit("sft", config.sft);
    visit("lora", config.lora);
  }

  Schedule schedule() const { return {learning_rate, min_lr_ratio, warmup_iters, lr_decay_iters, lr_schedule == "constant"}; }
  std::int64_t tokens_per_step() const { return global_batch_size * seq_len; }
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
