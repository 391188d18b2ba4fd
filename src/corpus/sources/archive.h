#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"

namespace corollary {

/// The regular files of a tar archive (plain, gz, xz, zst, bz2) or of a Debian package (ar holding data.tar.*), streamed in the
/// archive's order without unpacking anything to disk. Links, devices and folders are passed over. Throws Error naming the archive,
/// the place and the remedy if it is damaged or truncated; everything before that was whole.
class ArchiveReader {
 public:
  /// One file. The path is relative, without "./"; names with ".." or a leading '/' are passed over.
  struct Entry {
    std::string path;
    std::int64_t bytes = 0;
  };

  explicit ArchiveReader(const fs::path& path);
  /// Reads from memory; `bytes` must outlive the reader, `where` names it in errors. is_package: an ar holding data.tar.*.
  ArchiveReader(std::string_view bytes, bool is_package, std::string where);
  ~ArchiveReader();

  std::optional<Entry> next();
  /// The bytes of the entry last returned. Throws if the archive ends before all of them.
  std::string read();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace corollary
