#include "base/stop.h"

#include <signal.h>

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

}  // namespace

void install_stop_handler() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool stop_requested() { return requested != 0; }

}  // namespace corollary
