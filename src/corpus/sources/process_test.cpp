#include "corpus/sources/process.h"

#include <gtest/gtest.h>

#include "corpus/test_support.h"

namespace corollary {
namespace {

TEST(Process, PassesArgumentsAsTheyAreAndCollectsBothStreams) {
  const TestFolder folder;
  const ProcessResult result =
      run_process({"sh", "-c", "pwd; echo \"$1\"; echo bad >&2; exit 3", "sh", "a; b $HOME"}, folder.path());
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, fs::canonical(folder.path()).string() + "\na; b $HOME\n");
  EXPECT_EQ(result.err, "bad\n");
}

TEST(Process, SaysWhatEndedIt) {
  EXPECT_EQ(run_process({"no-such-program-here"}, "/").status, 127);
  EXPECT_EQ(run_process({"sh", "-c", "kill -9 $$"}, "/").status, 128 + 9);
}

TEST(Process, ReadsNothingAndDropsWhatIsTooMuch) {
  const ProcessResult result = run_process({"sh", "-c", "cat; yes | head -c 100000"}, "/", 1000);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out.size(), 1000U);
}

}  // namespace
}  // namespace corollary
