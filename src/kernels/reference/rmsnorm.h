#pragma once
#include "kernels/reference/values.h"

namespace corollary::reference {

/// kernels/rmsnorm.h in double:   x, y, dy, dx  [tokens, hidden_size]      w, dw  [hidden_size]      rstd  [tokens]
Values rmsnorm(const Values& x, const Values& w, double eps);
Values rmsnorm_rstd(const Values& x, std::int64_t hidden_size, double eps);
/// The gradient alone, not added to anything.
Values rmsnorm_dx(const Values& dy, const Values& x, const Values& w, double eps);
Values rmsnorm_dw(const Values& dy, const Values& x, const Values& w, double eps);

}  // namespace corollary::reference
