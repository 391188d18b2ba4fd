#include "corpus/sources/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/log.h"

namespace corollary {

Journal::Journal(const fs::path& path, const Json& header, const std::function<void(const Json& line)>& each) : path_(path) {
  fs::create_directories(path.parent_path());
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  check(fd_ >= 0, "cannot open ", path.string(), ": ", std::strerror(errno));
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd_);
    fail("another process is at work with ", path.string(), ": wait for it");
  }
  try {
    const std::string text = read_file(path);
    std::size_t good = 0;
    bool is_ours = true;
    for (std::size_t at = 0; at < text.size() && is_ours;) {
      const std::size_t end = text.find('\n', at);
      if (end == std::string::npos) break;
      Json line;
      try {
        line = parse_json(std::string_view(text).substr(at, end - at), path.string());
      } catch (const Error&) {
        break;
      }
      if (at == 0)
        is_ours = line == header;
      else
        each(line);
      at = end + 1;
      if (is_ours) good = at;
    }
    if (good < text.size()) {
      log_warning("{}: the last {} bytes are not whole or answer another question; they are asked for again", path.string(),
                  text.size() - good);
      check(::ftruncate(fd_, static_cast<off_t>(good)) == 0, "cannot truncate ", path.string(), ": ", std::strerror(errno));
    }
    ::lseek(fd_, 0, SEEK_END);
    if (good == 0) {
      append(header);
      fsync_folder(path.parent_path());
    }
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

Journal::~Journal() { ::close(fd_); }

void Journal::append(const Json& line) {
  const std::string text = to_line(line) + "\n";
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(fd_, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    check(n > 0, "cannot write ", path_.string(), ": ", std::strerror(errno));
    done += static_cast<std::size_t>(n);
  }
  check(::fdatasync(fd_) == 0, "cannot flush ", path_.string(), " to disk: ", std::strerror(errno));
}

}  // namespace corollary
