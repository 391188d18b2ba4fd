#include "corpus/sources/archive.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

using testing::Files;
using testing::make_archive;
using testing::make_package;
using testing::make_zip;

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

/// A tar entry of any kind, its header alone.
std::string special_entry(const char* path, unsigned type, const char* link = nullptr) {
  const std::unique_ptr<archive, int (*)(archive*)> out(archive_write_new(), archive_write_free);
  archive_write_set_format_gnutar(out.get());
  std::string bytes(1 << 16, '\0');
  std::size_t used = 0;
  archive_write_open_memory(out.get(), bytes.data(), bytes.size(), &used);
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), archive_entry_free);
  archive_entry_set_pathname(entry.get(), path);
  if (type != 0) archive_entry_set_filetype(entry.get(), type);
  archive_entry_set_perm(entry.get(), 0644);
  if (type == AE_IFLNK) archive_entry_set_symlink(entry.get(), link);
  if (type == 0) archive_entry_set_hardlink(entry.get(), link);
  archive_write_header(out.get(), entry.get());
  archive_write_close(out.get());
  return bytes.substr(0, 512);
}

TEST(Archive, LinksAndDevicesAreCounted) {
  const std::string tar = special_entry("passwd", AE_IFLNK, "/etc/passwd") + special_entry("hard", 0, "/etc/shadow") +
                          special_entry("tty", AE_IFCHR) + special_entry("disk", AE_IFBLK) + special_entry("pipe", AE_IFIFO) +
                          make_archive({{"../evil", "x"}, {"good", "y"}}, false, "");
  ArchiveReader archive(tar, false, "x.tar");
  EXPECT_EQ(read_all(archive), (Files{{"good", "y"}}));
  EXPECT_EQ(archive.counts().links, 2);
  EXPECT_EQ(archive.counts().devices, 3);
  EXPECT_EQ(archive.counts().unsafe_paths, 1);
}

TEST(Archive, ReadsZip) {
  const TestFolder folder;
  write_file(folder / "x.zip", make_zip(kFiles));
  ArchiveReader on_disk(folder / "x.zip");
  EXPECT_EQ(read_all(on_disk), kFiles);
  const std::string zip =
      make_zip({{"../evil", "x"}, {"/etc/passwd", "x"}, {"C:\\windows\\x", "x"}, {"a\\..\\..\\x", "x"}, {"good", "y"}});
  ArchiveReader archive(zip, false, "x.zip");
  EXPECT_EQ(read_all(archive), (Files{{"good", "y"}}));
  EXPECT_EQ(archive.counts().unsafe_paths, 4);
}

TEST(Archive, AnEncryptedFileIsSaidToBe) {
  const std::string zip = make_zip({{"a", "secret"}}, true, "password");
  ArchiveReader archive(zip, false, "x.zip");
  const auto entry = archive.next();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->damage, "encrypted");
  EXPECT_THROW(archive.read(), Error);
  EXPECT_FALSE(archive.next());
}

TEST(Archive, BehindADamagedZipEntryItGoesOn) {
  std::string zip = make_zip({{"a", std::string(1000, 'a')}, {"b", "whole"}}, false);  // its checksum will tell
  zip[200] = static_cast<char>(zip[200] ^ 0x55);
  ArchiveReader archive(zip, false, "x.zip");
  ASSERT_EQ(archive.next()->path, "a");
  EXPECT_THROW(archive.read(), Error);
  const auto entry = archive.next();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->path, "b");
  EXPECT_EQ(archive.read(), "whole");
}

TEST(Archive, BombsAreRefusedBeforeTheyUnpack) {
  const std::string zeros(8 << 20, '\0');
  for (const std::string& bomb :
       {make_archive({{"a", zeros}}, false, "xz"), make_archive({{"a", zeros}}, false, "zstd"), make_zip({{"a", zeros}})}) {
    ArchiveLimits limits;
    limits.ratio_from_bytes = 1 << 20;
    ArchiveReader archive(bomb, false, "bomb", limits);
    EXPECT_THROW(archive.next(), Error);
    EXPECT_FALSE(archive.next());
    ArchiveReader allowed(bomb, false, "small");  // below 1 GiB anything may pack well
    EXPECT_EQ(allowed.next()->bytes, 8 << 20);
  }
  ArchiveLimits limits;
  limits.max_unpacked_bytes = 1000;
  const std::string tar = make_archive(kFiles, false, "");
  ArchiveReader large(tar, false, "large", limits);
  large.next();
  EXPECT_THROW(large.next(), Error);
  limits = {};
  limits.max_entries = 2;
  ArchiveReader many(tar, false, "many", limits);
  many.next(), many.next();
  EXPECT_THROW(many.next(), Error);
}

TEST(Archive, OpensArchivesInsideOneLevelDeep) {
  const std::string inner =
      make_archive({{"../out", "x"}, {"x/a.v", "1"}, {"deep.tar", make_archive({{"b.v", "2"}}, false, "")}}, false, "gzip");
  const std::string damaged = make_archive(kFiles, false, "").substr(0, 100'000);
  const std::string tar = make_archive(
      {{"one.tar.gz", inner}, {"bad.tar", damaged}, {"no.zip", "not a zip"}, {"two.zip", make_zip({{"c.v", "3"}})}, {"d.v", "4"}},
      false, "gzip");
  ArchiveLimits limits;
  limits.max_nested_bytes = 1 << 20;
  ArchiveReader archive(tar, false, "x.tar.gz", limits);
  Files files;
  std::vector<std::string> damage;
  while (const auto entry = archive.next()) {
    if (!entry->damage.empty()) {
      damage.push_back(entry->path);
      continue;
    }
    try {
      files.emplace_back(entry->path, archive.read().substr(0, 10));
    } catch (const Error&) {
      damage.push_back(entry->path);
    }
  }
  ASSERT_EQ(files.size(), 6U);
  EXPECT_EQ(files[0], std::make_pair(std::string("one.tar.gz/x/a.v"), std::string("1")));
  EXPECT_EQ(files[1].first, "one.tar.gz/deep.tar");  // no deeper
  EXPECT_EQ(files[2].first, "bad.tar/usr/share/a.v");
  EXPECT_EQ(files[4], std::make_pair(std::string("two.zip/c.v"), std::string("3")));
  EXPECT_EQ(files[5], std::make_pair(std::string("d.v"), std::string("4")));
  ASSERT_GE(damage.size(), 2U);
  EXPECT_EQ(damage[0], "bad.tar/usr/share/b.v");
  EXPECT_EQ(damage.back(), "no.zip");
  EXPECT_EQ(archive.counts().nested, 4);
  EXPECT_EQ(archive.counts().unsafe_paths, 1);
  ArchiveReader closed(tar, false, "x.tar.gz");
  EXPECT_EQ(closed.next()->path, "one.tar.gz");
}

TEST(Archive, LeadingFoldersMayBeDropped) {
  ArchiveLimits limits;
  limits.strip_folders = 1;
  const std::string tar = make_archive({{"repo-abc/src/a.v", "1"}, {"top", "2"}, {"repo-abc/b.v", "3"}}, false, "");
  ArchiveReader archive(tar, false, "x.tar", limits);
  EXPECT_EQ(read_all(archive), (Files{{"src/a.v", "1"}, {"b.v", "3"}}));
}

TEST(Archive, EveryTruncationAndByteOfAZipEnds) {
  const std::string zip = make_zip({{"a", "1"}, {"b", std::string(500, 'x')}});
  const auto drain = [](const std::string& bytes) {
    ArchiveLimits limits;
    limits.max_unpacked_bytes = 1 << 20;
    try {
      ArchiveReader archive(bytes, false, "cut.zip", limits);
      for (int i = 0; i < 100; ++i) {
        if (!archive.next()) break;
        try {
          archive.read();
        } catch (const Error&) {
        }
      }
    } catch (const Error&) {
    }
  };
  for (std::size_t n = 0; n < zip.size(); ++n) drain(zip.substr(0, n));
  for (std::size_t n = 0; n < zip.size(); ++n)
    for (const int byte : {0, 0xff, zip[n] ^ 1}) {
      std::string damaged = zip;
      damaged[n] = static_cast<char>(byte);
      drain(damaged);
    }
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
