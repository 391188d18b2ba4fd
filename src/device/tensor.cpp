#include "device/tensor.h"

#include <bit>
#include <limits>

namespace corollary {

bf16 to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return {static_cast<std::uint16_t>(bits >> 16 | 0x40)};  // NaN: keep it quiet, keep it NaN
  return {static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}
float to_float(bf16 value) { return std::bit_cast<float>(std::uint32_t{value.bits} << 16); }

std::int64_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::bf16:
    case DType::u16:
      return 2;
    case DType::u8:
    case DType::i8:
      break;
  }
  return 1;
}

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "f32";
    case DType::bf16:
      return "bf16";
    case DType::i32:
      return "i32";
    case DType::u16:
      return "u16";
    case DType::u8:
      return "u8";
    case DType::i8:
      break;
  }
  return "i8";
}
std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name_of(dtype); }

Shape::Shape(std::initializer_list<std::int64_t> extents) : Shape(std::span(extents.begin(), extents.size())) {}
Shape::Shape(std::span<const std::int64_t> extents) : rank_(static_cast<int>(extents.size())) {
  check(extents.size() <= extents_.size(), "a tensor has at most four dimensions, asked for ", extents.size());
  std::copy(extents.begin(), extents.end(), extents_.begin());
}

std::int64_t Shape::count() const {
  std::int64_t total = 1;
  for (const std::int64_t extent : extents()) {
    check(extent >= 0 && (extent == 0 || total <= std::numeric_limits<std::int64_t>::max() / 16 / extent), "impossible shape ",
          *this);
    total *= extent;
  }
  return total;
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << "[";
  for (int i = 0; i < shape.rank(); ++i) out << (i ? "," : "") << shape[i];
  return out << "]";
}

template <class Void>
BasicTensor<Void> BasicTensor<Void>::rows(std::int64_t begin, std::int64_t end) const {
  check(shape_.rank() >= 1 && 0 <= begin && begin <= end && end <= shape_[0], "rows ", begin, " to ", end, " of ", shape_);
  std::array<std::int64_t, 4> extents{};
  std::int64_t step = shape_.rank() == 1 ? 1 : row_stride_;
  for (int i = 0; i < shape_.rank(); ++i) {
    extents[static_cast<std::size_t>(i)] = shape_[i];
    if (i > 0 && i < shape_.rank() - 1) step *= shape_[i];
  }
  extents[0] = end - begin;
  using Byte = std::conditional_t<std::is_const_v<Void>, const std::byte, std::byte>;
  BasicTensor part(static_cast<Byte*>(data_) + begin * step * size_of(dtype_), dtype_,
                   Shape(std::span<const std::int64_t>(extents.data(), static_cast<std::size_t>(shape_.rank()))), row_stride_);
  if (shape_.rank() == 1) part.row_stride_ = end - begin;
  return part;
}

template <class Void>
BasicTensor<Void> BasicTensor<Void>::columns(std::int64_t begin, std::int64_t end) const {
  check(shape_.rank() == 2 && 0 <= begin && begin <= end && end <= shape_[1], "columns ", begin, " to ", end, " of ", shape_);
  using Byte = std::conditional_t<std::is_const_v<Void>, const std::byte, std::byte>;
  return BasicTensor(static_cast<Byte*>(data_) + begin * size_of(dtype_), dtype_, Shape{shape_[0], end - begin}, row_stride_);
}

template <class Void>
BasicTensor<Void> BasicTensor<Void>::reshaped(Shape shape) const {
  check(is_contiguous() && shape.count() == count(), "cannot see ", shape_, " as ", shape);
  return BasicTensor(data_, dtype_, shape);
}

template class BasicTensor<void>;
template class BasicTensor<const void>;

}  // namespace corollary
