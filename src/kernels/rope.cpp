#include "kernels/rope.h"

#include <cmath>

#include "kernels/checks.h"

namespace corollary {

void rope_table(Tensor table, double theta) {
  check(table.shape().rank() == 3 && table.dim(0) == 2, "rope_table: table must be [2, max_positions, head_dim / 2], is ",
        table.shape());
  check_packed("rope_table", "table", table, table.shape());
  check_dtype("rope_table", "table", table, DType::f32);
  check(theta > 0, "rope_table: theta must be positive, is ", theta);
  const std::int64_t positions = table.dim(1), half = table.dim(2);
  auto* const cosines = table.data<float>();
  auto* const sines = cosines + positions * half;
  for (std::int64_t i = 0; i < half; ++i) {
    const double frequency = std::pow(theta, -static_cast<double>(i) / static_cast<double>(half));
    for (std::int64_t p = 0; p < positions; ++p) {
      cosines[p * half + i] = static_cast<float>(std::cos(static_cast<double>(p) * frequency));
      sines[p * half + i] = static_cast<float>(std::sin(static_cast<double>(p) * frequency));
    }
  }
}

void rope(Stream& stream, Tensor x, ConstTensor positions, ConstTensor table, std::int64_t num_rotated_heads, bool inverse) {
  check_matrix("rope", "x", x);
  check_packed("rope", "positions", positions, Shape{x.dim(0)});
  check_dtype("rope", "positions", positions, DType::i32);
  check(table.shape().rank() == 3 && table.dim(0) == 2, "rope: table must be [2, max_positions, head_dim / 2], is ", table.shape());
  check_packed("rope", "table", table, table.shape());
  check_dtype("rope", "table", table, DType::f32);
  check(num_rotated_heads >= 0 && num_rotated_heads * 2 * table.dim(2) <= x.dim(1), "rope: rows of ", x.dim(1), " cannot hold ",
        num_rotated_heads, " heads of ", 2 * table.dim(2));
  if (!stream.on_cuda()) check_range("rope", "positions", positions, 0, table.dim(1));
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::rope(stream, x, positions, table, num_rotated_heads, inverse);
  cpu::rope(stream, x, positions, table, num_rotated_heads, inverse);
}

}  // namespace corollary
