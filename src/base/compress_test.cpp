#include "base/compress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/random.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

/// Lines of all lengths, hard to compress: more than one internal chunk of 256 KiB.
std::vector<std::string> many_lines(std::uint64_t seed, int count = 4000) {
  Random random(seed);
  std::vector<std::string> lines;
  for (int i = 0; i < count; ++i) {
    std::string line;
    for (std::int64_t left = random.below(i % 100 == 0 ? 20'000 : 300); left > 0; --left)
      line += static_cast<char>('!' + random.below(90));
    lines.push_back(line);
  }
  return lines;
}

struct Read {
  std::vector<std::string> lines;
  std::string error;
};
Read read_lines(const fs::path& path, std::size_t max_line_bytes = LineReader::kMaxLineBytes) {
  Read result;
  try {
    LineReader reader(path, max_line_bytes);
    while (const auto line = reader.next()) {
      result.lines.emplace_back(*line);
      EXPECT_EQ(reader.line_number(), static_cast<std::int64_t>(result.lines.size()));
    }
  } catch (const Error& error) {
    result.error = error.what();
  }
  return result;
}

class EachFormat : public testing::TestWithParam<const char*> {
 protected:
  const TestFolder folder_;
  const fs::path path_ = folder_ / (std::string("lines.jsonl") + GetParam());
  void write(const std::vector<std::string>& lines) {
    CompressedWriter writer(path_);
    for (const auto& line : lines) writer.write_line(line);
    writer.commit();
  }
};

TEST_P(EachFormat, LinesComeBack) {
  const auto lines = many_lines(1);
  write(lines);
  const Read read = read_lines(path_);
  EXPECT_EQ(read.error, "");
  EXPECT_TRUE(read.lines == lines);
}

TEST_P(EachFormat, EmptyFileAndNoNewlineAtTheEnd) {
  write({});
  EXPECT_TRUE(read_lines(path_).lines.empty());
  CompressedWriter writer(path_);
  writer.write("a\n\nb");
  writer.commit();
  EXPECT_THAT(read_lines(path_).lines, testing::ElementsAre("a", "", "b"));
}

TEST_P(EachFormat, MembersAndFramesFollowOneAnother) {
  const auto lines = many_lines(2);
  write(lines);
  const std::string once = read_file(path_);
  write_file(path_, once + once + once);
  const Read read = read_lines(path_);
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(read.lines.size(), 3 * lines.size());
}

TEST_P(EachFormat, ManyTinyMembers) {
  write({"line"});
  const std::string one = read_file(path_);
  std::string many;
  for (int i = 0; i < 20'000; ++i) many += one;
  write_file(path_, many);
  const Read read = read_lines(path_);
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(read.lines.size(), 20'000u);
}

// Cut anywhere: the lines before the cut come whole and in order, then an error with the line number (plain text cannot know).
TEST_P(EachFormat, TruncationYieldsTheWholeLinesBeforeIt) {
  const auto lines = many_lines(3);
  write(lines);
  const std::string bytes = read_file(path_);
  Random random(4);
  for (int i = 0; i < 25; ++i) {
    const auto cut = static_cast<std::size_t>(random.below(static_cast<std::int64_t>(bytes.size() - 1)) + 1);
    write_file(path_, bytes.substr(0, cut));
    const Read read = read_lines(path_);
    ASSERT_LE(read.lines.size(), lines.size());
    const bool is_plain = *GetParam() == '\0' || cut < 4;  // three bytes do not say what they are
    const std::size_t whole = read.lines.size() - (is_plain && !read.lines.empty() ? 1 : 0);
    for (std::size_t j = 0; j < whole && !(is_plain && cut < 4); ++j) ASSERT_EQ(read.lines[j], lines[j]);
    if (is_plain) {
      EXPECT_EQ(read.error, "");
      continue;
    }
    EXPECT_THAT(read.error, testing::AllOf(HasSubstr("after line " + std::to_string(read.lines.size()) + " of " + path_.string()),
                                           HasSubstr("truncated")));
  }
}

TEST_P(EachFormat, DamageIsAnErrorOrChangedTextNeverACrash) {
  write(many_lines(5, 300));
  const std::string bytes = read_file(path_);
  Random random(6);
  for (int i = 0; i < 60; ++i) {
    std::string damaged = bytes;
    for (int flips = 0; flips < 3; ++flips)
      damaged[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(bytes.size())))] ^= 1 << random.below(8);
    write_file(path_, damaged);
    const Read read = read_lines(path_);
    if (std::string(GetParam()) == ".zst" && damaged.substr(0, 4) == bytes.substr(0, 4) && damaged != bytes) {
      EXPECT_NE(read.error, "") << "our zstd frames carry a checksum";
    }
  }
}

TEST_P(EachFormat, TooLongALineIsRefused) {
  write({"short", std::string(3'000'000, 'x')});
  const Read read = read_lines(path_, 100'000);
  EXPECT_THAT(read.lines, testing::ElementsAre("short"));
  EXPECT_THAT(read.error, HasSubstr("line 2 of"));
}

TEST_P(EachFormat, OneLongLineIsReadInLinearTime) {
  const std::string line(60'000'000, 'y');
  write({line});
  const Read read = read_lines(path_);
  ASSERT_EQ(read.lines.size(), 1u);
  EXPECT_TRUE(read.lines[0] == line);
}

TEST_P(EachFormat, WriterWithoutCommitLeavesNothing) {
  {
    CompressedWriter writer(path_);
    writer.write(std::string(1'000'000, 'z'));
  }
  EXPECT_TRUE(list_files(folder_.path()).empty());
}

INSTANTIATE_TEST_SUITE_P(Formats, EachFormat, testing::Values("", ".gz", ".zst"),
                         [](const auto& info) { return *info.param == '\0' ? std::string("plain") : std::string(info.param + 1); });

TEST(Compress, ContentDecidesNotTheName) {
  const TestFolder folder;
  write_file(folder / "x.txt", zstd_compress("a\nb\n"));
  EXPECT_THAT(read_lines(folder / "x.txt").lines, testing::ElementsAre("a", "b"));
  write_file(folder / "x.zst", "a\nb\n");
  EXPECT_THAT(read_lines(folder / "x.zst").lines, testing::ElementsAre("a", "b"));
}

// What pzstd writes: each frame is preceded by a skippable one holding its size.
TEST(Compress, SkippableFrames) {
  const TestFolder folder;
  const std::string skip("\x50\x2a\x4d\x18\x04\x00\x00\x00size", 12);
  write_file(folder / "x.zst", skip + zstd_compress("a\n") + skip + zstd_compress("b\n") + skip);
  const Read read = read_lines(folder / "x.zst");
  EXPECT_EQ(read.error, "");
  EXPECT_THAT(read.lines, testing::ElementsAre("a", "b"));
}

TEST(Compress, BuffersRoundTrip) {
  for (const std::size_t size : {0u, 1u, 1000u, 1'000'000u}) {
    const std::string bytes(size, 'q');
    EXPECT_EQ(zstd_decompress(zstd_compress(bytes), size, "test"), bytes);
    EXPECT_EQ(zstd_decompress(zstd_compress(bytes) + zstd_compress("tail"), size + 4, "test"), bytes + "tail");
  }
}

TEST(Compress, BuffersRefuseBombsAndDamage) {
  const std::string packed = zstd_compress(std::string(1'000'000, 'q'));
  EXPECT_THAT([&] { zstd_decompress(packed, 999'999, "here"); },
              ThrowsMessage<Error>(HasSubstr("in here: decompresses to more than 999999")));
  EXPECT_THAT([&] { zstd_decompress(packed.substr(0, packed.size() - 3), 1 << 30, "here"); },
              ThrowsMessage<Error>(HasSubstr("in here: ")));
  EXPECT_THROW(zstd_decompress("", 10, "here"), Error);
  EXPECT_THROW(zstd_decompress("no zstd", 10, "here"), Error);
  EXPECT_THROW(gzip_decompress("", 10, "here"), Error);
  EXPECT_THROW(gzip_decompress("no gzip", 10, "here"), Error);
}

TEST(Compress, GzipBuffers) {
  const TestFolder folder;
  const std::string text(700'000, 'g');
  CompressedWriter writer(folder / "x.gz");
  writer.write(text);
  writer.commit();
  const std::string packed = read_file(folder / "x.gz");
  EXPECT_EQ(gzip_decompress(packed, text.size(), "here"), text);
  EXPECT_EQ(gzip_decompress(packed + packed, 2 * text.size(), "here"), text + text);
  EXPECT_THAT([&] { gzip_decompress(packed, text.size() - 1, "here"); }, ThrowsMessage<Error>(HasSubstr("decompresses to more")));
  EXPECT_THAT([&] { gzip_decompress(packed.substr(0, packed.size() - 1), text.size(), "here"); },
              ThrowsMessage<Error>(HasSubstr("truncated")));
}

// The .xz container as the tool writes it.
TEST(Compress, XzSize) {
  const std::int64_t of_nothing = xz_compressed_bytes("");
  EXPECT_EQ(of_nothing, 32);  // stream header 12, index 8, footer 12
  const std::int64_t of_zeros = xz_compressed_bytes(std::string(1'000'000, '\0'));
  EXPECT_GT(of_zeros, of_nothing);
  EXPECT_LT(of_zeros, 400);
}

}  // namespace
}  // namespace corollary
