#pragma once
#include "kernels/reference/values.h"

namespace corollary::reference {

/// kernels/rope.h in double:   x  [tokens, num_heads * head_dim], every head rotated      positions  [tokens]
Values rope(const Values& x, const std::vector<std::int32_t>& positions, std::int64_t head_dim, double theta, bool inverse);

}  // namespace corollary::reference
