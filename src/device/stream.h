#pragma once

namespace corollary {

/// The order in which a device does its work. On the CPU every kernel has finished when its call returns.
class Stream {
 public:
  bool on_cuda() const { return false; }
};

}  // namespace corollary
