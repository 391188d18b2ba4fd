#include "base/stop.h"

#include <signal.h>

#include <array>
#include <csignal>

namespace corollary {
namespace {

volatile std::sig_atomic_t requested = 0;

void on_signal(int signal_number) {
  if (requested != 0) {
    ::signal(signal_number, SIG_DFL);
    ::raise(signal_number);
  }
  requested = 1;
}

/// The handler's stack. oneDNN's generated f32 products hold a data pointer in the stack register while they run: a handler that began
/// there would write its frame, kilobytes of vector registers, into the heap. The kernel gives a process's signals to the thread that
/// called main() unless that blocks them, so one stack suffices.
alignas(64) std::array<char, 256 << 10> handler_stack;

}  // namespace

void install_stop_handler() {
  stack_t stack{};
  stack.ss_sp = handler_stack.data();
  stack.ss_size = handler_stack.size();
  ::sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool stop_requested() { return requested != 0; }

}  // namespace corollary
