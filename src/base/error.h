#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace corollary {

/// What ends an operation: bad input, a full disk, a broken promise. what() reads "text" with its numbers and the remedy;
/// main() catches it once. Expected outcomes (a rejected document, a failed tactic) are values, never an Error.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A literal and the place it stands, so that check() is no macro.
struct Message {
  const char *text, *file;
  int line;
  Message(const char* text, const char* file = __builtin_FILE(), int line = __builtin_LINE())
      : text(text), file(file), line(line) {}
};

namespace detail {
[[noreturn]] void throw_error(const Message& message, const std::string& text);
}

/// Throws Error with the message and all parts streamed one after another.
template <class... Parts>
[[noreturn]] void fail(Message message, const Parts&... parts) {
  std::ostringstream out;
  ((out << message.text) << ... << parts);
  detail::throw_error(message, out.str());
}

/// Throws Error unless ok:  check(need <= free, "activations need ", need, " bytes, ", free, " are free: lower micro_batch_size");
template <class... Parts>
void check(bool ok, Message message, const Parts&... parts) {
  if (!ok) [[unlikely]]
    fail(message, parts...);
}

}  // namespace corollary
