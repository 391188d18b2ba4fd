#include "eval/bits_per_byte.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

#include "base/compress.h"
#include "infer/decoder.h"
#include "model/llama2c.h"
#include "model/test_folder.h"

namespace corollary {
namespace {

using testing::HasSubstr;

const fs::path kStories = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/models/stories260K";

void write_documents(const fs::path& file, const std::vector<std::string>& lines) {
  CompressedWriter writer(file);
  for (const std::string& line : lines) writer.write_line(line);
  writer.commit();
}
std::string document(const std::string& text) { return to_line({{"text", text}, {"meta", Json::object()}}); }

TEST(BitsPerByte, IsTheSumOverEveryTokenOfTheDecodersLosses) {
  if (!fs::exists(kStories)) GTEST_SKIP() << kStories << " is absent";
  const LanguageModel model{load_llama2c(kStories / "stories260K.bin", DType::f32), Tokenizer::load(kStories / "tok512.bin")};
  const std::vector<std::string> texts = {"Once upon a time, there was a dog.", "", "é ∑ x", "Lily went to the park with her mom."};
  double nats = 0;
  std::int64_t tokens = 0, bytes = 0;
  Stream stream;
  for (const std::string& text : texts) {
    const std::vector<std::int32_t> ids = model.encode_with_start(text);
    Decoder decoder(model.config(), model.model.weights(), 100);
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const std::span<const float> logits = decoder.append(stream, std::span(ids).subspan(i, 1));
      double sum = 0;
      for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
      nats += std::log(sum) - static_cast<double>(logits[static_cast<std::size_t>(ids[i + 1])]);
      ++tokens;
    }
    bytes += static_cast<std::int64_t>(text.size());
  }
  const Likelihood got = measure_likelihood(model, texts, {});
  EXPECT_EQ(got.tokens, tokens);
  EXPECT_EQ(got.bytes, bytes);
  EXPECT_NEAR(got.nats, nats, 1e-3);
  EXPECT_NEAR(got.bits_per_byte(), nats / std::numbers::ln2 / static_cast<double>(bytes), 1e-4);
}

TEST(BitsPerByte, ReadsWholeDocumentsUpToABudget) {
  const TestFolder folder;
  const fs::path file = folder / "test.jsonl.zst";
  write_documents(file, {document("four"), "no json", document("éé"), R"({"text": 7})", "", document("seventeen")});
  const EvaluationTexts all = read_evaluation_texts(file, 0);
  EXPECT_THAT(all.texts, testing::ElementsAre("four", "éé", "seventeen"));
  EXPECT_EQ(all.bytes, 4 + 4 + 9);
  EXPECT_EQ(all.rejected, 2);
  EXPECT_THAT(read_evaluation_texts(file, 8).texts, testing::ElementsAre("four", "éé"));
  EXPECT_THAT(read_evaluation_texts(file, 1).texts, testing::ElementsAre("four"));  // at least one
  write_documents(file, {"no json"});
  EXPECT_THAT([&] { read_evaluation_texts(file, 0); }, testing::ThrowsMessage<Error>(HasSubstr("test.jsonl.zst")));
}

TEST(Evaluate, ComparesBeforeAndAfterWithXz) {
  if (!fs::exists(kStories)) GTEST_SKIP() << kStories << " is absent";
  const TestFolder folder;
  const Tokenizer tokenizer = Tokenizer::load(kStories / "tok512.bin");
  LoadedModel trained = load_llama2c(kStories / "stories260K.bin", DType::f32);
  OwnedTensor fresh(DType::f32, {parameter_count(trained.config)});
  initialize(fresh, trained.config, 1);
  save_checkpoint_folder(folder / "train/initial", trained.config, fresh, {});
  save_checkpoint_folder(folder / "train/final", trained.config, trained.parameters, {});
  for (const char* model : {"initial", "final"}) tokenizer.save(folder / "train" / model);
  write_documents(folder / "corpus/web/test.jsonl.zst",
                  {document("Once upon a time, there was a little girl named Lily. She loved to play.")});
  write_documents(folder / "corpus/code/test.jsonl.zst", {document("for i in range(10): print(i)")});

  EvaluateConfig config;
  config.precision = "fp32";
  const StageResult result = evaluate(config, folder / "corpus", folder / "train", folder / "out");
  EXPECT_FALSE(result.was_up_to_date);
  const Json scores = read_json_file(folder / "out/results.json")["bits_per_byte"];
  ASSERT_EQ(scores.size(), 2u);
  EXPECT_LT(scores["web"]["after"].get<double>(), 1.0);  // its own kind of text
  const double uniform = std::log2(512.0) * scores["web"]["tokens"].get<double>() / scores["web"]["bytes"].get<double>();
  EXPECT_NEAR(scores["web"]["before"].get<double>(), uniform, 0.1);  // fresh weights know nothing
  EXPECT_GT(scores["web"]["xz"].get<double>(), 1.0);
  EXPECT_EQ(scores["web"]["documents"], 1);
  EXPECT_TRUE(evaluate(config, folder / "corpus", folder / "train", folder / "out").was_up_to_date);
  write_documents(folder / "corpus/code/test.jsonl.zst", {document("another")});
  EXPECT_FALSE(evaluate(config, folder / "corpus", folder / "train", folder / "out").was_up_to_date);
}

TEST(Evaluate, SaysWhatIsMissing) {
  const TestFolder folder;
  const auto error = [&] { return error_of([&] { evaluate({}, folder / "corpus", folder / "train", folder / "out"); }); };
  EXPECT_THAT(error(), HasSubstr("no corpus folder"));
  fs::create_directories(folder / "corpus/web");
  EXPECT_THAT(error(), HasSubstr("test.jsonl.zst"));
  write_documents(folder / "corpus/web/test.jsonl.zst", {document("x")});
  EXPECT_THAT(error(), HasSubstr("initial"));
}

}  // namespace
}  // namespace corollary
