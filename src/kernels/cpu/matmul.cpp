#include "kernels/matmul.h"

#include "base/threads.h"
#include "kernels/cpu/linear_amx.h"
#include "kernels/cpu/product.h"

// Every product is cut along the rows or the columns of its result, each piece a oneDNN call on one thread: sums run over whole
// inner dimensions, so results do not depend on how many pieces there are beyond oneDNN's own choice of blocking.
namespace corollary::cpu {
namespace {

constexpr std::int64_t kTile = 32;  // pieces end on multiples of this: AMX tiles stay whole

/// Calls f(begin, end) on pieces of [0, n) that start on multiples of kTile; in place if there is little to do.
template <class F>
void in_pieces(std::int64_t n, double flops, F f) {
  if (flops < 2e6) return f(std::int64_t{0}, n);
  const std::int64_t tiles = (n + kTile - 1) / kTile;
  parallel_pieces(tiles, [&](std::int64_t begin, std::int64_t end, int) { f(begin * kTile, std::min(n, end * kTile)); });
}

double flops(ConstTensor c, std::int64_t k) {
  return 2.0 * static_cast<double>(c.dim(0)) * static_cast<double>(c.dim(1)) * static_cast<double>(k);
}

/// c = a b cut along whichever of c's sides is longer.
void cut_product(Tensor c, const Operand& a, const Operand& b, DType in, bool accumulate) {
  const auto run = [&](Tensor part, const Operand& a_part, const Operand& b_part) {
    product(part.raw(), c.dtype(), c.row_stride(), a_part, b_part, in, accumulate);
  };
  const std::int64_t bytes = size_of(in);
  if (c.dim(0) >= c.dim(1))
    in_pieces(c.dim(0), flops(c, a.columns), [&](std::int64_t begin, std::int64_t end) {
      Operand part = a;
      part.data = static_cast<const std::byte*>(a.data) + begin * a.row_step * bytes;
      part.rows = end - begin;
      run(c.rows(begin, end), part, b);
    });
  else
    in_pieces(c.dim(1), flops(c, a.columns), [&](std::int64_t begin, std::int64_t end) {
      Operand part = b;
      part.data = static_cast<const std::byte*>(b.data) + begin * b.column_step * bytes;
      part.columns = end - begin;
      run(c.columns(begin, end), a, part);
    });
}

}  // namespace

void linear_forward(Stream&, Tensor y, ConstTensor x, ConstTensor w) {
  if (linear_amx_takes(x, y)) return linear_forward_amx(y, x, w);
  cut_product(y, operand(x), operand(w).transposed(), x.dtype(), false);
}

void linear_backward_input(Stream&, Tensor dx, ConstTensor dy, ConstTensor w) {
  if (linear_amx_takes(dy, dx)) return linear_backward_input_amx(dx, dy, w);
  cut_product(dx, operand(dy), operand(w), dy.dtype(), false);
}

void linear_backward_weight(Stream&, Tensor dw, ConstTensor dy, ConstTensor x, bool accumulate) {
  if (linear_amx_takes(x, dy)) return linear_backward_weight_amx(dw, dy, x, accumulate);
  cut_product(dw, operand(dy).transposed(), operand(x), dy.dtype(), accumulate);
}

}  // namespace corollary::cpu
