#pragma once
#include <memory>

#include "comm/communicator.h"

namespace corollary {

/// The same ranks with tensors of GPUs: NCCL moves and adds what lies on a GPU, `host` what lies in host memory, and it carries NCCL's
/// bootstrap. Collective; each rank has chosen its GPU before (use_gpu). Defined in nccl.cpp, which only a build with CUDA and <nccl.h>
/// has; libnccl.so.2 is loaded when first needed. Sums run along NCCL's ring, the same from run to run (NCCL_ALGO=Ring unless set); bf16
/// is rounded at every step of it. Takes `host` over, unless it throws.
std::unique_ptr<Communicator> make_nccl(std::unique_ptr<Communicator>& host);

}  // namespace corollary
