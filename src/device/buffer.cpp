#include "device/buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

namespace corollary {

Buffer::Buffer(std::int64_t bytes) : size_(bytes) {
  constexpr std::int64_t kHuge = 2 << 20;
  const std::int64_t alignment = bytes >= kHuge ? kHuge : 64;
  check(bytes >= 0, "a buffer of ", bytes, " bytes");
  const auto padded = static_cast<std::size_t>((std::max<std::int64_t>(bytes, 1) + alignment - 1) / alignment * alignment);
  data_ = std::aligned_alloc(static_cast<std::size_t>(alignment), padded);
  check(data_ != nullptr, "out of memory: ", bytes, " bytes asked for; lower micro_batch_size or seq_len");
  if (alignment == kHuge) ::madvise(data_, padded, MADV_HUGEPAGE);
  std::memset(data_, 0, padded);
}
Buffer::~Buffer() { std::free(data_); }

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
