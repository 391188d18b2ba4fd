#include "corpus/sources/apt.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/error.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

using testing::ScopedVariable;
using ::testing::Test;

/// A cache of our own, and a program apt-get of our own first on PATH.
class Apt : public Test {
 protected:
  void install_apt(const std::string& script) {
    fs::create_directories(folder_ / "bin");
    write_file(folder_ / "bin/apt-get", "#!/bin/sh\necho \"$@\" >> " + (folder_ / "calls").string() + "\n" + script);
    fs::permissions(folder_ / "bin/apt-get", fs::perms::owner_all);
  }
  /// One that serves x_1%3a2.deb with these bytes and claims this digest.
  void serve(const std::string& bytes, const std::string& digest) {
    write_file(folder_ / "served.deb", bytes);
    install_apt("case \"$*\" in *--print-uris*) echo \"'http://host/x_1%3a2_all.deb' x_1%3a2_all.deb " +
                std::to_string(bytes.size()) + " SHA256:" + digest + "\" ;; *) cp " + (folder_ / "served.deb").string() +
                " x_1%3a2_all.deb ;; esac\n");
  }
  std::string error_of(const std::vector<std::string>& names) {
    try {
      fetch_packages(names);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  TestFolder folder_;
  ScopedVariable cache_{"COROLLARY_CACHE", (folder_ / "cache").string()};
  ScopedVariable path_{"PATH", (folder_ / "bin").string() + ":/usr/bin:/bin"};
};

TEST_F(Apt, DownloadsOnceAndVerifies) {
  serve("package", sha256_hex("package"));
  for (int run = 0; run < 2; ++run) {
    const auto packages = fetch_packages({"x"});
    ASSERT_EQ(packages.size(), 1U);
    EXPECT_EQ(read_file(packages[0].path), "package");
    EXPECT_EQ(packages[0].sha256, sha256_hex("package"));
  }
  const std::string calls = read_file(folder_ / "calls");
  EXPECT_EQ(std::count(calls.begin(), calls.end(), '\n'), 3) << calls;  // asked, downloaded, asked
  for (const auto& entry : fs::directory_iterator(folder_ / "cache/deb")) EXPECT_EQ(entry.path().filename(), "x_1%3a2_all.deb");
}

TEST_F(Apt, ADamagedCacheIsFetchedAgain) {
  serve("package", sha256_hex("package"));
  write_file(folder_ / "cache/deb/x_1%3a2_all.deb", "pack");
  EXPECT_EQ(read_file(fetch_packages({"x"})[0].path), "package");
}

TEST_F(Apt, AWrongDigestIsRefused) {
  serve("package", sha256_hex("another"));
  EXPECT_NE(error_of({"x"}).find("wrong digest"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "cache/deb/x_1%3a2_all.deb"));
}

TEST_F(Apt, WithoutListsTheCacheServesAndElseTheRemediesAreNamed) {
  install_apt("echo 'E: Unable to locate package x' >&2; exit 100\n");
  const std::string message = error_of({"x"});
  for (const char* part : {"Unable to locate package x", "apt-get update", "uri = \"/path/to/folder\""})
    EXPECT_NE(message.find(part), std::string::npos) << message;
  write_file(folder_ / "cache/deb/x_1_all.deb", "earlier");
  EXPECT_EQ(fetch_packages({"x"})[0].sha256, sha256_hex("earlier"));
}

TEST_F(Apt, WithoutNetworkTheRemediesAreNamed) {
  install_apt("case \"$*\" in *--print-uris*) echo \"'http://host/x_1_all.deb' x_1_all.deb 7 SHA256:" + sha256_hex("package") +
              "\" ;; *) echo 'E: Could not resolve host' >&2; exit 100 ;; esac\n");
  const std::string message = error_of({"x"});
  for (const char* part : {"x (7 B", "Could not resolve host", "uri = \"/path/to/folder\""})
    EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST_F(Apt, NamesThatAreNoneAreRefusedBeforeAnyProcess) {
  install_apt("exit 0\n");
  for (const char* name : {"", "a b", "../x", "x;y", "-y"}) EXPECT_NE(error_of({name}), "") << name;
  EXPECT_FALSE(fs::exists(folder_ / "calls"));
}

TEST(AptUris, ReadsItsLinesOnly) {
  const auto uris = parse_apt_uris("Reading lists...\n'http://h/a%2bb.deb' a+b_1_all.deb 12 SHA256:" + std::string(64, 'a') + "\n");
  ASSERT_EQ(uris.size(), 1U);
  EXPECT_EQ(uris[0].file_name, "a+b_1_all.deb");
  EXPECT_EQ(uris[0].bytes, 12);
  EXPECT_THROW(parse_apt_uris("'http://h/a.deb' a.deb 12 MD5Sum:00\n"), Error);
  EXPECT_THROW(parse_apt_uris("'http://h/a.deb' ../a.deb 12 SHA256:" + std::string(64, 'a') + "\n"), Error);
  EXPECT_THROW(parse_apt_uris("'http://h/a.deb\n"), Error);
}

}  // namespace
}  // namespace corollary
