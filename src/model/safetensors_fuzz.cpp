#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/safetensors.h"

namespace {

std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t size = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &size, 8);
  return file + header + std::string(data_bytes, '\x3f');
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {
      file_of(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
              R"("b":{"dtype":"BF16","shape":[5],"data_offsets":[24,34]},"c":{"dtype":"F16","shape":[],"data_offsets":[34,36]}})",
              36),
      file_of(R"({"e":{"dtype":"I64","shape":[0,7],"data_offsets":[0,0]}}  )", 0), file_of("{}", 0)};
}

/// A header that is accepted covers the file: every tensor inside, none overlapping, no byte left over.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corollary;
  try {
    const SafetensorsHeader header = parse_safetensors_header({reinterpret_cast<const std::byte*>(data), size}, "fuzz.safetensors");
    std::uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, data, 8);
    auto next = static_cast<std::int64_t>(8 + header_bytes);
    for (const SafetensorsEntry& entry : header.entries) {
      if (entry.offset_bytes != next || entry.size_bytes < 0 || entry.count() > entry.size_bytes) __builtin_trap();
      next += entry.size_bytes;
    }
    if (next != static_cast<std::int64_t>(size)) __builtin_trap();
  } catch (const Error&) {
  }
  return 0;
}
