#pragma once
#include <memory>

#include "comm/communicator.h"
#include "comm/world.h"

namespace corollary {

/// MPI_COMM_WORLD with its watchdog. Defined in mpi.cpp, which only a build with MPI has.
std::unique_ptr<Communicator> make_mpi_world(const WorldOptions& options, int launched_ranks);

}  // namespace corollary
