#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace corollary {
namespace {

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("corollary", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%H:%M:%S %^%L%$ %v");
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      break;
  }
  return spdlog::level::err;
}

std::string scaled(double value, const char* unit) {
  const char* prefixes[] = {"", "k", "M", "G", "T", "P"};
  std::size_t power = 0;
  while (std::abs(value) >= 999.5 && power + 1 < std::size(prefixes)) value /= 1000, ++power;
  const int decimals = power == 0 || value >= 99.95 ? 0 : 1;
  return fmt::format("{:.{}f} {}{}", value, decimals, prefixes[power], unit);
}

}  // namespace

void log_line(LogLevel level, const std::string& text) { logger().log(to_spdlog(level), "{}", text); }
void set_log_level(LogLevel lowest_shown) { logger().set_level(to_spdlog(lowest_shown)); }

Progress::Progress(std::string what, std::int64_t total, std::string unit)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      is_terminal_(isatty(STDERR_FILENO) != 0),
      start_(std::chrono::steady_clock::now()),
      last_draw_(start_) {}

Progress::~Progress() {
  if (has_drawn_) draw(true);
}

void Progress::advance(std::int64_t by) {
  done_ += by;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_draw_ < (is_terminal_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10'000))) return;
  last_draw_ = now;
  draw(false);
}

void Progress::draw(bool last) {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double rate = static_cast<double>(done_) / std::max(seconds, 1e-9);
  std::string line = fmt::format("{}: {} {}", what_, done_, unit_);
  if (total_ > 0) line = fmt::format("{}: {}/{} {}", what_, done_, total_, unit_);
  line += fmt::format(", {}/s", scaled(rate, unit_.c_str()));
  if (total_ > done_) line += fmt::format(", {} left", format_seconds(static_cast<double>(total_ - done_) / std::max(rate, 1e-9)));
  if (is_terminal_)
    std::fprintf(stderr, "\r\033[K%s%s", line.c_str(), last ? "\n" : "");
  else
    log_line(LogLevel::info, line);
  has_drawn_ = true;
}

std::string format_bytes(double bytes) { return scaled(bytes, "B"); }
std::string format_count(double count) {
  std::string text = scaled(count, "");
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}
std::string format_seconds(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace corollary
