#include "cli/bench_train.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "base/threads.h"
#include "model/llama.h"
#include "train/matmul_rate.h"
#include "train/optimizer.h"

extern char** environ;

namespace corollary {
namespace {

constexpr std::int64_t kBatch = 8, kSeqLen = 512;
constexpr int kThreads = 2, kRounds = 3;

struct Setting {
  std::string name;
  LlamaConfig model;
  int steps;  ///< timed, about two seconds of ours
};

std::vector<Setting> settings() {
  const LlamaConfig quickstart{.vocab_size = 8192,
                               .hidden_size = 256,
                               .intermediate_size = 704,
                               .num_hidden_layers = 8,
                               .num_attention_heads = 4,
                               .num_key_value_heads = 2};
  const LlamaConfig larger{.vocab_size = 8192,
                           .hidden_size = 512,
                           .intermediate_size = 1408,
                           .num_hidden_layers = 10,
                           .num_attention_heads = 8,
                           .num_key_value_heads = 4};
  return {{"train.cpu.quickstart", resolve(quickstart), 10}, {"train.cpu.40m", resolve(larger), 4}};
}

struct SpeedArguments {
  fs::path config;
  std::int64_t batch = kBatch, seq_len = kSeqLen, micro_batches = 1;
  int steps = 10, warmup = 3;
  std::string precision = "auto", device = "cpu";
};

struct Speed {
  double tokens_per_second = 0;  ///< of the median step
  std::vector<double> losses;    ///< a step's mean, warm-up included
  std::int64_t planned_bytes = 0, used_bytes = 0;  ///< of GPU memory: what --plan would say, and what is gone from it; 0 on the CPU
};

/// Weights of the right size and spread, by repeating one piece of them: drawing billions takes longer than the measurement.
void fill_for_timing(Stream& stream, Tensor flat, const LlamaConfig& model) {
  const ParameterLayout layout = parameter_layout(model);
  constexpr std::int64_t kPiece = 1 << 22;
  OwnedTensor normals(DType::f32, {kPiece}), ones(DType::f32, {std::min(kPiece, layout.count - layout.decayed_count)});
  Random random(1);
  for (std::int64_t i = 0; i < kPiece; ++i) normals.view().data<float>()[i] = static_cast<float>(model.initializer_range * random.normal());
  std::fill_n(ones.view().data<float>(), ones.view().count(), 1.0f);
  const auto fill = [&](std::int64_t begin, std::int64_t end, Tensor piece) {
    for (; begin < end; begin += piece.count()) {
      const std::int64_t count = std::min(piece.count(), end - begin);
      copy(stream, flat.rows(begin, begin + count), piece.rows(0, count));
    }
  };
  fill(0, layout.decayed_count, normals);
  fill(layout.decayed_count, layout.count, ones);
  stream.synchronize();
}

/// Whole training steps on random tokens: micro_batches passes, then clipping and AdamW.
Speed measure_speed(const LlamaConfig& model, DType compute, Device device, const SpeedArguments& arguments) {
  using Clock = std::chrono::steady_clock;
  Speed speed;
  const std::int64_t free_before = device == Device::cuda ? find_gpu().gpu->free_bytes : 0;
  const ParameterLayout layout = parameter_layout(model);
  TrainConfig config;
  config.precision = name_of(compute);
  Optimizer optimizer(layout.count, layout.decayed_count, compute, config, device);
  Llama llama(model, compute, arguments.batch, arguments.seq_len, /*trains=*/true, device);
  const Shape shape{arguments.micro_batches, llama.tokens()};
  OwnedTensor tokens(DType::i32, shape), targets(DType::i32, shape), losses(DType::f32, shape);
  OwnedTensor device_tokens(DType::i32, shape, device), device_targets(DType::i32, shape, device), device_losses(DType::f32, shape, device);
  const auto world = make_single_rank();
  Stream stream(device);
  if (device == Device::cuda) stream.reserve_workspace(llama.workspace_bytes());
  fill_for_timing(stream, optimizer.master(), model);
  optimizer.weights_from_master(stream);
  Random random(1);
  std::vector<double> rates;
  const auto row = [&](Tensor all, std::int64_t i) { return all.rows(i, i + 1).reshaped({llama.tokens()}); };
  for (int step = -arguments.warmup; step < arguments.steps; ++step) {
    for (Tensor ids : {tokens.view(), targets.view()})
      std::generate_n(ids.data<std::int32_t>(), ids.count(),
                      [&] { return static_cast<std::int32_t>(random.below(model.vocab_size)); });
    const auto start = Clock::now();
    copy(stream, device_tokens, tokens);
    copy(stream, device_targets, targets);
    for (std::int64_t i = 0; i < arguments.micro_batches; ++i)
      llama.losses_and_gradients(stream, row(device_losses, i), Gradients(model, optimizer.gradients()), Weights(model, optimizer.weights()),
                                 {row(device_tokens, i), row(device_targets, i)}, 1.0f / static_cast<float>(shape.count()),
                                 /*accumulate=*/i > 0);
    copy(stream, losses, device_losses);
    stream.synchronize();
    double loss = 0;
    for (std::int64_t i = 0; i < shape.count(); ++i) loss += losses.view().data<float>()[i];
    speed.losses.push_back(loss / static_cast<double>(shape.count()));
    optimizer.step(stream, *world, speed.losses.back(), 1e-4);
    stream.synchronize();
    if (step >= 0)
      rates.push_back(static_cast<double>(shape.count()) / std::chrono::duration<double>(Clock::now() - start).count());
  }
  speed.tokens_per_second = median(rates);
  if (device == Device::cuda) {
    speed.planned_bytes = optimizer_memory(layout.count, compute).total_bytes() +
                          Llama::plan(model, compute, arguments.batch, arguments.seq_len, true, device).total_bytes();
    speed.used_bytes = free_before - find_gpu().gpu->free_bytes;
  }
  return speed;
}

/// What a program prints on stdout; nullopt if there is no such program or it fails. Its stderr is ours.
std::optional<std::string> output_of(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  int ends[2];
  check(::pipe2(ends, O_CLOEXEC) == 0, "cannot make a pipe to ", arguments[0]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = -1;
  const int error = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n; error == 0 && (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 1;
  if (error == 0) ::waitpid(child, &status, 0);
  return error == 0 && status == 0 ? std::optional(text) : std::nullopt;
}

/// A Python that has PyTorch: the first on $PATH, or the system's own, which is often another one.
std::optional<std::string> python_with_torch() {
  for (const char* python : {"python3", "/usr/bin/python3"})
    if (output_of({python, "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"})) return python;
  return std::nullopt;
}

/// bench/peers beside the sources this program was built from, or where an installed program has it.
std::optional<fs::path> peer_script() {
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
  for (const char* folder : {"../../bench/peers", "../share/corollary/bench/peers"})
    if (fs::path script = (program / folder / "torch_train.py").lexically_normal(); fs::exists(script)) return script;
  return std::nullopt;
}

struct Measured {
  double tokens_per_second = 0, peak_rss_bytes = 0, matmul_tokens_per_second = 0;
  std::string precision, torch_version;
};

/// Runs one side and reads its JSON line.
Measured measure(const std::vector<std::string>& command) {
  const std::optional<std::string> line = output_of(command);
  check(line.has_value(), "the benchmark's process failed: ", command[0], " ", command[1]);
  const Json json = parse_json(*line, command[0]);
  return {json.at("tokens_per_second"), json.at("peak_rss_bytes"), json.value("matmul_tokens_per_second", 0.0),
          json.at("precision"), json.value("torch_version", "")};
}

/// The shape as the config.json that both programs read, while the row is measured.
struct TemporaryConfig {
  explicit TemporaryConfig(const Setting& setting)
      : path(fs::temp_directory_path() / ("corollary-" + setting.name + "-" + std::to_string(::getpid()) + ".json")) {
    write_json_file(path, llama_config_to_huggingface(setting.model, "float32"));
  }
  ~TemporaryConfig() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
  TemporaryConfig(const TemporaryConfig&) = delete;
  TemporaryConfig& operator=(const TemporaryConfig&) = delete;
  const fs::path path;
};

BenchRow bench_setting(const Setting& setting) {
  const TemporaryConfig config(setting);
  const std::string precision = resolve_precision("auto") == DType::bf16 ? "bf16" : "fp32";
  const auto common = std::vector<std::string>{"--config",  config.path.string(),    "--batch",   std::to_string(kBatch),
                                               "--seq-len", std::to_string(kSeqLen), "--threads", std::to_string(kThreads)};
  const auto with_common = [&](std::vector<std::string> command, int steps) {
    command.insert(command.end(), common.begin(), common.end());
    command.insert(command.end(), {"--precision", precision, "--steps", std::to_string(steps)});
    return command;
  };

  std::vector<double> our_memory, peer_memory, matmul_rates;
  std::string torch_version;
  const auto ours = [&] {
    const Measured measured = measure(with_common({fs::read_symlink("/proc/self/exe").string(), "train-speed"}, setting.steps));
    our_memory.push_back(measured.peak_rss_bytes);
    matmul_rates.push_back(measured.matmul_tokens_per_second);
    return measured.tokens_per_second;
  };
  const auto python = python_with_torch();
  const auto script = peer_script();
  std::function<double()> peer;
  if (python && script)
    peer = [&] {
      const Measured measured = measure(with_common({*python, script->string()}, std::max(3, setting.steps / 2)));
      peer_memory.push_back(measured.peak_rss_bytes);
      torch_version = measured.torch_version;
      return measured.tokens_per_second;
    };
  const Medians medians = measure_in_turn(kRounds, ours, peer);
  log_info("{}: {} peak memory {}, PyTorch's {}", setting.name, precision, format_bytes(median(our_memory)),
           peer ? format_bytes(median(peer_memory)) : "not measured");
  return {.name = setting.name,
          .unit = "tokens/s",
          .ours = medians.ours,
          .peer = peer      ? "PyTorch " + torch_version + " " + precision
                  : !python ? "absent: install python3-torch libopenblas0-pthread"
                            : "absent: bench/peers/torch_train.py is not beside this program",
          .peer_value = medians.peer,
          .share_of_peak = medians.ours / median(matmul_rates)};
}

void run_train_speed(const SpeedArguments& arguments) {
  const LlamaConfig model = read_llama_config(arguments.config);
  const Device device = resolve_device(arguments.device);
  const DType compute = resolve_precision(arguments.precision, device);
  const Speed speed = measure_speed(model, compute, device, arguments);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);  // before the products are timed: their memory is none of training's
  const std::int64_t tokens = arguments.batch * arguments.seq_len;
  const MatmulCost matmuls = measure_matmuls(model, compute, tokens, /*budget_seconds=*/1.0, device);
  std::cout << to_line({{"tokens_per_second", speed.tokens_per_second},
                        {"mfu", speed.tokens_per_second * flops_per_token(model, arguments.seq_len) / peak_flops(compute, device)},
                        {"peak_rss_bytes", usage.ru_maxrss * 1024},
                        {"planned_bytes", speed.planned_bytes},
                        {"used_bytes", speed.used_bytes},
                        {"losses", speed.losses},
                        {"matmul_tokens_per_second", static_cast<double>(tokens) / matmuls.seconds},
                        {"matmul_flops_per_second", matmuls.flops_per_second()},
                        {"device", name_of(device)},
                        {"precision", compute == DType::bf16 ? "bf16" : "fp32"},
                        {"threads", num_threads()}})
            << "\n";
}

}  // namespace

std::vector<BenchRow> bench_train(const std::function<bool(const std::string&)>& is_wanted) {
  std::vector<BenchRow> rows;
  for (const Setting& setting : settings())
    if (is_wanted(setting.name)) rows.push_back(bench_setting(setting));
  return rows;
}

void add_train_speed_command(CLI::App& app) {
  const auto arguments = std::make_shared<SpeedArguments>();
  CLI::App* command = app.add_subcommand("train-speed", "Time training steps on random tokens (for corollary bench)");
  command->group("");  // not in --help
  command->add_option("--config", arguments->config, "config.json of the model")->required();
  command->add_option("--batch", arguments->batch, "sequences a step")->capture_default_str();
  command->add_option("--seq-len", arguments->seq_len)->capture_default_str();
  command->add_option("--micro-batches", arguments->micro_batches, "passes of --batch sequences a step")->capture_default_str();
  command->add_option("--steps", arguments->steps, "steps timed")->capture_default_str();
  command->add_option("--warmup", arguments->warmup, "steps before them")->capture_default_str();
  command->add_option("--device", arguments->device, "cpu, cuda or auto")->capture_default_str();
  command->add_option("--precision", arguments->precision, "auto, fp32 or bf16")->capture_default_str();
  command->callback([arguments] { run_train_speed(*arguments); });
}

}  // namespace corollary
