#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "corpus/sources/archive.h"
#include "corpus/test_support.h"

std::vector<std::string> fuzz_seeds() {
  const corollary::testing::Files files = {{"./usr/a.v", "Qed.\n"}, {"./usr/b", std::string(3000, 'x')}};
  return {corollary::testing::make_package(files, "xz"), corollary::testing::make_package(files, "gzip"),
          corollary::testing::make_package(files, "zstd"), corollary::testing::make_package(files, ""),
          corollary::testing::make_archive(files, false, "")};
}

/// The bytes as a Debian package, and as a tar. Files above 1 MiB are passed over, as the sources do with what is too large.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const bool is_package : {true, false}) {
    try {
      corollary::ArchiveReader archive({reinterpret_cast<const char*>(data), size}, is_package, "fuzz");
      for (int files = 0; files < 100; ++files) {
        const auto entry = archive.next();
        if (!entry) break;
        if (entry->bytes <= (1 << 20)) (void)archive.read();
      }
    } catch (const corollary::Error&) {
    }
  }
  return 0;
}
