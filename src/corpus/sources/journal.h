#pragma once
#include <functional>
#include <string>

#include "base/files.h"
#include "base/json.h"

namespace corollary {

/// What a long crawl has learned, a line of JSON each, so that a killed run goes on where it was.
/// Invariants: (1) a line is on disk, whole, when append() returns; (2) a line torn by a kill or a power cut, and all behind a
/// damaged one, is cut off when the file is opened again, never read; (3) one process at a time holds a journal.
class Journal {
 public:
  /// Hands every line to `each`, in order. The first line is `header`: a file that begins otherwise (another program version,
  /// another question) is started over. Throws Error if another process holds it.
  Journal(const fs::path& path, const Json& header, const std::function<void(const Json& line)>& each);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  void append(const Json& line);

 private:
  fs::path path_;
  int fd_;
};

}  // namespace corollary
