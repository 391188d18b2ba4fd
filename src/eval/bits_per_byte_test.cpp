#include "eval/bits_per_byte.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

#include "base/compress.h"
#include "base/test_error.h"
#include "base/test_folder.h"
#include "infer/decoder.h"
#include "infer/test_models.h"

namespace corollary {
namespace {

using testing::HasSubstr;

void write_documents(const fs::path& file, const std::vector<std::string>& lines) {
  CompressedWriter writer(file);
  for (const std::string& line : lines) writer.write_line(line);
  writer.commit();
}
std::string document(const std::string& text) { return to_line({{"text", text}, {"meta", Json::object()}}); }

TEST(BitsPerByte, IsTheSumOverEveryTokenOfTheDecodersLosses) {
  const LanguageModel model = small_language_model();
  const std::vector<std::string> texts = {"the cat is on the mat.", "", "é ∑ x", "a man in the inn",
                                          "then the hen and the thane are in the den"};
  double nats = 0;
  std::int64_t tokens = 0, bytes = 0;
  Stream stream;
  for (const std::string& text : texts) {
    const std::vector<std::int32_t> ids = model.encode_with_start(text);
    Decoder decoder(model.config(), model.model.weights(), 90);
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
  const TestFolder folder;
  const LanguageModel before = small_language_model(DType::f32, 5), after = small_language_model(DType::f32, 6);
  save_language_model(folder / "train/initial", before);
  save_language_model(folder / "train/final", after);
  const std::vector<std::string> web = {"the cat is on the mat.", "a man in the inn"}, code = {"for i in range(10): print(i)"};
  write_documents(folder / "corpus/web/test.jsonl.zst", {document(web[0]), document(web[1])});
  write_documents(folder / "corpus/code/test.jsonl.zst", {document(code[0])});

  EvaluateConfig config;
  config.precision = "fp32";
  const StageResult result = evaluate(config, folder / "corpus", folder / "train", folder / "out");
  EXPECT_FALSE(result.was_up_to_date);
  const Json scores = read_json_file(folder / "out/results.json")["bits_per_byte"];
  ASSERT_EQ(scores.size(), 2u);
  for (const auto& [subset, texts] : {std::pair("web", web), std::pair("code", code)}) {
    const Likelihood first = measure_likelihood(before, texts, config), last = measure_likelihood(after, texts, config);
    std::string all;
    for (const std::string& text : texts) all += text;
    EXPECT_NEAR(scores[subset]["before"].get<double>(), first.bits_per_byte(), 1e-9) << subset;
    EXPECT_NEAR(scores[subset]["after"].get<double>(), last.bits_per_byte(), 1e-9) << subset;
    EXPECT_NEAR(scores[subset]["xz"].get<double>(),
                8.0 * static_cast<double>(xz_compressed_bytes(all)) / static_cast<double>(all.size()), 1e-9);
    EXPECT_EQ(scores[subset]["bytes"], all.size());
    EXPECT_EQ(scores[subset]["tokens"], first.tokens);
    EXPECT_EQ(scores[subset]["documents"], texts.size());
  }
  EXPECT_NE(scores["web"]["before"], scores["web"]["after"]);
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
