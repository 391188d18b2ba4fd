#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"

namespace corollary {

/// What an archive may cost. Sizes are those the headers state, counted before anything is unpacked or skipped; an entry also
/// counts for its header, 512 bytes. Beyond a bound next() throws Error and says which.
struct ArchiveLimits {
  std::int64_t max_entries = 20'000'000;
  std::int64_t max_unpacked_bytes = std::int64_t{1} << 40;  ///< of all entries together
  std::int64_t max_ratio = 200;                             ///< unpacked over packed ...
  std::int64_t ratio_from_bytes = std::int64_t{1} << 30;    ///< ... once more than this is unpacked: small files may pack well
  std::int64_t max_nested_bytes =
      0;                  ///< an archive inside is opened, one level deep, if at most this large; 0: it is a file like others
  int strip_folders = 0;  ///< leading folders dropped from paths; a path with no more than these is passed over
};

/// What was not shown, so that nothing is lost silently.
struct ArchiveCounts {
  std::int64_t links = 0;         ///< symbolic and hard
  std::int64_t devices = 0;       ///< devices, pipes, sockets
  std::int64_t unsafe_paths = 0;  ///< absolute, with "..", with a NUL or no name at all
  std::int64_t nested = 0;        ///< archives inside that were opened
  static void each(auto& counts, auto&& visit) {
    visit("links", counts.links);
    visit("devices", counts.devices);
    visit("unsafe_paths", counts.unsafe_paths);
    visit("nested", counts.nested);
  }
};

/// The regular files of a tar archive (plain, gz, xz, zst, bz2), a zip archive or a Debian package (ar holding data.tar.*),
/// streamed in the archive's order without unpacking anything to disk. Links, devices and folders are passed over. Throws Error
/// naming the archive, the place and the remedy if it is damaged or truncated; everything before that was whole.
class ArchiveReader {
 public:
  /// One file. The path is relative, without "./"; names with ".." or a leading '/' are passed over.
  struct Entry {
    std::string path;        ///< of a file in a nested archive: ARCHIVE/PATH
    std::int64_t bytes = 0;  ///< as its header states
    std::string damage =
        {};  ///< why its bytes cannot be had (encrypted; a nested archive that is damaged from here on); read() throws
  };

  explicit ArchiveReader(const fs::path& path, const ArchiveLimits& limits = {});
  /// Reads from memory; `bytes` must outlive the reader, `where` names it in errors. is_package: an ar holding data.tar.*.
  ArchiveReader(std::string_view bytes, bool is_package, std::string where, const ArchiveLimits& limits = {});
  ~ArchiveReader();

  std::optional<Entry> next();
  /// The bytes of the entry last returned. Throws if they are damaged or the archive ends before all of them; next() may then be
  /// called: it goes on where it can (behind a zip's bad entry, behind a damaged nested archive), else it ends or throws.
  std::string read();
  /// So far.
  const ArchiveCounts& counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// How a source's archive is read: a glob that names an archive as a folder ("*.zip/*.v", "*.tar.gz/*") opens archives inside, up
/// to 256 MiB each, and matches their files as ARCHIVE/PATH.
ArchiveLimits archive_limits(std::string_view glob, std::int64_t strip_folders);

/// Whether a file of this name is read as an archive: .tar[.gz|.xz|.zst|.bz2], .tgz, .zip, .deb.
bool is_archive_name(std::string_view name);

}  // namespace corollary
