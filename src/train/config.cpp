#include "train/config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/error.h"
#include "train/master_weights.h"

namespace corollary {
namespace {

constexpr std::int64_t kLargestCount = std::int64_t{1}
                                       << 40;  // far beyond any run, and products of two stay in 64 bits with seq_len

}  // namespace

std::int64_t TrainConfig::most_checkpoints() const {
  const std::int64_t to_go_back_to = rewinds() && save_interval > 0 ? (rewind_steps + save_interval - 1) / save_interval + 1 : 0;
  const std::int64_t for_ever = keep_every > 0 && save_interval > 0 ? train_iters / keep_every : 0;
  return std::max(keep_checkpoints, to_go_back_to) + for_ever + 1;
}

TrainConfig resolve(TrainConfig config, int world_size) {
  const auto within = [](const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
    check(value >= low && value <= high, "train.", name, " must be ", low, " to ", high, ", is ", value);
  };
  within("seq_len", config.seq_len, 1, 1 << 20);
  within("micro_batch_size", config.micro_batch_size, 1, 1 << 20);
  within("global_batch_size", config.global_batch_size, 1, 1 << 20);
  within("train_iters", config.train_iters, 1, 1 << 30);
  within("warmup_iters", config.warmup_iters, 0, 1 << 30);
  within("lr_decay_iters", config.lr_decay_iters, 0, 1 << 30);
  within("seed", config.seed, 0, std::int64_t{0xFFFFFFFF});  // what the shuffles' generator takes
  within("eval_interval", config.eval_interval, 0, kLargestCount);
  within("eval_sequences", config.eval_sequences, 0, 1 << 30);
  within("save_interval", config.save_interval, 0, kLargestCount);
  within("keep_checkpoints", config.keep_checkpoints, 1, 1 << 20);
  within("log_interval", config.log_interval, 1, kLargestCount);
  within("skip_abort_after", config.skip_abort_after, 1, kLargestCount);
  within("keep_every", config.keep_every, 0, kLargestCount);
  within("spike_window", config.spike_window, 2, 1 << 16);
  within("rewind_steps", config.rewind_steps, 0, 1 << 30);
  within("rewind_after", config.rewind_after, 1, kLargestCount);
  within("max_rewinds", config.max_rewinds, 0, 1000);

  within("tensor_parallel", config.tensor_parallel, 1, 1 << 20);
  check(world_size % config.tensor_parallel == 0, "train.tensor_parallel ", config.tensor_parallel, " does not divide the ", world_size,
        " ranks of this job: start a multiple of it (mpirun -n)");
  check(!config.lora.is_on() || world_size == 1, "train.lora: adapters are trained by one rank in this version, this job has ", world_size);
  check(!config.lora.is_on() || config.master_weights == "fp32", "train.lora: adapters keep fp32 master weights, leave master_weights at fp32");
  const std::int64_t copies = world_size / config.tensor_parallel, sequences = config.micro_batch_size * copies;
  check(config.global_batch_size % sequences == 0, "train.global_batch_size ", config.global_batch_size,
        " is no multiple of micro_batch_size ", config.micro_batch_size, " times ", copies, " ranks: choose one of ", sequences,
        ", ", 2 * sequences, ", ... or a micro_batch_size that divides it");

  check(config.warmup_ratio >= 0 && config.warmup_ratio <= 1, "train.warmup_ratio must be 0 to 1, is ", config.warmup_ratio);
  if (config.warmup_ratio > 0)
    config.warmup_iters = static_cast<std::int64_t>(std::ceil(config.warmup_ratio * static_cast<double>(config.train_iters)));
  check(config.lr_schedule == "cosine" || config.lr_schedule == "constant", "train.lr_schedule must be cosine or constant, is ",
        config.lr_schedule);
  check_lora(config.lora);
  if (config.lr_decay_iters == 0) config.lr_decay_iters = config.train_iters;
  check(config.warmup_iters <= config.lr_decay_iters, "train.warmup_iters ", config.warmup_iters, " is beyond the ",
        config.lr_decay_iters, " steps of the decay: lower warmup_iters or raise train_iters");

  const auto in_range = [](const char* name, double value, double low, double below) {
    check(std::isfinite(value) && value >= low && value < below, "train.", name, " must be at least ", low, " and below ", below,
          ", is ", value);
  };
  in_range("collective_timeout_seconds", config.collective_timeout_seconds, 0, 1e9);
  in_range("learning_rate", config.learning_rate, 0, 1e3);
  in_range("beta1", config.beta1, 0, 1);
  in_range("beta2", config.beta2, 0, 1);
  in_range("weight_decay", config.weight_decay, 0, 1e3);
  in_range("clip_grad", config.clip_grad, 0, 1e30);
  check(config.min_lr_ratio >= 0 && config.min_lr_ratio <= 1, "train.min_lr_ratio must be 0 to 1, is ", config.min_lr_ratio);
  check(std::isfinite(config.eps) && config.eps > 0, "train.eps must be positive, is ", config.eps);
  MasterWeights::kind_of(config.master_weights);
  check(config.recompute == "norms" || config.recompute == "none", "train.recompute must be norms or none, is ", config.recompute);
  check(std::isfinite(config.spike_sigma) && config.spike_sigma >= 0, "train.spike_sigma must be 0 (off) or positive, is ",
        config.spike_sigma);
  check(config.on_spike == "warn" || config.on_spike == "skip" || config.on_spike == "rewind",
        "train.on_spike must be warn, skip or rewind, is ", config.on_spike);
  check(!config.rewinds() || config.rewind_after < config.skip_abort_after, "train.rewind_after ", config.rewind_after,
        " must be less than skip_abort_after ", config.skip_abort_after, ": training gives up before it goes back");
  const bool is_step = !config.resume.empty() && config.resume.size() <= 10 &&
                       config.resume.find_first_not_of("0123456789") == std::string::npos;
  check(config.resume == "auto" || config.resume == "never" || is_step,
        "train.resume must be auto, never or the step of a checkpoint, is ", config.resume);
  check(config.device == "auto" || config.device == "cpu" || config.device == "cuda", "train.device must be auto, cpu or cuda, is ",
        config.device);
  check(config.precision == "auto" || config.precision == "fp32" || config.precision == "bf16",
        "train.precision must be auto, fp32 or bf16, is ", config.precision);
  return config;
}

Mixture parse_mixture(const std::string& text) {
  Mixture mixture;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    const std::size_t equals = part.find('=');
    MixturePart parsed{.subset = part.substr(0, equals), .weight = 0};
    if (equals != std::string::npos) {
      const char *first = part.data() + equals + 1, *last = part.data() + part.size();
      const auto [stop, error] = std::from_chars(first, last, parsed.weight);
      if (error != std::errc{} || stop != last || first == last) parsed.weight = std::nan("");
    }
    check(equals != std::string::npos && equals > 0 && !std::isnan(parsed.weight), "mixture: \"", part,
          "\" is not NAME=WEIGHT, as in papers=2,web=4,code=1");
    mixture.push_back(std::move(parsed));
    begin = end + 1;
  }
  check_mixture(mixture);
  return mixture;
}

void check_mixture(const Mixture& mixture) {
  check(!mixture.empty(), "mixture: no subset named; give at least one, as in papers=2,web=4,code=1");
  std::set<std::string> seen;
  for (const MixturePart& part : mixture) {
    check(std::isfinite(part.weight) && part.weight > 0, "mixture: weight of ", part.subset, " must be positive, is ", part.weight,
          ": leave the subset out to train without it");
    check(seen.insert(part.subset).second, "mixture: ", part.subset, " is named twice");
    check(!part.subset.empty() && part.subset.find('/') == std::string::npos, "mixture: \"", part.subset, "\" is no subset's name");
  }
}

}  // namespace corollary
