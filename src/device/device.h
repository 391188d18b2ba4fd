#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace corollary {

/// Where memory lies and work is done. One CUDA device a process: the one that was current when it was first used.
enum class Device : std::uint8_t { cpu, cuda };
const char* name_of(Device device);  ///< "cpu", "cuda"

/// Whether this build contains CUDA code at all (CMake option COROLLARY_CUDA). A build without it discards every use of it.
#ifdef COROLLARY_HAS_CUDA
inline constexpr bool kHasCuda = true;
#else
inline constexpr bool kHasCuda = false;
#endif

/// A GPU as the driver describes it.
struct GpuInfo {
  std::string name;
  int index = 0, major = 0, minor = 0;  ///< compute capability major.minor
  int multiprocessors = 0, driver_version = 0;
  std::int64_t memory_bytes = 0, free_bytes = 0, l2_bytes = 0;
  /// Dense bf16 products with f32 sums, flops per second by the vendor's datasheet: what `mfu` is measured against. 0 if not known.
  double peak_bf16_flops() const;
};

/// The GPU this process would use, or none and why: no CUDA in this build, no driver, a driver too old, no device.
struct GpuSearch {
  std::optional<GpuInfo> gpu;
  std::string why_not;  ///< a sentence with the remedy; empty if there is one
};
GpuSearch find_gpu();

/// Chooses which of the machine's GPUs this process uses, before any other use: the local rank of a job with several. Error names
/// how many there are.
void use_gpu(int index);

/// "cpu", "cuda", or "auto": CUDA if there is a GPU. Error with find_gpu()'s reason if "cuda" cannot be had.
Device resolve_device(const std::string& device);

}  // namespace corollary
