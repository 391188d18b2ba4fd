#include "cli/machine.h"

#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "base/error.h"

namespace corollary {
namespace {

std::string text_or_empty(const fs::path& path) {
  try {
    return read_file(path);
  } catch (const Error&) {
    return "";
  }
}

/// The value of "Key: value" or "key<tab>: value"; empty if absent.
std::string value_of(const std::string& text, const std::string& key) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || line.compare(0, key.size(), key) != 0) continue;
    if (line.find_first_not_of(" \t", key.size()) != colon) continue;
    const auto begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::optional<std::int64_t> number_in(const fs::path& path) {
  const std::string text = text_or_empty(path);
  char* end = nullptr;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  if (end == text.c_str()) return std::nullopt;  // "max", or no file
  return value;
}

/// This process's folder in the hierarchy of `controller`, and those above it up to the hierarchy's root; a container often sees
/// its own group as that root, so folders that do not exist are passed over.
std::vector<fs::path> cgroup_folders(const fs::path& root, const std::string& controller) {
  const fs::path mount = root / "sys/fs/cgroup";
  std::istringstream in(text_or_empty(root / "proc/self/cgroup"));
  std::vector<fs::path> folders;
  for (std::string line; std::getline(in, line);) {  // "0::/path" (version 2), "4:memory:/path" (version 1)
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool is_v2 = names == ",,";
    if (!is_v2 && names.find("," + controller + ",") == std::string::npos) continue;
    const fs::path base = is_v2 ? mount : mount / controller;
    fs::path below = fs::path(line.substr(second + 1)).relative_path();
    for (;; below = below.parent_path()) {
      if (fs::is_directory(base / below)) folders.push_back(base / below);
      if (below.empty()) break;
    }
  }
  return folders;
}

std::optional<double> cpu_quota(const fs::path& root) {
  std::optional<double> least;
  for (const fs::path& folder : cgroup_folders(root, "cpu")) {
    double quota = -1, period = 0;
    if (std::istringstream in(text_or_empty(folder / "cpu.max")); !(in >> quota >> period)) {  // "max 100000": no number
      quota = static_cast<double>(number_in(folder / "cpu.cfs_quota_us").value_or(-1));
      period = static_cast<double>(number_in(folder / "cpu.cfs_period_us").value_or(0));
    }
    if (quota > 0 && period > 0) least = std::min(least.value_or(quota / period), quota / period);
  }
  return least;
}

}  // namespace

CpuFeatures cpu_features() {
  CpuFeatures features;
  features.model = value_of(text_or_empty("/proc/cpuinfo"), "model name");
#if defined(__x86_64__)
  __builtin_cpu_init();
  features.avx2 = __builtin_cpu_supports("avx2");
  features.avx512f = __builtin_cpu_supports("avx512f");
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) features.avx512_bf16 = features.avx512f && (a >> 5 & 1) != 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) features.amx_bf16 = (d >> 22 & 1) != 0;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  features.is_amx_allowed = features.amx_bf16 && ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#endif
  return features;
}

Limits machine_limits(const fs::path& root) {
  Limits limits;
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) limits.cpus = CPU_COUNT(&allowed);
  limits.cpu_quota = cpu_quota(root);

  const std::string memory = text_or_empty(root / "proc/meminfo");
  const auto bytes = [&](const char* key) { return std::strtoll(value_of(memory, key).c_str(), nullptr, 10) * 1024; };
  limits.memory_bytes = bytes("MemTotal");
  limits.available_bytes = bytes("MemAvailable");
  for (const fs::path& folder : cgroup_folders(root, "memory")) {
    const auto limit = std::max(number_in(folder / "memory.max"), number_in(folder / "memory.limit_in_bytes"));
    if (!limit || *limit <= 0 || *limit >= limits.memory_bytes) continue;
    const auto used = std::max(number_in(folder / "memory.current"), number_in(folder / "memory.usage_in_bytes"));
    // Pages that only cache files can be taken back, so they count as free.
    std::istringstream stat(text_or_empty(folder / "memory.stat"));
    std::int64_t cached = 0;
    for (std::string key, value; stat >> key >> value;)
      if (key == "inactive_file" || key == "total_inactive_file") cached = std::strtoll(value.c_str(), nullptr, 10);
    limits.memory_limit_bytes = std::min(limits.memory_limit_bytes.value_or(*limit), *limit);
    const std::int64_t free = std::max<std::int64_t>(*limit - used.value_or(0) + cached, 0);
    limits.available_bytes = std::min(limits.available_bytes, free);
  }
  return limits;
}

SandboxAbilities sandbox_abilities() {
  SandboxAbilities abilities;
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  abilities.landlock_version = static_cast<int>(std::max(version, 0L));
  const std::uint32_t action = SECCOMP_RET_ERRNO;
  abilities.seccomp_filters = ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
  const pid_t child = ::fork();  // asking changes the asker
  if (child == 0) ::_exit(::unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
  int status = -1;
  abilities.user_namespaces = child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
  return abilities;
}

std::optional<fs::path> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream in(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path);
  for (std::string folder; std::getline(in, folder, ':');) {
    const fs::path candidate = fs::path(folder.empty() ? "." : folder) / name;
    if (fs::is_regular_file(candidate) && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

}  // namespace corollary
