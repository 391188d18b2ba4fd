// The hidden subcommand `corollary kernel-speed`: every kernel of a training step alone, at a model's shapes, so that a step's time can be told
// apart: milliseconds, how often a micro-step calls it, flops or bytes a second. Its operands are larger than the caches or follow what a step
// leaves there; a kernel alone may still find more in L2 than inside a step.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "cli/bench.h"
#include "cli/bench_train.h"
#include "device/buffer.h"
#include "device/stream.h"
#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/cross_entropy.h"
#include "kernels/cuda/cudnn_attention.h"
#include "kernels/embedding.h"
#include "kernels/matmul.h"
#include "kernels/rmsnorm.h"
#include "kernels/rope.h"
#include "kernels/swiglu.h"
#include "model/config.h"
#include "train/matmul_rate.h"

namespace corollary {
namespace {

struct KernelSpeedArguments {
  fs::path config;
  std::int64_t batch = 1, seq_len = 4096;
  int rounds = 10;
  std::string device = "auto";
};

class KernelSpeed {
 public:
  KernelSpeed(const LlamaConfig& config, const KernelSpeedArguments& arguments, Device device)
      : c_(config), arguments_(arguments), device_(device), compute_(resolve_precision("auto", device)), stream_(device),
        T_(arguments.batch * arguments.seq_len) {}

  void run() {
    const double T = static_cast<double>(T_), E = static_cast<double>(size_of(compute_)), L = static_cast<double>(c_.num_hidden_layers),
                 C = static_cast<double>(c_.hidden_size), F = static_cast<double>(c_.intermediate_size), V = static_cast<double>(c_.vocab_size),
                 q = static_cast<double>(c_.q_size()), kv = static_cast<double>(c_.kv_size()), S = static_cast<double>(arguments_.seq_len);
    products("qkv", c_.hidden_size, c_.q_size() + 2 * c_.kv_size(), T_, L);
    products("attention_out", c_.q_size(), c_.hidden_size, T_, L);
    products("gate_up", c_.hidden_size, 2 * c_.intermediate_size, T_, L);
    products("down", c_.intermediate_size, c_.hidden_size, T_, L);
    const std::int64_t chunk = std::min<std::int64_t>(T_, 2048);
    products("head", c_.hidden_size, c_.vocab_size, chunk, T / static_cast<double>(chunk));
    {
      const AttentionShape shape{arguments_.batch,       arguments_.seq_len, c_.num_attention_heads, c_.num_key_value_heads,
                                 c_.head_dim, 1 / std::sqrt(static_cast<float>(c_.head_dim))};
      const OwnedTensor qkv = normal(T_, shape.qkv_width()), d_o = normal(T_, c_.q_size());
      OwnedTensor o = blank(T_, c_.q_size()), d_qkv = blank(T_, shape.qkv_width());
      OwnedTensor lse(DType::f32, {arguments_.batch, c_.num_attention_heads, arguments_.seq_len}, device_);
      const double flops = 2 * T * S * q;
      time("attention_forward", L, flops, 0, [&] { attention_forward(stream_, o, lse, qkv, shape); });
      time("attention_backward", L, 2.5 * flops, 0, [&] { attention_backward(stream_, d_qkv, d_o, o, lse, qkv, shape); });
      if constexpr (cuda::kHasCudnn)
        if (device_ == Device::cuda && cuda::cudnn_attention_serves(shape, compute_)) {  // what was not chosen
          time("attention_forward, ours", 0, flops, 0, [&] { cuda::attention_forward(stream_, o, lse, qkv, shape, {}); });
          time("attention_backward, ours", 0, 2.5 * flops, 0, [&] { cuda::attention_backward(stream_, d_qkv, d_o, o, lse, qkv, shape, {}); });
          time("attention_backward, in any order", 0, 2.5 * flops, 0, [&] {
            cuda::cudnn_attention_backward(stream_, d_qkv, d_o, o, lse, qkv, shape, {.is_deterministic = false});
          });
        }
    }
    {
      OwnedTensor qkv = normal(T_, c_.q_size() + 2 * c_.kv_size());
      OwnedTensor positions(DType::i32, {T_}, device_), table(DType::f32, {2, arguments_.seq_len, c_.head_dim / 2}, device_);
      time("rope", 2 * L, 0, 2 * E * T * (q + kv),
           [&] { rope(stream_, qkv, positions, table, c_.num_attention_heads + c_.num_key_value_heads, false); });
    }
    {
      const OwnedTensor x = normal(T_, c_.hidden_size), delta = normal(T_, c_.hidden_size), w = normal(1, c_.hidden_size);
      const ConstTensor scale = w.view().reshaped({c_.hidden_size});
      OwnedTensor sum = blank(T_, c_.hidden_size), y = blank(T_, c_.hidden_size), dx = normal(T_, c_.hidden_size);
      OwnedTensor rstd(DType::f32, {T_}, device_), dw(DType::f32, {c_.hidden_size}, device_);
      time("rmsnorm_forward", 2 * L + 1, 0, 2 * E * T * C, [&] { rmsnorm_forward(stream_, y, rstd, x, scale, 1e-5f); });
      time("add_rmsnorm_forward", 2 * L, 0, 4 * E * T * C, [&] { add_rmsnorm_forward(stream_, sum, y, rstd, x, delta, scale, 1e-5f); });
      time("rmsnorm_backward", 2 * L + 1, 0, 4 * E * T * C, [&] { rmsnorm_backward(stream_, dx, dw, y, x, scale, rstd); });
    }
    {
      OwnedTensor gate_up = normal(T_, 2 * c_.intermediate_size), y = blank(T_, c_.intermediate_size);
      const OwnedTensor dy = normal(T_, c_.intermediate_size);
      time("swiglu_forward", L, 0, 3 * E * T * F, [&] { swiglu_forward(stream_, y, gate_up); });
      OwnedTensor d_gate_up = blank(T_, 2 * c_.intermediate_size);
      time("swiglu_backward", L, 0, 6 * E * T * F, [&] { swiglu_backward(stream_, d_gate_up, y, dy, gate_up); });
    }
    {
      const OwnedTensor ids = tokens(), table = normal(c_.vocab_size, c_.hidden_size);
      OwnedTensor x = normal(T_, c_.hidden_size), d_table(DType::f32, {c_.vocab_size, c_.hidden_size}, device_);
      time("embedding_forward", 1, 0, 2 * E * T * C, [&] { embedding_forward(stream_, x, ids, table); });
      time("embedding_backward", 1, 0, (E + 8) * T * C, [&] { embedding_backward(stream_, d_table, ids, x); });
      OwnedTensor logits = normal(chunk, c_.vocab_size), loss(DType::f32, {chunk}, device_);
      time("cross_entropy_backward", T / static_cast<double>(chunk), 0, 3 * E * static_cast<double>(chunk) * V,
           [&] { cross_entropy_backward(stream_, logits, loss, ids.view().rows(0, chunk), 1e-4f); });
    }
    {
      const std::int64_t n = std::int64_t{1} << (device_ == Device::cuda ? 29 : 22);
      OwnedTensor master(DType::f32, {n}, device_), m(DType::f32, {n}, device_), v(DType::f32, {n}, device_), g(DType::f32, {n}, device_),
          w(DType::bf16, {n}, device_);
      const double share = static_cast<double>(parameter_count(c_)) / static_cast<double>(n);
      time("adamw, once a step", share, 0, 30.0 * static_cast<double>(n), [&] { adamw(stream_, w, master, m, v, g, AdamWStep{.learning_rate = 1e-4f}); });
      time("sum_of_squares, once a step", share, 0, 4.0 * static_cast<double>(n), [&] { sum_of_squares(stream_, g); });
    }
  }

 private:
  OwnedTensor blank(std::int64_t rows, std::int64_t columns) { return OwnedTensor(compute_, {rows, columns}, device_); }
  OwnedTensor normal(std::int64_t rows, std::int64_t columns) {
    OwnedTensor here(compute_, {rows, columns});
    constexpr std::int64_t kDrawn = 1 << 20;  // and repeated
    Random random(1);
    std::vector<float> drawn(kDrawn);
    for (float& one : drawn) one = static_cast<float>(random.normal());
    for (std::int64_t i = 0; i < rows * columns; ++i) {
      const float value = drawn[static_cast<std::size_t>(i % kDrawn)];
      if (compute_ == DType::bf16)
        here.view().data<bf16>()[i] = to_bf16(value);
      else
        here.view().data<float>()[i] = value;
    }
    return there(std::move(here));
  }
  OwnedTensor tokens() {
    OwnedTensor here(DType::i32, {T_});
    Random random(1);
    for (std::int64_t t = 0; t < T_; ++t) here.view().data<std::int32_t>()[t] = static_cast<std::int32_t>(random.below(c_.vocab_size));
    return there(std::move(here));
  }
  OwnedTensor there(OwnedTensor here) {
    if (device_ == Device::cpu) return here;
    OwnedTensor copied(here.view().dtype(), here.view().shape(), device_);
    copy(stream_, copied, here);
    stream_.synchronize();
    return copied;
  }

  void products(const std::string& name, std::int64_t inputs, std::int64_t outputs, std::int64_t rows, double times) {
    const OwnedTensor w = normal(outputs, inputs);
    OwnedTensor x = normal(rows, inputs), y = normal(rows, outputs), dw(DType::f32, {outputs, inputs}, device_);
    const double flops = 2.0 * static_cast<double>(rows) * static_cast<double>(inputs) * static_cast<double>(outputs);
    time("linear_backward_weight " + name, times, flops, 0, [&] { linear_backward_weight(stream_, dw, y, x, true); });
    time("linear_forward " + name, times, flops, 0, [&] { linear_forward(stream_, y, x, w); });
    time("linear_backward_input " + name, times, flops, 0, [&] { linear_backward_input(stream_, x, y, w); });
  }

  void time(const std::string& name, double times, double flops, double bytes, const std::function<void()>& kernel) {
    kernel();  // what is made or chosen once
    std::vector<double> seconds;
    for (int round = 0; round < arguments_.rounds; ++round) {
      Event from(device_), to(device_);
      from.record(stream_);
      kernel();
      to.record(stream_);
      seconds.push_back(Event::seconds_between(from, to));
    }
    const double middle = median(seconds);
    Json line = {{"kernel", name}, {"ms", middle * 1e3}, {"times", times}, {"ms_a_micro_step", middle * 1e3 * times}};
    if (flops > 0) line["tflops_per_second"] = flops / middle * 1e-12;
    if (bytes > 0) line["gb_per_second"] = bytes / middle * 1e-9;
    std::cout << to_line(line) << std::endl;
  }

  LlamaConfig c_;
  KernelSpeedArguments arguments_;
  Device device_;
  DType compute_;
  Stream stream_;
  std::int64_t T_;
};

}  // namespace

void add_kernel_speed_command(CLI::App& app) {
  const auto arguments = std::make_shared<KernelSpeedArguments>();
  CLI::App* command = app.add_subcommand("kernel-speed", "Time every kernel of a training step at a model's shapes");
  command->group("");  // not in --help
  command->add_option("--config", arguments->config, "config.json of the model")->required();
  command->add_option("--batch", arguments->batch, "sequences a micro-step")->capture_default_str();
  command->add_option("--seq-len", arguments->seq_len)->capture_default_str();
  command->add_option("--rounds", arguments->rounds, "timings whose median counts")->capture_default_str();
  command->add_option("--device", arguments->device, "cpu, cuda or auto")->capture_default_str();
  command->callback([arguments] {
    KernelSpeed(read_llama_config(arguments->config), *arguments, resolve_device(arguments->device)).run();
  });
}

}  // namespace corollary
