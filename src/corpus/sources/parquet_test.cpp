#include "corpus/sources/parquet.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/test_error.h"
#include "corpus/sources/duckdb.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

/// Skips politely where DuckDB's library is absent; files to read are written by DuckDB itself.
class Parquet : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = why_no_duckdb(); !why.empty()) GTEST_SKIP() << why;
  }
  /// The rows of `query`, two groups for 4,096 rows.
  fs::path write(const std::string& query, const std::string& name = "x.parquet") {
    DuckDb database(std::int64_t{2} << 30);
    const fs::path path = folder_ / name;
    DuckDbRows rows(database,
                    "COPY (" + query + ") TO '" + (folder_ / "written").string() + "' (FORMAT parquet, ROW_GROUP_SIZE 2048)");
    while (rows.next()) {
    }
    fs::rename(folder_ / "written", path);
    return path;
  }
  static std::vector<RawRecord> read(const fs::path& path, const ParquetConfig& config = {}) {
    const auto source = open_parquet(path, config);
    std::vector<RawRecord> records;
    while (auto record = source->next()) records.push_back(std::move(*record));
    return records;
  }
  TestFolder folder_;
};

TEST_F(Parquet, RowsBecomeDocuments) {
  const fs::path path = write(
      "SELECT 'über ' || i AS text, i AS id, i::UBIGINT + 18446744073709551610 AS big, i % 2 = 0 AS even, i / 2.0::DOUBLE AS half, "
      "[i, 2] AS list,"
      " {'a': i, 'b': NULL} AS struct, MAP {'k': i} AS map, DATE '2023-04-01' AS day, 1.50::DECIMAL(5, 2) AS price, NULL::INTEGER "
      "AS nothing,"
      " 'x\"y' AS \"odd \"\"name\", '{\"lang\": \"en\", \"n\": 1}' AS meta FROM range(2) t(i)");
  const auto records = read(path);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].path, "x.parquet:2");
  EXPECT_TRUE(records[1].is_document);
  EXPECT_EQ(records[1].bytes, "über 1");
  const Json expected = {{"id", 1},           {"big", 18446744073709551611U},
                         {"even", false},     {"half", 0.5},
                         {"list", {1, 2}},    {"struct", {{"a", 1}, {"b", nullptr}}},
                         {"map", {{"k", 1}}}, {"day", "2023-04-01"},
                         {"price", "1.50"},   {"odd \"name", "x\"y"},
                         {"lang", "en"},      {"n", 1}};
  EXPECT_EQ(to_line(records[1].meta), to_line(expected));
}

TEST_F(Parquet, SharesOfRowGroupsAreTheFile) {
  const fs::path path = write("SELECT 'document ' || i AS text FROM range(10000) t(i)");
  const auto groups = parquet_row_groups(path);
  ASSERT_EQ(groups.size(), 5U);
  const auto whole = read(path);
  ASSERT_EQ(whole.size(), 10'000U);
  EXPECT_EQ(whole[9999].bytes, "document 9999");
  for (const std::int64_t shards : {2, 3, 5, 7}) {
    std::size_t at = 0;
    for (std::int64_t shard = 0; shard < shards; ++shard) {
      ParquetConfig config;
      config.shard = shard;
      config.shards = shards;
      for (const RawRecord& record : read(path, config)) {
        ASSERT_EQ(record.path, whole[at].path);
        ASSERT_EQ(record.bytes, whole[at++].bytes);
      }
    }
    EXPECT_EQ(at, whole.size());
  }
  EXPECT_THROW(read(path, {.shard = 2, .shards = 2}), Error);
}

TEST_F(Parquet, WhatIsNoDocumentIsRejected) {
  ParquetConfig config;
  config.max_record_bytes = 100;
  const auto records =
      read(write("SELECT CASE i WHEN 0 THEN NULL WHEN 1 THEN repeat('x', 101) ELSE 'good' END AS text FROM range(3) t(i)"), config);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].rejection.value().reason, "no_text");
  EXPECT_EQ(records[1].rejection.value().reason, "too_large");
  EXPECT_EQ(records[2].bytes, "good");
}

TEST_F(Parquet, TheTextColumnIsChosen) {
  const fs::path path = write("SELECT 'a' AS content, 1 AS text");
  EXPECT_NE(error_of([&] { read(path); }).find("holds no text"), std::string::npos);
  ParquetConfig config;
  config.text_field = "content";
  EXPECT_EQ(read(path, config).at(0).bytes, "a");
  config.text_field = "body";
  EXPECT_NE(error_of([&] { read(path, config); }).find("content, text"), std::string::npos);
  config.text_field = "content\" FROM range(3) --";
  EXPECT_THROW(read(path, config), Error);
}

TEST_F(Parquet, BytesAreTextToo) {
  EXPECT_EQ(read(write("SELECT '\\xFFa'::BLOB AS text")).at(0).bytes,
            "\xff"
            "a");
}

TEST_F(Parquet, NamesOfFilesAreOnlyNames) {
  write("SELECT 'other' AS text", "other.parquet");
  for (const char* name : {"*.parquet", "a'b\"; DROP TABLE x; --.parquet", "[a-z]*.parquet", "http:..parquet"})
    EXPECT_EQ(read(write("SELECT 'mine' AS text", name)).size(), 1U) << name;
}

TEST_F(Parquet, OnlyThatFileMayBeRead) {
  const fs::path path = write("SELECT 'a' AS text");
  write_file(folder_ / "secret.csv", "secret\n1\n");
  DuckDb database(path, 256 << 20);
  EXPECT_THROW(DuckDbRows(database, "SELECT * FROM read_csv(?)", {(folder_ / "secret.csv").string()}).next(), Error);
  EXPECT_THROW(DuckDbRows(database, "COPY (SELECT 1) TO '" + (folder_ / "out.csv").string() + "'").next(), Error);
  EXPECT_THROW(DuckDbRows(database, "SET enable_external_access = true").next(), Error);
}

TEST_F(Parquet, DamageIsRejectedWhereverItIs) {
  const std::string whole = read_file(write("SELECT md5(i::VARCHAR) || 'text' AS text, i AS id FROM range(5000) t(i)"));
  const auto survives = [&](const std::string& bytes) {
    write_file(folder_ / "bad.parquet", bytes);
    try {
      std::size_t rows = 0;
      const auto source = open_parquet(folder_ / "bad.parquet");
      for (; rows < 100'000; ++rows)
        if (!source->next()) break;
      EXPECT_LT(rows, 100'000U);
    } catch (const Error&) {
    }
  };
  for (const char* text : {"", "PAR1", "PAR1PAR1", "<html>404</html>"}) {
    write_file(folder_ / "bad.parquet", text);
    EXPECT_NE(error_of([&] { read(folder_ / "bad.parquet"); }).find("not a Parquet file"), std::string::npos) << text;
  }
  for (std::size_t n = 1; n < 20; ++n) survives(whole.substr(0, whole.size() * n / 20) + "PAR1");
  std::uint64_t random = 1;
  for (int i = 0; i < 60; ++i) {
    std::string damaged = whole;
    for (int k = 0; k < 4; ++k) {
      random = random * 6364136223846793005ULL + 1442695040888963407ULL;
      // Half of the damage goes to the footer, where sizes and offsets stand.
      const std::size_t from = i % 2 == 0 ? 4 : damaged.size() - 400;
      damaged[from + (random >> 33) % (damaged.size() - from - 4)] = static_cast<char>(random >> 25);
    }
    survives(damaged);
  }
}

TEST_F(Parquet, MemoryIsBounded) {
  const fs::path path = write("SELECT repeat(i::VARCHAR || ' ', 20000) AS text FROM range(1500) t(i)");  // some 150 MB of text
  ParquetConfig config;
  config.memory_bytes = 64 << 20;
  EXPECT_NE(error_of([&] { read(path, config); }).find("Out of Memory"), std::string::npos);  // at its first row group
  EXPECT_EQ(read(path).size(), 1500U);
}

TEST(DuckDb, ItsAbsenceNamesTheRemedy) {
  if (why_no_duckdb().empty()) GTEST_SKIP() << "it is here";
  EXPECT_NE(why_no_duckdb().find("scripts/install_duckdb.sh"), std::string::npos);
}

}  // namespace
}  // namespace corollary
