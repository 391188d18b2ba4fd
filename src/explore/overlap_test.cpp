#include "explore/overlap.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/compress.h"
#include "base/error.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

std::vector<Json> lines_of(const fs::path& file) {
  std::vector<Json> all;
  LineReader lines(file);
  while (const auto line = lines.next()) all.push_back(parse_json(*line, file.string()));
  return all;
}

std::string numbers(int from, int n) {
  std::string out;
  for (int i = from; i < from + n; ++i) out += "w" + std::to_string(i) + " ";
  return out;
}

class Overlap : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string tests;
    for (int i = 0; i < 6; ++i)  // item 5 repeats item 0
      tests += to_line({{"problem", numbers(100 * (i % 5), 20)},
                        {"solution", "s"},
                        {"level", "Level " + std::to_string(1 + i % 2)},
                        {"type", "T"}}) +
               "\n";
    write_file(folder_ / "tests.jsonl", tests);
    CompressedWriter web(folder_ / "corpus/web/train.jsonl.zst");
    web.write_line(
        to_line({{"text", "before \u00e9 " + numbers(0, 12) + "after"}, {"url", "u1"}}));  // item 0 (and 5), 3 n-grams of 10
    web.write_line(to_line({{"text", numbers(305, 10) + "and " + numbers(102, 10)}, {"meta", {{"a", 1}}}}));  // items 3 and 1
    web.write_line("no document");
    web.write_line(to_line({{"text", numbers(305, 10) + "and " + numbers(102, 10)}}));  // the same text again
    web.write_line(to_line({{"text", numbers(100, 20)}}));                              // item 1 whole
    web.commit();
    write_file(folder_ / "corpus/rejected.jsonl", "{}\n");
    config_.tests = {(folder_ / "tests.jsonl").string()};
    config_.ngrams = {10, -1};
    config_.context_bytes = 8;
  }
  TestFolder folder_;
  OverlapConfig config_;
};

TEST_F(Overlap, HitsWithContextAndCounts) {
  const auto summaries = scan_overlap(config_, folder_ / "corpus", folder_ / "out");
  ASSERT_EQ(summaries.size(), 2U);
  EXPECT_EQ(summaries[0].n, -1);
  EXPECT_EQ(summaries[0].examples, 1);
  EXPECT_EQ(summaries[1].examples, 4);  // 0, 5, 1, 3
  EXPECT_EQ(summaries[1].documents, 3) << "equal texts count once";
  EXPECT_EQ(summaries[1].lines, 4);
  EXPECT_LT(summaries[1].published_examples, 4) << "a document's last item alone";
  const auto lines = lines_of(folder_ / "out/hits_10.jsonl");
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0]["url"], "u1");
  EXPECT_EQ(lines[0]["hits"].size(), 6U);
  EXPECT_EQ(lines[0]["hits"][0]["before"], "fore \u00e9 ") << "cut to whole characters";
  EXPECT_EQ(lines[0]["hits"][0]["ngram"], "w0 w1 w2 w3 w4 w5 w6 w7 w8 w9");
  EXPECT_EQ(lines[0]["hits"][0]["after"], " w10 w11");
  const Json summary = read_json_file(folder_ / "out/overlap.json");
  EXPECT_EQ(summary["not_documents"], 1);
  EXPECT_EQ(summary["documents_read"], 4);
  EXPECT_EQ(summary["overlap"][1]["test_ids"], Json({0, 1, 3, 5}));
}

TEST_F(Overlap, AccuracyByLevelWithRepeatedProblems) {
  scan_overlap(config_, folder_ / "corpus", folder_ / "out");
  write_file(folder_ / "scores.jsonl",
             "{\"correct\":true}\n{\"correct\":false}\n{\"acc\":1}\n{\"exact_match\":0}\n{\"correct\":true}\n{\"correct\":true}\n");
  const auto table = overlap_accuracy(config_, {folder_ / "out"}, 10, folder_ / "scores.jsonl");
  ASSERT_EQ(table.size(), 3U);
  EXPECT_EQ(table[0].level, "Level 1");  // items 0, 2, 4: hit 0 correct; others 2 and 4 correct
  EXPECT_EQ(table[0].hits, 1);
  EXPECT_EQ(table[0].correct_hits, 1);
  EXPECT_EQ(table[0].correct_others, 2);
  EXPECT_EQ(table[1].hits, 3);  // 1, 3, 5
  EXPECT_EQ(table[1].correct_hits, 1);
  EXPECT_EQ(table[2].hits, 4);
  EXPECT_THROW(overlap_accuracy(config_, {folder_ / "out"}, 30, folder_ / "scores.jsonl"), Error);
  write_file(folder_ / "scores.jsonl", "{\"correct\":true}\n");
  EXPECT_THROW(overlap_accuracy(config_, {folder_ / "out"}, 10, folder_ / "scores.jsonl"), Error);
  write_file(folder_ / "scores.jsonl", "{}\n");
  EXPECT_THROW(overlap_accuracy(config_, {folder_ / "out"}, 10, folder_ / "scores.jsonl"), Error);
}

TEST_F(Overlap, WrongUseIsNamed) {
  EXPECT_THROW(scan_overlap(config_, folder_ / "nowhere", folder_ / "out"), Error);
  config_.key = "nothing";
  EXPECT_THROW(scan_overlap(config_, folder_ / "corpus", folder_ / "out"), Error);
  config_.key = "problem";
  config_.ngrams = {-2};
  EXPECT_THROW(scan_overlap(config_, folder_ / "corpus", folder_ / "out"), Error);
}

/// The hits Llemma's study published, found again in the same texts: every n-gram, every item.
TEST(OverlapShared, PublishedHitsAgree) {
  const fs::path data = fs::path(COROLLARY_SOURCE_DIR) / ".." / "shared" / "data";
  if (!fs::exists(data / "overlap")) GTEST_SKIP() << "no published hits here";
  const TestFolder folder;
  int documents = 0, several = 0;
  for (const auto& [name, tests, key] : {std::tuple{"mathstack_MATH_input_hits_30", "math", "problem"},
                                         {"mathstack_MATH_output_hits_30", "math", "solution"},
                                         {"open-web-math_open-web-math-v1.2_MATH_output_hits_30", "math", "solution"},
                                         {"open-web-math_open-web-math-v1.2_gsm8k_input_hits_30", "gsm8k", "question"}}) {
    const fs::path published = data / "overlap" / (std::string(name) + ".jsonl.zst");
    OverlapConfig config;
    config.tests = {(data / "eval" / tests / "test.jsonl.zst").string()};
    config.key = key;
    config.published_format = true;
    scan_overlap(config, published, folder / name);
    const auto theirs = lines_of(published), ours = lines_of(folder / name / "hits_30.jsonl");
    ASSERT_EQ(ours.size(), theirs.size()) << name;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const auto hits = [](const Json& line) {
        std::set<std::pair<std::int64_t, std::string>> all;
        for (const Json& hit : line["hits"]) all.emplace(hit.at("test_id").get<std::int64_t>(), hit.at("ngram").get<std::string>());
        return all;
      };
      EXPECT_EQ(hits(ours[i]), hits(theirs[i])) << name << " line " << i;
      EXPECT_EQ(ours[i]["hits"].size(), theirs[i]["hits"].size());
      std::set<std::int64_t> items;
      for (const auto& [id, ngram] : hits(ours[i])) items.insert(id);
      several += items.size() > 2;  // one of them the placeholder
      ++documents;
    }
  }
  EXPECT_EQ(documents, 30);
  EXPECT_GT(several, 0) << "the published statistics count one item of these documents";
}

}  // namespace
}  // namespace corollary
