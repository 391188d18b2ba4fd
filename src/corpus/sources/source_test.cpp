#include "corpus/sources/source.h"

#include <gtest/gtest.h>

#include "base/compress.h"
#include "base/error.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

std::vector<RawRecord> read_all(const std::string& kind, const fs::path& path, const std::string& glob,
                                std::int64_t max_bytes = 1 << 20) {
  FetchedSource source;
  source.kind = kind;
  source.path = path.string();
  source.glob = glob;
  std::vector<RawRecord> records;
  const auto reader = open_source(source, max_bytes);
  while (auto record = reader->next()) records.push_back(std::move(*record));
  EXPECT_FALSE(reader->next().has_value()) << "the end stays the end";
  return records;
}

TEST(Source, KindsByName) {
  EXPECT_EQ(source_kind("a.jsonl.zst", false), "records");
  EXPECT_EQ(source_kind("a.deb", false), "archive");
  EXPECT_EQ(source_kind("a.tar.xz", false), "archive");
  EXPECT_EQ(source_kind("a.tex", false), "file");
  EXPECT_EQ(source_kind("a.jsonl", true), "folder");
}

TEST(Source, GlobsMatchNamesOrPaths) {
  EXPECT_TRUE(source_glob_match("*.v", "usr/lib/a.v"));
  EXPECT_FALSE(source_glob_match("*.v", "usr/a.v/b"));
  EXPECT_TRUE(source_glob_match("*/ref/*.html", "usr/ref/x/a.html"));
  EXPECT_FALSE(source_glob_match("*/ref/*.html", "usr/dev/a.html"));
}

TEST(Source, FoldersInOrderOfPaths) {
  const TestFolder folder;
  write_file(folder / "b/2.v", "two");
  write_file(folder / "a.v", "one");
  write_file(folder / "c.txt", "no");
  write_file(folder / "d.v", std::string(2000, 'x'));
  const auto records = read_all("folder", folder.path(), "*.v", 1000);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].path, "a.v");
  EXPECT_EQ(records[1].path, "b/2.v");
  EXPECT_EQ(records[1].bytes, "two");
  EXPECT_FALSE(records[1].is_document);
  ASSERT_TRUE(records[2].rejection.has_value());
  EXPECT_EQ(records[2].rejection->reason, "too_large");
}

TEST(Source, RecordsAreDocumentsAndBadOnesAreCounted) {
  const TestFolder folder;
  CompressedWriter out(folder / "a.jsonl.zst");
  for (const char* line : {R"({"text":"x","meta":{"path":"p"}})", "{broken", R"({"text":"y"})"}) out.write_line(line);
  out.commit();
  for (const auto& records : {read_all("records", folder / "a.jsonl.zst", "*"), read_all("folder", folder.path(), "*.zst")}) {
    ASSERT_EQ(records.size(), 3U);
    EXPECT_EQ(records[0].path, "a.jsonl.zst:1");
    EXPECT_TRUE(records[0].is_document);
    EXPECT_EQ(records[0].meta["path"], "p");
    ASSERT_TRUE(records[1].rejection.has_value());
    EXPECT_EQ(records[1].rejection->reason, "malformed_record");
    EXPECT_EQ(records[2].bytes, "y");
  }
}

TEST(Source, ATruncatedFileYieldsItsWholeLines) {
  const TestFolder folder;
  {
    CompressedWriter out(folder / "a.jsonl.gz");
    for (int i = 0; i < 20'000; ++i) out.write_line("{\"text\":\"" + std::to_string(i * 7919) + "\"}");
    out.commit();
  }
  const std::string whole = read_file(folder / "a.jsonl.gz");
  write_file(folder / "a.jsonl.gz", whole.substr(0, whole.size() / 2));
  const auto records = read_all("records", folder / "a.jsonl.gz", "*");
  ASSERT_GT(records.size(), 1000U);
  for (std::size_t i = 0; i + 1 < records.size(); ++i) ASSERT_EQ(records[i].bytes, std::to_string(i * 7919));
  ASSERT_TRUE(records.back().rejection.has_value());
  EXPECT_EQ(records.back().rejection->reason, "truncated_file");
}

TEST(Source, ArchivesGiveTheirFilesAndTheirDamage) {
  const TestFolder folder;
  const std::string package =
      testing::make_package({{"./a.v", "one"}, {"./a.txt", "no"}, {"./b.v", std::string(5000, 'b')}, {"./c.v", "three"}});
  write_file(folder / "x.deb", package);
  const auto records = read_all("archive", folder / "x.deb", "*.v", 1000);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].bytes, "one");
  EXPECT_EQ(records[1].rejection->reason, "too_large");
  EXPECT_EQ(records[2].bytes, "three");
  const std::string tar = testing::make_archive({{"a.v", "one"}, {"b.v", std::string(50'000, 'b')}}, false, "");
  write_file(folder / "x.tar", tar.substr(0, 20'000));
  const auto cut = read_all("archive", folder / "x.tar", "*.v");
  ASSERT_EQ(cut.size(), 2U);
  EXPECT_EQ(cut[0].bytes, "one");
  EXPECT_EQ(cut[1].rejection->reason, "damaged_file");
  EXPECT_EQ(cut[1].path, "b.v");
}

TEST(Source, WhatCannotBeOpenedThrows) {
  EXPECT_THROW(read_all("records", "/nonexistent.jsonl", "*"), Error);
  EXPECT_THROW(read_all("folder", "/nonexistent", "*"), Error);
  EXPECT_THROW(read_all("archive", "/nonexistent.deb", "*"), Error);
  EXPECT_THROW(read_all("tape", "/", "*"), Error);
}

}  // namespace
}  // namespace corollary
