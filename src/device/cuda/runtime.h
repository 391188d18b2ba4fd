#pragma once
#include <cstdint>

#include "device/device.h"

// What device/ asks of the CUDA runtime, behind names that need none of its headers. Defined in runtime.cpp, which only a build with
// CUDA has. Every function throws Error with CUDA's own words if a call fails.
namespace corollary::cuda {

GpuSearch find_gpu();
void use_gpu(int index);

void* allocate(std::int64_t bytes);  ///< device memory, zero. Error names the size asked for and what is free
void* allocate_pinned(std::int64_t bytes);
void release(void* memory) noexcept;
void release_pinned(void* memory) noexcept;

void* make_stream();
void destroy_stream(void* stream) noexcept;
void synchronize(void* stream);
/// Between any two memories, device or host, in the order of the stream.
void copy(void* stream, void* to, const void* from, std::int64_t bytes);
void zero(void* stream, void* memory, std::int64_t bytes);

void* make_event();
void destroy_event(void* event) noexcept;
void record(void* event, void* stream);
void wait(void* stream, void* event);            ///< what is queued on `stream` from now on begins after the event
double milliseconds_between(void* from, void* to);  ///< waits for `to`

}  // namespace corollary::cuda
