#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/files.h"

namespace corollary {

/// A file that only grows, read by others while it is written. Each append() is one write(2) at the end, so a process killed
/// between two leaves only whole records, and only a full disk or a power cut can leave a torn last one. Errors name file, size and
/// the system's reason.
class AppendFile {
 public:
  enum class Open { existing_or_new, must_be_new };
  AppendFile(fs::path path, Open how);  ///< makes missing parent folders
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  void append(std::string_view bytes);
  void sync();  ///< everything appended is on disk on return
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  int fd_ = -1;
  std::int64_t size_bytes_ = 0;
};

}  // namespace corollary
