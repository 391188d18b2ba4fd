#include "infer/generate.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "base/test_error.h"
#include "base/test_folder.h"
#include "infer/decoder.h"
#include "infer/sample.h"
#include "infer/test_models.h"

namespace corollary {
namespace {

using testing::HasSubstr;

const fs::path kStories = kModels / "stories260K";

/// stories260K as a Hugging Face folder with its tokenizer.
void convert_stories(const fs::path& folder) {
  const LoadedModel model = load_llama2c(kStories / "stories260K.bin", DType::f32);
  save_checkpoint_folder(folder, model.config, model.parameters, {});
  Tokenizer::load(kStories / "tok512.bin").save(folder);
}

TEST(Generate, ReproducesThePublishedStory) {
  if (!fs::exists(kStories)) GTEST_SKIP() << kStories << " is absent";
  const TestFolder folder;
  convert_stories(folder.path());
  const LanguageModel model = load_language_model(folder.path());
  std::string streamed;
  const Generation story = generate(model, "", 200, {}, 0, [&](std::string_view text) { streamed += text; });
  EXPECT_EQ(story.text, read_file(kStories / "expected_greedy_200_steps.txt"));
  EXPECT_EQ(streamed, story.text);
  EXPECT_EQ(story.tokens.size(), 200u);
  EXPECT_EQ(story.finish, Finish::max_new_tokens);
}

TEST(Generate, ContinuesAPromptWhereGreedyWouldPass) {
  if (!fs::exists(kStories)) GTEST_SKIP() << kStories << " is absent";
  const TestFolder folder;
  convert_stories(folder.path());
  const LanguageModel model = load_language_model(folder.path());
  const std::string story = read_file(kStories / "expected_greedy_200_steps.txt"), prompt = "Once upon a time, there was";
  const Generation rest = generate(model, prompt, 20, {});
  EXPECT_TRUE(story.starts_with(prompt + rest.text)) << rest.text;
  EXPECT_TRUE(rest.text.starts_with(" a little")) << rest.text;  // the space belongs to the completion
}

TEST(Generate, GreedyTakesTheDecodersMostLikely) {
  const LanguageModel model = small_language_model();
  const Generation generation = generate(model, "the cat", 12, {});
  Stream stream;
  std::vector<std::int32_t> ids = model.encode_with_start("the cat");
  EXPECT_EQ(generation.prompt_tokens, static_cast<std::int64_t>(ids.size()));
  for (const std::int32_t token : generation.tokens) {
    Decoder decoder(model.config(), model.model.weights(), static_cast<std::int64_t>(ids.size()));
    const std::span<const float> logits = decoder.append(stream, ids);
    ASSERT_EQ(token, std::ranges::max_element(logits) - logits.begin());
    ids.push_back(token);
  }
  EXPECT_EQ("the cat" + generation.text, model.tokenizer.decode(ids));
}

TEST(Generate, StreamsTheSameTextInWholeCharacters) {
  const LanguageModel model = small_language_model();
  std::string streamed;
  const SamplingConfig hot{.temperature = 5.0, .top_k = 0, .top_p = 1.0, .seed = 9};  // bytes of all kinds
  const Generation generation = generate(model, "on", 60, hot, 0, [&](std::string_view text) {
    EXPECT_NE(static_cast<unsigned char>(text[0]) & 0xC0, 0x80) << "begins inside a character";
    streamed += text;
  });
  EXPECT_EQ(streamed, generation.text);
  EXPECT_FALSE(streamed.empty());
}

TEST(Generate, SamplesDifferBySampleAndRepeatBySeed) {
  const LanguageModel model = small_language_model();
  const SamplingConfig hot{.temperature = 1.0, .top_k = 0, .top_p = 0.95, .seed = 9};
  const std::string a = generate(model, "a then", 30, hot, 0).text;
  EXPECT_EQ(a, generate(model, "a then", 30, hot, 0).text);
  EXPECT_NE(a, generate(model, "a then", 30, hot, 1).text);
}

TEST(Generate, StopsAtTheEndTokenAndLeavesItOut) {
  LanguageModel model = small_language_model();
  Tensor head(model.model.parameters.view());  // the end token's row of the head outweighs all others along any hidden state's sign
  const ParameterLayout layout = parameter_layout(model.config());
  float* const rows = head.data<float>() + layout.find("lm_head.weight").offset;
  const Generation before = generate(model, "the", 5, {});
  const std::int32_t first = before.tokens.at(0);
  for (std::int64_t i = 0; i < model.config().hidden_size; ++i)
    rows[2 * model.config().hidden_size + i] = 3 * rows[first * model.config().hidden_size + i];
  const Generation after = generate(model, "the", 5, {});
  EXPECT_EQ(after.finish, Finish::end_of_text);
  EXPECT_TRUE(after.tokens.empty());
  EXPECT_EQ(after.text, "");
}

TEST(Generate, StopsAtTheEndOfTheContextAndRefusesLongPrompts) {
  LanguageModel model = small_language_model();
  model.model.config.max_position_embeddings = 12;
  const Generation full = generate(model, "", 1'000'000'000'000, {});
  EXPECT_EQ(full.finish, Finish::context_full);
  EXPECT_EQ(full.tokens.size(), 12u);
  EXPECT_EQ(generate(model, "", 0, {}).text, "");
  EXPECT_THAT(error_of([&] { generate(model, "a prompt of more than twelve tokens", 1, {}); }), HasSubstr("reads 12"));
  EXPECT_THAT(error_of([&] { generate(model, "", -1, {}); }), HasSubstr("max_new_tokens"));
}

TEST(Sample, WritesALinePerPromptAndThenIsUpToDate) {
  const TestFolder folder;
  save_language_model(folder / "model", small_language_model());
  SampleConfig config;
  config.prompts = {"the \"cat\"", ""};
  config.max_new_tokens = 10;
  const StageResult first = sample(config, folder / "model", folder / "out");
  EXPECT_FALSE(first.was_up_to_date);
  LineReader reader(folder / "out/samples.jsonl");
  for (const std::string& prompt : config.prompts) {
    const Json line = parse_json(reader.next().value(), "samples.jsonl");
    EXPECT_EQ(line["prompt"], prompt);
    EXPECT_TRUE(line["completion"].is_string());
    EXPECT_EQ(line["seed"], 1234);
  }
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(sample(config, folder / "model", folder / "out").was_up_to_date);
  config.temperature = 0.5;
  EXPECT_FALSE(sample(config, folder / "model", folder / "out").was_up_to_date);
}

TEST(LanguageModel, NamesWhatDoesNotBelongTogether) {
  const TestFolder folder;
  const LoadedModel small = small_model(DType::f32);
  save_checkpoint_folder(folder / "m", small.config, small.parameters, {});
  small_tokenizer().save(folder / "t");
  EXPECT_THAT(error_of([&] { load_language_model(folder / "m"); }), HasSubstr((folder / "m").string()));
  EXPECT_THAT(error_of([&] { load_language_model(folder / "m", "fp8", folder / "t"); }), HasSubstr("fp8"));
  EXPECT_THAT(error_of([&] { load_language_model(folder / "m", "fp32", folder / "t"); }), HasSubstr("belong together"));
}

}  // namespace
}  // namespace corollary
