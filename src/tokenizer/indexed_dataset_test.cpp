#include "tokenizer/indexed_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "base/random.h"

namespace corollary {
namespace {

using ::testing::ElementsAre;

class IndexedDatasetTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
  fs::path folder = fs::path(::testing::TempDir()) /
                    ("corollary_indexed_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
  fs::path prefix = folder / "code_train_text_document";

  void write(const std::vector<std::vector<std::int32_t>>& documents, std::int64_t vocab_size) {
    IndexedDatasetWriter writer(prefix, vocab_size);
    for (const auto& document : documents) writer.add(document);
    writer.commit();
  }
  std::string bytes(const char* extension) const { return read_file(prefix.string() + extension); }
  void replace(const char* extension, const std::string& content) { write_file(prefix.string() + extension, content); }
  std::string refusal() const {
    try {
      (void)IndexedDataset(prefix);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }
};

TEST_F(IndexedDatasetTest, TheBytesAreMegatrons) {
  write({{1, 2, 3}, {65000}}, 65'499);
  EXPECT_EQ(bytes(".bin"), std::string("\1\0\2\0\3\0\xe8\xfd", 8));
  const std::string expected(
      "MMIDIDX\0\0"  // magic
      "\1\0\0\0\0\0\0\0"
      "\x08"  // version, type u16
      "\2\0\0\0\0\0\0\0"
      "\3\0\0\0\0\0\0\0"  // sequences, boundaries
      "\3\0\0\0"
      "\1\0\0\0"  // lengths
      "\0\0\0\0\0\0\0\0"
      "\6\0\0\0\0\0\0\0"  // offsets
      "\0\0\0\0\0\0\0\0"
      "\1\0\0\0\0\0\0\0"
      "\2\0\0\0\0\0\0\0",
      34 + 8 + 16 + 24);  // boundaries
  EXPECT_EQ(bytes(".idx"), expected);
}

TEST_F(IndexedDatasetTest, ReadsWhatItWrote) {
  for (const std::int64_t vocab_size : {300, 65'499, 65'500, 1 << 20}) {
    Random random(1);
    std::vector<std::vector<std::int32_t>> documents(200);
    std::int64_t tokens = 0;
    for (auto& document : documents) {
      document.resize(static_cast<std::size_t>(1 + random.below(300)));
      for (auto& id : document) id = static_cast<std::int32_t>(random.below(vocab_size));
      tokens += static_cast<std::int64_t>(document.size());
    }
    write(documents, vocab_size);
    EXPECT_EQ(bytes(".bin").size(), static_cast<std::size_t>(tokens) * (vocab_size < 65'500 ? 2 : 4));
    const IndexedDataset dataset(prefix);
    EXPECT_EQ(dataset.num_documents(), 200);
    EXPECT_EQ(dataset.num_tokens(), tokens);
    for (std::int64_t i = 0; i < 200; ++i) {
      const auto& document = documents[static_cast<std::size_t>(i)];
      std::vector<std::int32_t> read(static_cast<std::size_t>(dataset.length(i)));
      dataset.read(i, 0, read);
      ASSERT_EQ(read, document);
    }
    std::vector<std::int32_t> two(2);
    EXPECT_THROW(dataset.read(0, dataset.length(0) - 1, two), Error);
    EXPECT_THROW(dataset.read(0, -1, two), Error);
    EXPECT_THROW(dataset.read(200, 0, two), Error);
    EXPECT_NO_THROW(dataset.check_ids(vocab_size));
    EXPECT_THROW(dataset.check_ids(vocab_size / 2), Error);
  }
}

TEST_F(IndexedDatasetTest, NothingIsThereBeforeCommit) {
  {
    IndexedDatasetWriter writer(prefix, 100);
    writer.add(std::vector<std::int32_t>{1, 2});
  }
  EXPECT_FALSE(IndexedDataset::exists(prefix));
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(IndexedDatasetTest, RefusesIdsOutsideTheVocabulary) {
  IndexedDatasetWriter writer(prefix, 100);
  EXPECT_THROW(writer.add(std::vector<std::int32_t>{100}), Error);
  EXPECT_THROW(writer.add(std::vector<std::int32_t>{-1}), Error);
  EXPECT_THROW(writer.add(std::vector<std::int32_t>{}), Error);
}

TEST_F(IndexedDatasetTest, AnEmptySetIsASet) {
  write({}, 100);
  const IndexedDataset dataset(prefix);
  EXPECT_EQ(dataset.num_documents(), 0);
  EXPECT_EQ(dataset.num_tokens(), 0);
}

TEST_F(IndexedDatasetTest, RefusesEveryDamage) {
  write({{1, 2, 3}, {4, 5}, {6}}, 100);
  const std::string idx = bytes(".idx"), bin = bytes(".bin");
  EXPECT_EQ(refusal(), "accepted");
  for (std::size_t size = 0; size < idx.size(); ++size) {  // cut anywhere
    replace(".idx", idx.substr(0, size));
    ASSERT_NE(refusal(), "accepted") << size;
  }
  replace(".idx", idx + '\0');
  EXPECT_NE(refusal(), "accepted");
  const auto patched = [&](std::size_t at, const std::string& with) {
    std::string changed = idx;
    changed.replace(at, with.size(), with);
    replace(".idx", changed);
    return refusal();
  };
  const std::string huge("\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
  EXPECT_THAT(patched(0, "X"), ::testing::HasSubstr("MMIDIDX"));
  EXPECT_THAT(patched(9, "\2"), ::testing::HasSubstr("version"));
  EXPECT_THAT(patched(17, "\6"), ::testing::HasSubstr("type code 6"));
  for (const std::size_t at : {18, 26, 46, 54, 62, 78}) EXPECT_NE(patched(at, huge), "accepted") << at;
  EXPECT_NE(patched(34, huge.substr(4)), "accepted");
  EXPECT_NE(patched(34, std::string("\xff\xff\xff\xff", 4)), "accepted") << "a negative length";
  replace(".idx", idx);
  replace(".bin", bin.substr(0, bin.size() - 1));
  EXPECT_THAT(refusal(), ::testing::HasSubstr("do not belong together"));
  fs::remove(prefix.string() + ".bin");
  EXPECT_THAT(refusal(), ::testing::HasSubstr("corollary tokenizer pack"));
}

TEST_F(IndexedDatasetTest, ReadsOtherIntegerTypes) {  // i64, as some writers choose
  write({{1, 2, 3}, {4}}, 100);
  std::string idx = bytes(".idx"), bin;
  for (const std::int64_t id : {1, 2, 3, 4}) bin.append(reinterpret_cast<const char*>(&id), 8);
  idx[17] = 5;
  idx[34 + 8 + 8] = 24;  // the second sequence begins at byte 24
  replace(".idx", idx);
  replace(".bin", bin);
  const IndexedDataset dataset(prefix);
  std::vector<std::int32_t> ids(2);
  dataset.read(0, 1, ids);
  EXPECT_THAT(ids, ElementsAre(2, 3));
  ids.resize(1);
  dataset.read(1, 0, ids);
  EXPECT_THAT(ids, ElementsAre(4));
  bin[15] = 1;  // token 1 no longer fits 32 bits
  replace(".bin", bin);
  EXPECT_THROW(IndexedDataset(prefix).read(0, 1, ids), Error);
}

}  // namespace
}  // namespace corollary
