#include "device/profile.h"

#include <algorithm>

namespace corollary {

std::vector<Profile::Line> Profile::lines() const {
  std::vector<Line> lines;
  for (const Span& span : spans_) {
    auto line = std::ranges::find(lines, span.name, &Line::name);
    if (line == lines.end()) line = lines.insert(line, {.name = span.name});
    line->seconds += Event::seconds_between(span.from, span.to);
    ++line->times;
  }
  return lines;
}

void Timed::begin(const char* operation, std::initializer_list<std::int64_t> sizes) {
  std::string name = operation;
  const char* before = " ";
  for (const std::int64_t size : sizes) {
    name += before + std::to_string(size);
    before = "x";
  }
  index_ = profile_->spans_.size();
  profile_->spans_.push_back({std::move(name), Event(stream_.device()), Event(stream_.device())});
  profile_->spans_[index_].from.record(stream_);
}

void Timed::end() noexcept {
  try {
    profile_->spans_[index_].to.record(stream_);
  } catch (...) {  // the operation itself has failed and says so
  }
}

}  // namespace corollary
