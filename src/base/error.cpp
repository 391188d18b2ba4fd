#include "base/error.h"

#include <cstring>

namespace corollary::detail {

void throw_error(const Message& message, const std::string& text) {
  const char* src = std::strstr(message.file, "src/");
  throw Error((src ? src + 4 : message.file) + std::string(":") + std::to_string(message.line) + ": " + text);
}

}  // namespace corollary::detail
