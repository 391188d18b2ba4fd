#include "kernels/cpu/native_bf16.h"

#include <cpuid.h>

#include <cstdlib>

namespace corollary::cpu {

bool native_bf16() {
  static const bool available = [] {
    if (const char* off = std::getenv("COROLLARY_NO_AMX"); off && *off) return false;
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & 1u << 5) != 0 && __builtin_cpu_supports("avx512f") != 0;
  }();
  return available;
}

}  // namespace corollary::cpu
