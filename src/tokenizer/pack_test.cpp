#include "tokenizer/pack.h"

#include <gmock/gmock.h>

#include "base/compress.h"
#include "base/error.h"
#include "base/threads.h"
#include "tokenizer/corpus_files.h"
#include "tokenizer/indexed_dataset.h"
#include "tokenizer/test_tokenizers.h"
#include "tokenizer/train_tokenizer.h"

namespace corollary {
namespace {

using testing::sample_lines;

/// A corpus of two subsets in a folder of its own.
class Stages : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder);
    const auto lines = sample_lines();
    std::size_t next = 0;
    for (const auto& [subset, split, documents] : std::vector<std::tuple<std::string, std::string, int>>{
             {"code", "train", 300}, {"code", "test", 5}, {"papers", "train", 150}}) {
      CompressedWriter writer(corpus / subset / (split + ".jsonl.zst"));
      for (int i = 0; i < documents; ++i) {
        std::string text;
        for (int k = 0; k < 6; ++k) text += lines[next++ % lines.size()] + "\n";
        texts[subset + "_" + split].push_back(text);
        writer.write_line(to_line({{"text", text}, {"meta", {{"path", "x"}}}}));
      }
      writer.commit();
    }
  }
  void TearDown() override { fs::remove_all(folder); }

  fs::path folder = fs::path(::testing::TempDir()) /
                    ("corollary_stages_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
  fs::path corpus = folder / "corpus", tokenizer = folder / "tokenizer", packed = folder / "pack";
  std::map<std::string, std::vector<std::string>> texts;
};

TEST_F(Stages, TokenizerIsTrainedLlamasWay) {
  const TokenizerConfig config{.vocab_size = 420};
  const StageResult result = train_tokenizer(config, corpus, tokenizer);
  EXPECT_FALSE(result.was_up_to_date);
  EXPECT_EQ(result.manifest.counts["documents"], 450) << "the training sets only";
  EXPECT_EQ(result.manifest.counts["documents_used"], 450);
  const Tokenizer trained = Tokenizer::load(tokenizer);
  EXPECT_EQ(trained.vocab_size(), 420);
  EXPECT_EQ(trained.unk_id(), 0);
  EXPECT_EQ(trained.bos_id(), 1);
  EXPECT_EQ(trained.eos_id(), 2);
  EXPECT_EQ(trained.piece(3 + 0x41), "<0x41>");
  EXPECT_EQ(trained.decode(trained.encode("  f(x) = 12\n\t\xe2\x88\x80")), "  f(x) = 12\n\t\xe2\x88\x80");
  for (std::int32_t id = 259; id < 420; ++id)  // digits stand alone
    EXPECT_TRUE(trained.piece(id).size() == 1 || trained.piece(id).find_first_of("0123456789") == std::string::npos)
        << trained.piece(id);

  EXPECT_TRUE(train_tokenizer(config, corpus, tokenizer).was_up_to_date);
  const std::string bytes = read_file(tokenizer / "tokenizer.model");
  (void)train_tokenizer(config, corpus, folder / "again");
  EXPECT_EQ(read_file(folder / "again" / "tokenizer.model"), bytes) << "the same bytes every time";
  EXPECT_FALSE(train_tokenizer({.vocab_size = 400}, corpus, tokenizer).was_up_to_date);
}

TEST_F(Stages, TokenizerTrainsOnABoundedSample) {
  const auto counts = train_tokenizer({.vocab_size = 400, .input_bytes = 20'000}, corpus, tokenizer).manifest.counts;
  EXPECT_GT(counts["bytes"], 60'000);
  EXPECT_GT(counts["bytes_used"], 10'000);
  EXPECT_LT(counts["bytes_used"], 30'000);
  const auto other =
      train_tokenizer({.vocab_size = 400, .input_bytes = 20'000, .seed = 5}, corpus, folder / "other").manifest.counts;
  EXPECT_NE(other["bytes_used"], counts["bytes_used"]);
}

TEST_F(Stages, TokenizerSaysWhatIsWrong) {
  const auto message = [&](const TokenizerConfig& config, const fs::path& from) {
    try {
      (void)train_tokenizer(config, from, tokenizer);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("done");
  };
  EXPECT_THAT(message({.vocab_size = 100}, corpus), ::testing::HasSubstr("vocab_size is 100"));
  EXPECT_THAT(message({.vocab_size = 60'000}, corpus), ::testing::HasSubstr("smaller vocab_size"));
  EXPECT_THAT(message({}, folder / "nowhere"), ::testing::HasSubstr("nowhere"));
  EXPECT_FALSE(fs::exists(tokenizer / "tokenizer.model"));
}

TEST_F(Stages, PackWritesWhatTheTokenizerSays) {
  (void)train_tokenizer({.vocab_size = 420}, corpus, tokenizer);
  const StageResult result = pack({}, corpus, tokenizer, packed);
  const Tokenizer trained = Tokenizer::load(tokenizer);
  std::int64_t tokens = 0;
  for (const auto& [set, documents] : texts) {
    const IndexedDataset dataset(packed / (set + "_text_document"));
    ASSERT_EQ(dataset.num_documents(), static_cast<std::int64_t>(documents.size()));
    for (std::size_t i = 0; i < documents.size(); ++i) {
      std::vector<std::int32_t> ids(static_cast<std::size_t>(dataset.length(static_cast<std::int64_t>(i))));
      dataset.read(static_cast<std::int64_t>(i), 0, ids);
      ASSERT_EQ(ids, trained.encode(documents[i], {.add_eos = true}));
    }
    EXPECT_EQ(result.manifest.counts["sets"][set]["tokens"], dataset.num_tokens());
    tokens += dataset.num_tokens();
  }
  EXPECT_EQ(result.manifest.counts["tokens"], tokens);
  EXPECT_EQ(result.manifest.counts["eod_id"], 2);
  EXPECT_TRUE(pack({}, corpus, tokenizer, packed).was_up_to_date);

  const std::string bytes = read_file(packed / "code_train_text_document.bin");
  const int threads = num_threads();
  set_num_threads(threads == 1 ? 3 : 1);
  (void)pack({}, corpus, tokenizer, folder / "again");
  set_num_threads(threads);
  EXPECT_EQ(read_file(folder / "again" / "code_train_text_document.bin"), bytes) << "whatever the threads";

  (void)pack({.append_eod = false}, corpus, tokenizer, packed);
  EXPECT_EQ(IndexedDataset(packed / packed_name("code", "test")).num_documents(), 5);
  EXPECT_EQ(IndexedDataset(packed / packed_name("code", "train")).num_tokens(),
            result.manifest.counts["sets"]["code_train"]["tokens"].get<std::int64_t>() - 300);
  EXPECT_EQ(pack({.eod_id = 0}, corpus, tokenizer, packed).manifest.counts["eod_id"], 0);
  EXPECT_THROW((void)pack({.eod_id = 420}, corpus, tokenizer, packed), Error);
}

TEST_F(Stages, PackListsWhatIsNoDocument) {
  (void)train_tokenizer({.vocab_size = 420}, corpus, tokenizer);
  const fs::path file = folder / "mixed.jsonl";
  write_file(file,
             "{\"text\": \"Let $x$\", \"meta\": {}}\n{\"text\": \"a\"\n{\"meta\": 1}\n{\"text\": 7}\n\n{\"text\": "
             "\"\"}\n[1]\n{\"meta\": {\"text\": \"no\"}, \"text\": \"yes\"}\n");
  const auto counts = pack({}, file, tokenizer, packed).manifest.counts;
  EXPECT_EQ(counts["documents"], 2);
  EXPECT_EQ(counts["empty"], 1);
  EXPECT_EQ(counts["rejected"]["not JSON"], 1);
  EXPECT_EQ(counts["rejected"]["no \"text\""], 1);
  EXPECT_EQ(counts["rejected"]["\"text\" is not a string"], 1);
  EXPECT_EQ(counts["rejected"]["not a JSON object"], 1);
  LineReader lines(packed / "rejected.jsonl");
  EXPECT_EQ(parse_json(*lines.next(), "rejected.jsonl")["line"], 2);
  EXPECT_THROW((void)pack({.strict = true}, file, tokenizer, packed), Error);

  const std::string whole = read_file(corpus / "code" / "train.jsonl.zst");  // a truncated file yields what was whole
  write_file(corpus / "code" / "train.jsonl.zst", whole.substr(0, whole.size() - 7));
  const auto damaged = pack({}, corpus, tokenizer, packed).manifest.counts;
  EXPECT_EQ(damaged["rejected"].size(), 1u);
  EXPECT_LE(damaged["sets"]["code_train"]["documents"], 300);
  EXPECT_EQ(damaged["sets"]["papers_train"]["documents"], 150);
}

TEST_F(Stages, SetsOfACorpusInEveryLayout) {
  write_file(corpus / "arxiv" / "train" / "arXiv_000.jsonl", "{\"text\": \"a\"}\n");
  write_file(corpus / "arxiv" / "train" / "arXiv_001.jsonl", "{\"text\": \"b\"}\n");
  write_file(corpus / "loose.jsonl", "{\"text\": \"c\"}\n");
  write_file(corpus / "rejected.jsonl", "{}\n");
  write_file(corpus / "README.md", "no documents\n");
  std::vector<std::string> names;
  for (const CorpusSet& set : corpus_sets(corpus))
    names.push_back(set.subset + "_" + set.split + " " + std::to_string(set.files.size()));
  EXPECT_THAT(names, ::testing::ElementsAre("arxiv_train 2", "code_test 1", "code_train 1", "loose_train 1", "papers_train 1"));
  EXPECT_EQ(corpus_sets(corpus / "loose.jsonl").at(0).subset, "loose");
  fs::create_directories(folder / "empty");
  EXPECT_THROW((void)corpus_sets(folder / "empty"), Error);
}

}  // namespace
}  // namespace corollary
