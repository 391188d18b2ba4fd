#include "corpus/sources/archive.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

using testing::Files;
using testing::make_archive;
using testing::make_package;

Files read_all(ArchiveReader& archive) {
  Files files;
  while (const auto entry = archive.next()) files.emplace_back(entry->path, archive.read());
  return files;
}

const Files kFiles = {{"usr/share/a.v", "Qed.\n"}, {"usr/share/empty.v", ""}, {"usr/share/b.v", std::string(300'000, 'b')}};

TEST(Archive, ReadsPackagesOfEachCompression) {
  Files dotted;
  for (const auto& [path, bytes] : kFiles) dotted.emplace_back("./" + path, bytes);
  for (const char* filter : {"xz", "zstd", "gzip", ""}) {
    const std::string package = make_package(dotted, filter);
    ArchiveReader archive(package, true, "x.deb");
    EXPECT_EQ(read_all(archive), kFiles) << filter;
    EXPECT_FALSE(archive.next().has_value());
  }
}

TEST(Archive, ReadsTarFilesByName) {
  const TestFolder folder;
  write_file(folder / "x.tar.gz", make_archive(kFiles, false, "gzip"));
  ArchiveReader archive(folder / "x.tar.gz");
  EXPECT_EQ(read_all(archive), kFiles);
}

TEST(Archive, SkippedEntriesAreNotRead) {
  const std::string package = make_package(kFiles);
  ArchiveReader archive(package, true, "x.deb");
  archive.next();
  archive.next();
  ASSERT_EQ(archive.next()->path, "usr/share/b.v");
  EXPECT_EQ(archive.read().size(), 300'000U);
}

TEST(Archive, PathsThatLeaveAreNotShown) {
  const std::string tar = make_archive({{"../evil", "x"}, {"/etc/passwd", "x"}, {"a/../../evil", "x"}, {"good", "y"}}, false, "");
  ArchiveReader archive(tar, false, "x.tar");
  EXPECT_EQ(read_all(archive), (Files{{"good", "y"}}));
}

TEST(Archive, TruncationYieldsWhatWasWholeThenAnError) {
  const std::string tar = make_archive(kFiles, false, "");
  ArchiveReader archive(std::string_view(tar).substr(0, 100'000), false, "cut.tar");
  EXPECT_EQ(archive.next()->path, "usr/share/a.v");
  EXPECT_EQ(archive.read(), "Qed.\n");
  archive.next();
  archive.next();
  try {
    archive.read();
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("cut.tar"), std::string::npos) << error.what();
  }
}

TEST(Archive, WhatIsNoPackageSaysSo) {
  EXPECT_THROW(ArchiveReader("<html>404</html>", true, "x.deb"), Error);
  const std::string without_data = make_archive({{"debian-binary", "2.0\n"}}, true, "");
  EXPECT_THROW(ArchiveReader(without_data, true, "x.deb"), Error);
  EXPECT_THROW(ArchiveReader(fs::path("/nonexistent.deb")), Error);
}

TEST(Archive, EveryTruncationOfAPackageEnds) {
  const std::string package = make_package({{"a", "1"}, {"b", std::string(5000, 'x')}}, "xz");
  for (std::size_t n = 0; n < package.size(); n += 7) {
    try {
      ArchiveReader archive(std::string_view(package).substr(0, n), true, "cut.deb");
      read_all(archive);
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace corollary
