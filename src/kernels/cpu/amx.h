#pragma once
#include <cstdint>

namespace corollary::cpu {

/// The CPU has AMX bf16 and AVX512-BF16 and the system lets this process use them (asked once); false if COROLLARY_NO_AMX is set.
bool amx_available();

inline std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

}  // namespace corollary::cpu
