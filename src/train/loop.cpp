#include "train/loop.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/fields.h"
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
      groups_(communicator, run_.config.tensor_parallel),
      part_(tensor_parallel_part(run_.model, groups_.layout().tensor_size)),
      layout_(is_adapting() ? adapter_layout(run_.model, run_.config.lora) : parameter_layout(run_.model)),
      checkpoints_(run_.out / "checkpoints", layout_, run_.identity, run_.layout, checkpoint_ranks()),
      optimizer_(make_optimizer()),
      model_(part_, plan.compute, run_.config.micro_batch_size, run_.config.seq_len, /*trains=*/true, plan.device,
             run_.config.recompute_choice(), groups_.tensor_parallel(), run_.config.lora.rank),
      tokens_(DType::i32, {micro_batches(), model_.tokens()}),
      targets_(DType::i32, {micro_batches(), model_.tokens()}),
      losses_(DType::f32, {micro_batches(), model_.tokens()}),
      device_tokens_(DType::i32, tokens_.view().shape(), plan.device),
      device_targets_(DType::i32, tokens_.view().shape(), plan.device),
      device_losses_(DType::f32, tokens_.view().shape(), plan.device),
      stream_(plan.device),
      guard_(run_.config.spike_window, run_.config.spike_sigma) {
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
  if (!is_adapting()) return {part_, optimizer_.weights()};
  return {run_.model, frozen_, LoraOf<ConstTensor>(run_.model, run_.config.lora, optimizer_.weights())};
}

Gradients TrainLoop::gradients() {
  if (!is_adapting()) return {part_, optimizer_.gradients()};
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

Optimizer TrainLoop::make_optimizer() {
  if (is_alone()) return {layout_.count, layout_.decayed_count, plan_.compute, run_.config, plan_.device};
  exchange_.emplace(Shards(part_, groups_.layout().data_size), groups_, plan_.device);
  return {*exchange_, plan_.compute, run_.config, plan_.device};
}

std::int64_t TrainLoop::micro_batches() const {
  return run_.config.global_batch_size / groups_.layout().data_size / run_.config.micro_batch_size;
}

bool TrainLoop::stop_is_requested() {
  double requested = stop_requested() ? 1 : 0;
  communicator_.all_reduce_max(std::span(&requested, 1));
  return requested > 0;
}

void TrainLoop::run() {
  const TrainConfig& config = run_.config;
  begin_or_resume();
  peak_flops_ = corollary::peak_flops(plan_.compute, plan_.device) * communicator_.world_size();
  if (state_.step == 0) validate_and_log();
  while (state_.step < config.train_iters) {
    checkpoints_.check_failure();
    const auto trouble = step();
    keep_matmul_choices();
    if (trouble && rewind(*trouble)) continue;
    const bool is_last = state_.step == config.train_iters, stops = stop_is_requested() && !is_last;
    if (is_last || is_due(state_.step, config.eval_interval)) validate_and_log();
    if (is_last || stops || is_due(state_.step, config.save_interval)) save();
    if (is_last || stops) checkpoints_.wait();
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
  const std::string& how = run_.config.resume;
  std::optional<Checkpoints::Loaded> loaded;
  if (how == "auto") {
    loaded = checkpoints_.load_newest(owned_state());
  } else {
    if (how != "never") loaded = checkpoints_.load_step(owned_state(), std::stoll(how));
    checkpoints_.set_aside_after(loaded ? loaded->state.step : 0);
  }
  if (loaded) {
    take_over(*loaded);
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

void TrainLoop::take_over(const Checkpoints::Loaded& loaded) {
  state_ = loaded.state;
  optimizer_.set_counts(state_.optimizer);
  guard_.set_state(state_.guard);
  optimizer_.weights_from_master(stream_);
  stream_.synchronize();
  verify_forward_check(loaded);
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
  const auto seed = static_cast<std::uint64_t>(config.seed);
  if (is_adapting()) {
    OwnedTensor adapters(DType::f32, {layout_.count});
    initialize_lora(adapters, run_.model, config.lora, seed);
    return upload_master(adapters);
  }
  if (config.init_from.empty() && is_alone() && optimizer_.master_kind() == MasterWeights::Kind::fp32) {
    initialize(stream_, optimizer_.master(), run_.model, seed);
    return optimizer_.weights_from_master(stream_);
  }
  LoadedModel loaded;
  if (!config.init_from.empty()) {
    loaded = load_checkpoint_folder(config.init_from, DType::f32);
    check(loaded.parameters.view().count() == layout_.count, "init_from ", config.init_from, " holds ",
          loaded.parameters.view().count(), " parameters, the model has ", layout_.count);
  }
  const FreshWeights fresh(run_.model, seed);
  OwnedTensor host(DType::f32, {optimizer_.shard_count()});
  for (const OwnedSlice& slice : owned_slices(run_.model, groups_.layout())) {
    const ParameterLayout::Entry& entry = layout_.find(slice.name);
    each_run(slice, [&](std::int64_t at, std::int64_t local, std::int64_t count) {
      float* const to = host.view().data<float>() + local;
      if (config.init_from.empty()) return fresh.write(to, entry, at, count);
      std::copy_n(loaded.parameters.view().data<float>() + entry.offset + at, count, to);
    });
  }
  upload_master(host);
}

// In pieces: master weights that are not kept in f32 are made of f32 ones where they lie.
void TrainLoop::upload_master(ConstTensor host) {
  constexpr std::int64_t kPiece = std::int64_t{1} << 26;
  OwnedTensor staging;
  for (std::int64_t begin = 0; begin < host.count(); begin += kPiece) {
    const ConstTensor piece = host.rows(begin, std::min(begin + kPiece, host.count()));
    if (!stream_.on_cuda()) {
      optimizer_.write_master(stream_, piece, begin);
      continue;
    }
    if (staging.view().count() != piece.count()) staging = OwnedTensor(DType::f32, piece.shape(), plan_.device);
    copy(stream_, staging, piece);
    optimizer_.write_master(stream_, staging, begin);
    stream_.synchronize();
  }
  optimizer_.weights_from_master(stream_);
}

// The whole model's, in host memory, on the first rank; empty on the others.
OwnedTensor TrainLoop::gather_weights() {
  const RankLayout& layout = groups_.layout();
  if (layout.data_rank != 0) return {};
  OwnedTensor whole;
  if (is_first_rank()) whole = OwnedTensor(plan_.compute, {layout_.count});
  const ConstTensor ours = optimizer_.weights();
  OwnedTensor part(plan_.compute, ours.shape(), plan_.device), here(plan_.compute, ours.shape());
  for (int rank = 0; rank < layout.tensor_size; ++rank) {
    if (rank == layout.tensor_rank) copy(stream_, part, ours);
    groups_.tensor().broadcast(stream_, part, rank);
    copy(stream_, here, part);
    stream_.synchronize();
    if (!is_first_rank()) continue;
    Stream host;
    for (const OwnedSlice& slice : owned_slices(run_.model, {.tensor_size = layout.tensor_size, .tensor_rank = rank})) {
      const std::int64_t offset = layout_.find(slice.name).offset;
      each_run(slice, [&](std::int64_t at, std::int64_t local, std::int64_t count) {
        copy(host, whole.view().rows(offset + at, offset + at + count), here.view().rows(local, local + count));
      });
    }
  }
  return whole;
}

// The frozen weights with the adapters added, in host memory; the adapters alone are written into `folder`.
OwnedTensor TrainLoop::merge_adapters(const fs::path& folder) {
  Stream host;
  OwnedTensor adapters(DType::f32, {layout_.count}), frozen(plan_.compute, frozen_.view().shape()), merged(DType::f32, frozen_.view().shape());
  copy(stream_, adapters, optimizer_.master());
  copy(stream_, frozen, frozen_);
  stream_.synchronize();
  save_adapters(folder, run_.model, run_.config.lora, adapters, run_.config.init_from);
  cast(host, merged, frozen);
  merge_lora(merged, adapters, run_.model, run_.config.lora);
  return merged;
}

void TrainLoop::write_weights(const char* folder) {
  const bool is_here = is_alone() && !stream_.on_cuda() && !is_adapting();
  OwnedTensor whole;
  if (!is_here) whole = is_adapting() ? merge_adapters(run_.out / folder / "adapter") : gather_weights();
  if (!is_first_rank()) return;
  const ConstTensor weights = is_here ? optimizer_.weights() : ConstTensor(whole.view());
  save_checkpoint_folder(run_.out / folder, run_.model, weights, {.dtype = plan_.compute, .tokenizer = run_.tokenizer});
}

std::optional<std::string> TrainLoop::step() {
  const TrainConfig& config = run_.config;
  const auto start = Clock::now();
  const std::int64_t share = config.global_batch_size / groups_.layout().data_size;  // each copy takes a contiguous slice
  const std::int64_t first = state_.samples + state_.skipped_samples + groups_.layout().data_rank * share;
  const std::int64_t samples_of_run = config.train_iters * config.global_batch_size;  // beyond, after a rewind, it begins anew
  const std::int64_t sent_before = groups_.bytes_moved();
  const auto tokens = static_cast<double>(config.tokens_per_step());
  for (std::int64_t row = 0; row < share; ++row) data_.training_row((first + row) % samples_of_run, row_of(row));
  // Of the mean over what is predicted, all ranks together: packed text predicts every token.
  const double predicted = std::max(1.0, over_ranks(static_cast<double>(count_targets(micro_batches()))));
  copy_batch();
  const Llama::PartIsReady is_ready = [&](std::size_t part) { optimizer_.gradients_are_ready(stream_, part); };
  for (std::int64_t i = 0; i < micro_batches(); ++i)
    model_.losses_and_gradients(stream_, micro_batch(device_losses_, i), gradients(), weights(), batch(i), static_cast<float>(1 / predicted),
                                /*accumulate=*/i > 0, i + 1 == micro_batches() ? is_ready : Llama::PartIsReady());
  copy(stream_, losses_, device_losses_);
  stream_.synchronize();
  if (run_.fault) optimizer_.wait_for_gradients(stream_), run_.fault(optimizer_.gradients(), state_.samples + state_.skipped_samples);
  const double loss = over_ranks(sum_of_losses(micro_batches())) / predicted;
  const double learning_rate = learning_rate_at(config.schedule(), state_.step + 1);
  SpikeGuard::Verdict verdict;
  const auto outcome = optimizer_.step(stream_, communicator_, loss, learning_rate, [&](double grad_norm) {
    verdict = guard_.judge(loss, grad_norm);
    return verdict.is_spike && config.on_spike != "warn";
  });
  if (outcome.was_applied) guard_.accept(loss, outcome.grad_norm);

  step_bytes_sent_ = groups_.bytes_moved() - sent_before;
  const double seconds = seconds_since(start);
  state_.step += 1;
  state_.samples += config.global_batch_size;
  state_.tokens += config.tokens_per_step();
  state_.seconds += seconds;
  state_.optimizer = optimizer_.counts();
  final_loss_ = loss;
  if (is_first_rank()) log_step(loss, outcome, learning_rate, tokens / seconds);
  if (outcome.was_applied && !verdict.is_spike) return std::nullopt;

  const std::string reason =
      verdict.is_spike ? fmt::format("loss {:.4f} is {:.1f}, gradient norm {:.4f} is {:.1f} standard deviations above the mean of the last {} steps",
                                     loss, verdict.loss_sigmas, outcome.grad_norm, verdict.grad_norm_sigmas, guard_.state().losses.size())
                       : fmt::format("loss {} and gradient norm {} are not finite", loss, outcome.grad_norm);
  if (is_first_rank())
    log_warning("step {}: {}{}", state_.step, reason,
                outcome.was_applied ? "" : fmt::format(": skipped, {} in a row", state_.optimizer.skipped_in_a_row));
  const bool goes_back = verdict.is_spike || state_.optimizer.skipped_in_a_row >= config.rewind_after;
  return config.rewinds() && goes_back ? std::optional(reason) : std::nullopt;
}

// From the same checkpoints the same decision: a run killed anywhere in here comes by this step again and goes back to the same place.
bool TrainLoop::rewind(const std::string& reason) {
  const TrainConfig& config = run_.config;
  const TrainState before = state_;
  const std::int64_t end_sample = before.samples + before.skipped_samples;
  check(static_cast<std::int64_t>(before.rewinds.size()) < config.max_rewinds, "step ", before.step, ": ", reason, ", in samples [",
        end_sample - config.global_batch_size, ", ", end_sample, ") of the run's order, and the run went back ", before.rewinds.size(),
        " times already: lower learning_rate, look at this data, or raise max_rewinds");
  checkpoints_.wait();
  const auto loaded = checkpoints_.load_newest(owned_state(), before.step - config.rewind_steps);
  if (!loaded) {
    if (is_first_rank()) log_warning("no checkpoint is {} steps old: step {} is skipped, not gone back from", config.rewind_steps, before.step);
    return false;
  }
  checkpoints_.remove_after(loaded->state.step);
  take_over(*loaded);
  Rewind done{.at_step = before.step,
              .to_step = state_.step,
              .first_sample = state_.samples + state_.skipped_samples,
              .end_sample = end_sample,
              .reason = reason};
  state_.skipped_samples = end_sample - state_.samples;
  state_.seconds = before.seconds;
  state_.rewinds = before.rewinds;
  state_.rewinds.push_back(done);
  if (!is_first_rank()) return true;
  log_warning("went back from step {} to {}, past samples [{}, {})", done.at_step, done.to_step, done.first_sample, done.end_sample);
  metrics_.reset();  // closes the file before it is cut
  metrics_.emplace(run_.out, state_.step);
  metrics_->rewind(state_.step, fields_to_json(done));
  return true;
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
  const std::int64_t last = run_.config.train_iters;
  if (!is_due(state_.step, run_.config.log_interval) && state_.step != last) return;
  const double left = static_cast<double>(last - state_.step) * state_.seconds / static_cast<double>(state_.step);
  log_info("step {}/{}  loss {:.4f}  grad_norm {:.3f}  learning_rate {:.3e}  tokens/s {}  mfu {:.1f} %  {} left", state_.step, last,
           loss, outcome.grad_norm, learning_rate, format_count(tokens_per_second), 100 * metrics.mfu, format_seconds(left));
}

void TrainLoop::evaluate_first_micro_batch() {
  copy_batch();
  model_.losses(stream_, micro_batch(device_losses_, 0), weights(), batch(0));
  copy(stream_, micro_batch(losses_, 0), micro_batch(device_losses_, 0));
  stream_.synchronize();
}

TrainLoop::ValidationLosses TrainLoop::validate() {
  const std::int64_t rows = run_.config.micro_batch_size;
  ValidationLosses result;
  for (std::size_t subset = 0; subset < data_.validation_subsets().size(); ++subset) {
    const std::int64_t windows = data_.validation_windows(subset);
    double sum = 0, count = 0;
    for (std::int64_t first = groups_.layout().data_rank * rows; first < windows; first += groups_.layout().data_size * rows) {
      for (std::int64_t row = 0; row < rows; ++row) {
        if (first + row < windows) {
          data_.validation_row(subset, first + row, row_of(row));
        } else {
          std::ranges::fill(row_of(row).targets, -1);  // whatever stands there predicts nothing
        }
      }
      evaluate_first_micro_batch();
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
  const TrainConfig& config = run_.config;
  state_.forward_check = config.forward_check ? forward_check() : ForwardCheck{};
  state_.guard = guard_.state();
  state_.wall_seconds = wall_seconds();
  if (is_first_rank()) metrics_->sync();  // no checkpoint is ahead of its metrics
  stream_.synchronize();  // the copy is made on another stream
  checkpoints_.save(state_, owned_state(),
                    {.newest = config.keep_checkpoints, .every = config.keep_every, .rewind_steps = config.rewinds() ? config.rewind_steps : 0},
                    saves_beside_training());
}

bool TrainLoop::saves_beside_training() {
  if (saves_beside_training_) return *saves_beside_training_;
  const std::int64_t need = Checkpoints::copy_bytes(owned_state()), available = available_memory_bytes();
  const bool is_short = run_.config.async_checkpoints && need > available - available / 8;
  if (is_short)
    log_warning("a copy of the training state needs {} of memory, {} are available: training waits while checkpoints are written",
                format_bytes(static_cast<double>(need)), format_bytes(static_cast<double>(available)));
  saves_beside_training_ = run_.config.async_checkpoints && over_all_ranks(is_short ? 1 : 0) == 0;
  return *saves_beside_training_;
}

std::vector<OwnedSlice> TrainLoop::slices() const {
  if (!is_adapting()) return owned_slices(run_.model, groups_.layout());
  std::vector<OwnedSlice> whole;  // adapters are one rank's
  for (const ParameterLayout::Entry& entry : layout_.entries)
    whole.push_back({.name = entry.name,
                     .global_shape = entry.shape,
                     .row_begin = 0,
                     .row_end = entry.shape[0],
                     .col_begin = 0,
                     .col_end = entry.shape[1],
                     .begin = 0,
                     .end = entry.shape.count(),
                     .local_offset = entry.offset});
  return whole;
}

OwnedState TrainLoop::owned_state() {
  OwnedState owned{
      .master = {}, .m = optimizer_.m(), .v = optimizer_.v(), .slices = slices(), .device = plan_.device};
  if (optimizer_.master_kind() == MasterWeights::Kind::fp32) {
    owned.master = optimizer_.master();
  } else {
    owned.read_master = [this](Stream& stream, Tensor values, std::int64_t begin) { optimizer_.read_master(stream, values, begin); };
    owned.write_master = [this](Stream& stream, ConstTensor values, std::int64_t begin) { optimizer_.write_master(stream, values, begin); };
  }
  return owned;
}

CheckpointRanks TrainLoop::checkpoint_ranks() {
  return {.rank = communicator_.rank(),
          .world_size = communicator_.world_size(),
          .barrier = [this] { communicator_.barrier(); },
          .sum = [this](double x) { return over_all_ranks(x); }};
}

// Sample 0 of the run, alone in its micro-batch: the same sequence whatever the layout and however much is validated on.
ForwardCheck TrainLoop::forward_check() {
  for (std::int64_t row = 0; row < run_.config.micro_batch_size; ++row) std::ranges::fill(row_of(row).targets, -1);
  data_.training_row(0, row_of(0));
  evaluate_first_micro_batch();
  const auto of_sample = [&](Tensor tensor) { return micro_batch(tensor, 0).rows(0, run_.config.seq_len); };
  return forward_check_of(of_sample(losses_), of_sample(targets_));
}

void TrainLoop::verify_forward_check(const Checkpoints::Loaded& loaded) {
  const ForwardCheck& then = loaded.state.forward_check;
  if (!run_.config.forward_check || then.tokens == 0) return;
  const ForwardCheck now = forward_check();
  const bool is_bf16 = plan_.compute == DType::bf16 || loaded.layout.value("precision", Json()) == name_of(DType::bf16);
  const double tolerance = forward_check_tolerance(is_bf16 ? DType::bf16 : DType::f32) * std::max(1.0, then.mean_loss);
  check(now.tokens == then.tokens && std::abs(now.mean_loss - then.mean_loss) <= tolerance, "cannot resume: with the weights of step ",
        loaded.state.step, " sample 0 has mean loss ", now.mean_loss, " over ", now.tokens, " tokens, had ", then.mean_loss, " over ",
        then.tokens, " when they were saved; rounding explains ", tolerance,
        ". This program or machine computes something else: resume where it was saved, from an earlier checkpoint (--resume STEP), or give "
        "--no-forward-check if the change is meant");
  if (is_first_rank() && loaded.layout_difference.empty() && now != then)
    log_warning("the weights of step {} give mean loss {:.17g} of sample 0, gave {:.17g} when they were saved, in the same layout: the run goes "
                "on, but not bit for bit",
                loaded.state.step, now.mean_loss, then.mean_loss);
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

// The ranks of one copy of the model have the same losses. Not over groups_.data(): buckets of gradients are on their way there.
double TrainLoop::over_ranks(double sum) {
  return over_all_ranks(groups_.layout().tensor_rank == 0 ? sum : 0);
}

double TrainLoop::over_all_ranks(double sum) {
  communicator_.all_reduce_sum(std::span(&sum, 1));
  return sum;
}

Json TrainLoop::counts() const {
  Json validation = Json::object();
  for (const auto& [subset, loss] : final_validation_) validation[subset] = loss;
  return {{"parameters", plan_.parameters},
          {"precision", name_of(plan_.compute)},
          {"steps", state_.step},
          {"skipped_steps", state_.optimizer.skipped},
          {"rewinds", state_.rewinds.size()},
          {"tokens", state_.tokens},
          {"seconds", state_.seconds},
          {"tokens_per_second", static_cast<double>(state_.tokens) / state_.seconds},
          {"final_loss", final_loss_},
          {"validation", validation},
          {"peak_rss_bytes", peak_rss_bytes()},
          {"ranks", communicator_.world_size()},
          {"step_bytes_sent", step_bytes_sent_},
          {"bytes", plan_.parameters * size_of(plan_.compute)}};
}

double TrainLoop::wall_seconds() const { return wall_seconds_before_ + seconds_since(wall_start_); }

}  // namespace corollary
