// Real vocabularies and real text, where a checkout of the data lies beside ours: our ids must be SentencePiece's, or those
// published.
#include <gmock/gmock.h>

#include <cstdlib>

#include "base/compress.h"
#include "base/error.h"
#include "base/json.h"
#include "tokenizer/corpus_files.h"
#include "tokenizer/test_tokenizers.h"

namespace corollary {
namespace {

using testing::Oracle;
using testing::random_text;
using testing::shared_data;

class SharedTokenizer : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(shared_data() / "tokenizer")) GTEST_SKIP() << "no " << shared_data() << ": real vocabularies are not tested";
  }
  static const Tokenizer& llama() {
    static const Tokenizer tokenizer = Tokenizer::load(shared_data() / "tokenizer" / "llama_tokenizer.model");
    return tokenizer;
  }
  static const Oracle& llama_oracle() {
    static const Oracle oracle(read_file(shared_data() / "tokenizer" / "llama_tokenizer.model"));
    return oracle;
  }
  static void expect_equal(std::string_view text, const std::string& where) {
    const auto ids = llama_oracle().encode(text);
    ASSERT_EQ(llama().encode(text), ids) << where;
    ASSERT_EQ(llama().decode(ids), llama_oracle().decode(ids)) << where;
  }
};

TEST_F(SharedTokenizer, PublishedTestTexts) {
  const std::string inputs = read_file(shared_data() / "tokenizer" / "ggml-vocab-llama-spm.gguf.inp");
  const std::string outputs = read_file(shared_data() / "tokenizer" / "ggml-vocab-llama-spm.gguf.out");
  const std::string separator = "\n__ggml_vocab_test__\n";
  int texts = 0;
  std::size_t at = 0, line = 0;
  while (at < inputs.size()) {
    const std::size_t end = std::min(inputs.find(separator, at), inputs.size()),
                      line_end = std::min(outputs.find('\n', line), outputs.size());
    std::istringstream expected(outputs.substr(line, line_end - line));
    const std::vector<std::int32_t> ids{std::istream_iterator<std::int32_t>(expected), {}};
    EXPECT_EQ(llama().encode(inputs.substr(at, end - at)), ids) << "text " << texts;
    ++texts;
    at = end + separator.size(), line = line_end + 1;
  }
  EXPECT_GE(texts, 46);
}

TEST_F(SharedTokenizer, ReferenceIds) {
  const Tokenizer json = Tokenizer::load(shared_data() / "tokenizer" / "llama_hf_tokenizer.json.zst");
  EXPECT_EQ(json.bos_id(), 1);
  LineReader lines(shared_data() / "tokenizer" / "llama_spm_reference_ids.jsonl.zst");
  int texts = 0;
  while (const auto line = lines.next()) {
    const Json record = parse_json(*line, "reference ids");
    const std::string text = record["text"];
    const std::vector<std::int32_t> ids = record["ids"];
    EXPECT_EQ(llama().encode(text), ids);
    EXPECT_EQ(llama().decode(ids) == text, record["decoded_equal"].get<bool>());
    EXPECT_EQ(json.encode(text), ids);
    EXPECT_EQ(json.decode(ids), llama().decode(ids));
    ++texts;
  }
  EXPECT_EQ(texts, 400);
}

TEST_F(SharedTokenizer, StoriesInBothFormats) {
  const fs::path folder = shared_data() / "tokenizer" / "spm512";
  const Tokenizer model = Tokenizer::load(folder / "tok512.model"), bin = Tokenizer::load(folder / "tok512.bin");
  EXPECT_EQ(bin.vocab_size(), 512);
  EXPECT_EQ(bin.file_name(), "tokenizer.model");
  LineReader lines(folder / "encoded_stories.jsonl");
  while (const auto line = lines.next()) {
    const Json record = parse_json(*line, "stories");
    const std::vector<std::int32_t> ids = record["ids"];
    for (const Tokenizer* tokenizer : {&model, &bin})
      EXPECT_EQ(tokenizer->encode(record["text"].get<std::string>(), {.add_bos = true}), ids);
    EXPECT_EQ(bin.decode(ids), model.decode(ids));
  }
  const fs::path stories = shared_data() / "models" / "stories260K" / "tok512.bin";  // spaces written as spaces, <s> decorated
  const Tokenizer tokenizer = Tokenizer::load(stories);
  EXPECT_EQ(tokenizer.piece(1), "<s>");
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("Once upon a time, there was 1 \xf0\x9f\x98\x80.")),
            "Once upon a time, there was 1 \xf0\x9f\x98\x80.");
  const fs::path saved = fs::path(::testing::TempDir()) / "corollary_tok512";
  tokenizer.save(saved);
  const Oracle oracle(read_file(saved / "tokenizer.model"));
  EXPECT_EQ(tokenizer.encode("Once upon a time"), oracle.encode("Once upon a time"));
  fs::remove_all(saved);
}

TEST_F(SharedTokenizer, RandomTexts) {
  Random random(11);
  for (int i = 0; i < 4000; ++i) {
    const std::string text = random_text(random);
    expect_equal(text, "random text " + std::to_string(i));
    if (HasFatalFailure()) return;
  }
}

/// SentencePiece takes half a minute for the corpus, so one document in 20 and the head of each other file are compared;
/// COROLLARY_FULL_CORPUS=1 compares all of it.
TEST_F(SharedTokenizer, WholeCorpus) {
  const bool is_full = std::getenv("COROLLARY_FULL_CORPUS") != nullptr;
  std::int64_t documents = 0, bytes = 0, number = 0;
  DocumentParser parser;
  const auto compare = [&](std::string_view text, const std::string& where) {
    expect_equal(text, where);
    ++documents;
    bytes += static_cast<std::int64_t>(text.size());
  };
  for (const fs::path& path : list_files(shared_data() / "corpus")) {
    const std::string name = path.filename().string();
    if (name.find(".jsonl") != std::string::npos) {
      LineReader lines(path);
      while (const auto line = lines.next()) {
        if (number++ % 20 != 0 && !is_full) continue;
        const auto text = parser.text(*line);
        compare(text ? *text : *line, path.string() + " line " + std::to_string(lines.line_number()));
        if (HasFatalFailure()) return;
      }
    } else {  // crawls and archives: whatever bytes they hold, in pieces that are cut anywhere
      LineReader lines(path);
      std::string piece;
      try {
        while (const auto line = lines.next()) {
          piece.append(*line).append("\n");
          if (piece.size() < 50'000) continue;
          compare(piece, path.string() + " before line " + std::to_string(lines.line_number()));
          piece.clear();
          if (HasFatalFailure()) return;
          if (!is_full) break;
        }
      } catch (const Error&) {
        EXPECT_THAT(name, ::testing::AnyOf("clipped.warc.gz", ::testing::HasSubstr("bad"))) << "only the broken ones may break";
      }
      compare(piece, path.string() + " at its end");
      if (HasFatalFailure()) return;
    }
  }
  std::printf("%lld texts, %lld bytes, all equal\n", static_cast<long long>(documents), static_cast<long long>(bytes));
  EXPECT_GT(documents, 100);
}

}  // namespace
}  // namespace corollary
