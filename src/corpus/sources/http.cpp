#include "corpus/sources/http.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"

namespace corollary {
namespace {

/// `path`.part, locked against other processes, appended to or started over.
class PartFile {
 public:
  explicit PartFile(fs::path path) : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    check(fd_ >= 0, "cannot create ", path_.string(), ": ", std::strerror(errno));
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      ::close(fd_);
      fail("another process is downloading to ", path_.string(), ": wait for it");
    }
  }
  ~PartFile() { ::close(fd_); }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  std::int64_t size() const { return ::lseek(fd_, 0, SEEK_END); }
  /// These two: false with errno set when the disk refuses.
  bool start_over() { return ::ftruncate(fd_, 0) == 0; }
  bool append(const char* bytes, std::size_t n) {
    ::lseek(fd_, 0, SEEK_END);
    while (n > 0) {
      const ssize_t written = ::write(fd_, bytes, n);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      bytes += written, n -= static_cast<std::size_t>(written);
    }
    return true;
  }
  void become(const fs::path& final_path) {
    check(::fsync(fd_) == 0, "cannot flush ", path_.string(), " to disk: ", std::strerror(errno));
    fs::rename(path_, final_path);
    fsync_folder(final_path.parent_path());
  }
  void remove() { ::unlink(path_.c_str()); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  int fd_;
};

HttpAnswer try_once(HttpClient& client, const std::string& url, PartFile& part) {
  const std::int64_t have = part.size();
  bool has_begun = false;
  int disk_error = 0;
  HttpAnswer answer = client.get(
      url,
      [&](long status, std::string_view bytes) {
        const bool is_whole = !std::exchange(has_begun, true) && status == 200;  // even if asked to go on: the server ignored Range
        if ((is_whole && !part.start_over()) || !part.append(bytes.data(), bytes.size())) disk_error = errno;
        return disk_error == 0;
      },
      {}, have);
  check(disk_error == 0, "cannot write ", part.path().string(), ": ", std::strerror(disk_error));
  if (answer.rejection && answer.rejection->reason == "wrong_range")
    check(part.start_over(), "cannot truncate ", part.path().string(), ": ", std::strerror(errno));
  if (answer.status == 416 && have > 0) answer.rejection.reset();  // nothing lies beyond what we have: the judge decides
  if (!answer.rejection && answer.status == 200 && !has_begun)     // an empty body
    check(part.start_over(), "cannot truncate ", part.path().string());
  return answer;
}

std::optional<Rejection> transfer_all(HttpClient& client, const std::string& url, PartFile& part) {
  const HttpConfig& config = client.config();
  double doubling_seconds = config.first_pause_seconds;
  for (int failures = 0;;) {
    const std::int64_t before = part.size();
    HttpAnswer answer = try_once(client, url, part);
    if (!answer.rejection) return std::nullopt;
    const auto asked = wait_asked(answer, static_cast<double>(std::time(nullptr)));
    if (asked) {
      answer.rejection = Rejection{"rate_limited", 0, answer.rejection->detail + ", which asks to wait " + format_seconds(*asked)};
      answer.may_retry = *asked <= config.max_wait_seconds;
    }
    // What brought bytes is no failure: a long download over a bad line ends as long as it moves.
    failures = part.size() > before ? 1 : failures + 1;
    if (!answer.may_retry || failures >= config.tries) {
      answer.rejection->offset = part.size();
      return answer.rejection;
    }
    const double seconds = asked.value_or(doubling_seconds);
    if (!asked) doubling_seconds = std::min(2 * doubling_seconds, 30.0);
    log_warning("{}: {}; going on at byte {} in {}", url_for_people(url), answer.rejection->detail, part.size(),
                format_seconds(seconds));
    pause_for(seconds);
    check(!stop_requested(), "stopped while downloading ", url_for_people(url), ": run again to go on");
  }
}

}  // namespace

std::optional<Rejection> try_download(HttpClient& client, const std::string& url, const fs::path& path, const FileJudge& judge) {
  if (fs::exists(path)) return std::nullopt;
  fs::create_directories(path.parent_path());
  PartFile part(path.string() + ".part");
  const bool is_resumed = part.size() > 0;
  for (const bool is_second : {false, true}) {
    if (auto rejection = transfer_all(client, url, part)) {
      if (part.size() == 0 || rejection->reason == "too_large") part.remove();
      return rejection;
    }
    const std::string wrong = judge(part.path());
    if (wrong.empty()) {
      part.become(path);
      return std::nullopt;
    }
    // A resumed file may mix two versions: start over once, before blaming the source.
    if (is_second || !is_resumed) {
      part.remove();
      return Rejection{"wrong_file", part.size(), wrong};
    }
    check(part.start_over(), "cannot truncate ", part.path().string(), ": ", std::strerror(errno));
  }
  return std::nullopt;  // not reached
}

void download(const std::string& url, const std::string& sha256, const fs::path& path, const DownloadConfig& config) {
  check(sha256.size() == 64, "no sha256 for ", url,
        ": add sha256 = \"...\" (64 hexadecimal digits) to the source, so that everyone gets the same bytes");
  if (fs::exists(path)) {
    if (sha256_file(path) == sha256) return;
    fs::remove(path);
  }
  HttpClient client(config);
  const auto rejection = try_download(client, url, path, [&](const fs::path& part) {
    const std::string digest = sha256_file(part);
    return digest == sha256 ? std::string() : "sha256 " + digest;
  });
  if (!rejection) return;
  if (rejection->reason == "wrong_file")
    fail("wrong digest: ", url, " has ", rejection->detail, ", the recipe says ", sha256,
         ": the file there is another one, or the recipe is old");
  const bool may_retry = rejection->reason == "no_connection" || rejection->reason == "broken_off" ||
                         rejection->reason == "too_slow" || rejection->reason == "rate_limited" ||
                         rejection->reason.starts_with("http_5") || rejection->reason == "http_408";
  if (may_retry)
    fail("cannot download ", url, " after ", config.tries, " tries: ", rejection->detail, "; ", rejection->offset,
         " bytes are kept, run again to go on. Without a network give a folder or file as uri instead");
  fail("cannot download ", url, ": ", rejection->detail, ": check the address in the recipe");
}

}  // namespace corollary
