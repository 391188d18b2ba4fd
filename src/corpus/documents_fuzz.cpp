#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/compress.h"
#include "base/error.h"
#include "corpus/document.h"

std::vector<std::string> fuzz_seeds() {
  const std::string lines =
      "{\"text\":\"Qed.\",\"meta\":{\"path\":\"a.v\",\"n\":[1,2.5,null]}}\n{\"text\":\"\\u2203\",\"meta\":\"{\\\"lang\\\":"
      "\\\"coq\\\"}\"}\n{broken\n\n";
  return {lines, corollary::zstd_compress(lines)};
}

/// The bytes as a file of records, compressed or not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int fd = ::memfd_create("records", 0);
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, data, size, 0) != static_cast<ssize_t>(size)) return 0;
  try {
    corollary::LineReader lines("/proc/self/fd/" + std::to_string(fd), 1 << 20);
    while (const auto line = lines.next()) {
      try {
        (void)corollary::document_from_line(*line, "fuzz");
      } catch (const corollary::Error&) {
      }
    }
  } catch (const corollary::Error&) {
  }
  return 0;
}
