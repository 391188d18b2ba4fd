#include "corpus/sources/http.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>

#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"

namespace corollary {
namespace {

using OwnedCurl = std::unique_ptr<CURL, void (*)(CURL*)>;

OwnedCurl new_curl() {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  check(global == CURLE_OK, "libcurl cannot start: ", curl_easy_strerror(global));
  OwnedCurl handle(curl_easy_init(), curl_easy_cleanup);
  check(handle != nullptr, "out of memory for libcurl");
  return handle;
}

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

struct Transfer {
  CURL* curl;
  PartFile* part;
  bool has_begun = false;
  int disk_error = 0;

  static std::size_t write(char* bytes, std::size_t one, std::size_t n, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    long status = 0;
    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && status != 206) return one * n;  // not the file
    const bool is_whole =
        !std::exchange(transfer.has_begun, true) && status == 200;  // even if asked to go on: the server ignored Range
    if ((is_whole && !transfer.part->start_over()) || !transfer.part->append(bytes, one * n)) {
      transfer.disk_error = errno;
      return 0;
    }
    return one * n;
  }
  static int progress(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) { return stop_requested() ? 1 : 0; }
};

struct Outcome {
  bool is_done = false, may_retry = false;
  std::string reason;
};

Outcome try_once(const std::string& url, PartFile& part, const DownloadConfig& config) {
  const OwnedCurl curl = new_curl();
  Transfer transfer{curl.get(), &part};
  const std::int64_t have = part.size();
  const std::string range = std::to_string(have) + "-";
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
  curl_easy_setopt(curl.get(), CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
  curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);  // error pages are not read
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, "corollary");
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT, config.connect_timeout_seconds);
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_TIME, config.stall_timeout_seconds);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Transfer::write);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, Transfer::progress);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  if (have > 0) curl_easy_setopt(curl.get(), CURLOPT_RANGE, range.c_str());
  const CURLcode code = curl_easy_perform(curl.get());
  check(!stop_requested(), "stopped while downloading ", url, ": run again to go on from byte ", part.size());
  check(transfer.disk_error == 0, "cannot write ", part.path().string(), ": ", std::strerror(transfer.disk_error));
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK && code != CURLE_HTTP_RETURNED_ERROR)
    return {false, code != CURLE_UNSUPPORTED_PROTOCOL && code != CURLE_URL_MALFORMAT, curl_easy_strerror(code)};
  if (status == 200 || status == 206) {
    if (status == 200 && !transfer.has_begun) check(part.start_over(), "cannot truncate ", part.path().string());  // an empty body
    return {true, false, {}};
  }
  if (status == 416 && have > 0) {  // nothing lies beyond what we have: the digest decides, a new start if it differs
    return {true, false, {}};
  }
  return {false, status == 408 || status == 429 || status >= 500, "HTTP status " + std::to_string(status)};
}

void pause(double seconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < until && !stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

void transfer_all(const std::string& url, PartFile& part, const DownloadConfig& config) {
  double seconds = config.first_pause_seconds;
  std::string reason;
  for (int failures = 0; failures < config.tries;) {
    const std::int64_t before = part.size();
    const Outcome outcome = try_once(url, part, config);
    if (outcome.is_done) return;
    reason = outcome.reason;
    check(outcome.may_retry, "cannot download ", url, ": ", reason, ": check the address in the recipe");
    // What brought bytes is no failure: a long download over a bad line ends as long as it moves.
    failures = part.size() > before ? 1 : failures + 1;
    if (failures < config.tries) {
      log_warning("{}: {}; going on at byte {} in {}", url, reason, part.size(), format_seconds(seconds));
      pause(seconds);
      seconds = std::min(2 * seconds, 30.0);
    }
  }
  fail("cannot download ", url, " after ", config.tries, " tries: ", reason, "; ", part.size(),
       " bytes are kept, run again to go on. Without a network give a folder or file as uri instead");
}

}  // namespace

void download(const std::string& url, const std::string& sha256, const fs::path& path, const DownloadConfig& config) {
  check(sha256.size() == 64, "no sha256 for ", url,
        ": add sha256 = \"...\" (64 hexadecimal digits) to the source, so that everyone gets the same bytes");
  if (fs::exists(path) && sha256_file(path) == sha256) return;
  fs::create_directories(path.parent_path());
  PartFile part(path.string() + ".part");
  const bool is_resumed = part.size() > 0;
  for (const bool is_second : {false, true}) {
    transfer_all(url, part, config);
    const std::string digest = sha256_file(part.path());
    if (digest == sha256) return part.become(path);
    // A resumed file may mix two versions: start over once, before blaming the source.
    if (is_second || !is_resumed) {
      part.remove();
      fail("wrong digest: ", url, " has sha256 ", digest, ", the recipe says ", sha256,
           ": the file there is another one, or the recipe is old");
    }
    check(part.start_over(), "cannot truncate ", part.path().string(), ": ", std::strerror(errno));
  }
}

}  // namespace corollary
