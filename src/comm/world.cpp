#include "comm/world.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "comm/mpi.h"
#include "comm/nccl.h"

namespace corollary {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "an unknown machine";
}

/// Chooses the GPU before anything else is asked of it: each question would take memory of the first one.
bool uses_gpu(const std::string& device, int index) {
  if (device == "cpu" || !kHasCuda) return resolve_device(device) == Device::cuda;
  try {
    use_gpu(index);
  } catch (const Error&) {
    if (device == "cuda") throw;
    return false;
  }
  return resolve_device(device) == Device::cuda;
}

std::unique_ptr<Communicator> over_gpus(std::unique_ptr<Communicator>& world) {
  if constexpr (kHasNccl) return make_nccl(world);
  fail("this corollary was built without NCCL: several ranks train on the CPU alone (--device cpu), or install libnccl-dev and build again");
}

}  // namespace

int launched_ranks() {
  // Open MPI's mpirun; MPICH's and srun --mpi=pmi2; srun (the step's, as a batch script has SLURM_NTASKS without being one of them).
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"})
    if (const char* value = std::getenv(variable); value != nullptr && std::atoi(value) > 1) return std::atoi(value);
  return 1;
}

std::unique_ptr<Communicator> make_world(const WorldOptions& options) {
  const int launched = launched_ranks();
  if (launched == 1) return make_single_rank();
  if constexpr (kHasMpi) {
    MpiRanks ranks = make_mpi_world(options.collective_timeout_seconds, launched);
    Communicator& host = *ranks.world;
    in_world(host, [&] {
      if (uses_gpu(options.device, ranks.local_rank)) ranks.world = over_gpus(ranks.world);
    });
    return std::move(ranks.world);
  }
  fail("", launched, " ranks were started, but this corollary was built without MPI: install libopenmpi-dev and configure again with "
       "-DCOROLLARY_MPI=ON, or start one rank");
}

void in_world(Communicator& world, const std::function<void()>& f) {
  if (world.world_size() == 1) return f();
  try {
    f();
  } catch (const std::exception& error) {
    // What all ranks found at once is said by the first.
    if (world.rank() != 0) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    log_line(LogLevel::error, fmt::format("rank {} of {} on {}: {}", world.rank(), world.world_size(), host_name(), error.what()));
    world.abort();
    throw;
  }
}

}  // namespace corollary
