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
          corollary::testing::make_archive(files, false, ""), corollary::testing::make_zip(files),
          corollary::testing::make_archive({{"in.zip", corollary::testing::make_zip(files)}, {"x.tar.gz", "?"}}, false, "gzip")};
}

/// The bytes as a Debian package, and as a tar or zip with archives inside. Files above 1 MiB are passed over, as the sources do with what is too large.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  corollary::ArchiveLimits limits;
  limits.max_nested_bytes = 1 << 20;
  limits.max_unpacked_bytes = 64 << 20;
  for (const bool is_package : {true, false}) {
    try {
      corollary::ArchiveReader archive({reinterpret_cast<const char*>(data), size}, is_package, "fuzz", limits);
      for (int files = 0; files < 100; ++files) {
        const auto entry = archive.next();
        if (!entry) break;
        if (entry->bytes > (1 << 20)) continue;
        try {
          (void)archive.read();
        } catch (const corollary::Error&) {  // next() says whether it can go on
        }
      }
    } catch (const corollary::Error&) {
    }
  }
  return 0;
}
