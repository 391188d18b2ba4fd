#include "train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "base/fields.h"
#include "base/test_folder.h"
#include "model/checkpoint_folder.h"
#include "model/llama.h"
#include "train/data.h"
#include "train/plan.h"
#include "train/state_export.h"
#include "train/test_corpus.h"

namespace corollary {
namespace {

using ::testing::HasSubstr;

class Trainer : public ::testing::Test {
 protected:
  Trainer() { TestCorpus::write(folder_.path()); }
  StageResult run(const std::string& out) {
    return train(model_, config_, mixture_, folder_ / "pack", folder_ / "tokenizer", folder_ / out, *world_, fault_);
  }
  std::string error_of_run(const std::string& out) {
    try {
      run(out);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  /// The training steps of metrics.jsonl, or its validations.
  std::vector<Json> lines(const std::string& out, const char* having) const {
    std::istringstream text(read_file(folder_ / out / "metrics.jsonl"));
    std::vector<Json> found;
    for (std::string line; std::getline(text, line);)
      if (Json json = parse_json(line, "metrics"); json.contains(having)) found.push_back(json);
    return found;
  }
  static double relative_distance(ConstTensor a, ConstTensor b) {
    double square = 0, size = 0;
    for (std::int64_t i = 0; i < a.count(); ++i) {
      const double x = a.data<float>()[i], y = b.data<float>()[i];
      square += (x - y) * (x - y), size += y * y;
    }
    return std::sqrt(square / size);
  }

  TestFolder folder_;
  LlamaConfig model_ = TestCorpus::model();
  TrainConfig config_ = TestCorpus::config();
  Mixture mixture_ = TestCorpus::mixture();
  std::unique_ptr<Communicator> world_ = make_single_rank();
  GradientFault fault_;
};

TEST_F(Trainer, LearnsAndLeavesEverythingItPromises) {
  const StageResult result = run("run");
  EXPECT_FALSE(result.was_up_to_date);
  const Json& counts = result.manifest.counts;
  EXPECT_EQ(counts["steps"], 40);
  EXPECT_EQ(counts["tokens"], 40 * 4 * 32);
  EXPECT_EQ(counts["precision"], "f32");
  EXPECT_GT(counts["tokens_per_second"], 0);
  EXPECT_GT(counts["peak_rss_bytes"], 1 << 20);

  const auto steps = lines("run", "loss"), validations = lines("run", "validation");
  ASSERT_EQ(steps.size(), 40u);
  ASSERT_EQ(validations.size(), 5u);  // after 0, 10, 20, 30, 40 steps
  EXPECT_NEAR(steps.front()["loss"], std::log(64), 0.1);
  EXPECT_LT(steps.back()["loss"], 0.75 * steps.front()["loss"].get<double>());
  EXPECT_EQ(steps.back()["loss"], counts["final_loss"]);
  EXPECT_EQ(validations.back()["validation"], counts["validation"]);
  EXPECT_LT(validations.back()["validation"]["big"], 0.75 * validations.front()["validation"]["big"].get<double>());
  EXPECT_TRUE(counts["validation"].contains("small"));

  const LoadedModel initial = load_checkpoint_folder(folder_ / "run" / "initial", DType::f32);
  const LoadedModel final = load_checkpoint_folder(folder_ / "run" / "final", DType::f32);
  EXPECT_GT(relative_distance(final.parameters, initial.parameters), 0.1);
  EXPECT_TRUE(fs::exists(folder_ / "run" / "final" / "tokenizer.json"));
  EXPECT_TRUE(fs::exists(folder_ / "run" / "checkpoints" / "step-00000040"));
  EXPECT_TRUE(fs::exists(folder_ / "run" / "checkpoints" / "step-00000039"));
  EXPECT_FALSE(fs::exists(folder_ / "run" / "checkpoints" / "step-00000036"));
  EXPECT_TRUE(run("run").was_up_to_date);
}

TEST_F(Trainer, MicroBatchesChangeRoundingAlone) {
  run("twos");
  config_.micro_batch_size = 4;
  run("four");
  const auto twos = lines("twos", "loss"), four = lines("four", "loss");
  for (std::size_t i = 0; i < twos.size(); ++i)
    EXPECT_NEAR(twos[i]["loss"].get<double>() / four[i]["loss"].get<double>(), 1, 1e-4) << "step " << i + 1;
}

TEST_F(Trainer, Bf16TrainsAsF32Does) {
  run("f32");
  config_.precision = "bf16";
  EXPECT_EQ(run("bf16").manifest.counts["precision"], "bf16");
  const auto f32 = lines("f32", "loss"), bf16 = lines("bf16", "loss");
  for (std::size_t i = 0; i < f32.size(); ++i)
    EXPECT_NEAR(bf16[i]["loss"].get<double>() / f32[i]["loss"].get<double>(), 1, 0.03) << "step " << i + 1;
  EXPECT_NE(bf16.back()["loss"], f32.back()["loss"]);
  EXPECT_LT(fs::file_size(folder_ / "bf16" / "final" / "model.safetensors"),
            fs::file_size(folder_ / "f32" / "final" / "model.safetensors"));
}

TEST_F(Trainer, GoesOnFromAFolderOfWeights) {
  run("first");
  config_.init_from = (folder_ / "first" / "final").string();
  config_.train_iters = 6;
  config_.warmup_iters = 0;
  run("second");
  // Saved and read as f32, the weights are the same to the bit, and so is what they are worth.
  EXPECT_EQ(lines("second", "validation").front()["validation"], lines("first", "validation").back()["validation"]);

  model_.intermediate_size = 96;
  EXPECT_THAT(error_of_run("third"), HasSubstr("model.intermediate_size: 64 there, 96 here"));
  config_.init_from = (folder_ / "nowhere").string();
  EXPECT_THAT(error_of_run("third"), HasSubstr("nowhere"));
}

// A checkpoint of the last step, exported, is the folder that training ends with.
TEST_F(Trainer, ExportsACheckpoint) {
  for (const char* precision : {"fp32", "bf16"}) {
    config_.precision = precision;
    run(precision);
    const fs::path state = folder_ / precision / "checkpoints" / "step-00000040", exported = folder_ / "exported";
    ASSERT_TRUE(is_training_state(state));
    const LoadedModel model = load_training_state_weights(state, training_state_dtype(state));
    save_checkpoint_folder(exported, model.config, model.parameters,
                           {.dtype = model.parameters.view().dtype(), .tokenizer = training_state_tokenizer(state)});
    for (const fs::path& file : list_files(folder_ / precision / "final"))
      EXPECT_TRUE(read_file(file) == read_file(exported / file.filename())) << precision << " " << file;
    config_.resume = "never";
  }
}

TEST_F(Trainer, ResumesWhereItIsTold) {
  config_.keep_checkpoints = 100;
  config_.train_iters = 12;
  run("run");
  const std::string metrics = to_line(lines("run", "loss").back()["loss"]);
  config_.resume = "6";
  run("run");
  EXPECT_EQ(to_line(lines("run", "loss").back()["loss"]), metrics);
  EXPECT_TRUE(fs::exists(folder_ / "run" / "checkpoints" / "aside-step-00000009"));
  config_.resume = "7";
  EXPECT_THAT(error_of_run("run"), HasSubstr("no checkpoint of step 7"));
  EXPECT_THAT(error_of_run("run"), HasSubstr("there are: 3, 6, 9, 12"));
  config_.resume = "never";
  run("run");
  EXPECT_EQ(lines("run", "loss").size(), 12u);
  config_.resume = "sometimes";
  EXPECT_THAT(error_of_run("run"), HasSubstr("auto, never or the step"));
}

/// Multiplies the gradients of the step that begins with a certain sample.
GradientFault times(float factor, std::int64_t sample, int* count = nullptr) {
  return [=](Tensor gradients, std::int64_t first_sample) {
    if (first_sample != sample) return;
    if (count) ++*count;
    for (std::int64_t i = 0; i < gradients.count(); ++i) gradients.data<float>()[i] *= factor;
  };
}

TEST_F(Trainer, SkipsASpikeAndGoesOn) {
  config_.spike_window = 16;
  config_.spike_sigma = 6;
  run("calm");
  fault_ = times(1000, 4 * 24);  // step 25
  const Json counts = run("spike").manifest.counts;
  EXPECT_EQ(counts["skipped_steps"], 1);
  EXPECT_EQ(counts["rewinds"], 0);
  const auto calm = lines("calm", "loss"), spike = lines("spike", "loss");
  ASSERT_EQ(spike.size(), 40u);
  for (std::size_t i = 0; i < 25; ++i) EXPECT_EQ(spike[i]["loss"], calm[i]["loss"]) << "step " << i + 1;
  EXPECT_GT(spike[24]["grad_norm"], 500 * calm[24]["grad_norm"].get<double>());
  EXPECT_NEAR(spike[39]["loss"].get<double>(), calm[39]["loss"].get<double>(), 0.3);

  config_.on_spike = "warn";
  EXPECT_EQ(run("warned").manifest.counts["skipped_steps"], 0);
}

TEST_F(Trainer, GoesBackFromASpikePastItsData) {
  config_.spike_window = 16;
  config_.spike_sigma = 6;
  config_.on_spike = "rewind";
  config_.rewind_steps = 4;
  int faults = 0;
  fault_ = times(1000, 4 * 24, &faults);  // step 25; checkpoints of 18, 21, 24: back to 21
  const Json counts = run("run").manifest.counts;
  EXPECT_EQ(faults, 1) << "the data that led there was trained on again";
  EXPECT_EQ(counts["rewinds"], 1);
  EXPECT_EQ(counts["skipped_steps"], 0);  // of the course that was gone on with
  const auto rewinds = lines("run", "rewind");
  ASSERT_EQ(rewinds.size(), 1u);
  EXPECT_EQ(rewinds[0]["step"], 22);
  EXPECT_EQ(rewinds[0]["rewind"]["at_step"], 25);
  EXPECT_EQ(rewinds[0]["rewind"]["to_step"], 21);
  EXPECT_EQ(rewinds[0]["rewind"]["first_sample"], 4 * 21);
  EXPECT_EQ(rewinds[0]["rewind"]["end_sample"], 4 * 25);
  EXPECT_EQ(lines("run", "loss").size(), 40u);
}

TEST_F(Trainer, GoesBackAsOftenAsAllowedAndThenNamesTheData) {
  config_.on_spike = "rewind";
  config_.rewind_steps = 1;
  config_.rewind_after = 2;
  config_.max_rewinds = 2;
  fault_ = [](Tensor gradients, std::int64_t first_sample) {  // NaN for ever from step 11 on
    if (first_sample >= 4 * 10) gradients.data<float>()[5] = std::nanf("");
  };
  // Step 12 is the second in a row: back to 9 and past [36, 48); the two after that too: past [48, 56), then no more.
  EXPECT_THAT(error_of_run("run"), AllOf(HasSubstr("not finite"), HasSubstr("in samples [60, 64)"), HasSubstr("2 times already")));
}

TEST_F(Trainer, RefusesWeightsThatSayAnotherThing) {
  config_.train_iters = 12;
  run("run");
  const fs::path path = folder_ / "run" / "checkpoints" / "step-00000012" / "state.json";
  Json state = read_json_file(path);
  ASSERT_EQ(state["state"]["forward_check"]["tokens"], 32);
  state["state"]["forward_check"]["mean_loss"] = 1.0;
  write_json_file(path, state);
  config_.log_interval = 2;  // not up to date
  EXPECT_THAT(error_of_run("run"), HasSubstr("when they were saved"));
  config_.forward_check = false;
  EXPECT_EQ(error_of_run("run"), "no error");
  EXPECT_EQ(read_json_file(path)["state"]["forward_check"]["mean_loss"], 1.0);  // nothing was left to do
}

TEST_F(Trainer, TakesTheVocabularyOfTheTokenizer) {
  model_.vocab_size = 0;
  config_.train_iters = 5;
  EXPECT_EQ(run("run").manifest.config["model"]["vocab_size"], 64);
  model_.vocab_size = 63;
  EXPECT_THAT(error_of_run("less"), HasSubstr("less than the 64 pieces"));
}

TEST_F(Trainer, SaysWhatIsWrongBeforeItWorks) {
  config_.seq_len = 64;
  EXPECT_THAT(error_of_run("a"), HasSubstr("beyond model.max_position_embeddings 32"));
  config_.seq_len = 32;
  model_.hidden_size = 1 << 16;
  EXPECT_THAT(error_of_run("b"), HasSubstr("are available: lower micro_batch_size"));
  model_.hidden_size = 32;
  write_file(folder_ / "file", "");
  EXPECT_THAT(error_of_run("file"), HasSubstr("cannot write in"));
  mixture_ = {{"absent", 1}};
  EXPECT_THAT(error_of_run("c"), HasSubstr("absent_train_text_document"));
}

TEST(Plan, AddsUp) {
  const LlamaConfig quickstart = resolve(LlamaConfig{.vocab_size = 8192,
                                                     .hidden_size = 256,
                                                     .intermediate_size = 704,
                                                     .num_hidden_layers = 8,
                                                     .num_attention_heads = 4,
                                                     .num_key_value_heads = 2});
  TrainConfig config;
  config.precision = "bf16";
  const TrainPlan plan = plan_training(quickstart, resolve(config, 1), /*measures=*/true);
  EXPECT_EQ(plan.parameters, 10'096'896);
  EXPECT_EQ(plan.state.total_bytes(), 18 * plan.parameters);
  EXPECT_EQ(plan.checkpoint_bytes, 12 * plan.parameters);
  EXPECT_EQ(plan.tokens, 600 * 16 * 512);
  const Json json = plan.to_json();
  std::int64_t sum = 0;
  for (const auto& [kind, bytes] : json["memory_bytes"].items())
    if (kind != "total") sum += bytes.get<std::int64_t>();
  EXPECT_EQ(json["memory_bytes"]["total"], sum);
  EXPECT_GT(plan.expected_tokens_per_second(), 0);
  // 6 flops a weight of the matrices, embedding excepted, plus attention: 54 Mflop a token.
  EXPECT_NEAR(plan.matmuls.flops / static_cast<double>(plan.matmul_tokens), 6 * (10'096'896 - 2'097'152 - 17 * 256), 1);
  EXPECT_GT(plan.flops_per_token, plan.matmuls.flops / static_cast<double>(plan.matmul_tokens));
  EXPECT_THAT(plan.to_table(), HasSubstr("kept activations"));
}

/// Runs a program, returns what it printed; empty if it fails.
std::string output_of(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string text;
  char buffer[4096];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, n);
  return ::pclose(pipe) == 0 ? text : "";
}

// Twenty steps by an independent program, in double (tests/torch/train_steps.py): same weights, same samples, same rates.
TEST_F(Trainer, AgreesWithPyTorch) {
  const fs::path judge = fs::path(COROLLARY_SOURCE_DIR) / "tests" / "torch" / "train_steps.py";
  std::string python;
  for (const char* candidate : {"python3", "/usr/bin/python3"})
    if (!output_of(std::string(candidate) + " -c 'import torch; print(1)' 2>/dev/null").empty()) python = candidate;
  if (python.empty()) GTEST_SKIP() << "no python3 with PyTorch here: install python3-torch";

  config_.train_iters = 20;
  run("ours");
  const TrainConfig resolved = resolve(config_, 1);
  const TrainingData data(folder_ / "pack", mixture_, resolved, TestCorpus::kVocabSize);
  const std::int64_t length = resolved.seq_len;
  std::string samples;
  Json judged = fields_to_json(resolved), offsets = Json::array();
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(length)), targets(tokens);
  for (std::int64_t step = 0, number = 0; step < resolved.train_iters; ++step) {
    offsets.push_back(Json::array());
    for (std::int64_t row = 0; row < resolved.global_batch_size; ++row, ++number) {
      data.sample(number, tokens, targets);
      offsets.back().push_back(samples.size() / 2);
      tokens.push_back(targets.back());
      for (const std::int32_t token : tokens) samples += {static_cast<char>(token & 255), static_cast<char>(token >> 8)};
      tokens.pop_back();
    }
  }
  judged["offsets"] = offsets;
  write_file(folder_ / "samples.bin", samples);
  write_json_file(folder_ / "judged.json", judged);
  const auto path = [&](const char* name) { return " '" + (folder_ / name).string() + "'"; };
  const Json theirs =
      parse_json(output_of(python + " '" + judge.string() + "' --double --model" + path("ours/initial") + " --tokens" +
                           path("samples.bin") + " --run" + path("judged.json") + " --out" + path("theirs")),
                 judge.string());

  const auto ours = lines("ours", "loss");
  for (std::size_t step = 0; step < 20; ++step) {
    EXPECT_NEAR(ours[step]["loss"].get<double>() / theirs["losses"][step].get<double>(), 1, 1e-4) << "step " << step + 1;
    EXPECT_NEAR(ours[step]["grad_norm"].get<double>() / theirs["grad_norms"][step].get<double>(), 1, 1e-3) << "step " << step + 1;
    EXPECT_NEAR(ours[step]["learning_rate"].get<double>() / theirs["learning_rates"][step].get<double>(), 1, 1e-9);
  }
  // The first step's loss and gradient hold no history: only the rounding of one pass.
  EXPECT_NEAR(ours[0]["loss"].get<double>() / theirs["losses"][0].get<double>(), 1, 1e-6);

  const LoadedModel initial = load_checkpoint_folder(folder_ / "ours" / "initial", DType::f32);
  const ParameterLayout layout = parameter_layout(initial.config);
  Llama llama(initial.config, DType::f32, resolved.global_batch_size, length, /*trains=*/true);
  OwnedTensor ids(DType::i32, {llama.tokens()}), next(DType::i32, {llama.tokens()}), losses(DType::f32, {llama.tokens()}),
      gradient(DType::f32, {layout.count}), their_gradient(DType::f32, {layout.count}), their_weights(DType::f32, {layout.count});
  for (std::int64_t row = 0; row < resolved.global_batch_size; ++row)
    data.sample(row, std::span(ids.view().data<std::int32_t>() + row * length, tokens.size()),
                std::span(next.view().data<std::int32_t>() + row * length, tokens.size()));
  Stream stream;
  llama.losses_and_gradients(stream, losses, Gradients(initial.config, gradient), initial.weights(), {ids, next},
                             1.0f / static_cast<float>(llama.tokens()), false);
  const LoadedModel final = load_checkpoint_folder(folder_ / "ours" / "final", DType::f32);
  const auto read_theirs = [&](const char* name, Tensor flat) {
    std::string bytes = read_file(folder_ / "theirs" / name);
    const auto header_bytes = *reinterpret_cast<const std::uint64_t*>(bytes.data());
    const Json header = parse_json(std::string_view(bytes).substr(8, header_bytes), name);
    for (const auto& entry : layout.entries) {
      const auto* values = reinterpret_cast<const double*>(bytes.data() + 8 + header_bytes +
                                                           header[entry.name]["data_offsets"][0].get<std::size_t>());
      for (std::int64_t i = 0; i < entry.shape.count(); ++i) flat.data<float>()[entry.offset + i] = static_cast<float>(values[i]);
    }
  };
  read_theirs("gradients.safetensors", their_gradient);
  read_theirs("model.safetensors", their_weights);
  for (const auto& entry : layout.entries) {
    const auto part = [&](ConstTensor flat) { return flat.rows(entry.offset, entry.offset + entry.shape.count()); };
    EXPECT_LT(relative_distance(part(gradient), part(their_gradient)), 1e-5) << entry.name;
    EXPECT_LT(relative_distance(part(final.parameters), part(their_weights)), 1e-4) << entry.name;
  }
}

}  // namespace
}  // namespace corollary
