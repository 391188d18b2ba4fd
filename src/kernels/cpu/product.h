#pragma once
#include <cstdint>

#include "device/tensor.h"

namespace corollary::cpu {

/// A matrix as the products see it: element (r, c) lies at data[r * row_step + c * column_step]; one of the steps is 1.
struct Operand {
  const void* data = nullptr;
  std::int64_t rows = 0, columns = 0, row_step = 0, column_step = 1;

  Operand transposed() const { return {data, columns, rows, column_step, row_step}; }
};
Operand operand(ConstTensor rank2);

/// c = a b  (c += a b if accumulate; c is then f32), on the calling thread alone: callers cut the work into pieces.
///   a [m,k], b [k,n]: elements of `in` (f32 or bf16)      c [m,n]: elements of `out`, rows c_row_step apart
/// bf16 products are summed in f32. oneDNN's primitives, made once per shape and thread: AMX or AVX512-BF16 where the CPU has them.
void product(void* c, DType out, std::int64_t c_row_step, const Operand& a, const Operand& b, DType in, bool accumulate);

}  // namespace corollary::cpu
