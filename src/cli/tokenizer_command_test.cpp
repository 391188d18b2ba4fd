// tokenizer train, encode, decode and pack as a user calls them: arguments in, stdout out.
#include <gmock/gmock.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/test_folder.h"
#include "cli/commands.h"
#include "tokenizer/indexed_dataset.h"

namespace corollary {
namespace {

using ::testing::HasSubstr;

std::string run(const std::vector<std::string>& words) {
  CLI::App app("test", "corollary");
  add_tokenizer_command(app);
  ::testing::internal::CaptureStdout();
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes them from the back
  } catch (...) {
    ::testing::internal::GetCapturedStdout();
    throw;
  }
  return ::testing::internal::GetCapturedStdout();
}

/// A tokenizer trained through the command on text of our own.
class TokenizerCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string lines;
    for (int i = 0; i < 300; ++i)
      lines += to_line({{"text",
                         "Theorem " + std::to_string(i) + ". Let $x$ be an element of the ring; then the ideal is maximal.\n"}}) +
               "\n";
    write_file(folder / "corpus" / "papers" / "train.jsonl", lines);
    const Json counts = parse_json(
        run({"tokenizer", "train", "--corpus", path("corpus"), "--out", path("tokenizer"), "--vocab-size", "320", "--json"}),
        "stdout");
    EXPECT_EQ(counts["counts"]["documents"], 300);
  }
  std::string path(const std::string& name) const { return (folder / name).string(); }
  std::string encode(const std::vector<std::string>& more) const {
    std::vector<std::string> words = {"tokenizer", "encode", "--tokenizer", path("tokenizer")};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  TestFolder test_folder;
  fs::path folder = test_folder.path();
};

TEST_F(TokenizerCommand, EncodesAndDecodes) {
  const std::string text = "Let $x$ be in the ring.\n\n  \xe2\x88\x80 y";
  write_file(path("text"), text);
  const std::string ids = encode({"--text", text});
  EXPECT_EQ(encode({path("text")}), ids);
  EXPECT_EQ(encode({path("text"), "--bos", "--eos"}), "1 " + ids.substr(0, ids.size() - 1) + " 2\n");
  const Json json = parse_json(encode({path("text"), "--json"}), "stdout");
  EXPECT_GT(json["ids"].size(), 5u);
  EXPECT_EQ(encode({"--text", ""}), "\n");
  EXPECT_EQ(encode({"--text", "", "--json"}), "{\"ids\": []}\n");

  write_file(path("ids"), ids);
  EXPECT_EQ(run({"tokenizer", "decode", "--tokenizer", path("tokenizer"), path("ids")}), text + "\n");
  write_file(path("ids"), encode({path("text"), "--json"}));
  EXPECT_EQ(parse_json(run({"tokenizer", "decode", "--tokenizer", path("tokenizer"), path("ids"), "--json"}), "stdout")["text"],
            text);
}

TEST_F(TokenizerCommand, LinesAreTextsOfTheirOwn) {
  write_file(path("text"), "Let\n\nthe ring");
  const std::string lines = encode({path("text"), "--lines"});
  EXPECT_EQ(lines, encode({"--text", "Let"}) + "\n" + encode({"--text", "the ring"}));
  write_file(path("ids"), lines);
  EXPECT_EQ(run({"tokenizer", "decode", "--tokenizer", path("tokenizer"), path("ids")}), "Let\n\nthe ring\n");
}

TEST_F(TokenizerCommand, Packs) {
  run({"tokenizer", "pack", "--corpus", path("corpus"), "--tokenizer", path("tokenizer"), "--out", path("pack"),
       "--no-append-eod"});
  const IndexedDataset dataset(folder / "pack" / "papers_train_text_document");
  EXPECT_EQ(dataset.num_documents(), 300);
}

TEST_F(TokenizerCommand, SaysWhatIsWrong) {
  write_file(path("ids"), "5 six 7\n");
  const auto message = [](const std::vector<std::string>& words) {
    try {
      run(words);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("done");
  };
  EXPECT_THAT(message({"tokenizer", "decode", "--tokenizer", path("tokenizer"), path("ids")}), HasSubstr("\"six"));
  EXPECT_THAT(message({"tokenizer", "encode", "--tokenizer", path("tokenizer"), path("nothing")}), HasSubstr("nothing"));
  EXPECT_THAT(message({"tokenizer", "encode", "--tokenizer", path("corpus"), "--text", "x"}), HasSubstr("tokenizer.model"));
  EXPECT_THROW(run({"tokenizer", "encode"}), CLI::ParseError);
}

}  // namespace
}  // namespace corollary
