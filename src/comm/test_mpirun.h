#pragma once
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace corollary {

/// For tests: what a program printed (both streams), how it ended, and how long it took.
struct MpiRun {
  int status = -1;
  double seconds = 0;
  std::string output;
};

inline bool has_mpirun() { return std::system("command -v mpirun >/dev/null 2>&1") == 0; }

/// mpirun -n `ranks` `command`, one thread a rank, with more ranks than processors if need be, as root if need be.
inline std::string mpirun_command(int ranks, const std::string& command) {
  return "OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1 COROLLARY_THREADS=1 "
         "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl=self,vader mpirun --bind-to none -n " +
         std::to_string(ranks) + " " + command;
}

inline MpiRun run_command(const std::string& command) {
  const auto start = std::chrono::steady_clock::now();
  MpiRun run;
  FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return run;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) run.output.append(buffer.data(), n);
  const int status = ::pclose(pipe);
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return run;
}

inline MpiRun mpirun(int ranks, const std::string& command) { return run_command(mpirun_command(ranks, command)); }

}  // namespace corollary
