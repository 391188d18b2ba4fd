#include "kernels/matvec.h"

#include <vector>

#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/matvec.cpp"
#include <hwy/foreach_target.h>

#include "kernels/cpu/matvec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu::HWY_NAMESPACE {

// Traffic: w once; x stays in L1.
void matvec_rows(float* y, ConstTensor w, const float* x) {
  const std::int64_t rows = w.dim(0), n = w.dim(1), stride = w.row_stride();
  w.dtype() == DType::bf16 ? row_dots(y, static_cast<const bf16*>(w.raw()), stride, rows, x, n)
                           : row_dots(y, static_cast<const float*>(w.raw()), stride, rows, x, n);
}

void widen_row(float* to, const bf16* from, std::int64_t n) {
  each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR { store(to + i, load(from + i, lanes), lanes); });
}
void narrow_row(bf16* to, const float* from, std::int64_t n) {
  each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR { store(to + i, load(from + i, lanes), lanes); });
}

}  // namespace corollary::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace corollary::cpu {
namespace {
HWY_EXPORT(matvec_rows);
HWY_EXPORT(widen_row);
HWY_EXPORT(narrow_row);
}  // namespace

void matvec(Stream&, Tensor y, ConstTensor w, ConstTensor x) {
  const std::int64_t rows = w.dim(0), n = w.dim(1);
  static thread_local std::vector<float> wide_x, wide_y;
  const float* from = nullptr;
  if (x.dtype() == DType::bf16) {
    wide_x.resize(static_cast<std::size_t>(n));
    HWY_DYNAMIC_DISPATCH(widen_row)(wide_x.data(), x.data<bf16>(), n);
    from = wide_x.data();
  } else {
    from = x.data<float>();
  }
  float* to = nullptr;
  if (y.dtype() == DType::bf16) {
    wide_y.resize(static_cast<std::size_t>(rows));
    to = wide_y.data();
  } else {
    to = y.data<float>();
  }
  parallel_items(rows, n * size_of(w.dtype()), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(matvec_rows)(to + begin, w.rows(begin, end), from);
  });
  if (y.dtype() == DType::bf16) HWY_DYNAMIC_DISPATCH(narrow_row)(y.data<bf16>(), to, rows);
}

}  // namespace corollary::cpu
#endif  // HWY_ONCE
