#include "kernels/checks.h"

namespace corollary {
namespace {

struct Bytes {
  const std::byte *begin, *end;
};
Bytes bytes_of(const ConstTensor& x) {
  const auto* begin = static_cast<const std::byte*>(x.raw());
  if (x.count() == 0) return {begin, begin};
  const std::int64_t rows = x.count() / x.dim(-1);
  return {begin, begin + ((rows - 1) * x.row_stride() + x.dim(-1)) * size_of(x.dtype())};
}

}  // namespace

void check_float(const char* operation, const char* name, ConstTensor x) {
  check(x.dtype() == DType::f32 || x.dtype() == DType::bf16, operation, ": ", name, " must be f32 or bf16, is ", x.dtype());
}

void check_dtype(const char* operation, const char* name, ConstTensor x, DType dtype) {
  check(x.dtype() == dtype, operation, ": ", name, " must be ", dtype, ", is ", x.dtype());
}

void check_shape(const char* operation, const char* name, ConstTensor x, const Shape& shape) {
  check(x.shape() == shape, operation, ": ", name, " must be ", shape, ", is ", x.shape());
  check(x.count() == 0 || x.raw() != nullptr, operation, ": ", name, " ", shape, " has no memory");
  check(x.shape().rank() == 0 || x.row_stride() >= x.dim(-1), operation, ": rows of ", name, " ", shape, " overlap, row stride is ",
        x.row_stride());
}

void check_packed(const char* operation, const char* name, ConstTensor x, const Shape& shape) {
  check_shape(operation, name, x, shape);
  check(x.is_contiguous(), operation, ": ", name, " must be contiguous, row stride is ", x.row_stride());
}

void check_matrix(const char* operation, const char* name, ConstTensor x) {
  check(x.shape().rank() == 2, operation, ": ", name, " must have rank 2, is ", x.shape());
  check_shape(operation, name, x, x.shape());
  check_float(operation, name, x);
}

void check_apart(const char* operation, const char* name, ConstTensor x, const char* other_name, ConstTensor other) {
  const Bytes a = bytes_of(x), b = bytes_of(other);
  check(a.begin == a.end || b.begin == b.end || a.end <= b.begin || b.end <= a.begin, operation, ": ", name, " and ", other_name,
        " overlap in memory");
}

void check_range(const char* operation, const char* name, ConstTensor x, std::int64_t low, std::int64_t high) {
  const auto* values = x.data<std::int32_t>();
  for (std::int64_t i = 0; i < x.count(); ++i)
    check(low <= values[i] && values[i] < high, operation, ": ", name, "[", i, "] is ", values[i], ", must lie in ", low, " to ",
          high - 1);
}

}  // namespace corollary
