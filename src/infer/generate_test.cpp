#include "infer/generate.h"

#include <gmock/gmock.h>

#include "infer/sample.h"
#include "infer/test_models.h"
#include "model/test_folder.h"

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

TEST(Generate, SamplesDifferBySampleAndRepeatBySeed) {
  if (!fs::exists(kStories)) GTEST_SKIP() << kStories << " is absent";
  const TestFolder folder;
  convert_stories(folder.path());
  const LanguageModel model = load_language_model(folder.path());
  const SamplingConfig hot{.temperature = 1.0, .top_k = 0, .top_p = 0.95, .seed = 9};
  const std::string a = generate(model, "One day", 30, hot, 0).text;
  EXPECT_EQ(a, generate(model, "One day", 30, hot, 0).text);
  EXPECT_NE(a, generate(model, "One day", 30, hot, 1).text);
}

TEST(Generate, StopsAtTheEndOfTheContextAndRefusesLongPrompts) {
  if (!fs::exists(kStories)) GTEST_SKIP() << kStories << " is absent";
  const TestFolder folder;
  LoadedModel model = load_llama2c(kStories / "stories260K.bin", DType::f32);
  model.config.max_position_embeddings = 12;
  const LanguageModel language{std::move(model), Tokenizer::load(kStories / "tok512.bin")};
  const Generation full = generate(language, "", 1'000'000'000'000, {});
  EXPECT_EQ(full.finish, Finish::context_full);
  EXPECT_EQ(full.tokens.size(), 12u);
  EXPECT_EQ(generate(language, "", 0, {}).text, "");
  EXPECT_THAT(error_of([&] { generate(language, "a prompt of far more than twelve tokens of this vocabulary", 1, {}); }),
              HasSubstr("reads 12"));
  EXPECT_THAT(error_of([&] { generate(language, "", -1, {}); }), HasSubstr("max_new_tokens"));
}

TEST(Sample, WritesALinePerPromptAndThenIsUpToDate) {
  if (!fs::exists(kStories)) GTEST_SKIP() << kStories << " is absent";
  const TestFolder folder;
  convert_stories(folder / "model");
  SampleConfig config;
  config.prompts = {"Once upon a time", "Lily"};
  config.max_new_tokens = 10;
  const StageResult first = sample(config, folder / "model", folder / "out");
  EXPECT_FALSE(first.was_up_to_date);
  LineReader reader(folder / "out/samples.jsonl");
  for (const std::string& prompt : config.prompts) {
    const Json line = parse_json(reader.next().value(), "samples.jsonl");
    EXPECT_EQ(line["prompt"], prompt);
    EXPECT_FALSE(line["completion"].get<std::string>().empty());
    EXPECT_EQ(line["seed"], 1234);
  }
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(sample(config, folder / "model", folder / "out").was_up_to_date);
  config.temperature = 0.5;
  EXPECT_FALSE(sample(config, folder / "model", folder / "out").was_up_to_date);
}

TEST(LanguageModel, NamesWhatDoesNotBelongTogether) {
  if (!fs::exists(kStories)) GTEST_SKIP() << kStories << " is absent";
  const TestFolder folder;
  const LoadedModel small = small_model(DType::f32);
  save_checkpoint_folder(folder.path(), small.config, small.parameters, {});
  EXPECT_THAT(error_of([&] { load_language_model(folder.path()); }), HasSubstr(folder.path().string()));
  EXPECT_THAT(error_of([&] { load_language_model(folder.path(), "fp8", kStories / "tok512.bin"); }), HasSubstr("fp8"));
  EXPECT_THAT(error_of([&] { load_language_model(folder.path(), "fp32", kStories / "tok512.bin"); }), HasSubstr("512"));
}

}  // namespace
}  // namespace corollary
