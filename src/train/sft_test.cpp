#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "base/test_folder.h"
#include "model/adapter_folder.h"
#include "model/checkpoint_folder.h"
#include "model/llama.h"
#include "train/sft_data.h"
#include "train/test_corpus.h"
#include "train/trainer.h"

namespace corollary {
namespace {

using ::testing::HasSubstr;

TEST(PromptTemplate, SplitsAndFills) {
  const PromptTemplate built_in;
  EXPECT_THAT(built_in.prompt("Add 1 and 1."), ::testing::EndsWith("### Instruction:\nAdd 1 and 1.\n\n### Response:"));
  EXPECT_THAT(built_in.prompt("Add.", "1 and {input}"), ::testing::EndsWith("### Instruction:\nAdd.\n\n### Input:\n1 and {input}\n\n### Response:"));
  EXPECT_EQ(split_query("one line").input, "");
  EXPECT_EQ(split_query("first\nsecond\nthird").instruction, "first");
  EXPECT_EQ(split_query("first\nsecond\nthird").input, "second\nthird");
  EXPECT_THROW(PromptTemplate("nothing", "{instruction} {input}"), Error);
  EXPECT_THROW(PromptTemplate("{instruction}", "{instruction}"), Error);
}

/// Examples whose response follows from the query, over TestCorpus' tokenizer of single characters.
class Sft : public ::testing::Test {
 protected:
  Sft() {
    TestCorpus::write_tokenizer(folder_ / "tokenizer");
    write_file(folder_ / "template.txt", "{instruction}\n");
    write_file(folder_ / "template_with_input.txt", "{instruction};{input}\n");
    Random random(5);
    std::string lines;
    for (int i = 0; i < 150; ++i) {
      std::string query, response;
      for (std::int64_t n = 2 + random.below(9); n > 0; --n) query += static_cast<char>('3' + random.below(20));
      for (char c : query) response += static_cast<char>(c + 20);
      lines += Json{{"query", query}, {"response", response}}.dump() + "\n";
    }
    write_file(folder_ / "examples.jsonl", lines);
    config_ = TestCorpus::config();
    config_.sft.data = (folder_ / "examples.jsonl").string();
    config_.sft.template_file = (folder_ / "template.txt").string();
    config_.sft.template_with_input_file = (folder_ / "template_with_input.txt").string();
    config_.sft.validation_fraction = 0.1;
    config_.sft.epochs = 2;
  }

  struct Row {
    std::vector<std::int32_t> tokens, targets, positions, document_starts;
    explicit Row(const SftData& data, std::int64_t number, std::int64_t seq_len)
        : tokens(static_cast<std::size_t>(seq_len)), targets(tokens), positions(tokens), document_starts(tokens) {
      data.training_row(number, {tokens, targets, positions, document_starts});
    }
  };
  StageResult run(const std::string& out) {
    return train(TestCorpus::model(), config_, {}, {}, folder_ / "tokenizer", folder_ / out, *world_);
  }
  std::vector<double> validations(const std::string& out) {
    std::istringstream text(read_file(folder_ / out / "metrics.jsonl"));
    std::vector<double> found;
    for (std::string line; std::getline(text, line);)
      if (const Json json = parse_json(line, "metrics"); json.contains("validation")) found.push_back(json["validation"]["responses"]);
    return found;
  }

  TestFolder folder_;
  TrainConfig config_;
  std::unique_ptr<Communicator> world_ = make_single_rank();
};

TEST_F(Sft, ExamplesAreMaskedCutAndCounted) {
  const Tokenizer tokenizer = Tokenizer::load(folder_ / "tokenizer");
  write_file(folder_ / "few.jsonl", R"({"query":"AB","response":"CD"}
{"query":"AB","response":""}
{"query":"A\nB","response":"C"}
{"query":"AB","response":"CDEFGHIJKLMNOP"}
{"query":"ABCDEFGHIJKLMNOP","response":"C"}
)");
  SftConfig sft = config_.sft;
  const SftExamples examples(folder_ / "few.jsonl", sft, tokenizer, 12);
  ASSERT_EQ(examples.size(), 3);
  const auto first = examples.ids(0);
  EXPECT_EQ(tokenizer.decode(first), "ABCD");
  EXPECT_EQ(first.back(), tokenizer.eos_id());
  EXPECT_EQ(examples.example(0).length - examples.example(0).prompt, 3) << "C, D and the end";
  EXPECT_EQ(tokenizer.decode(examples.ids(1)), "A;BC");
  EXPECT_EQ(examples.example(2).length, 12);
  EXPECT_EQ(examples.counts()["truncated"], 1);
  EXPECT_EQ(examples.counts()["rejected"]["no response"], 1);
  EXPECT_EQ(examples.counts()["rejected"]["no room after the prompt"], 1);
  sft.too_long = "reject";
  EXPECT_EQ(SftExamples(folder_ / "few.jsonl", sft, tokenizer, 12).counts()["rejected"]["too long"], 1);
  write_file(folder_ / "bad.jsonl", "{\"question\":\"A\"}\n");
  EXPECT_THROW(SftExamples(folder_ / "bad.jsonl", sft, tokenizer, 12), Error);
}

TEST_F(Sft, EachEpochHoldsEveryExampleOnceInEitherLayout) {
  const Tokenizer tokenizer = Tokenizer::load(folder_ / "tokenizer");
  for (const char* layout : {"packed", "padded"}) {
    config_.sft.layout = layout;
    const SftData data(config_, tokenizer);
    EXPECT_EQ(data.has_documents(), std::string(layout) == "packed");
    const std::int64_t rows = data.counts()["rows_per_epoch"];
    if (data.has_documents()) {
      EXPECT_GT(data.counts()["fill"], 0.85);
    } else {
      EXPECT_EQ(rows, 135);
    }
    // An epoch ends with a row, but another order may take a row more or less.
    std::multiset<std::string> epochs[2];
    for (std::int64_t epoch = 0, number = 0; epoch < 2; ++epoch)
      for (; epochs[epoch].size() < 135; ++number) {
        const Row row(data, number, config_.seq_len);
        std::int64_t begin = 0;
        for (std::int64_t t = 0; t < config_.seq_len; ++t) {
          const auto at = static_cast<std::size_t>(t);
          if (row.positions[at] == 0) begin = t;
          EXPECT_EQ(row.positions[at], t - begin);
          EXPECT_EQ(row.document_starts[at], begin);
          if (row.targets[at] == tokenizer.eos_id()) {  // an example ends
            std::vector<std::int32_t> ids(row.tokens.begin() + begin, row.tokens.begin() + t + 1);
            epochs[epoch].insert(tokenizer.decode(ids));
          } else if (row.targets[at] >= 0) {
            EXPECT_EQ(row.targets[at], row.tokens[at + 1]);
          }
        }
      }
    EXPECT_EQ(epochs[0].size(), 135u);
    EXPECT_EQ(epochs[0], epochs[1]) << layout;
    EXPECT_NE(Row(data, 0, config_.seq_len).tokens, Row(data, rows, config_.seq_len).tokens) << "epochs in one order";
    EXPECT_NEAR(static_cast<double>(data.steps() * config_.global_batch_size), static_cast<double>(2 * rows),
                static_cast<double>(config_.global_batch_size + 3));
    Row(data, data.steps() * config_.global_batch_size - 1, config_.seq_len);
  }
}

TEST_F(Sft, LossOfHeldOutResponsesFallsInBothLayouts) {
  for (const char* layout : {"packed", "padded"}) {
    config_.sft.layout = layout;
    config_.sft.epochs = std::string(layout) == "packed" ? 20 : 5;  // a packed row holds several examples
    config_.lr_schedule = "constant";
    config_.warmup_ratio = 0.05;
    const StageResult result = run(layout);
    const auto losses = validations(layout);
    ASSERT_GE(losses.size(), 2u);
    EXPECT_LT(losses.back(), 0.8 * losses.front()) << layout;
    EXPECT_EQ(result.manifest.counts["sft"]["train"]["kept"], 150);
  }
}

TEST_F(Sft, LearnsToAnswerSchoolProblems) {  // real queries and responses, a model too small to solve them
  const fs::path shared = fs::path(COROLLARY_SOURCE_DIR) / ".." / "shared" / "data";
  const fs::path data = shared / "finetune" / "gsm8k_query_response_first1000.jsonl.zst";
  if (!fs::exists(data)) GTEST_SKIP() << "no " << data;
  LlamaConfig model = TestCorpus::model();
  model.vocab_size = 512;
  model.max_position_embeddings = 256;
  config_.seq_len = 256;
  config_.sft = {.data = data.string(), .validation_fraction = 0.05, .epochs = 0};
  write_file(folder_ / "pieces" / "tokenizer.model", read_file(shared / "tokenizer" / "spm512" / "tok512.model"));
  const StageResult result = train(model, config_, {}, {}, folder_ / "pieces", folder_ / "out", *world_);
  const auto losses = validations("out");
  EXPECT_LT(losses.back(), 0.75 * losses.front());
  EXPECT_GT(result.manifest.counts["sft"]["fill"], 0.8);
}

/// What an example's responses cost must not depend on its neighbours in a packed row.
TEST_F(Sft, PackedExamplesAreBlindToEachOther) {
  const LlamaConfig config = resolve(TestCorpus::model());
  OwnedTensor weights(DType::f32, {parameter_count(config)});
  LlamaConfig wide = config;
  wide.initializer_range = 0.3;
  initialize(weights, wide, 1);
  Llama llama(config, DType::f32, 1, 32, /*trains=*/false);
  Stream stream;
  OwnedTensor tokens(DType::i32, {32}), targets(DType::i32, {32}), positions(DType::i32, {32}), starts(DType::i32, {32}), losses(DType::f32, {32});
  const auto second_half = [&](std::int32_t first) {
    for (std::int32_t t = 0; t < 32; ++t) {
      tokens.view().data<std::int32_t>()[t] = t < 16 ? first : 3 + t;
      targets.view().data<std::int32_t>()[t] = 4 + t;
      positions.view().data<std::int32_t>()[t] = t % 16;
      starts.view().data<std::int32_t>()[t] = t / 16 * 16;
    }
    llama.losses(stream, losses, Weights(config, weights), {tokens, targets, positions, starts});
    return std::vector<float>(losses.view().data<float>() + 16, losses.view().data<float>() + 32);
  };
  const auto beside_fives = second_half(5);
  EXPECT_EQ(beside_fives, second_half(50));
  // And they cost what they cost alone.
  Llama alone(config, DType::f32, 1, 16, /*trains=*/false);
  OwnedTensor single(DType::f32, {16});
  alone.losses(stream, single, Weights(config, weights), {tokens.view().rows(16, 32), targets.view().rows(16, 32)});
  for (std::size_t t = 0; t < 16; ++t) EXPECT_NEAR(single.view().data<float>()[t], beside_fives[t], 1e-5);
}

TEST_F(Sft, AdaptersLearnWhileTheModelStaysAndMergeIntoIt) {
  config_.sft.epochs = 4;
  run("base");
  config_.init_from = (folder_ / "base" / "final").string();
  config_.lora.rank = 4;
  config_.lora.alpha = 8;
  config_.seed = 7;
  config_.sft.epochs = 10;
  run("tuned");
  const auto losses = validations("tuned");
  EXPECT_LT(losses.back(), losses.front());
  const LoadedModel base = load_checkpoint_folder(folder_ / "base" / "final", DType::f32);
  const LoadedModel initial = load_checkpoint_folder(folder_ / "tuned" / "initial", DType::f32);
  const LoadedModel merged = load_checkpoint_folder(folder_ / "tuned" / "final", DType::f32);
  const LoadedAdapters adapters = load_adapters(folder_ / "tuned" / "final" / "adapter", base.config);
  EXPECT_EQ(adapters.lora.rank, 4);
  const std::int64_t count = base.parameters.view().count();
  const auto value = [](const LoadedModel& model, std::int64_t i) { return model.parameters.view().data<float>()[i]; };
  for (std::int64_t i = 0; i < count; ++i) ASSERT_EQ(value(initial, i), value(base, i)) << "B begins at zero";
  OwnedTensor again(DType::f32, {count});
  std::copy_n(base.parameters.view().data<float>(), count, again.view().data<float>());
  merge_lora(again, adapters.flat, base.config, adapters.lora);
  std::int64_t changed = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    ASSERT_EQ(value(merged, i), again.view().data<float>()[i]) << i;
    changed += value(merged, i) != value(base, i);
  }
  EXPECT_GT(changed, 0);
  const ParameterLayout layout = parameter_layout(base.config);
  EXPECT_LE(changed, layout.find("lm_head.weight").offset - base.config.vocab_size * base.config.hidden_size) << "only matrices of blocks";
}

}  // namespace
}  // namespace corollary
