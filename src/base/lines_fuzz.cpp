#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/compress.h"
#include "base/error.h"

using corollary::Error;

std::vector<std::string> fuzz_seeds() {
  const std::string text = "{\"text\": \"one\"}\n{\"text\": \"two\"}\n\nlast";
  const std::string gzip("\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\xe4\x4a\xe2\x02\0\x84\x76\xc2\x3d\x04\0\0\0", 24);  // "a\nb\n"
  return {text, corollary::zstd_compress(text),
          corollary::zstd_compress(std::string(400'000, 'x')) + corollary::zstd_compress(text), gzip, gzip + gzip};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLimit = 1 << 22;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    (void)corollary::zstd_decompress(bytes, kLimit, "input");
  } catch (const Error&) {
  }
  try {
    (void)corollary::gzip_decompress(bytes, kLimit, "input");
  } catch (const Error&) {
  }
  static const int fd = ::memfd_create("input", 0);
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, data, size, 0) != static_cast<ssize_t>(size)) return 0;
  try {
    corollary::LineReader reader("/proc/self/fd/" + std::to_string(fd), kLimit);
    std::int64_t lines = 0;
    while (reader.next()) ++lines;
    if (lines != reader.line_number()) __builtin_trap();
  } catch (const Error&) {
  }
  return 0;
}
