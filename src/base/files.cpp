#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace corollary {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;

class Fd {
 public:
  Fd(const fs::path& path, int flags) : fd(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~Fd() {
    if (fd >= 0) ::close(fd);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  const int fd;
};

void write_all(int fd, std::string_view bytes, const fs::path& path, std::int64_t already) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    check(n > 0, "cannot write ", path.string(), " after ", already, " bytes: ", std::strerror(errno),
          errno == ENOSPC ? ": free space there or choose another folder" : "");
    already += n;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

std::string read_file(const fs::path& path) {
  const Fd file(path, O_RDONLY);
  check(file.fd >= 0, "cannot open ", path.string(), ": ", std::strerror(errno));
  std::string bytes;
  struct stat info {};
  if (::fstat(file.fd, &info) == 0 && S_ISREG(info.st_mode)) bytes.reserve(static_cast<std::size_t>(info.st_size));
  for (;;) {
    char chunk[65536];
    const ssize_t n = ::read(file.fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    check(n >= 0, "cannot read ", path.string(), " at byte ", bytes.size(), ": ", std::strerror(errno));
    if (n == 0) return bytes;
    bytes.append(chunk, static_cast<std::size_t>(n));
  }
}

void write_file(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  static std::atomic<std::uint64_t> counter{0};
  if (path_.has_parent_path()) {
    std::error_code error;
    fs::create_directories(path_.parent_path(), error);
    check(!error, "cannot make folder ", path_.parent_path().string(), ": ", error.message());
  }
  temporary_ = path_;
  temporary_ += ".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter++);
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  check(fd_ >= 0, "cannot create ", temporary_.string(), ": ", std::strerror(errno), ": is the folder writable?");
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  check(fd_ >= 0, "write to ", path_.string(), " after commit");
  if (buffer_.size() + bytes.size() > kBufferBytes) flush();
  if (bytes.size() > kBufferBytes)  // and then the buffer is empty: bytes reach the file in the order given
    write_all(fd_, bytes, path_, size_);
  else
    buffer_ += bytes;
  size_ += static_cast<std::int64_t>(bytes.size());
}

void AtomicFile::flush() {
  write_all(fd_, buffer_, path_, size_ - static_cast<std::int64_t>(buffer_.size()));
  buffer_.clear();
}

void AtomicFile::commit() {
  check(fd_ >= 0, "commit of ", path_.string(), " twice");
  flush();
  check(::fsync(fd_) == 0, "cannot flush ", path_.string(), " to disk: ", std::strerror(errno));
  ::close(std::exchange(fd_, -1));
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary_.c_str());
    fail("cannot rename to ", path_.string(), ": ", std::strerror(reason));
  }
  fsync_folder(path_.parent_path());
}

MappedFile::MappedFile(const fs::path& path) {
  const Fd file(path, O_RDONLY);
  check(file.fd >= 0, "cannot open ", path.string(), ": ", std::strerror(errno));
  struct stat info {};
  check(::fstat(file.fd, &info) == 0 && S_ISREG(info.st_mode), "not a regular file: ", path.string());
  size_ = static_cast<std::size_t>(info.st_size);
  if (size_ == 0) return;
  void* at = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.fd, 0);
  check(at != MAP_FAILED, "cannot map ", path.string(), " (", size_, " bytes): ", std::strerror(errno));
  data_ = static_cast<const std::byte*>(at);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}
MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void fsync_folder(const fs::path& folder) {
  const Fd file(folder.empty() ? fs::path(".") : folder, O_RDONLY | O_DIRECTORY);
  if (file.fd >= 0) ::fsync(file.fd);
}

void require_space(const fs::path& folder, std::int64_t need_bytes, std::string_view purpose) {
  std::error_code error;
  fs::create_directories(folder, error);
  check(!error && ::access(folder.c_str(), W_OK) == 0, "cannot write in ", folder.string(), " for ", purpose,
        ": make it writable or choose another folder");
  struct statvfs info {};
  if (::statvfs(folder.c_str(), &info) != 0) return;
  const auto free_bytes = static_cast<std::int64_t>(info.f_bavail) * static_cast<std::int64_t>(info.f_frsize);
  check(free_bytes >= need_bytes, "too little space: ", purpose, " needs ", format_bytes(static_cast<double>(need_bytes)), " in ",
        folder.string(), ", ", format_bytes(static_cast<double>(free_bytes)), " are free: free space or choose another folder");
}

bool glob_match(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star = std::string_view::npos, star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n]) && pattern[p] != '*') {
      ++p, ++n;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++, star_name = n;
    } else if (star != std::string_view::npos) {
      p = star + 1, n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<fs::path> list_files(const fs::path& folder) {
  check(fs::is_directory(folder), "no folder at ", folder.string());
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied))
    if (entry.is_regular_file() && !entry.is_symlink()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

fs::path cache_folder() {
  if (const char* own = std::getenv("COROLLARY_CACHE"); own && *own) return own;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg) return fs::path(xdg) / "corollary";
  const char* home = std::getenv("HOME");
  return fs::path(home && *home ? home : ".") / ".cache" / "corollary";
}

}  // namespace corollary
