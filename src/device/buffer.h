#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

#include "device/device.h"
#include "device/tensor.h"

namespace corollary {

/// Owned memory of one device, zero at birth. Movable. The CPU's is aligned to 64 bytes (2 MiB and huge pages from 2 MiB on), a GPU's
/// to 256. Error names the size asked for if the system refuses.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::int64_t bytes, Device device = Device::cpu);
  /// Host memory that a GPU copies from and to at full speed and beside its other work; plain memory where there is no CUDA.
  static Buffer pinned(std::int64_t bytes);
  ~Buffer();
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), kind_(other.kind_) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(kind_, other.kind_);
    return *this;
  }
  void* data() { return data_; }
  const void* data() const { return data_; }
  std::int64_t size_bytes() const { return size_; }

 private:
  enum class Kind : std::uint8_t { cpu, cuda, pinned };
  void* data_ = nullptr;
  std::int64_t size_ = 0;
  Kind kind_ = Kind::cpu;
};

/// A tensor that owns its memory, zero at birth.
class OwnedTensor {
 public:
  OwnedTensor() = default;
  OwnedTensor(DType dtype, Shape shape, Device device = Device::cpu)
      : buffer_(shape.count() * size_of(dtype), device), view_(buffer_.data(), dtype, shape) {}
  Tensor view() { return view_; }
  ConstTensor view() const { return view_; }
  operator Tensor() { return view_; }
  operator ConstTensor() const { return view_; }

 private:
  Buffer buffer_;
  Tensor view_;
};

/// Hands out pieces of one Buffer, 256-byte aligned, never freed singly: the memory of a pass, planned before the pass.
class Arena {
 public:
  Arena() = default;
  explicit Arena(std::int64_t bytes, Device device = Device::cpu) : buffer_(bytes, device) {}
  /// Has no memory: take() hands out empty views and only counts, so a plan is made by the very code that will allocate.
  static Arena counting() {
    Arena arena;
    arena.only_counts_ = true;
    return arena;
  }
  Tensor take(DType dtype, Shape shape);  ///< Error with need and rest if it does not fit; contents are what was there before
  void reset() { used_ = 0; }
  std::int64_t used_bytes() const { return used_; }
  std::int64_t size_bytes() const { return buffer_.size_bytes(); }
  static std::int64_t padded(std::int64_t bytes) { return (bytes + 255) / 256 * 256; }

 private:
  Buffer buffer_;
  std::int64_t used_ = 0;
  bool only_counts_ = false;
};

}  // namespace corollary
