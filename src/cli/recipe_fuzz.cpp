#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/recipe_file.h"

std::vector<std::string> fuzz_seeds() {
  return {
      "name = \"x\"\nseed = 12\n[[sources]]\nuri = \"deb:a\"\nglob = \"*.v\"\n[train]\nlearning_rate = 2e-3\nprecision = 'auto'\n",
      "# a comment\n[model.inner]\nsizes = [1, 2, [3]]\nday = 2023-10-16T07:32:00Z\ninline = {a = 1, b.c = true}\ntext = "
      "\"\"\"\nlong\\u00e9\"\"\"\n"};
}

/// The bytes as recipe.toml; their first line once more as a --set.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int fd = ::memfd_create("recipe", 0);
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, data, size, 0) != static_cast<ssize_t>(size)) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    (void)corollary::read_recipe_file("/proc/self/fd/" + std::to_string(fd), {text.substr(0, text.find('\n'))});
  } catch (const corollary::Error&) {
  }
  return 0;
}
