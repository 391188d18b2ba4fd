#include "corpus/mix.h"

#include <gtest/gtest.h>

#include <map>

#include "base/compress.h"
#include "base/digest.h"
#include "base/error.h"
#include "corpus/document.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

void write_subset(const fs::path& path, const std::string& name, int documents, std::size_t bytes) {
  CompressedWriter writer(path);
  for (int i = 0; i < documents; ++i) {
    std::string text = name + std::to_string(i) + " ";
    text.resize(bytes, 'x');
    writer.write_line(document_to_line({text, {{"subset", name}}}));
  }
  writer.commit();
}

class Mix : public ::testing::Test {
 protected:
  void SetUp() override {
    write_subset(folder_ / "corpus/web/train.jsonl.zst", "web", 400, 100);
    write_subset(folder_ / "corpus/code/train/code-00000.jsonl.zst", "code", 100, 100);
    write_subset(folder_ / "corpus/code/train/code-00001.jsonl.zst", "coda", 100, 100);
    config_.parts = {{"web", 3}, {"code", 1}};
  }
  std::vector<std::string> texts(const fs::path& out) const {
    std::vector<std::string> all;
    for (const fs::path& file : list_files(out)) {
      if (file.filename() == "manifest.json") continue;
      LineReader lines(file);
      while (const auto line = lines.next()) all.push_back(document_from_line(*line, "mix").text);
    }
    return all;
  }
  TestFolder folder_;
  MixConfig config_;
};

TEST_F(Mix, SharesOfTheScarcest) {
  const auto shares = mix_shares(config_, folder_ / "corpus");  // web 40,000 bytes of weight 3 is scarcer than code's 20,000 of 1
  EXPECT_NEAR(shares[0].epochs, 1, 1e-12);
  EXPECT_NEAR(shares[1].taken_bytes, 40'000.0 / 3, 1e-6);
  EXPECT_NEAR(shares[1].epochs, 2.0 / 3, 1e-12);
}

TEST_F(Mix, WholeEpochsAndAPartInRandomOrder) {
  config_.bytes = 120'000;  // web 90,000: 2.25 epochs, code 30,000: 1.5
  config_.shard_bytes = 30'000;
  const StageResult result = mix_corpus(config_, folder_ / "corpus", folder_ / "out");
  std::map<std::string, int> seen;
  const auto all = texts(folder_ / "out");
  for (const std::string& text : all) ++seen[text];
  EXPECT_EQ(seen.size(), 600U) << "every document is there";
  std::map<std::string, int> copies;
  for (const auto& [text, n] : seen) {
    const bool is_web = text.starts_with("web");
    EXPECT_GE(n, is_web ? 2 : 1);
    EXPECT_LE(n, is_web ? 3 : 2);
    copies[is_web ? "web" : "code"] += n;
  }
  EXPECT_NEAR(copies["web"], 900, 6 * 8.7) << "six deviations of a binomial";
  EXPECT_NEAR(copies["code"], 300, 6 * 7.1);
  EXPECT_EQ(result.manifest.counts["web"]["documents"], copies["web"]);
  int changes = 0;
  for (std::size_t i = 1; i < all.size(); ++i) changes += all[i].starts_with("web") != all[i - 1].starts_with("web");
  EXPECT_NEAR(changes, 2 * 0.75 * 0.25 * static_cast<double>(all.size()), 0.2 * static_cast<double>(all.size()))
      << "not sorted by subset";
  EXPECT_TRUE(mix_corpus(config_, folder_ / "corpus", folder_ / "out").was_up_to_date);

  mix_corpus(config_, folder_ / "corpus", folder_ / "again");
  EXPECT_EQ(texts(folder_ / "again"), all);
  config_.seed = 5;
  mix_corpus(config_, folder_ / "corpus", folder_ / "other");
  EXPECT_NE(texts(folder_ / "other"), all);
}

TEST_F(Mix, WrongPartsAreNamed) {
  config_.parts.push_back({"papers", 1});
  EXPECT_THROW(mix_corpus(config_, folder_ / "corpus", folder_ / "out"), Error);
  config_.parts = {{"web", -1}};
  EXPECT_THROW(mix_corpus(config_, folder_ / "corpus", folder_ / "out"), Error);
  config_.parts = {};
  EXPECT_THROW(mix_corpus(config_, folder_ / "corpus", folder_ / "out"), Error);
}

}  // namespace
}  // namespace corollary
