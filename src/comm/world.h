#pragma once
#include <functional>
#include <memory>
#include <string>

#include "comm/communicator.h"
#include "device/device.h"

namespace corollary {

/// Whether this build has MPI (CMake option COROLLARY_MPI).
#ifdef COROLLARY_HAS_MPI
inline constexpr bool kHasMpi = true;
#else
inline constexpr bool kHasMpi = false;
#endif

/// Whether this build has NCCL: CUDA and <nccl.h>.
#ifdef COROLLARY_HAS_NCCL
inline constexpr bool kHasNccl = true;
#else
inline constexpr bool kHasNccl = false;
#endif

/// How many ranks mpirun or srun says it started; 1 if this process was started alone. Asks the environment, not MPI.
int launched_ranks();

struct WorldOptions {
  std::string device = "auto";          ///< cpu | cuda | auto: what collectives of tensors work on
  double collective_timeout_seconds = 600;  ///< a rank that is silent, or that others wait for, longer than this ends the job
};

/// All ranks of this job: MPI's if mpirun or srun started several (NCCL's among GPUs, each rank on the GPU of its number on the
/// machine), else one rank alone. A machine's CPUs are shared out to its ranks (base/threads.h). Once per process; destroyed when all
/// is done, by all ranks. Error if this build or the way it was started cannot do it.
std::unique_ptr<Communicator> make_world(const WorldOptions& options);

/// f(), and if it throws in a world of several ranks: "rank 2 of 4 on node7: what" on stderr, and the end of all ranks.
void in_world(Communicator& world, const std::function<void()>& f);

}  // namespace corollary
