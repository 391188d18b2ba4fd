#pragma once
#include "device/tensor.h"

namespace corollary {

/// What the dispatching functions of this folder ask of their arguments. Each throws Error naming the operation and the argument.

/// f32 or bf16.
void check_float(const char* operation, const char* name, ConstTensor x);
/// Has this dtype.
void check_dtype(const char* operation, const char* name, ConstTensor x, DType dtype);
/// Has this shape, memory behind it if it has elements, and rows that do not run into each other.
void check_shape(const char* operation, const char* name, ConstTensor x, const Shape& shape);
/// check_shape, and no padding between rows.
void check_packed(const char* operation, const char* name, ConstTensor x, const Shape& shape);
/// Rank 2, f32 or bf16, with memory: the argument whose shape the others follow.
void check_matrix(const char* operation, const char* name, ConstTensor x);
/// Shares no byte with `other`, from the first to the last byte of each.
void check_apart(const char* operation, const char* name, ConstTensor x, const char* other_name, ConstTensor other);
/// Every value of the i32 vector lies in [low, high). For memory the CPU can read: on a GPU the kernels skip what lies outside.
void check_range(const char* operation, const char* name, ConstTensor x, std::int64_t low, std::int64_t high);

}  // namespace corollary
