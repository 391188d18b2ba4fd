#include "train/data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/digest.h"
#include "base/error.h"
#include "base/manifest.h"
#include "base/test_folder.h"
#include "train/test_corpus.h"

namespace corollary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TrainingDataTest : public ::testing::Test {
 protected:
  TrainingDataTest() { TestCorpus::write(folder_.path()); }
  TrainingData open(std::int64_t vocab_size = TestCorpus::kVocabSize) const {
    return {folder_ / "pack", TestCorpus::mixture(), config_, vocab_size};
  }
  std::string error_of_open(std::int64_t vocab_size = TestCorpus::kVocabSize) const {
    try {
      const TrainingData data = open(vocab_size);
      std::vector<std::int32_t> tokens(32), targets(32);
      for (std::int64_t i = 0; i < 160; ++i) data.sample(i, tokens, targets);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  TestFolder folder_;
  TrainConfig config_ = resolve(TestCorpus::config(), 1);
};

TEST_F(TrainingDataTest, TargetsAreTheTokensOneFurtherOn) {
  const TrainingData data = open();
  std::vector<std::int32_t> tokens(32), targets(32);
  for (std::int64_t i = 0; i < 160; ++i) {
    data.sample(i, tokens, targets);
    for (std::size_t t = 0; t + 1 < 32; ++t) ASSERT_EQ(targets[t], tokens[t + 1]) << "sample " << i << " position " << t;
  }
  EXPECT_THROW(data.sample(160, tokens, targets), Error);
  EXPECT_THROW(data.sample(-1, tokens, targets), Error);
}

TEST_F(TrainingDataTest, ASampleFollowsFromItsNumberAlone) {
  const TrainingData one = open(), two = open();
  std::vector<std::int32_t> a(32), b(32), targets(32);
  for (const std::int64_t i : {159, 3, 77, 3, 0}) {
    one.sample(i, a, targets);
    two.sample(i, b, targets);
    EXPECT_EQ(a, b);
  }
  config_.seed += 1;
  int different = 0;
  const TrainingData other = open();
  for (std::int64_t i = 0; i < 20; ++i) {
    one.sample(i, a, targets);
    other.sample(i, b, targets);
    different += a != b;
  }
  EXPECT_GT(different, 10);
}

// big 3 : small 1. The two rules of succession tell a sample's subset from its tokens.
TEST_F(TrainingDataTest, SubsetsComeInProportion) {
  const TrainingData data = open();
  std::vector<std::int32_t> tokens(32), targets(32);
  int small = 0;
  for (std::int64_t i = 0; i < 160; ++i) {
    data.sample(i, tokens, targets);
    int by_five = 0, by_seven = 0;
    for (std::size_t t = 0; t < 32; ++t) {
      by_five += targets[t] - 3 == (5 * (tokens[t] - 3) + 1) % 61;
      by_seven += targets[t] - 3 == (7 * (tokens[t] - 3) + 1) % 61;
    }
    small += by_seven > by_five;
  }
  EXPECT_EQ(small, 40);
}

TEST_F(TrainingDataTest, ValidationIsTheBeginningOfTheFileInOrder) {
  const TrainingData data = open();
  EXPECT_THAT(data.validation_subsets(), ElementsAre("big", "small"));
  EXPECT_EQ(data.validation_windows(0), 4);
  std::vector<std::int32_t> expected, tokens(32), targets(32);
  for (const auto& document : TestCorpus::documents(12, 5, 2)) expected.insert(expected.end(), document.begin(), document.end());
  for (std::int64_t window = 0; window < 4; ++window) {
    data.validation_window(0, window, tokens, targets);
    for (std::size_t t = 0; t < 32; ++t) {
      ASSERT_EQ(tokens[t], expected[static_cast<std::size_t>(window) * 32 + t]);
      ASSERT_EQ(targets[t], expected[static_cast<std::size_t>(window) * 32 + t + 1]);
    }
  }
}

// Six tokens make five predictions: one window, the rest of which counts for nothing.
TEST_F(TrainingDataTest, AShortValidationSetIsUsedWhole) {
  const TrainingData data = open();
  EXPECT_EQ(data.validation_windows(1), 1);
  std::vector<std::int32_t> tokens(32), targets(32);
  data.validation_window(1, 0, tokens, targets);
  EXPECT_THAT(std::vector(targets.begin(), targets.begin() + 7), ElementsAre(4, 5, 6, 7, 2, -1, -1));
  EXPECT_EQ(tokens[0], 3);
  EXPECT_EQ(targets[31], -1);
  EXPECT_THROW(data.validation_window(1, 1, tokens, targets), Error);
}

TEST_F(TrainingDataTest, WithoutAValidationSplitASubsetIsOnlyTrainedOn) {
  fs::remove(folder_ / "pack" / "big_validation_text_document.idx");
  EXPECT_THAT(open().validation_subsets(), ElementsAre("small"));
  config_.eval_sequences = 0;
  EXPECT_TRUE(open().validation_subsets().empty());
}

TEST_F(TrainingDataTest, DigestsComeFromTheManifestOnlyWhereSizesAgree) {
  const fs::path big = folder_ / "pack" / "big_train_text_document.bin", small = folder_ / "pack" / "small_train_text_document.bin";
  EXPECT_EQ(open().digests()["pack/big_train_text_document.bin"], sha256_file(big));
  write_json_file(folder_ / "pack" / "manifest.json",
                  {{"stage", "pack"},
                   {"version", "0"},
                   {"config", Json::object()},
                   {"inputs", Json::object()},
                   {"outputs",
                    {{"big_train_text_document.bin", {{"bytes", fs::file_size(big)}, {"sha256", "from the manifest"}}},
                     {"small_train_text_document.bin", {{"bytes", 1}, {"sha256", "stale"}}}}},
                   {"counts", Json::object()},
                   {"seconds", 0}});
  EXPECT_EQ(open().digests()["pack/big_train_text_document.bin"], "from the manifest");
  EXPECT_EQ(open().digests()["pack/small_train_text_document.bin"], sha256_file(small));
  EXPECT_EQ(open().digests().size(), 8u);
}

TEST_F(TrainingDataTest, NamesWhatIsMissingOrDoesNotFit) {
  EXPECT_THAT(error_of_open(/*vocab_size=*/20), HasSubstr("beyond the model's vocabulary of 20"));
  fs::resize_file(folder_ / "pack" / "small_train_text_document.bin", 10);
  EXPECT_THAT(error_of_open(), HasSubstr("small_train_text_document"));
  fs::remove(folder_ / "pack" / "small_train_text_document.bin");
  EXPECT_THAT(error_of_open(), HasSubstr("pack the subset small or leave it out"));
}

}  // namespace
}  // namespace corollary
