#include "base/stop.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace corollary {
namespace {

TEST(Stop, HandlersHaveAStackOfTheirOwn) {
  install_stop_handler();
  stack_t stack{};
  ASSERT_EQ(::sigaltstack(nullptr, &stack), 0);
  EXPECT_EQ(stack.ss_flags & SS_DISABLE, 0);
  EXPECT_GE(stack.ss_size, std::size_t{64} << 10) << "a frame holds the registers of AMX, 8 KB alone";
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    ASSERT_EQ(::sigaction(number, nullptr, &action), 0);
    EXPECT_NE(action.sa_flags & SA_ONSTACK, 0) << number;
  }
}

TEST(Stop, ASignalIsNoted) {
  install_stop_handler();
  EXPECT_FALSE(stop_requested());
  ::raise(SIGTERM);
  EXPECT_TRUE(stop_requested());
}

}  // namespace
}  // namespace corollary
