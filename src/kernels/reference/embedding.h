#pragma once
#include "kernels/reference/values.h"

namespace corollary::reference {

/// kernels/embedding.h in double:   table, d_table  [V, hidden_size]      tokens  [T]      dx  [T, hidden_size]
Values embedding(const std::vector<std::int32_t>& tokens, const Values& table, std::int64_t hidden_size);
/// The gradient of a table of `vocab_size` rows, not added to anything.
Values embedding_backward(const std::vector<std::int32_t>& tokens, const Values& dx, std::int64_t vocab_size);

}  // namespace corollary::reference
