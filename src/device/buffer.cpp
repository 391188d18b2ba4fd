#include "device/buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "device/cuda/runtime.h"

namespace corollary {

Buffer::Buffer(std::int64_t bytes, Device device) : size_(bytes), kind_(device == Device::cuda ? Kind::cuda : Kind::cpu) {
  if (device == Device::cuda) {
    if constexpr (kHasCuda)
      data_ = cuda::allocate(bytes);
    else
      fail("no GPU memory: ", find_gpu().why_not);
    return;
  }
  constexpr std::int64_t kHuge = 2 << 20;
  const std::int64_t alignment = bytes >= kHuge ? kHuge : 256;
  check(bytes >= 0, "a buffer of ", bytes, " bytes");
  const auto padded = static_cast<std::size_t>((std::max<std::int64_t>(bytes, 1) + alignment - 1) / alignment * alignment);
  data_ = std::aligned_alloc(static_cast<std::size_t>(alignment), padded);
  check(data_ != nullptr, "out of memory: ", bytes, " bytes asked for; lower micro_batch_size or seq_len");
  if (alignment == kHuge) ::madvise(data_, padded, MADV_HUGEPAGE);
  std::memset(data_, 0, padded);
}

Buffer Buffer::pinned(std::int64_t bytes) {
  if constexpr (kHasCuda)
    if (find_gpu().gpu) {
      Buffer buffer;
      buffer.data_ = cuda::allocate_pinned(bytes);
      buffer.size_ = bytes;
      buffer.kind_ = Kind::pinned;
      return buffer;
    }
  return Buffer(bytes);
}

Buffer::~Buffer() {
  if constexpr (kHasCuda) {
    if (kind_ == Kind::cuda) cuda::release(data_);
    if (kind_ == Kind::pinned) cuda::release_pinned(data_);
  }
  if (kind_ == Kind::cpu) std::free(data_);
}

Tensor Arena::take(DType dtype, Shape shape) {
  const std::int64_t need = padded(shape.count() * size_of(dtype));
  if (only_counts_) {
    used_ += need;
    return Tensor(nullptr, dtype, shape);
  }
  check(used_ + need <= size_bytes(), "arena: need ", need, " bytes, ", size_bytes() - used_, " left of ", size_bytes(),
        ": the plan and the pass disagree");
  Tensor piece(static_cast<std::byte*>(buffer_.data()) + used_, dtype, shape);
  used_ += need;
  return piece;
}

}  // namespace corollary
