#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "cli/bench.h"

namespace corollary {

/// train.cpu.quickstart and train.cpu.40m, those of them whose name is wanted: tokens/s of whole training steps (forward, backward,
/// clipping, AdamW) of 8 sequences of 512 tokens, ours and bench/peers/torch_train.py in turn, two threads each, each in a process
/// of its own so that its peak memory is its own (logged). Both in the precision that training would choose here.
/// share_of_peak: our matrix products per second in whole steps over the rate at which kernels/matmul (oneDNN, AMX tiles) does the
/// same products and nothing else, measured in the same processes; attention's products count as nothing.
/// train.mpi.zero1 and train.mpi.tp, where mpirun is: two ranks of one thread each on the quickstart's shape, two copies of four sequences or
/// one copy split, beside one rank of two threads on the same batch.
/// Where there is a GPU also train.cuda.7b, train.cuda.1b and train.cuda.350m beside bench/peers/torch_train_cuda.py; there share_of_peak
/// is model flops utilisation of the datasheet's dense bf16 rate.
std::vector<BenchRow> bench_train(const std::function<bool(const std::string& name)>& is_wanted);

/// The hidden subcommand that is our side of it: `corollary train-speed`, prints one JSON line.
void add_train_speed_command(CLI::App& app);
/// `corollary kernel-speed`: every kernel of a step alone, a JSON line each (kernel_speed.cpp).
void add_kernel_speed_command(CLI::App& app);

}  // namespace corollary
