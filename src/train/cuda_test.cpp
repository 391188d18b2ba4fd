// The whole model and whole training steps on a GPU beside the CPU. Skipped where there is no GPU; run by tools/gpu_check.sh.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/files.h"
#include "base/random.h"
#include "base/test_folder.h"
#include "kernels/matmul_choices.h"
#include "model/llama.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/test_corpus.h"
#include "train/trainer.h"

namespace corollary {
namespace {

LlamaConfig small_model(std::int64_t seq_len) {
  return resolve(LlamaConfig{.vocab_size = 999,
                             .hidden_size = 256,
                             .intermediate_size = 704,
                             .num_hidden_layers = 3,
                             .num_attention_heads = 4,
                             .num_key_value_heads = 2,
                             .max_position_embeddings = seq_len});
}

/// A model with its optimizer on one device, its inputs and outputs on the host.
class Trained {
 public:
  Trained(const LlamaConfig& model, DType compute, Device device, std::int64_t batch, std::int64_t seq_len)
      : config_(resolve(TrainConfig{.seq_len = seq_len, .micro_batch_size = batch, .global_batch_size = batch, .train_iters = 40,
                                    .learning_rate = 3e-3, .warmup_iters = 5}, 1)),
        model_(model),
        layout_(parameter_layout(model)),
        optimizer_(layout_.count, layout_.decayed_count, compute, config_, device),
        llama_(model, compute, batch, seq_len, /*trains=*/true, device),
        tokens_(DType::i32, {llama_.tokens()}), targets_(DType::i32, {llama_.tokens()}), losses_(DType::f32, {llama_.tokens()}),
        device_tokens_(DType::i32, {llama_.tokens()}, device), device_targets_(DType::i32, {llama_.tokens()}, device),
        device_losses_(DType::f32, {llama_.tokens()}, device),
        stream_(device) {
    if (stream_.on_cuda()) stream_.reserve_workspace(llama_.workspace_bytes());
    LlamaConfig wide = model;
    wide.initializer_range = 0.05;
    initialize(stream_, optimizer_.master(), wide, 7);
    optimizer_.weights_from_master(stream_);
  }

  /// Sequences that can be learned: each token is followed by 5 t + 3 of it, or, one time in eight, by anything.
  void draw(std::uint64_t seed) {
    Random random(seed);
    auto token = static_cast<std::int32_t>(random.below(model_.vocab_size));
    for (std::int64_t i = 0; i < llama_.tokens(); ++i) {
      tokens_.view().data<std::int32_t>()[i] = token;
      token = random.below(8) == 0 ? static_cast<std::int32_t>(random.below(model_.vocab_size))
                                   : static_cast<std::int32_t>((5 * token + 3) % model_.vocab_size);
      targets_.view().data<std::int32_t>()[i] = i % 11 == 3 ? -1 : token;
    }
  }

  double pass(std::uint64_t seed, bool accumulate = false) {
    draw(seed);
    copy(stream_, device_tokens_, tokens_);
    copy(stream_, device_targets_, targets_);
    llama_.losses_and_gradients(stream_, device_losses_, Gradients(model_, optimizer_.gradients()), Weights(model_, optimizer_.weights()),
                                {device_tokens_, device_targets_}, 1.0f / static_cast<float>(llama_.tokens()), accumulate);
    copy(stream_, losses_, device_losses_);
    stream_.synchronize();
    double sum = 0;
    for (std::int64_t i = 0; i < llama_.tokens(); ++i)
      if (targets_.view().data<std::int32_t>()[i] >= 0) sum += losses_.view().data<float>()[i];
    return sum / static_cast<double>(llama_.tokens());
  }

  std::vector<double> train() {
    const auto world = make_single_rank();
    std::vector<double> losses;
    for (std::int64_t step = 1; step <= config_.train_iters; ++step) {
      losses.push_back(pass(static_cast<std::uint64_t>(step)));
      optimizer_.step(stream_, *world, losses.back(), learning_rate_at(config_.schedule(), step));
    }
    return losses;
  }

  std::vector<float> values(ConstTensor there) {
    std::vector<float> here(static_cast<std::size_t>(there.count()));
    copy(stream_, Tensor(here.data(), DType::f32, there.shape()), there);
    stream_.synchronize();
    return here;
  }
  std::vector<float> gradient() { return values(optimizer_.gradients()); }
  std::vector<float> master() { return values(optimizer_.master()); }

  TrainConfig config_;
  LlamaConfig model_;
  ParameterLayout layout_;
  Optimizer optimizer_;
  Llama llama_;
  OwnedTensor tokens_, targets_, losses_, device_tokens_, device_targets_, device_losses_;
  Stream stream_;
};

/// |a - b| / |b|, of each parameter's own gradient: the worst.
double worst_difference(const ParameterLayout& layout, const std::vector<float>& a, const std::vector<float>& b, std::string& where) {
  double worst = 0;
  for (const auto& entry : layout.entries) {
    double difference = 0, size = 0;
    for (std::int64_t i = entry.offset; i < entry.offset + entry.shape.count(); ++i) {
      const double x = a[static_cast<std::size_t>(i)], y = b[static_cast<std::size_t>(i)];
      difference += (x - y) * (x - y), size += y * y;
    }
    const double relative = std::sqrt(difference / std::max(size, 1e-30));
    if (!(relative <= worst)) worst = relative, where = entry.name;
  }
  return worst;
}

class OnGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_gpu().gpu) GTEST_SKIP() << find_gpu().why_not;
  }
};

TEST_F(OnGpu, GradientOfF32IsTheCpus) {
  const LlamaConfig model = small_model(128);
  Trained cpu(model, DType::f32, Device::cpu, 2, 128), gpu(model, DType::f32, Device::cuda, 2, 128);
  EXPECT_EQ(cpu.master(), gpu.master());
  EXPECT_NEAR(cpu.pass(1), gpu.pass(1), 1e-5);
  std::string where;
  EXPECT_LT(worst_difference(cpu.layout_, gpu.gradient(), cpu.gradient(), where), 1e-5) << where;
  cpu.pass(2, true), gpu.pass(2, true);
  EXPECT_LT(worst_difference(cpu.layout_, gpu.gradient(), cpu.gradient(), where), 1e-5) << where << ", accumulated";
}

TEST_F(OnGpu, GradientOfBf16IsAsCloseToF32AsTheCpus) {
  for (const std::int64_t seq_len : {128L, 256L}) {
    const LlamaConfig model = small_model(seq_len);
    Trained judge(model, DType::f32, Device::cpu, 2, seq_len), cpu(model, DType::bf16, Device::cpu, 2, seq_len),
        gpu(model, DType::bf16, Device::cuda, 2, seq_len);
    const double loss = judge.pass(1);
    EXPECT_NEAR(cpu.pass(1), loss, 0.02);
    EXPECT_NEAR(gpu.pass(1), loss, 0.02);
    std::string cpu_where, gpu_where;
    const double cpus = worst_difference(judge.layout_, cpu.gradient(), judge.gradient(), cpu_where),
                 gpus = worst_difference(judge.layout_, gpu.gradient(), judge.gradient(), gpu_where);
    EXPECT_LT(gpus, 1.5 * cpus) << gpu_where << "; the CPU's " << cpu_where << " " << cpus;
  }
}

TEST_F(OnGpu, LossCurvesAreTheCpus) {
  for (const DType compute : {DType::f32, DType::bf16}) {
    const LlamaConfig model = small_model(128);
    const auto cpu = Trained(model, compute, Device::cpu, 4, 128).train(), gpu = Trained(model, compute, Device::cuda, 4, 128).train();
    EXPECT_LT(gpu.back(), 0.8 * gpu.front()) << "nothing was learned, so nothing is compared";
    for (std::size_t step = 0; step < cpu.size(); ++step)
      EXPECT_NEAR(gpu[step], cpu[step], (compute == DType::f32 ? 2e-3 : 3e-2) * cpu[step]) << compute << " step " << step;
  }
}

TEST_F(OnGpu, TwoRunsAgreeBitForBit) {
  const LlamaConfig model = small_model(256);
  Trained first(model, DType::bf16, Device::cuda, 2, 256), second(model, DType::bf16, Device::cuda, 2, 256);
  EXPECT_EQ(first.train(), second.train());
  EXPECT_EQ(first.master(), second.master());
  EXPECT_EQ(first.gradient(), second.gradient());
}

TEST_F(OnGpu, ProductsKeepTheirAlgorithms) {
  const LlamaConfig model = small_model(128);
  Trained(model, DType::bf16, Device::cuda, 1, 128).pass(1);
  const Json choices = matmul_choices();
  EXPECT_GE(choices.at("products").size(), 15u) << choices.dump();
  load_matmul_choices(choices);
  EXPECT_EQ(matmul_choices(), choices);
}

/// The stage itself on a GPU: every kind of master weights, a resume in the middle, and the same bytes as without.
class TrainOnGpu : public OnGpu {
 protected:
  TrainOnGpu() { TestCorpus::write(folder_.path()); }
  StageResult run(const std::string& out, const TrainConfig& config) {
    const auto world = make_single_rank();
    return train(TestCorpus::model(), config, TestCorpus::mixture(), folder_ / "pack", folder_ / "tokenizer", folder_ / out, *world);
  }
  std::string final_weights(const std::string& out) const { return read_file(folder_ / out / "final" / "model.safetensors"); }
  TestFolder folder_;
};

TEST_F(TrainOnGpu, LearnsAsOnTheCpuAndResumesBitForBit) {
  for (const std::string kind : {"fp32", "split", "stochastic"}) {
    SCOPED_TRACE(kind);
    TrainConfig config = TestCorpus::config();
    config.device = "cuda", config.precision = "bf16", config.master_weights = kind;
    const double loss = run(kind, config).manifest.counts.at("final_loss");
    TrainConfig on_cpu = config;
    on_cpu.device = "cpu";
    const double cpu_loss = run(kind + "-cpu", on_cpu).manifest.counts.at("final_loss");
    EXPECT_NEAR(loss, cpu_loss, 0.05 * cpu_loss);

    // As after a crash: without its manifest, and with an earlier checkpoint as the newest.
    fs::copy(folder_ / kind, folder_ / (kind + "-again"), fs::copy_options::recursive);
    fs::remove(folder_ / (kind + "-again") / "manifest.json");
    fs::remove_all(folder_ / (kind + "-again") / "final");
    fs::remove_all(folder_ / (kind + "-again") / "checkpoints" / "step-00000040");
    run(kind + "-again", config);
    EXPECT_EQ(final_weights(kind + "-again"), final_weights(kind));
  }
}

TEST(MatmulChoices, OfAnotherMachineAreLeftAlone) {
  load_matmul_choices({{"library", "cuBLASLt 1"}, {"gpu", "another"}, {"products", {{"1 2 3", "00ff"}}}});
  EXPECT_FALSE(saved_matmul_choice("1 2 3"));
  EXPECT_THROW(load_matmul_choices({{"library", 1}}), Error);
  remember_matmul_choice("4 5 6", std::string("\x01\xfe", 2));
  const Json choices = matmul_choices();
  EXPECT_EQ(choices.at("products").at("4 5 6"), "01fe");
  load_matmul_choices(choices);
  EXPECT_EQ(saved_matmul_choice("4 5 6"), std::string("\x01\xfe", 2));
}

}  // namespace
}  // namespace corollary
