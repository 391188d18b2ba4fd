#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "device/stream.h"

namespace corollary {

/// How long the operations of a stream took inside a real pass, by name: attached to a stream (Stream::profile_into) it is told by every
/// operation of kernels/ when it begins and ends. On a GPU by events, which cost about a microsecond each.
class Profile {
 public:
  struct Line {
    std::string name;
    double seconds = 0;  ///< all calls together
    std::int64_t times = 0;
  };
  /// In order of first appearance. Waits for what was queued.
  std::vector<Line> lines() const;

 private:
  friend class Timed;
  struct Span {
    std::string name;
    Event from, to;
  };
  std::vector<Span> spans_;
};

/// Times an operation from here to the end of the scope, if the stream is profiled; else costs a comparison.
class Timed {
 public:
  Timed(Stream& stream, const char* operation, std::initializer_list<std::int64_t> sizes = {})
      : stream_(stream), profile_(stream.profile()) {
    if (profile_ != nullptr) [[unlikely]]
      begin(operation, sizes);
  }
  ~Timed() {
    if (profile_ != nullptr) [[unlikely]]
      end();
  }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  void begin(const char* operation, std::initializer_list<std::int64_t> sizes);
  void end() noexcept;
  Stream& stream_;
  Profile* profile_;
  std::size_t index_ = 0;
};

}  // namespace corollary
