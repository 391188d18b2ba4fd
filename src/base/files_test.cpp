#include "base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Files, WriteThenRead) {
  const TestFolder folder;
  for (const std::string& bytes : {std::string(), std::string("one\0two", 7), std::string(3'000'000, 'x')}) {
    write_file(folder / "deep/er/file", bytes);
    EXPECT_EQ(read_file(folder / "deep/er/file"), bytes);
    EXPECT_EQ(MappedFile(folder / "deep/er/file").text(), bytes);
  }
}

TEST(Files, MissingFileIsNamed) {
  const TestFolder folder;
  EXPECT_THAT([&] { read_file(folder / "absent"); }, ThrowsMessage<Error>(HasSubstr("absent: No such file")));
  EXPECT_THAT([&] { MappedFile m(folder / "absent"); }, ThrowsMessage<Error>(HasSubstr("absent: No such file")));
  EXPECT_THAT([&] { MappedFile m(folder.path()); }, ThrowsMessage<Error>(HasSubstr("not a regular file")));
  EXPECT_THAT([&] { list_files(folder / "absent"); }, ThrowsMessage<Error>(HasSubstr("no folder at")));
}

// Small and large writes take different ways to the file; the bytes must keep their order.
TEST(AtomicFile, KeepsTheOrderOfWritesOfAllSizes) {
  const TestFolder folder;
  Random random(1);
  AtomicFile file(folder / "a");
  std::string expected;
  for (int i = 0; i < 60; ++i) {
    const std::size_t size = static_cast<std::size_t>(random.below(i % 3 == 0 ? 1'500'000 : 700));
    const std::string piece(size, static_cast<char>('a' + i % 26));
    file.write(piece);
    expected += piece;
    EXPECT_EQ(file.size_bytes(), static_cast<std::int64_t>(expected.size()));
  }
  file.commit();
  EXPECT_TRUE(read_file(folder / "a") == expected);
}

TEST(AtomicFile, Invariant1NothingUnderTheNameBeforeCommit) {
  const TestFolder folder;
  write_file(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write(std::string(2'000'000, 'n'));
    EXPECT_EQ(read_file(folder / "a"), "old");
  }
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(list_files(folder.path()).size(), 1u) << "an abandoned file leaves nothing behind";
}

TEST(AtomicFile, Invariant2CommitOnce) {
  const TestFolder folder;
  AtomicFile file(folder / "a");
  file.write("new");
  file.commit();
  EXPECT_EQ(read_file(folder / "a"), "new");
  EXPECT_EQ(list_files(folder.path()).size(), 1u);
  EXPECT_THROW(file.commit(), Error);
  EXPECT_THROW(file.write("more"), Error);
}

// A limit on file size fails the write as a full disk does.
TEST(AtomicFile, Invariant3FailedWriteNamesFileAndBytes) {
  const TestFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1'500'000, 1'500'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      AtomicFile file(folder / "a");
      for (int i = 0; i < 10; ++i) file.write(std::string(300'000, 'x'));
      file.commit();
      ::_exit(1);
    } catch (const Error& error) {
      const std::string what = error.what();
      const bool says = what.find("cannot write") != std::string::npos && what.find("/a after 1500000 bytes") != std::string::npos;
      ::_exit(says ? 0 : 2);
    }
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(list_files(folder.path()).empty());
}

TEST(Files, MappedFileMoves) {
  const TestFolder folder;
  write_file(folder / "a", "text");
  write_file(folder / "empty", "");
  MappedFile first(folder / "a"), second;
  second = std::move(first);
  EXPECT_EQ(second.text(), "text");
  EXPECT_EQ(MappedFile(folder / "empty").bytes().size(), 0u);
}

TEST(Files, SpaceIsAskedForBeforeTheWork) {
  const TestFolder folder;
  EXPECT_NO_THROW(require_space(folder / "new", 1, "a test"));
  EXPECT_THAT([&] { require_space(folder.path(), std::numeric_limits<std::int64_t>::max(), "a test"); },
              ThrowsMessage<Error>(testing::AllOf(HasSubstr("a test needs"), HasSubstr("are free"))));
  write_file(folder / "file", "");
  EXPECT_THAT([&] { require_space(folder / "file/below", 1, "a test"); }, ThrowsMessage<Error>(HasSubstr("cannot write in")));
}

TEST(Files, ListIsSortedAndFollowsNoLinks) {
  const TestFolder folder;
  for (const char* name : {"b", "a/z", "a/y", "c/d/e"}) write_file(folder / name, "");
  fs::create_symlink(folder / "b", folder / "link");
  fs::create_directory_symlink(folder.path(), folder / "c/loop");
  EXPECT_THAT(list_files(folder.path()), testing::ElementsAre(folder / "a/y", folder / "a/z", folder / "b", folder / "c/d/e"));
}

TEST(Glob, MatchesWholeNames) {
  for (const auto& [pattern, name] : {std::pair{"*.v", "a.v"},
                                      {"*.v", ".v"},
                                      {"*", ""},
                                      {"*", "x"},
                                      {"a?c", "abc"},
                                      {"a*b*c", "a--b-b-c"},
                                      {"**x", "x"},
                                      {"", ""},
                                      {"*a*a*a", "aaaa"},
                                      {"?*?", "ab"}})
    EXPECT_TRUE(glob_match(pattern, name)) << pattern << " " << name;
  for (const auto& [pattern, name] :
       {std::pair{"*.v", "a.vo"}, {"*.v", "v"}, {"a?c", "ac"}, {"", "x"}, {"A", "a"}, {"a*b", "ab c"}, {"?*?", "a"}, {"[a]", "a"}})
    EXPECT_FALSE(glob_match(pattern, name)) << pattern << " " << name;
}

TEST(Glob, ManyStarsTakeNoExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  EXPECT_FALSE(glob_match(pattern + "b", std::string(10'000, 'a')));
}

}  // namespace
}  // namespace corollary
