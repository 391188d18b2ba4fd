#pragma once
#include <memory>

#include "comm/communicator.h"

namespace corollary {

/// MPI_COMM_WORLD with its watchdog, and this rank's number among those of its machine.
struct MpiRanks {
  std::unique_ptr<Communicator> world;
  int local_rank = 0;
};
/// Defined in mpi.cpp, which only a build with MPI has.
MpiRanks make_mpi_world(double timeout_seconds, int launched_ranks);

}  // namespace corollary
