#pragma once

namespace corollary {

/// After install_stop_handler(), Ctrl-C and SIGTERM set a flag instead of killing: loops finish the record in flight, save, and say
/// how to resume. A second signal ends the process at once. Called by the thread that runs main(): the handler gets a stack of its own
/// there, as any other handler of this program must (SA_ONSTACK), for products may not have a usable one when a signal comes.
void install_stop_handler();
bool stop_requested();

}  // namespace corollary
