#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "base/files.h"
#include "corpus/dedup/record_file.h"

using namespace corollary;

namespace {

constexpr std::size_t kHead = 40, kTail = 56;

void set_number(std::string& bytes, std::size_t at, std::uint64_t value) {
  for (std::size_t i = 0; i < 8; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
}

/// With the checksums of head and table of contents made right again, so that mutations reach what lies behind them.
std::string signed_again(std::string bytes) {
  if (bytes.size() < kHead + kTail) return bytes;
  set_number(bytes, kHead - 8, hash64({bytes.data(), kHead - 8}));
  const std::size_t end = bytes.size() - 16, tail = bytes.size() - kTail;
  std::uint64_t table = 0;
  for (std::size_t i = 0; i < 8; ++i) table |= std::uint64_t{static_cast<unsigned char>(bytes[tail + 24 + i])} << (8 * i);
  if (table < kHead || table > tail) return bytes;
  set_number(bytes, end, hash64(bytes.substr(0, kHead) + bytes.substr(table, end - table)));
  return bytes;
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  const fs::path path = fs::temp_directory_path() / ("record_file_fuzz." + std::to_string(::getpid()));
  RecordWriter writer(path, RecordFileType::run, 1, 2);
  writer.begin(1, 0, {.has_low = true, .has_shard = true, .has_offset = true, .has_kind = true});
  for (std::uint64_t i = 0; i < 1000; ++i) writer.add({i, i, i, 1, 1});
  writer.begin(3, 2, {});
  writer.add({4, 0, 5, 0, 3});
  writer.commit(3, 4);
  const std::string bytes = read_file(path);
  fs::remove(path);
  return {bytes};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int fd = ::memfd_create("records", 0);
  const std::string given(reinterpret_cast<const char*>(data), size);
  for (const std::string& bytes : {given, signed_again(given)}) {
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return 0;
    const fs::path path = "/proc/self/fd/" + std::to_string(fd);
    try {
      for (const Segment& segment : read_record_head(path, RecordFileType::run).segments) {
        RecordReader reader(path, segment);
        Record record;
        while (reader.next(record)) {
        }
      }
    } catch (const Error&) {
    }
  }
  return 0;
}
