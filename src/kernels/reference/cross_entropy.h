#pragma once
#include "kernels/reference/values.h"

namespace corollary::reference {

/// kernels/cross_entropy.h in double:   logits, d_logits  [tokens, vocab_size]      targets  [tokens], -1: none      loss  [tokens]
Values cross_entropy(const Values& logits, const std::vector<std::int32_t>& targets);
Values cross_entropy_backward(const Values& logits, const std::vector<std::int32_t>& targets, double grad_scale);

}  // namespace corollary::reference
