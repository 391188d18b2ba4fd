#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <span>
#include <string>

#include "base/error.h"

namespace corollary {

/// Brain float: the upper half of an IEEE binary32. Stored, converted, never computed with.
struct bf16 {
  std::uint16_t bits = 0;
};
/// Nearest, ties to even; NaN stays NaN.
bf16 to_bf16(float value);
float to_float(bf16 value);
inline float to_float(float value) { return value; }

enum class DType : std::uint8_t { f32, bf16, i32, u16, u8, i8 };
std::int64_t size_of(DType dtype);  ///< bytes of one element
const char* name_of(DType dtype);   ///< "f32", "bf16", ...
std::ostream& operator<<(std::ostream& out, DType dtype);

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<bf16>() {
  return DType::bf16;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtype_of<std::uint16_t>() {
  return DType::u16;
}

/// Up to four extents, slowest first.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents);
  explicit Shape(std::span<const std::int64_t> extents);
  int rank() const { return rank_; }
  std::int64_t operator[](int i) const { return extents_[static_cast<std::size_t>(i < 0 ? rank_ + i : i)]; }
  std::int64_t count() const;  ///< elements; 1 for rank 0. Error on overflow or a negative extent
  std::span<const std::int64_t> extents() const { return {extents_.data(), static_cast<std::size_t>(rank_)}; }
  bool operator==(const Shape&) const = default;

 private:
  std::array<std::int64_t, 4> extents_{};
  int rank_ = 0;
};
std::ostream& operator<<(std::ostream& out, const Shape& shape);

/// A view of row-major memory that somebody else owns (device/buffer.h). Rank 2 views may have padded rows: `row_stride` elements
/// apart.
template <class Void>
class BasicTensor {
 public:
  BasicTensor() = default;
  BasicTensor(Void* data, DType dtype, Shape shape)
      : data_(data), shape_(shape), row_stride_(shape.rank() ? shape[-1] : 0), dtype_(dtype) {}
  BasicTensor(Void* data, DType dtype, Shape shape, std::int64_t row_stride)
      : data_(data), shape_(shape), row_stride_(row_stride), dtype_(dtype) {}
  template <class Other>
  BasicTensor(const BasicTensor<Other>& other)  // Tensor to ConstTensor
      : data_(other.raw()), shape_(other.shape()), row_stride_(other.row_stride()), dtype_(other.dtype()) {}

  const Shape& shape() const { return shape_; }
  std::int64_t dim(int i) const { return shape_[i]; }
  std::int64_t count() const { return shape_.count(); }
  DType dtype() const { return dtype_; }
  std::int64_t row_stride() const { return row_stride_; }  ///< elements between starts of rows of the last dimension
  bool is_contiguous() const { return shape_.rank() == 0 || row_stride_ == shape_[-1]; }
  std::int64_t size_bytes() const { return count() * size_of(dtype_); }  ///< of a contiguous view
  explicit operator bool() const { return data_ != nullptr; }
  Void* raw() const { return data_; }

  /// The elements as T; Error if the view holds another type.
  template <class T>
  auto* data() const {
    check(dtype_of<T>() == dtype_, "tensor holds ", dtype_, ", asked for ", dtype_of<T>());
    using Element = std::conditional_t<std::is_const_v<Void>, const T, T>;
    return static_cast<Element*>(data_);
  }
  /// Rows [begin, end) of a view of rank >= 1 (its slowest dimension).
  BasicTensor rows(std::int64_t begin, std::int64_t end) const;
  /// Columns [begin, end) of a rank-2 view: shares rows, keeps row_stride.
  BasicTensor columns(std::int64_t begin, std::int64_t end) const;
  BasicTensor reshaped(Shape shape) const;  ///< same elements in the same order; contiguous views only

 private:
  Void* data_ = nullptr;
  Shape shape_;
  std::int64_t row_stride_ = 0;
  DType dtype_ = DType::f32;
};

using Tensor = BasicTensor<void>;
using ConstTensor = BasicTensor<const void>;

}  // namespace corollary
