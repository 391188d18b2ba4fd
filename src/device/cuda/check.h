#pragma once
#include <cuda_runtime_api.h>

#include "base/error.h"

namespace corollary::cuda {

/// Throws Error with CUDA's words unless `status` is success. `what` was being done.
inline void check_cuda(cudaError_t status, Message what) {
  check(status == cudaSuccess, Message(what), ": CUDA says ", cudaGetErrorString(status), " (", cudaGetErrorName(status), ")");
}

}  // namespace corollary::cuda
