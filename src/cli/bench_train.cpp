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
#include "cli/machine.h"
#include "comm/world.h"
#include "device/profile.h"
#include "model/llama.h"
#include "train/matmul_rate.h"
#include "train/optimizer.h"
#include "train/rank_groups.h"
#include "train/shards.h"

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
  std::int64_t batch = kBatch, seq_len = kSeqLen, micro_batches = 1, tensor_parallel = 1;
  int steps = 10, warmup = 3;
  std::string precision = "auto", device = "cpu", recompute = "norms", master_weights = "fp32";
  bool profiles = false;
};

struct Speed {
  double tokens_per_second = 0;  ///< of the median step, all ranks together
  std::vector<double> losses;    ///< a step's mean, warm-up included
  Json kernels = Json::array();  ///< of one more step, if profiled: {"kernel", "seconds", "times"} each
  std::int64_t planned_bytes = 0, used_bytes = 0;  ///< of GPU memory: what --plan would say, and what is gone from it; 0 on the CPU
};

/// Weights of the right size and spread, by repeating one piece of them: drawing billions takes longer than the measurement.
/// Elements [0, norms_begin) of this rank's shard are matrices.
void fill_for_timing(Stream& stream, Optimizer& optimizer, const LlamaConfig& model, std::int64_t norms_begin) {
  const std::int64_t count = optimizer.shard_count();
  constexpr std::int64_t kPiece = 1 << 22;
  OwnedTensor normals(DType::f32, {kPiece}), ones(DType::f32, {std::clamp(count - norms_begin, std::int64_t{1}, kPiece)});
  Random random(1);
  for (std::int64_t i = 0; i < kPiece; ++i) normals.view().data<float>()[i] = static_cast<float>(model.initializer_range * random.normal());
  std::fill_n(ones.view().data<float>(), ones.view().count(), 1.0f);
  const auto fill = [&](std::int64_t begin, std::int64_t end, Tensor piece) {
    for (; begin < end; begin += piece.count())
      optimizer.write_master(stream, piece.rows(0, std::min(piece.count(), end - begin)), begin);
  };
  const auto on_device = [&](const OwnedTensor& here) {
    OwnedTensor there(DType::f32, here.view().shape(), stream.device());
    copy(stream, there, here);
    return there;
  };
  OwnedTensor device_normals = on_device(normals), device_ones = on_device(ones);
  fill(0, norms_begin, device_normals);
  fill(norms_begin, count, device_ones);
  optimizer.weights_from_master(stream);
  stream.synchronize();
}

/// Whole training steps on random tokens: micro_batches passes, then clipping and AdamW. A copy of the model takes `batch` sequences a pass.
Speed measure_speed(const LlamaConfig& whole, DType compute, Device device, const SpeedArguments& arguments, Communicator& world) {
  using Clock = std::chrono::steady_clock;
  Speed speed;
  const std::int64_t free_before = device == Device::cuda ? find_gpu().gpu->free_bytes : 0;
  RankGroups groups(world, arguments.tensor_parallel);
  const RankLayout& ranks = groups.layout();
  const LlamaConfig model = tensor_parallel_part(whole, ranks.tensor_size);
  const ParameterLayout layout = parameter_layout(model);
  const Shards shards(model, ranks.data_size);
  std::optional<ShardExchange> exchange;
  if (world.world_size() > 1) exchange.emplace(shards, groups, device);
  TrainConfig config;
  config.precision = name_of(compute);
  config.recompute = arguments.recompute;
  config.master_weights = arguments.master_weights;
  Optimizer optimizer = exchange ? Optimizer(*exchange, compute, config, device)
                                 : Optimizer(layout.count, layout.decayed_count, compute, config, device);
  Llama llama(model, compute, arguments.batch, arguments.seq_len, /*trains=*/true, device, config.recompute_choice(), groups.tensor_parallel());
  const Shape shape{arguments.micro_batches, llama.tokens()};
  OwnedTensor tokens(DType::i32, shape), targets(DType::i32, shape), losses(DType::f32, shape);
  OwnedTensor device_tokens(DType::i32, shape, device), device_targets(DType::i32, shape, device), device_losses(DType::f32, shape, device);
  Stream stream(device);
  if (device == Device::cuda) stream.reserve_workspace(llama.workspace_bytes());
  fill_for_timing(stream, optimizer, model, exchange ? shards.in_shard(shards.buckets().size() - 1, ranks.data_rank).begin : layout.decayed_count);
  Random random(1 + static_cast<std::uint64_t>(ranks.data_rank));
  const auto tokens_per_step = static_cast<double>(shape.count() * ranks.data_size);
  const Llama::PartIsReady is_ready = [&](std::size_t part) { optimizer.gradients_are_ready(stream, part); };
  std::vector<double> rates;
  const auto row = [&](Tensor all, std::int64_t i) { return all.rows(i, i + 1).reshaped({llama.tokens()}); };
  Profile profile;
  for (int step = -arguments.warmup; step < arguments.steps + (arguments.profiles ? 1 : 0); ++step) {
    const bool is_profiled = step == arguments.steps;
    if (is_profiled) stream.profile_into(&profile);
    for (Tensor ids : {tokens.view(), targets.view()})
      std::generate_n(ids.data<std::int32_t>(), ids.count(),
                      [&] { return static_cast<std::int32_t>(random.below(whole.vocab_size)); });
    const auto start = Clock::now();
    copy(stream, device_tokens, tokens);
    copy(stream, device_targets, targets);
    for (std::int64_t i = 0; i < arguments.micro_batches; ++i)
      llama.losses_and_gradients(stream, row(device_losses, i), Gradients(model, optimizer.gradients()), Weights(model, optimizer.weights()),
                                 {row(device_tokens, i), row(device_targets, i)}, static_cast<float>(1 / tokens_per_step),
                                 /*accumulate=*/i > 0, i + 1 == arguments.micro_batches ? is_ready : Llama::PartIsReady());
    copy(stream, losses, device_losses);
    stream.synchronize();
    double loss = 0;
    for (std::int64_t i = 0; i < shape.count(); ++i) loss += losses.view().data<float>()[i];
    if (ranks.tensor_rank > 0) loss = 0;  // the first of each copy says it
    world.all_reduce_sum(std::span(&loss, 1));  // not over groups.data(): gradients are on their way there
    speed.losses.push_back(loss / tokens_per_step);
    optimizer.step(stream, world, speed.losses.back(), 1e-4);
    stream.synchronize();
    if (step >= 0 && !is_profiled)
      rates.push_back(tokens_per_step / std::chrono::duration<double>(Clock::now() - start).count());
  }
  for (const Profile::Line& line : profile.lines())
    speed.kernels.push_back({{"kernel", line.name}, {"seconds", line.seconds}, {"times", line.times}});
  speed.tokens_per_second = median(rates);
  if (device == Device::cuda) {
    speed.planned_bytes = optimizer_memory(layout.count, layout.count, compute, MasterWeights::kind_of(arguments.master_weights)).total_bytes() +
                          Llama::plan(model, compute, arguments.batch, arguments.seq_len, true, device, config.recompute_choice()).total_bytes();
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
std::optional<fs::path> peer_script(const char* name) {
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
  for (const char* folder : {"../../bench/peers", "../bench/peers", "../share/corollary/bench/peers"})
    if (fs::path script = (program / folder / name).lexically_normal(); fs::exists(script)) return script;
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
  const auto script = peer_script("torch_train.py");
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

/// Shapes a GPU trains, one sequence of 4,096 tokens a pass, 16 passes a step.
std::vector<Setting> gpu_settings() {
  const auto llama = [](std::int64_t vocab, std::int64_t hidden, std::int64_t intermediate, std::int64_t layers, std::int64_t heads,
                        std::int64_t kv_heads) {
    return resolve(LlamaConfig{.vocab_size = vocab,
                               .hidden_size = hidden,
                               .intermediate_size = intermediate,
                               .num_hidden_layers = layers,
                               .num_attention_heads = heads,
                               .num_key_value_heads = kv_heads,
                               .max_position_embeddings = 4096});
  };
  return {{"train.cuda.7b", llama(32016, 4096, 11008, 32, 32, 32), 3},
          {"train.cuda.1b", llama(32000, 2048, 5632, 22, 32, 4), 5},
          {"train.cuda.350m", llama(32016, 1024, 2816, 24, 16, 16), 5}};
}

/// Each side once, ours again after the peer: the peer compiles for a minute, and a GPU's speed moves with its temperature.
BenchRow bench_gpu_setting(const Setting& setting) {
  const TemporaryConfig config(setting);
  const std::vector<std::string> common = {"--config", config.path.string(), "--batch", "1", "--seq-len", "4096", "--micro-batches", "16",
                                           "--warmup", "1", "--steps", std::to_string(setting.steps)};
  const auto with_common = [&](std::vector<std::string> command, std::vector<std::string> own) {
    command.insert(command.end(), common.begin(), common.end());
    command.insert(command.end(), own.begin(), own.end());
    return command;
  };
  double mfu = 0;
  const auto ours = [&] {
    const auto line = output_of(with_common({fs::read_symlink("/proc/self/exe").string(), "train-speed"}, {"--device", "cuda"}));
    check(line.has_value(), "the benchmark's process failed: ", setting.name);
    const Json json = parse_json(*line, setting.name);
    mfu = json.at("mfu");
    return json.at("tokens_per_second").get<double>();
  };
  const double first = ours();
  BenchRow row{.name = setting.name, .unit = "tokens/s", .ours = first, .peer = "", .peer_value = std::nan(""), .share_of_peak = mfu};
  const auto python = python_with_torch();
  const auto script = peer_script("torch_train_cuda.py");
  const auto line = python && script ? output_of(with_common({*python, script->string()}, {"--precision", "bf16-master"})) : std::nullopt;
  if (!line) {
    row.peer = "absent: a PyTorch with CUDA for python3, and bench/peers/torch_train_cuda.py";
    return row;
  }
  const Json json = parse_json(*line, "torch_train_cuda.py");
  row.peer = "PyTorch " + json.at("torch_version").get<std::string>() + " compiled, bf16 weights and gradients";
  row.peer_value = json.at("tokens_per_second");
  const double second = ours();
  row.ours = (first + second) / 2;
  row.share_of_peak = mfu * row.ours / second;
  return row;
}

/// Two ranks of one thread each beside one rank of two, the same 8 sequences a step: what splitting costs where it cannot gain.
BenchRow bench_ranks(const std::string& name, const Setting& setting, int tensor_parallel) {
  constexpr int kRanks = 2;
  const TemporaryConfig config(setting);
  const auto side = [&](std::vector<std::string> command, int ranks, int split) {
    const std::vector<std::string> own = {fs::read_symlink("/proc/self/exe").string(), "train-speed", "--config", config.path.string(),
                                          "--batch", std::to_string(kBatch * split / ranks), "--seq-len", std::to_string(kSeqLen),
                                          "--tensor-parallel", std::to_string(split), "--threads", std::to_string(kThreads / ranks),
                                          "--steps", std::to_string(setting.steps)};
    command.insert(command.end(), own.begin(), own.end());
    return measure(command).tokens_per_second;
  };
  // As root in a container too; and no copies by ptrace, which containers forbid.
  const std::vector<std::string> mpirun = {"env", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "OMPI_MCA_btl=self,vader",
                                           "OMPI_MCA_btl_vader_single_copy_mechanism=none", "mpirun", "--bind-to", "none", "--oversubscribe",
                                           "-n", std::to_string(kRanks)};
  const Medians medians = measure_in_turn(kRounds, [&] { return side(mpirun, kRanks, tensor_parallel); }, [&] { return side({}, 1, 1); });
  return {.name = name,
          .unit = "tokens/s",
          .ours = medians.ours,
          .peer = "one rank",
          .peer_value = medians.peer,
          .share_of_peak = std::nan("")};
}

void run_train_speed(const SpeedArguments& arguments) {
  const LlamaConfig model = read_llama_config(arguments.config);
  const Device device = resolve_device(arguments.device);
  const DType compute = resolve_precision(arguments.precision, device);
  check(arguments.recompute == "norms" || arguments.recompute == "none", "--recompute must be norms or none");
  const auto world = make_world({.device = arguments.device});
  Speed speed;
  in_world(*world, [&] { speed = measure_speed(model, compute, device, arguments, *world); });
  if (world->rank() > 0) return;
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
                        {"micro_batches", arguments.micro_batches},
                        {"recompute", arguments.recompute},
                        {"master_weights", arguments.master_weights},
                        {"batch", arguments.batch},
                        {"kernels", speed.kernels},
                        {"matmul_tokens_per_second", static_cast<double>(tokens) / matmuls.seconds},
                        {"matmul_flops_per_second", matmuls.flops_per_second()},
                        {"device", name_of(device)},
                        {"precision", compute == DType::bf16 ? "bf16" : "fp32"},
                        {"ranks", world->world_size()},
                        {"tensor_parallel", arguments.tensor_parallel},
                        {"threads", num_threads()}})
            << "\n";
}

}  // namespace

std::vector<BenchRow> bench_train(const std::function<bool(const std::string&)>& is_wanted) {
  std::vector<BenchRow> rows;
  for (const Setting& setting : settings())
    if (is_wanted(setting.name)) rows.push_back(bench_setting(setting));
  for (const auto& [name, tensor_parallel] : {std::pair<std::string, int>{"train.mpi.zero1", 1}, {"train.mpi.tp", 2}}) {
    if (!is_wanted(name)) continue;
    if (kHasMpi && find_program("mpirun"))
      rows.push_back(bench_ranks(name, settings().front(), tensor_parallel));
    else
      log_info("{} is left out: {}", name, kHasMpi ? "no mpirun here, install openmpi-bin" : "built without MPI");
  }
  const bool has_gpu = find_gpu().gpu.has_value();
  for (const Setting& setting : gpu_settings())
    if (is_wanted(setting.name)) {
      if (has_gpu)
        rows.push_back(bench_gpu_setting(setting));
      else
        log_info("{} is left out: {}", setting.name, find_gpu().why_not);
    }
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
  command->add_option("--tensor-parallel", arguments->tensor_parallel, "ranks that split a copy of the model")->capture_default_str();
  command->add_option("--steps", arguments->steps, "steps timed")->capture_default_str();
  command->add_option("--warmup", arguments->warmup, "steps before them")->capture_default_str();
  command->add_flag("--profile", arguments->profiles, "one more step, its kernels timed inside it");
  command->add_option("--master-weights", arguments->master_weights, "fp32, split or stochastic")->capture_default_str();
  command->add_option("--recompute", arguments->recompute, "norms or none")->capture_default_str();
  command->add_option("--device", arguments->device, "cpu, cuda or auto")->capture_default_str();
  command->add_option("--precision", arguments->precision, "auto, fp32 or bf16")->capture_default_str();
  command->callback([arguments] { run_train_speed(*arguments); });
}

}  // namespace corollary
