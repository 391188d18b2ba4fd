#include "device/buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

namespace corollary {

Buffer::Buffer(std::int64_t bytes) : size_(bytes) {
  constexpr std::int64_t kHuge = 2 << 20;
  const std::int64_t alignment = bytes >= kHuge ? kHuge : 64;
  const std::int64_t padded = (std::max<std::int64_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  data_ = std::aligned_alloc(static_cast<std::size_t>(alignment), static_cast<std::size_t>(padded));
  check(data_ != nullptr, "out of memory: ", bytes, " bytes asked for; lower micro_batch_size or seq_len");
  if (alignment == kHuge) ::madvise(data_, static_cast<std::size_t>(padded), MADV_HUGEPAGE);
  std::memset(data_, 0, static_cast<std::size_t>(padded));
}
Buffer::~Buffer() { std::free(data_); }

Tensor Arena::take(DType dtype, Shape shape) {
  const std::int64_t need = padded(shape.count() * size_of(dtype));
  check(used_ + need <= size_bytes(), "arena: need ", need, " bytes, ", size_bytes() - used_, " left of ", size_bytes(),
        ": the plan and the pass disagree");
  Tensor piece(static_cast<std::byte*>(buffer_.data()) + used_, dtype, shape);
  used_ += need;
  return piece;
}

}  // namespace corollary
