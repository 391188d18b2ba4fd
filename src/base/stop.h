#pragma once

namespace corollary {

/// After install_stop_handler(), Ctrl-C and SIGTERM set a flag instead of killing: loops finish the record in flight, save, and say
/// how to resume. A second signal ends the process at once.
void install_stop_handler();
bool stop_requested();

}  // namespace corollary
