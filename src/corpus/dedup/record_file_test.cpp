#include "corpus/dedup/record_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/random.h"
#include "base/test_error.h"
#include "base/test_folder.h"
#include "corpus/dedup/record_sort.h"

namespace corollary {
namespace {

using ::testing::HasSubstr;

Record random_record(Random& random) {
  const auto draw = [&] { return std::uint64_t{random.next_u32()} << 32 | random.next_u32(); };
  return {draw(), draw(), position_of(random.next_u32(), random.next_u32()), random.next_u32(), random.next_u32() % 4};
}

std::vector<Record> read_all(const fs::path& path) {
  std::vector<Record> out;
  for (const Segment& segment : read_record_head(path, RecordFileType::run).segments) {
    RecordReader reader(path, segment, 7);
    Record record;
    while (reader.next(record)) out.push_back(record);
  }
  return out;
}

void write_sample(const fs::path& path, int records) {
  RecordWriter writer(path, RecordFileType::run, 5, 6);
  writer.begin(1, 0, {.has_low = true, .has_shard = true, .has_offset = true});
  for (int i = 0; i < records; ++i)
    writer.add({static_cast<std::uint64_t>(i), 3, position_of(9, 10), static_cast<std::uint32_t>(i), 1});
  writer.begin(1, 1, {});
  writer.begin(2, 4, {});
  for (int i = 0; i < records / 2; ++i) writer.add({static_cast<std::uint64_t>(i), 0, position_of(7, 8), 0, 2});
  writer.commit(100, 200);
}

/// Without the wait for the disk that write_file() ends with.
void write_quickly(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

TEST(RecordFile, RoundTrip) {
  TestFolder folder;
  for (const int n : {0, 1, 895, 896, 897, 5000}) {
    write_sample(folder / "x", n);
    const RecordFileHead head = read_record_head(folder / "x", RecordFileType::run);
    EXPECT_EQ(head.config, 5U);
    EXPECT_EQ(head.source, 6U);
    EXPECT_EQ(head.lines, 100);
    EXPECT_EQ(head.bytes, 200);
    EXPECT_EQ(head.segments.size(), (n > 0) + (n > 1) + 0U) << "empty segments are not kept";
    const auto records = read_all(folder / "x");
    ASSERT_EQ(std::ssize(records), n + n / 2);
    if (n == 0) continue;
    const auto last = static_cast<std::uint32_t>(n - 1);
    EXPECT_EQ(records[last], (Record{last, 3, position_of(9, 10), last, 1}));
    if (n > 1) {
      EXPECT_EQ(records.back(), (Record{static_cast<std::uint64_t>(n / 2 - 1), 0, position_of(7, 8), 0, 2}));
    }
  }
}

TEST(RecordFile, EveryFlippedBitAndEveryCutIsSeen) {  // invariant 2
  TestFolder folder;
  write_sample(folder / "x", 3);
  const std::string good = read_file(folder / "x");
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    write_quickly(folder / "y", bad);
    EXPECT_THAT(error_of([&] { read_all(folder / "y"); }), HasSubstr((folder / "y").string())) << "byte " << i;
    write_quickly(folder / "y", good.substr(0, i));
    EXPECT_THAT(error_of([&] { read_all(folder / "y"); }), HasSubstr("damaged")) << "cut at " << i;
  }
  write_file(folder / "y", good + "x");
  EXPECT_THAT(error_of([&] { read_all(folder / "y"); }), HasSubstr("damaged"));
}

TEST(RecordFile, BlocksOutOfPlaceAreSeen) {
  TestFolder folder;
  write_sample(folder / "x", 896 * 3);
  std::string bytes = read_file(folder / "x");
  constexpr std::size_t kBlock = 896 * 28 + 8;
  std::swap_ranges(bytes.begin() + 40, bytes.begin() + 40 + kBlock, bytes.begin() + 40 + kBlock);
  write_file(folder / "y", bytes);
  EXPECT_THAT(error_of([&] { read_all(folder / "y"); }), HasSubstr("checksum of a block"));
}

TEST(RecordFile, OtherTypesAndAbsentFiles) {
  TestFolder folder;
  write_sample(folder / "x", 1);
  EXPECT_THAT(error_of([&] { read_record_head(folder / "x", RecordFileType::drops); }), HasSubstr("mixed up"));
  EXPECT_THAT(error_of([&] { read_record_head(folder / "none", RecordFileType::drops); }), HasSubstr("cannot open"));
  write_file(folder / "text", "{\"text\": \"no record file at all\"}\n" + std::string(200, ' '));
  EXPECT_THAT(error_of([&] { read_record_head(folder / "text", RecordFileType::drops); }), HasSubstr("begins otherwise"));
}

TEST(RecordFile, NothingUnderItsNameBeforeCommit) {  // invariant 1
  TestFolder folder;
  {
    RecordWriter writer(folder / "x", RecordFileType::run, 0, 0);
    writer.begin(0, 0, {});
    writer.add({});
    EXPECT_FALSE(fs::exists(folder / "x"));
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(RecordSorter, SortsWhateverTheBudget) {
  TestFolder folder;
  Random random(1);
  std::vector<Record> records(20000);
  for (Record& record : records) record = random_record(random);
  records.insert(records.end(), records.begin(), records.begin() + 500);
  std::vector<Record> sorted = records;
  std::sort(sorted.begin(), sorted.end());
  for (const std::int64_t memory : {1 << 13, 1 << 16, 1 << 19, 1 << 26}) {  // 78 runs merged by twos; one in memory
    std::vector<Record> out;
    {
      RecordSorter sorter(folder / "run", memory);
      for (const Record& record : records) sorter.add(record);
      sorter.finish([&](const Record& record) { out.push_back(record); });
    }
    EXPECT_EQ(out, sorted) << memory;
    EXPECT_TRUE(fs::is_empty(folder.path())) << "temporary files are gone";
  }
}

}  // namespace
}  // namespace corollary
