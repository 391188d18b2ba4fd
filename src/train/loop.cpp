#include "train/loop.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "kernels/matmul_choices.h"
#include "model/checkpoint_folder.h"
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

TrainLoop::TrainLoop(TrainRun run, const TrainPlan& plan, const TrainingData& data, Communicator& communicator)
    : run_(std::move(run)),
      plan_(plan),
      data_(data),
      communicator_(communicator),
      groups_(communicator, run_.config.tensor_parallel),
      part_(tensor_parallel_part(run_.model, groups_.layout().tensor_size)),
      layout_(parameter_layout(run_.model)),
      checkpoints_(run_.out / "checkpoints", layout_, run_.identity, run_.layout),
      optimizer_(make_optimizer()),
      model_(part_, plan.compute, run_.config.micro_batch_size, run_.config.seq_len, /*trains=*/true, plan.device,
             run_.config.recompute_choice(), groups_.tensor_parallel()),
      tokens_(DType::i32, {micro_batches(), model_.tokens()}),
      targets_(DType::i32, {micro_batches(), model_.tokens()}),
      losses_(DType::f32, {micro_batches(), model_.tokens()}),
      device_tokens_(DType::i32, tokens_.view().shape(), plan.device),
      device_targets_(DType::i32, tokens_.view().shape(), plan.device),
      device_losses_(DType::f32, tokens_.view().shape(), plan.device),
      stream_(plan.device) {
  if (stream_.on_cuda()) stream_.reserve_workspace(model_.workspace_bytes());
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
    step();
    keep_matmul_choices();
    const bool is_last = state_.step == config.train_iters, stops = stop_is_requested() && !is_last;
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
  if (const auto state = load_newest()) {
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

// Several ranks read the whole state and keep what is theirs, so that any layout resumes from any other's.
std::optional<TrainState> TrainLoop::load_newest() {
  if (is_alone()) return checkpoints_.load_newest(optimizer_);
  communicator_.barrier();  // the first to save must not meet one that still clears up what it found
  Optimizer whole(layout_.count, layout_.decayed_count, DType::f32, run_.config);
  const auto state = checkpoints_.load_newest(whole);
  if (!state) return state;
  const std::array theirs = {whole.master(), whole.m(), whole.v()}, ours = {optimizer_.master(), optimizer_.m(), optimizer_.v()};
  for (const OwnedSlice& slice : owned_slices(run_.model, groups_.layout())) {
    const std::int64_t offset = layout_.find(slice.name).offset;
    each_run(slice, [&](std::int64_t at, std::int64_t local, std::int64_t count) {
      for (std::size_t i = 0; i < ours.size(); ++i)
        copy(stream_, ours[i].rows(local, local + count), theirs[i].rows(offset + at, offset + at + count));
    });
  }
  optimizer_.set_counts(whole.counts());
  optimizer_.weights_from_master(stream_);
  stream_.synchronize();
  return state;
}

// Every rank's shard in turn is sent to all; the first puts them together.
void TrainLoop::save_whole() {
  std::optional<Optimizer> whole;
  if (is_first_rank()) {
    whole.emplace(layout_.count, layout_.decayed_count, DType::f32, run_.config);
    whole->set_counts(optimizer_.counts());
  }
  for (int rank = 0; rank < communicator_.world_size(); ++rank) {
    const RankLayout theirs = rank_layout(communicator_.world_size(), rank, run_.config.tensor_parallel);
    const std::int64_t count = exchange_->shards().shard_count(theirs.data_rank);
    for (int kind = 0; kind < 3; ++kind) {
      const auto of = [&](Optimizer& optimizer) { return kind == 0 ? optimizer.master() : kind == 1 ? optimizer.m() : optimizer.v(); };
      OwnedTensor shard(DType::f32, {count}, plan_.device);
      if (rank == communicator_.rank()) copy(stream_, shard, of(optimizer_));
      communicator_.broadcast(stream_, shard, rank);
      stream_.synchronize();
      if (!whole) continue;
      for (const OwnedSlice& slice : owned_slices(run_.model, theirs)) {
        const std::int64_t offset = layout_.find(slice.name).offset;
        each_run(slice, [&](std::int64_t at, std::int64_t local, std::int64_t n) {
          copy(stream_, of(*whole).rows(offset + at, offset + at + n), shard.view().rows(local, local + n));
        });
      }
    }
  }
  stream_.synchronize();
  if (whole) checkpoints_.save(state_, *whole, run_.config.keep_checkpoints);
}

void TrainLoop::load_initial_weights() {
  const TrainConfig& config = run_.config;
  const auto seed = static_cast<std::uint64_t>(config.seed);
  if (config.init_from.empty() && is_alone()) {
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
  OwnedTensor host(DType::f32, optimizer_.master().shape());
  for (const OwnedSlice& slice : owned_slices(run_.model, groups_.layout())) {
    const ParameterLayout::Entry& entry = layout_.find(slice.name);
    each_run(slice, [&](std::int64_t at, std::int64_t local, std::int64_t count) {
      float* const to = host.view().data<float>() + local;
      if (config.init_from.empty()) return fresh.write(to, entry, at, count);
      std::copy_n(loaded.parameters.view().data<float>() + entry.offset + at, count, to);
    });
  }
  copy(stream_, optimizer_.master(), host);
  stream_.synchronize();
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

void TrainLoop::write_weights(const char* folder) {
  const bool is_here = is_alone() && !stream_.on_cuda();
  OwnedTensor whole;
  if (!is_here) whole = gather_weights();
  if (!is_first_rank()) return;
  const ConstTensor weights = is_here ? optimizer_.weights() : ConstTensor(whole.view());
  save_checkpoint_folder(run_.out / folder, run_.model, weights, {.dtype = plan_.compute, .tokenizer = run_.tokenizer});
}

void TrainLoop::step() {
  const TrainConfig& config = run_.config;
  const auto start = Clock::now();
  const std::int64_t share = config.global_batch_size / groups_.layout().data_size;  // each copy takes a contiguous slice
  const std::int64_t first = state_.samples + groups_.layout().data_rank * share;
  const std::int64_t sent_before = groups_.bytes_moved();
  const auto tokens = static_cast<double>(config.tokens_per_step());
  const Gradients gradients(part_, optimizer_.gradients());
  for (std::int64_t row = 0; row < share; ++row) data_.sample(first + row, row_of(tokens_, row), row_of(targets_, row));
  copy(stream_, device_tokens_, tokens_);
  copy(stream_, device_targets_, targets_);
  const Llama::PartIsReady is_ready = [&](std::size_t part) { optimizer_.gradients_are_ready(stream_, part); };
  for (std::int64_t i = 0; i < micro_batches(); ++i)
    model_.losses_and_gradients(stream_, micro_batch(device_losses_, i), gradients, weights(), micro_batch(device_tokens_, i),
                                micro_batch(device_targets_, i), static_cast<float>(1 / tokens), /*accumulate=*/i > 0,
                                i + 1 == micro_batches() ? is_ready : Llama::PartIsReady());
  copy(stream_, losses_, device_losses_);
  stream_.synchronize();
  const double loss = over_ranks(sum_of_losses(micro_batches())) / tokens;
  const double learning_rate = learning_rate_at(config.schedule(), state_.step + 1);
  const auto outcome = optimizer_.step(stream_, communicator_, loss, learning_rate);

  step_bytes_sent_ = groups_.bytes_moved() - sent_before;
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
    for (std::int64_t first = groups_.layout().data_rank * rows; first < windows; first += groups_.layout().data_size * rows) {
      for (std::int64_t row = 0; row < rows; ++row) {
        if (first + row < windows) {
          data_.validation_window(subset, first + row, row_of(tokens_, row), row_of(targets_, row));
        } else {
          std::ranges::fill(row_of(tokens_, row), 0);
          std::ranges::fill(row_of(targets_, row), -1);
        }
      }
      copy(stream_, micro_batch(device_tokens_, 0), micro_batch(tokens_, 0));
      copy(stream_, micro_batch(device_targets_, 0), micro_batch(targets_, 0));
      model_.losses(stream_, micro_batch(device_losses_, 0), weights(), micro_batch(device_tokens_, 0), micro_batch(device_targets_, 0));
      copy(stream_, micro_batch(losses_, 0), micro_batch(device_losses_, 0));
      stream_.synchronize();
      sum += sum_of_losses(1);
      count += static_cast<double>(count_targets());
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
  if (is_first_rank()) metrics_->sync();  // no checkpoint is ahead of its metrics
  state_.wall_seconds = wall_seconds();
  if (is_alone()) {
    checkpoints_.save(state_, optimizer_, run_.config.keep_checkpoints);
  } else {
    save_whole();
  }
  communicator_.barrier();
}

std::span<std::int32_t> TrainLoop::row_of(OwnedTensor& tensor, std::int64_t row) {
  const std::int64_t seq_len = run_.config.seq_len;
  return {tensor.view().data<std::int32_t>() + row * seq_len, static_cast<std::size_t>(seq_len)};
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

std::int64_t TrainLoop::count_targets() const {
  const std::int32_t* targets = targets_.view().data<std::int32_t>();
  return std::count_if(targets, targets + model_.tokens(), [](std::int32_t target) { return target >= 0; });
}

// The ranks of one copy of the model have the same losses. Not over groups_.data(): buckets of gradients are on their way there.
double TrainLoop::over_ranks(double sum) {
  if (groups_.layout().tensor_rank > 0) sum = 0;
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
