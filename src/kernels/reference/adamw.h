#pragma once
#include "kernels/adamw.h"
#include "kernels/reference/values.h"

namespace corollary::reference {

struct AdamWState {
  Values w, m, v;
};
/// kernels/adamw.h in double, formula by formula.
void adamw(AdamWState& state, const Values& gradient, const AdamWStep& step);

}  // namespace corollary::reference
