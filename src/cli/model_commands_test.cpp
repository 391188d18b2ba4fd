// model, generate and eval as a user calls them: arguments in, stdout out.
#include <gmock/gmock.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/test_error.h"
#include "base/test_folder.h"
#include "cli/commands.h"
#include "infer/test_models.h"

namespace corollary {
namespace {

using testing::HasSubstr;

const fs::path kStories = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/models/stories260K";

/// What the command prints.
std::string run(const std::vector<std::string>& words) {
  CLI::App app("test", "corollary");
  add_model_command(app);
  add_generate_command(app);
  add_eval_command(app);
  testing::internal::CaptureStdout();
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes them from the back
  } catch (...) {
    testing::internal::GetCapturedStdout();
    throw;
  }
  return testing::internal::GetCapturedStdout();
}

class ModelCommands : public testing::Test {
 protected:
  void SetUp() override { save_language_model(model(), small_language_model()); }
  std::string model() const { return (folder_ / "small").string(); }
  TestFolder folder_;
};

TEST_F(ModelCommands, TellThePublishedStory) {
  if (!fs::exists(kStories)) GTEST_SKIP() << kStories << " is absent";
  const std::string stories = (folder_ / "stories").string();
  run({"model", "convert", (kStories / "stories260K.bin").string(), stories, "--tokenizer", (kStories / "tok512.bin").string()});
  const std::string story = run({"generate", "--model", stories, "--prompt", "", "--temperature", "0", "--max-new-tokens", "200"});
  EXPECT_THAT(run({"model", "inspect", (kStories / "stories260K.bin").string()}), HasSubstr("llama2.c"));
  EXPECT_EQ(story, read_file(kStories / "expected_greedy_200_steps.txt") + "\n");
}

TEST_F(ModelCommands, PrintJson) {
  const std::string lines = run({"generate", "--model", model(), "--prompt", "the", "--temperature", "1", "--samples", "2",
                                 "--max-new-tokens", "5", "--json"});
  const Json first = parse_json(lines.substr(0, lines.find('\n')), "stdout");
  EXPECT_EQ(first["prompt"], "the");
  EXPECT_EQ(first["completion_tokens"], 5);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);

  const Json inspected = parse_json(run({"model", "inspect", model(), "--json"}), "stdout");
  EXPECT_EQ(inspected["config"]["hidden_size"], 48);
  EXPECT_EQ(inspected["tensors"].size(), 30u);
  EXPECT_EQ(inspected["tensors"][0]["name"], "lm_head.weight");
  EXPECT_THAT(run({"model", "inspect", model() + "/model.safetensors"}), HasSubstr("30 tensors"));

  write_file(folder_ / "texts.jsonl", "{\"text\": \"the cat is on the mat.\"}\n");
  const Json measured = parse_json(run({"eval", "perplexity", "--model", model(), "--data", (folder_ / "texts.jsonl").string(),
                                        "--precision", "fp32", "--json"}),
                                   "stdout");
  EXPECT_EQ(measured["documents"], 1);
  EXPECT_EQ(measured["bytes"], 22);
  EXPECT_GT(measured["bits_per_byte"].get<double>(), 1.0);  // fresh weights
}

TEST_F(ModelCommands, ConvertBetweenDtypesAndBack) {
  run({"model", "convert", model(), (folder_ / "bf16").string(), "--dtype", "bf16"});
  EXPECT_TRUE(fs::exists(folder_ / "bf16/tokenizer.model"));
  EXPECT_EQ(read_json_file(folder_ / "bf16/config.json")["torch_dtype"], "bfloat16");
  EXPECT_LT(fs::file_size(folder_ / "bf16/model.safetensors"), fs::file_size(folder_ / "small/model.safetensors") * 6 / 10);
  EXPECT_GT(run({"generate", "--model", (folder_ / "bf16").string(), "--max-new-tokens", "10"}).size(), 1u);
}

TEST_F(ModelCommands, NameWhatIsWrong) {
  const auto error = [](const std::vector<std::string>& words) { return error_of([&] { run(words); }); };
  EXPECT_THAT(error({"model", "convert", model(), model()}), HasSubstr("onto itself"));
  EXPECT_THAT(error({"model", "convert", "/nowhere", model()}), HasSubstr("/nowhere"));
  EXPECT_THAT(error({"generate", "--model", "/nowhere"}), HasSubstr("/nowhere"));
  EXPECT_THAT(error({"generate", "--model", model(), "--top-p", "2"}), HasSubstr("top_p"));
  EXPECT_THAT(error({"eval", "perplexity", "--model", model(), "--data", "/nowhere.jsonl"}), HasSubstr("/nowhere.jsonl"));
}

}  // namespace
}  // namespace corollary
