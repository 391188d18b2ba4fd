// .idx and .bin: the first four bytes of the input say how long .idx is.
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "tokenizer/indexed_dataset.h"

namespace {

/// A folder of this process, gone at its end.
struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("corollary_idx_fuzz_" + std::to_string(::getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path, error);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  std::uint32_t idx_bytes = 0;
  if (size < sizeof idx_bytes) return 0;
  std::memcpy(&idx_bytes, data, sizeof idx_bytes);
  const std::string rest(reinterpret_cast<const char*>(data) + sizeof idx_bytes, size - sizeof idx_bytes);
  const std::string idx = rest.substr(0, idx_bytes), bin = rest.substr(idx.size());
  const auto prefix = folder.path / "set";
  std::ofstream(prefix.string() + ".idx", std::ios::binary) << idx;
  std::ofstream(prefix.string() + ".bin", std::ios::binary) << bin;
  try {
    const corollary::IndexedDataset dataset(prefix);
    dataset.check_ids(1000);
  } catch (const corollary::Error&) {
  }
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds;
  for (const std::int64_t vocab_size : {100, 70'000}) {
    const Folder folder;
    const auto prefix = folder.path / ("seed" + std::to_string(vocab_size));
    corollary::IndexedDatasetWriter writer(prefix, vocab_size);
    writer.add(std::vector<std::int32_t>{1, 2, 3});
    writer.add(std::vector<std::int32_t>{99});
    writer.commit();
    const std::string idx = corollary::read_file(prefix.string() + ".idx");
    const auto idx_bytes = static_cast<std::uint32_t>(idx.size());
    seeds.push_back(std::string(reinterpret_cast<const char*>(&idx_bytes), 4) + idx +
                    corollary::read_file(prefix.string() + ".bin"));
  }
  return seeds;
}
