#pragma once
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace corollary {

enum class LogLevel { debug, info, warning, error };
/// One line to stderr with the time; results go to stdout or files, never here. Thread-safe.
void log_line(LogLevel level, const std::string& text);
void set_log_level(LogLevel lowest_shown);

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}

/// A progress line with rate and time left: redrawn in place on a terminal, one plain line every ten seconds otherwise.
/// Not thread-safe: one thread calls advance().
class Progress {
 public:
  Progress(std::string what, std::int64_t total, std::string unit);  ///< total 0: not known
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void advance(std::int64_t by = 1);

 private:
  void draw(bool last);
  std::string what_, unit_;
  std::int64_t total_, done_ = 0;
  bool is_terminal_, has_drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_draw_;
};

std::string format_bytes(double bytes);      ///< "1.2 GB"; powers of 1000
std::string format_count(double count);      ///< "10.1 M"
std::string format_seconds(double seconds);  ///< "3 min 05 s"

}  // namespace corollary
