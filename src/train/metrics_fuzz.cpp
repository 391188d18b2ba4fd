// Reopening a metrics.jsonl of any content: the file is cut or refused, never lost beyond the resume step, never a crash.
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "train/metrics.h"

std::vector<std::string> fuzz_seeds() {
  return {
      "{\"step\":1,\"loss\":9.0,\"grad_norm\":0.1,\"learning_rate\":0.001,\"tokens\":8192,\"seconds\":0.5,"
      "\"tokens_per_second\":16384.0,\"mfu\":0.25}\n{\"step\":1,\"validation\":{\"code\":1.25}}\n{\"step\":7,\"validation\":{}}\n",
      "{\"step\":2,\"loss\":null}\n{\"step\":3,", "\n\n", ""};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corollary;
  static const fs::path folder = fs::temp_directory_path() / ("corollary_metrics_fuzz_" + std::to_string(::getpid()));
  static const bool removed_at_exit = std::atexit([] { fs::remove_all(folder); }) == 0;
  static_cast<void>(removed_at_exit);
  fs::remove_all(folder);
  fs::create_directories(folder);
  const std::string before(reinterpret_cast<const char*>(data), size);
  std::ofstream(folder / "metrics.jsonl", std::ios::binary) << before;
  bool was_opened = false;
  try {
    const MetricsLog log(folder, 5);
    was_opened = true;
  } catch (const Error&) {
  }
  const std::string after = read_file(folder / "metrics.jsonl");
  if (was_opened ? !before.starts_with(after) : after != before) std::abort();
  return 0;
}
