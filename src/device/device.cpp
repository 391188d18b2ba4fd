#include "device/device.h"

#include "base/error.h"
#include "device/cuda/runtime.h"

namespace corollary {

const char* name_of(Device device) { return device == Device::cuda ? "cuda" : "cpu"; }

double GpuInfo::peak_bf16_flops() const {
  struct Known {
    const char* part;
    double flops;
  };
  // Datasheets of the SXM or PCIe parts that `name` tells apart; the first that matches.
  static constexpr Known known[] = {{"H100 PCIe", 756e12}, {"H100 NVL", 835e12},  {"H100", 989.4e12},     {"H200", 989.4e12},
                                    {"GH200", 989.4e12},   {"A100", 312e12},      {"B200", 2250e12},      {"B100", 1750e12},
                                    {"L40S", 362e12},      {"A10G", 70e12},       {"RTX 4090", 165.2e12}, {"RTX 3090", 71e12}};
  for (const Known& one : known)
    if (name.find(one.part) != std::string::npos) return one.flops;
  return 0;
}

GpuSearch find_gpu() {
  if constexpr (kHasCuda) return cuda::find_gpu();
  return {std::nullopt, "this corollary was built without CUDA: configure with -DCOROLLARY_CUDA=ON where nvcc is installed"};
}

void use_gpu(int index) {
  if constexpr (kHasCuda) return cuda::use_gpu(index);
  fail("no GPU ", index, ": ", find_gpu().why_not);
}

Device resolve_device(const std::string& device) {
  check(device == "auto" || device == "cpu" || device == "cuda", "device must be auto, cpu or cuda, is ", device);
  if (device == "cpu") return Device::cpu;
  const GpuSearch search = find_gpu();
  if (search.gpu) return Device::cuda;
  check(device == "auto", "device cuda: ", search.why_not);
  return Device::cpu;
}

}  // namespace corollary
