#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/files.h"

namespace corollary {

/// What the processor can do for matrix products, as the processor and the kernel both permit it.
struct CpuFeatures {
  std::string model;  ///< "Intel(R) Xeon(R) ...", as /proc/cpuinfo has it
  bool avx2 = false, avx512f = false, avx512_bf16 = false;
  bool amx_bf16 = false;        ///< the processor has it
  bool is_amx_allowed = false;  ///< and the kernel grants this process its registers (arch_prctl ARCH_REQ_XCOMP_PERM)
};
CpuFeatures cpu_features();

/// What this process may use, not what the machine has.
struct Limits {
  int cpus = 1;                                    ///< by affinity
  std::optional<double> cpu_quota;                 ///< CPUs' worth of time a control group grants; none: no limit
  std::int64_t memory_bytes = 0;                   ///< physical, of the machine
  std::int64_t available_bytes = 0;                ///< free for us now: the machine's or the control group's, whichever is less
  std::optional<std::int64_t> memory_limit_bytes;  ///< of the control group
};
/// Reads /proc and /sys/fs/cgroup (versions 1 and 2) below `root`: "/" but for tests.
Limits machine_limits(const fs::path& root = "/");

/// What the kernel offers to lock a child process in.
struct SandboxAbilities {
  int landlock_version = 0;  ///< of its interface; 0: absent
  bool seccomp_filters = false;
  bool user_namespaces = false;  ///< bubblewrap needs them unless it is setuid
};
SandboxAbilities sandbox_abilities();

/// Full path of a program on $PATH.
std::optional<fs::path> find_program(const std::string& name);

}  // namespace corollary
