#include "train/matmul_rate.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "device/buffer.h"
#include "kernels/matmul.h"

namespace corollary {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kHeadTokens = 1024;

double seconds_of(const auto& action) {
  const auto start = Clock::now();
  action();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// One linear layer y = x w^T and its gradients.
class Linear {
 public:
  Linear(DType dtype, std::int64_t tokens, std::int64_t inputs, std::int64_t outputs, Device device)
      : x_(dtype, {tokens, inputs}, device),
        y_(dtype, {tokens, outputs}, device),
        w_(dtype, {outputs, inputs}, device),
        dw_(DType::f32, {outputs, inputs}, device),
        stream_(device) {}
  double flops() const { return 6.0 * static_cast<double>(x_.view().dim(0) * w_.view().count()); }
  void pass() {
    linear_forward(stream_, y_, x_, w_);
    linear_backward_weight(stream_, dw_, y_, x_, true);
    linear_backward_input(stream_, x_, y_, w_);
    stream_.synchronize();
  }

 private:
  OwnedTensor x_, y_, w_, dw_;
  Stream stream_;
};

/// The fastest of as many passes as fit into the budget, three at least; the first is not timed, it makes the primitives.
double best_seconds(Linear& linear, double budget_seconds) {
  linear.pass();
  double best = std::numeric_limits<double>::infinity(), spent = 0;
  for (int round = 0; round < 3 || spent < budget_seconds; ++round) {
    const double seconds = seconds_of([&] { linear.pass(); });
    best = std::min(best, seconds);
    spent += seconds;
  }
  return best;
}

}  // namespace

MatmulCost measure_matmuls(const LlamaConfig& config, DType compute, std::int64_t tokens, double budget_seconds, Device device) {
  MatmulCost cost;
  const auto add = [&](std::int64_t piece, std::int64_t inputs, std::int64_t outputs, std::int64_t times) {
    Linear linear(compute, piece, inputs, outputs, device);
    const double passes = static_cast<double>(times) * static_cast<double>(tokens) / static_cast<double>(piece);
    cost.seconds += passes * best_seconds(linear, budget_seconds / 5);
    cost.flops += passes * linear.flops();
  };
  const std::int64_t layers = config.num_hidden_layers, hidden = config.hidden_size;
  add(tokens, hidden, config.q_size() + 2 * config.kv_size(), layers);
  add(tokens, config.q_size(), hidden, layers);
  add(tokens, hidden, 2 * config.intermediate_size, layers);
  add(tokens, config.intermediate_size, hidden, layers);
  add(std::min(tokens, kHeadTokens), hidden, config.vocab_size, 1);
  return cost;
}

double peak_flops(DType compute, Device device) {
  if (device == Device::cuda && compute == DType::bf16)
    if (const GpuSearch search = find_gpu(); search.gpu && search.gpu->peak_bf16_flops() > 0) return search.gpu->peak_bf16_flops();
  const std::int64_t size = device == Device::cuda ? 8192 : 1024;
  Linear square(compute, size, size, size, device);
  return square.flops() / best_seconds(square, 0.05);
}

DType resolve_precision(const std::string& precision, Device device) {
  if (precision == "fp32") return DType::f32;
  if (precision == "bf16" || device == Device::cuda) return DType::bf16;
  return __builtin_cpu_supports("avx512bf16") ? DType::bf16 : DType::f32;
}

}  // namespace corollary
