#include "train/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace corollary {

AppendFile::AppendFile(fs::path path, Open how) : path_(std::move(path)) {
  if (path_.has_parent_path()) {
    std::error_code error;
    fs::create_directories(path_.parent_path(), error);
    check(!error, "cannot make folder ", path_.parent_path().string(), ": ", error.message());
  }
  const int only_new = how == Open::must_be_new ? O_EXCL : 0;
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | only_new, 0644);
  check(fd_ >= 0, "cannot open ", path_.string(), " to append: ", std::strerror(errno), ": is the folder writable?");
  struct stat info {};
  if (::fstat(fd_, &info) == 0) size_bytes_ = info.st_size;
  fsync_folder(path_.parent_path());
}

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

void AppendFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    check(n > 0, "cannot write ", path_.string(), " after ", size_bytes_, " bytes: ", std::strerror(errno),
          errno == ENOSPC ? ": free space there and resume" : "");
    size_bytes_ += n;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void AppendFile::sync() { check(::fsync(fd_) == 0, "cannot flush ", path_.string(), " to disk: ", std::strerror(errno)); }

}  // namespace corollary
