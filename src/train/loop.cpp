#include "train/loop.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "kernels/adamw.h"
#include "kernels/matmul_choices.h"
#include "model/adapter_folder.h"
#include "model/checkpoint_folder.h"
#include "model/lora.h"
#include "train/matmul_rate.h"
#include "train/schedule.h"

namespace corollary {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::int64_t peak_rss_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

/// Row i of [micro batches, tokens].
Tensor micro_batch(Tensor all, std::int64_t i) { return all.rows(i, i + 1).reshaped({all.dim(1)}); }

bool is_due(std::int64_t step, std::int64_t interval) { return interval > 0 && step % interval == 0; }

}  // namespace

TrainLoop::TrainLoop(TrainRun run, const TrainPlan& plan, const TrainingSet& data, Communicator& communicator)
    : run_(std::move(run)),
      plan_(plan),
      data_(data),
      communicator_(communicator),
      layout_(is_adapting() ? adapter_layout(run_.model, run_.config.lora) : parameter_layout(run_.model)),
      checkpoints_(run_.out / "checkpoints", layout_, run_.identity, run_.layout),
      optimizer_(layout_.count, layout_.decayed_count, plan.compute, run_.config, plan.device),
      model_(run_.model, plan.compute, run_.config.micro_batch_size, run_.config.seq_len, /*trains=*/true, plan.device,
             run_.config.lora.rank),
      tokens_(DType::i32, {micro_batches(), model_.tokens()}),
      targets_(DType::i32, {micro_batches(), model_.tokens()}),
      losses_(DType::f32, {micro_batches(), model_.tokens()}),
      device_tokens_(DType::i32, tokens_.view().shape(), plan.device),
      device_targets_(DType::i32, tokens_.view().shape(), plan.device),
      device_losses_(DType::f32, tokens_.view().shape(), plan.device),
      stream_(plan.device) {
  if (stream_.on_cuda()) stream_.reserve_workspace(model_.workspace_bytes());
  if (data_.has_documents())
    for (auto [here, there] : {std::pair{&positions_, &device_positions_}, {&document_starts_, &device_document_starts_}}) {
      *here = OwnedTensor(DType::i32, tokens_.view().shape());
      *there = OwnedTensor(DType::i32, tokens_.view().shape(), plan.device);
    }
  if (!is_adapting()) return;
  frozen_ = OwnedTensor(plan.compute, {parameter_count(run_.model)}, plan.device);
  unwanted_ = OwnedTensor(DType::f32, {run_.model.hidden_size}, plan.device);
}

Weights TrainLoop::weights() const {
  if (!is_adapting()) return {run_.model, optimizer_.weights()};
  return {run_.model, frozen_, LoraOf<ConstTensor>(run_.model, run_.config.lora, optimizer_.weights())};
}

Gradients TrainLoop::gradients() {
  if (!is_adapting()) return {run_.model, optimizer_.gradients()};
  return Gradients::frozen(run_.model, LoraOf<Tensor>(run_.model, run_.config.lora, optimizer_.gradients()), unwanted_);
}

TokenBatch TrainLoop::batch(std::int64_t i) {
  TokenBatch batch{micro_batch(device_tokens_, i), micro_batch(device_targets_, i)};
  if (data_.has_documents()) {
    batch.positions = micro_batch(device_positions_, i);
    batch.document_starts = micro_batch(device_document_starts_, i);
  }
  return batch;
}

void TrainLoop::copy_batch() {
  copy(stream_, device_tokens_, tokens_);
  copy(stream_, device_targets_, targets_);
  if (!data_.has_documents()) return;
  copy(stream_, device_positions_, positions_);
  copy(stream_, device_document_starts_, document_starts_);
}

std::int64_t TrainLoop::micro_batches() const {
  return run_.config.global_batch_size / communicator_.world_size() / run_.config.micro_batch_size;
}

void TrainLoop::run() {
  const TrainConfig& config = run_.config;
  begin_or_resume();
  peak_flops_ = corollary::peak_flops(plan_.compute, plan_.device) * communicator_.world_size();
  if (state_.step == 0) validate_and_log();
  while (state_.step < config.train_iters) {
    step();
    keep_matmul_choices();
    const bool is_last = state_.step == config.train_iters, stops = stop_requested() && !is_last;
    if (is_last || is_due(state_.step, config.eval_interval)) validate_and_log();
    if (is_last || stops || is_due(state_.step, config.save_interval)) save();
    check(!stops, "stopped after step ", state_.step, " of ", config.train_iters, ", saved in ", run_.out.string(),
          ": give the same command again to go on");
  }
  if (final_validation_.empty()) final_validation_ = validate();  // resumed when all steps were done
  write_weights("final");
}

// Another algorithm of a product adds in another order: a run goes on with those it began with.
void TrainLoop::keep_matmul_choices() {
  if (!stream_.on_cuda() || !is_first_rank() || fs::exists(matmul_choices_path())) return;
  write_json_file(matmul_choices_path(), matmul_choices());
}

void TrainLoop::begin_or_resume() {
  if (stream_.on_cuda() && fs::exists(matmul_choices_path())) load_matmul_choices(read_json_file(matmul_choices_path()));
  if (is_adapting()) load_frozen_weights();
  if (const auto state = checkpoints_.load_newest(optimizer_)) {
    state_ = *state;
    wall_seconds_before_ = state_.wall_seconds;
    if (is_first_rank()) log_info("resuming after step {} of {}", state_.step, run_.config.train_iters);
  } else {
    load_initial_weights();
    write_weights("initial");
  }
  if (!is_first_rank()) return;
  metrics_.emplace(run_.out, state_.step);
  if (metrics_->resumed_from()) final_loss_ = metrics_->resumed_from()->loss;
}

// In the compute dtype: nothing is ever added to them.
void TrainLoop::load_frozen_weights() {
  const TrainConfig& config = run_.config;
  OwnedTensor weights(DType::f32, {parameter_count(run_.model)});
  if (config.init_from.empty())
    initialize(weights, run_.model, static_cast<std::uint64_t>(config.seed));
  else
    weights = load_checkpoint_folder(config.init_from, DType::f32).parameters;
  OwnedTensor computing(plan_.compute, weights.view().shape());
  Stream host;
  cast(host, computing, weights);
  copy(stream_, frozen_, computing);
  stream_.synchronize();
}

void TrainLoop::load_initial_weights() {
  const TrainConfig& config = run_.config;
  if (is_adapting()) {
    OwnedTensor adapters(DType::f32, {layout_.count});
    initialize_lora(adapters, run_.model, config.lora, static_cast<std::uint64_t>(config.seed));
    copy(stream_, optimizer_.master(), adapters);
    stream_.synchronize();
  } else if (config.init_from.empty()) {
    initialize(stream_, optimizer_.master(), run_.model, static_cast<std::uint64_t>(config.seed));
  } else {
    const LoadedModel loaded = load_checkpoint_folder(config.init_from, DType::f32);
    check(loaded.parameters.view().count() == layout_.count, "init_from ", config.init_from, " holds ",
          loaded.parameters.view().count(), " parameters, the model has ", layout_.count);
    copy(stream_, optimizer_.master(), loaded.parameters);
    stream_.synchronize();
  }
  optimizer_.weights_from_master(stream_);
}

void TrainLoop::write_weights(const char* folder) {
  if (!is_first_rank()) return;
  const auto on_host = [&](ConstTensor x) {
    OwnedTensor here(x.dtype(), x.shape());
    copy(stream_, here, x);
    stream_.synchronize();
    return here;
  };
  ConstTensor weights = optimizer_.weights();
  OwnedTensor here;
  if (is_adapting()) {
    Stream host;
    const OwnedTensor adapters = on_host(optimizer_.master()), frozen = on_host(frozen_);
    save_adapters(run_.out / folder / "adapter", run_.model, run_.config.lora, adapters, run_.config.init_from);
    here = OwnedTensor(DType::f32, frozen.view().shape());
    cast(host, here, frozen);
    merge_lora(here, adapters, run_.model, run_.config.lora);
    weights = here;
  } else if (stream_.on_cuda()) {
    here = on_host(weights);
    weights = here;
  }
  save_checkpoint_folder(run_.out / folder, run_.model, weights, {.dtype = plan_.compute, .tokenizer = run_.tokenizer});
}

void TrainLoop::step() {
  const TrainConfig& config = run_.config;
  const auto start = Clock::now();
  const std::int64_t share = config.global_batch_size / communicator_.world_size();  // each rank takes a contiguous slice
  const std::int64_t first = state_.samples + communicator_.rank() * share;
  const auto tokens = static_cast<double>(config.tokens_per_step());
  for (std::int64_t row = 0; row < share; ++row) data_.training_row(first + row, row_of(row));
  // Of the mean over what is predicted, all ranks together: packed text predicts every token.
  const double predicted = std::max(1.0, over_ranks(static_cast<double>(count_targets(micro_batches()))));
  copy_batch();
  for (std::int64_t i = 0; i < micro_batches(); ++i)
    model_.losses_and_gradients(stream_, micro_batch(device_losses_, i), gradients(), weights(), batch(i),
                                static_cast<float>(1 / predicted), /*accumulate=*/i > 0);
  copy(stream_, losses_, device_losses_);
  stream_.synchronize();
  const double loss = over_ranks(sum_of_losses(micro_batches())) / predicted;
  const double learning_rate = learning_rate_at(config.schedule(), state_.step + 1);
  const auto outcome = optimizer_.step(stream_, communicator_, loss, learning_rate);

  const double seconds = seconds_since(start);
  state_.step += 1;
  state_.samples += config.global_batch_size;
  state_.tokens += config.tokens_per_step();
  state_.seconds += seconds;
  state_.optimizer = optimizer_.counts();
  final_loss_ = loss;
  if (is_first_rank()) log_step(loss, outcome, learning_rate, tokens / seconds);
}

void TrainLoop::log_step(double loss, const Optimizer::Outcome& outcome, double learning_rate, double tokens_per_second) {
  const StepMetrics metrics{.step = state_.step,
                            .loss = loss,
                            .grad_norm = outcome.grad_norm,
                            .learning_rate = learning_rate,
                            .tokens = state_.tokens,
                            .seconds = state_.seconds,
                            .tokens_per_second = tokens_per_second,
                            .mfu = plan_.flops_per_token * tokens_per_second / peak_flops_};
  metrics_->step(metrics);
  if (!outcome.was_applied)
    log_warning("step {}: loss {} and gradient norm {} are not finite: skipped, {} in a row", state_.step, loss, outcome.grad_norm,
                state_.optimizer.skipped_in_a_row);
  const std::int64_t last = run_.config.train_iters;
  if (!is_due(state_.step, run_.config.log_interval) && state_.step != last) return;
  const double left = static_cast<double>(last - state_.step) * state_.seconds / static_cast<double>(state_.step);
  log_info("step {}/{}  loss {:.4f}  grad_norm {:.3f}  learning_rate {:.3e}  tokens/s {}  mfu {:.1f} %  {} left", state_.step, last,
           loss, outcome.grad_norm, learning_rate, format_count(tokens_per_second), 100 * metrics.mfu, format_seconds(left));
}

TrainLoop::ValidationLosses TrainLoop::validate() {
  const std::int64_t rows = run_.config.micro_batch_size;
  ValidationLosses result;
  for (std::size_t subset = 0; subset < data_.validation_subsets().size(); ++subset) {
    const std::int64_t windows = data_.validation_windows(subset);
    double sum = 0, count = 0;
    for (std::int64_t first = communicator_.rank() * rows; first < windows; first += communicator_.world_size() * rows) {
      for (std::int64_t row = 0; row < rows; ++row) {
        if (first + row < windows) {
          data_.validation_row(subset, first + row, row_of(row));
        } else {
          std::ranges::fill(row_of(row).targets, -1);  // whatever stands there predicts nothing
        }
      }
      copy_batch();
      model_.losses(stream_, micro_batch(device_losses_, 0), weights(), batch(0));
      copy(stream_, micro_batch(losses_, 0), micro_batch(device_losses_, 0));
      stream_.synchronize();
      sum += sum_of_losses(1);
      count += static_cast<double>(count_targets(1));
    }
    result.emplace_back(data_.validation_subsets()[subset], over_ranks(sum) / over_ranks(count));
  }
  return result;
}

void TrainLoop::validate_and_log() {
  const ValidationLosses losses = validate();
  if (state_.step == run_.config.train_iters) final_validation_ = losses;
  if (!is_first_rank() || losses.empty()) return;
  metrics_->validation(state_.step, losses);
  std::string text;
  for (const auto& [subset, loss] : losses) text += fmt::format("  {} {:.4f}", subset, loss);
  log_info("validation after step {}:{}", state_.step, text);
}

void TrainLoop::save() {
  if (is_first_rank()) {
    metrics_->sync();  // no checkpoint is ahead of its metrics
    state_.wall_seconds = wall_seconds();
    checkpoints_.save(state_, optimizer_, run_.config.keep_checkpoints);
  }
  communicator_.barrier();
}

SequenceRow TrainLoop::row_of(std::int64_t row) {
  const std::int64_t seq_len = run_.config.seq_len;
  const auto of = [&](OwnedTensor& tensor) -> std::span<std::int32_t> {
    if (!tensor.view()) return {};
    return {tensor.view().data<std::int32_t>() + row * seq_len, static_cast<std::size_t>(seq_len)};
  };
  return {of(tokens_), of(targets_), of(positions_), of(document_starts_)};
}

// In double and in order, so that a loss has the same bits every time.
double TrainLoop::sum_of_losses(std::int64_t micro_batches) const {
  const float* losses = losses_.view().data<float>();
  const std::int32_t* targets = targets_.view().data<std::int32_t>();
  double sum = 0;
  for (std::int64_t i = 0; i < micro_batches; ++i) {  // a micro-batch at a time
    double part = 0;
    for (std::int64_t t = i * model_.tokens(); t < (i + 1) * model_.tokens(); ++t)
      if (targets[t] >= 0) part += losses[t];
    sum += part;
  }
  return sum;
}

std::int64_t TrainLoop::count_targets(std::int64_t micro_batches) const {
  const std::int32_t* targets = targets_.view().data<std::int32_t>();
  return std::count_if(targets, targets + micro_batches * model_.tokens(), [](std::int32_t target) { return target >= 0; });
}

double TrainLoop::over_ranks(double sum) {
  if (communicator_.world_size() == 1) return sum;  // keeps the bits of the double
  OwnedTensor cell(DType::f32, {1});
  *cell.view().data<float>() = static_cast<float>(sum);
  communicator_.all_reduce_sum(stream_, cell);
  return *cell.view().data<float>();
}

Json TrainLoop::counts() const {
  Json validation = Json::object();
  for (const auto& [subset, loss] : final_validation_) validation[subset] = loss;
  return {{"parameters", plan_.parameters},
          {"precision", name_of(plan_.compute)},
          {"steps", state_.step},
          {"skipped_steps", state_.optimizer.skipped},
          {"tokens", state_.tokens},
          {"seconds", state_.seconds},
          {"tokens_per_second", static_cast<double>(state_.tokens) / state_.seconds},
          {"final_loss", final_loss_},
          {"validation", validation},
          {"peak_rss_bytes", peak_rss_bytes()},
          {"bytes", plan_.parameters * size_of(plan_.compute)}};
}

double TrainLoop::wall_seconds() const { return wall_seconds_before_ + seconds_since(wall_start_); }

}  // namespace corollary
