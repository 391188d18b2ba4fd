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
  Linear(DType dtype, std::int64_t tokens, std::int64_t inputs, std::int64_t outputs)
      : x_(dtype, {tokens, inputs}),
        y_(dtype, {tokens, outputs}),
        w_(dtype, {outputs, inputs}),
        dw_(DType::f32, {outputs, inputs}) {}
  double flops() const { return 6.0 * static_cast<double>(x_.view().dim(0) * w_.view().count()); }
  void pass(Stream& stream) {
    linear_forward(stream, y_, x_, w_);
    linear_backward_weight(stream, dw_, y_, x_, true);
    linear_backward_input(stream, x_, y_, w_);
  }

 private:
  OwnedTensor x_, y_, w_, dw_;
};

/// The fastest of as many passes as fit into the budget, three at least; the first is not timed, it makes the primitives.
double best_seconds(Linear& linear, double budget_seconds) {
  Stream stream;
  linear.pass(stream);
  double best = std::numeric_limits<double>::infinity(), spent = 0;
  for (int round = 0; round < 3 || spent < budget_seconds; ++round) {
    const double seconds = seconds_of([&] { linear.pass(stream); });
    best = std::min(best, seconds);
    spent += seconds;
  }
  return best;
}

}  // namespace

MatmulCost measure_matmuls(const LlamaConfig& config, DType compute, std::int64_t tokens, double budget_seconds) {
  MatmulCost cost;
  const auto add = [&](std::int64_t piece, std::int64_t inputs, std::int64_t outputs, std::int64_t times) {
    Linear linear(compute, piece, inputs, outputs);
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

double measure_peak_flops(DType compute) {
  Linear square(compute, 1024, 1024, 1024);
  return square.flops() / best_seconds(square, 0.05);
}

DType resolve_precision(const std::string& precision) {
  if (precision == "fp32") return DType::f32;
  if (precision == "bf16") return DType::bf16;
  return __builtin_cpu_supports("avx512bf16") ? DType::bf16 : DType::f32;
}

}  // namespace corollary
