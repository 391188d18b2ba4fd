#pragma once
#include "kernels/reference/values.h"

namespace corollary::reference {

/// kernels/matmul.h in double:   x, dx  [T, inputs]      w, dw  [O, inputs]      y, dy  [T, O];  T and O follow from the sizes
Values linear(const Values& x, const Values& w, std::int64_t inputs);
Values linear_dx(const Values& dy, const Values& w, std::int64_t inputs);
Values linear_dw(const Values& dy, const Values& x, std::int64_t inputs);

}  // namespace corollary::reference
