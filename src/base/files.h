#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace corollary {

namespace fs = std::filesystem;

/// Whole file as bytes. Error names the file and the system's reason.
std::string read_file(const fs::path& path);
/// Temporary name in the same folder, fsync, rename, fsync of the folder: readers see the old file or the whole new one.
void write_file(const fs::path& path, std::string_view bytes);

/// A file written bit by bit that exists under its name only after commit(). Destroyed without commit: removed.
/// Invariants: (1) nothing under `path` changes before commit(); (2) after commit() returns, bytes and name are on disk;
/// (3) a failed write (full disk) throws Error naming file, bytes written and the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(fs::path path);  ///< makes missing parent folders
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(std::string_view bytes);
  void write(const void* data, std::size_t bytes) { write({static_cast<const char*>(data), bytes}); }
  std::int64_t size_bytes() const { return size_; }
  const fs::path& path() const { return path_; }
  void commit();

 private:
  void flush();
  fs::path path_, temporary_;
  int fd_ = -1;
  std::int64_t size_ = 0;
  std::string buffer_;
};

/// Read-only memory map of a whole file; empty files map to an empty span. Movable.
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const fs::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

void fsync_folder(const fs::path& folder);
/// Error with need, free and the remedy unless `folder`'s file system has `need_bytes` free and the folder can be written.
void require_space(const fs::path& folder, std::int64_t need_bytes, std::string_view purpose);

/// Shell-style match of a whole name: '*' any run, '?' one character; no brackets. Case-sensitive.
bool glob_match(std::string_view pattern, std::string_view name);
/// Regular files below `folder` (not following links), sorted by path: the same list on every machine.
std::vector<fs::path> list_files(const fs::path& folder);

/// $COROLLARY_CACHE, else $XDG_CACHE_HOME/corollary, else ~/.cache/corollary: downloads, by digest or address.
fs::path cache_folder();

}  // namespace corollary
