#pragma once
#include <cstdint>
#include <vector>

namespace corollary::reference {

/// A tensor of the reference: its elements, slowest dimension first, in double. The functions of this folder say each operation a
/// second time, loop by loop as the formula reads, and judge every other implementation; speed is no aim.
using Values = std::vector<double>;

}  // namespace corollary::reference
