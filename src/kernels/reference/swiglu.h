#pragma once
#include "kernels/reference/values.h"

namespace corollary::reference {

/// kernels/swiglu.h in double:   gate_up, d_gate_up  [tokens, 2 * intermediate_size]      y, dy  [tokens, intermediate_size]
Values swiglu(const Values& gate_up, std::int64_t intermediate_size);
Values swiglu_backward(const Values& dy, const Values& gate_up, std::int64_t intermediate_size);

}  // namespace corollary::reference
