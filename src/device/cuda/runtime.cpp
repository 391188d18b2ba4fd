#include "device/cuda/runtime.h"

#include "device/cuda/check.h"

namespace corollary::cuda {
namespace {

cudaStream_t of(void* stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t event_of(void* event) { return static_cast<cudaEvent_t>(event); }

}  // namespace

GpuSearch find_gpu() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver) {
    int driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    cudaGetLastError();
    if (driver == 0) return {std::nullopt, "no NVIDIA driver is loaded: install one, or pass --device cpu"};
    return {std::nullopt, "the NVIDIA driver supports CUDA " + std::to_string(driver / 1000) + "." + std::to_string(driver % 1000 / 10) +
                              ", this program needs " + std::to_string(runtime / 1000) + "." + std::to_string(runtime % 1000 / 10) +
                              ": update the driver"};
  }
  if (status != cudaSuccess || count == 0) {
    cudaGetLastError();
    return {std::nullopt, std::string("no usable NVIDIA GPU (CUDA says ") +
                              (status == cudaSuccess ? "there are 0 devices" : cudaGetErrorString(status)) +
                              "): look at nvidia-smi and CUDA_VISIBLE_DEVICES, or pass --device cpu"};
  }
  GpuInfo info;
  cudaDeviceProp properties{};
  std::size_t free = 0, total = 0;
  check_cuda(cudaGetDevice(&info.index), "asking which GPU is current");
  check_cuda(cudaGetDeviceProperties(&properties, info.index), "asking what the GPU is");
  check_cuda(cudaMemGetInfo(&free, &total), "asking how much GPU memory is free");
  check_cuda(cudaDriverGetVersion(&info.driver_version), "asking for the driver's version");
  info.name = properties.name;
  info.major = properties.major, info.minor = properties.minor;
  info.multiprocessors = properties.multiProcessorCount;
  info.l2_bytes = properties.l2CacheSize;
  info.memory_bytes = static_cast<std::int64_t>(total), info.free_bytes = static_cast<std::int64_t>(free);
  if (info.major < 8)
    return {std::nullopt, "the GPU " + info.name + " has compute capability " + std::to_string(info.major) + "." +
                              std::to_string(info.minor) + ", bf16 needs 8.0 or later: pass --device cpu"};
  return {info, ""};
}

void use_gpu(int index) {
  int count = 0;
  check_cuda(cudaGetDeviceCount(&count), "counting GPUs");
  check(0 <= index && index < count, "no GPU ", index, ": this process sees ", count, " (CUDA_VISIBLE_DEVICES decides)");
  check_cuda(cudaSetDevice(index), "choosing a GPU");
}

void* allocate(std::int64_t bytes) {
  check(bytes >= 0, "a GPU buffer of ", bytes, " bytes");
  void* memory = nullptr;
  const auto size = static_cast<std::size_t>(bytes > 0 ? bytes : 1);
  if (cudaMalloc(&memory, size) != cudaSuccess) {
    const cudaError_t status = cudaGetLastError();
    std::size_t free = 0, total = 0;
    check_cuda(status == cudaErrorMemoryAllocation ? cudaSuccess : status, "allocating GPU memory");
    cudaMemGetInfo(&free, &total);
    fail("out of GPU memory: ", bytes, " bytes asked for, ", free, " of ", total,
         " are free; lower micro_batch_size or seq_len (corollary train --plan shows what takes how much)");
  }
  // On the default stream, and not waited for: our streams, which do not wait for that one, might write first.
  check_cuda(cudaMemset(memory, 0, size), "clearing GPU memory");
  check_cuda(cudaStreamSynchronize(nullptr), "clearing GPU memory");
  return memory;
}

void* allocate_pinned(std::int64_t bytes) {
  void* memory = nullptr;
  check_cuda(cudaMallocHost(&memory, static_cast<std::size_t>(bytes > 0 ? bytes : 1)), "allocating pinned memory");
  return memory;
}

// The process may be ending, the context gone: nothing to report to.
void release(void* memory) noexcept { cudaFree(memory); }
void release_pinned(void* memory) noexcept { cudaFreeHost(memory); }

void* make_stream() {
  cudaStream_t stream = nullptr;
  check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a CUDA stream");
  return stream;
}
void destroy_stream(void* stream) noexcept { cudaStreamDestroy(of(stream)); }
void synchronize(void* stream) { check_cuda(cudaStreamSynchronize(of(stream)), "waiting for the GPU"); }

void copy(void* stream, void* to, const void* from, std::int64_t bytes) {
  check_cuda(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDefault, of(stream)), "copying to or from the GPU");
}
void zero(void* stream, void* memory, std::int64_t bytes) {
  check_cuda(cudaMemsetAsync(memory, 0, static_cast<std::size_t>(bytes), of(stream)), "clearing GPU memory");
}

void* make_event() {
  cudaEvent_t event = nullptr;
  check_cuda(cudaEventCreate(&event), "making a CUDA event");
  return event;
}
void destroy_event(void* event) noexcept { cudaEventDestroy(event_of(event)); }
void record(void* event, void* stream) { check_cuda(cudaEventRecord(event_of(event), of(stream)), "recording a CUDA event"); }
void wait(void* stream, void* event) { check_cuda(cudaStreamWaitEvent(of(stream), event_of(event)), "waiting for a CUDA event"); }
double milliseconds_between(void* from, void* to) {
  float milliseconds = 0;
  check_cuda(cudaEventSynchronize(event_of(to)), "waiting for a CUDA event");
  check_cuda(cudaEventElapsedTime(&milliseconds, event_of(from), event_of(to)), "timing the GPU");
  return milliseconds;
}

}  // namespace corollary::cuda
