#include "base/log.h"

#include <gtest/gtest.h>

namespace corollary {
namespace {

TEST(Log, NumbersAPersonCanRead) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1234), "1.2 kB");
  EXPECT_EQ(format_bytes(999'600), "1.0 MB");
  EXPECT_EQ(format_bytes(141e9), "141 GB");
  EXPECT_EQ(format_count(42), "42");
  EXPECT_EQ(format_count(10'120'000), "10.1 M");
  EXPECT_EQ(format_seconds(3.25), "3.2 s");
  EXPECT_EQ(format_seconds(185), "3 min 05 s");
  EXPECT_EQ(format_seconds(3720), "1 h 02 min");
}

}  // namespace
}  // namespace corollary
