// One rank of the communicator's tests: comm_helper TIMEOUT [stop|kill|sleep|throw RANK]. Exit status 0 if all it computed is right.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "comm/world.h"
#include "device/buffer.h"

namespace corollary {
namespace {

/// What rank `rank` contributes: numbers whose sum depends on the order.
float value(int rank, std::int64_t i) { return static_cast<float>(Random(7, static_cast<std::uint64_t>(rank * 1000003 + i)).normal()); }

float sum_in_order(int ranks, std::int64_t i, bool is_bf16) {
  float total = 0;
  for (int r = 0; r < ranks; ++r) {
    const float part = is_bf16 ? to_float(to_bf16(value(r, i))) : value(r, i);
    total = r == 0 ? part : total + part;
  }
  return is_bf16 ? to_float(to_bf16(total)) : total;
}

OwnedTensor contribution(int rank, std::int64_t count, DType dtype) {
  OwnedTensor x(dtype, {count});
  for (std::int64_t i = 0; i < count; ++i) {
    if (dtype == DType::f32) {
      x.view().data<float>()[i] = value(rank, i);
    } else {
      x.view().data<bf16>()[i] = to_bf16(value(rank, i));
    }
  }
  return x;
}
float at(Tensor x, std::int64_t i) { return x.dtype() == DType::f32 ? x.data<float>()[i] : to_float(x.data<bf16>()[i]); }

void check_collectives(Communicator& world) {
  Stream stream;
  const int ranks = world.world_size(), rank = world.rank();
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const std::int64_t count : {1, 5, 100, 3000, 700001}) {
      const bool is_bf16 = dtype == DType::bf16;
      OwnedTensor x = contribution(rank, count, dtype);
      const std::int64_t at_start = world.bytes_moved();
      world.all_reduce_sum(stream, x);
      check(world.bytes_moved() - at_start == all_reduce_bytes(count, size_of(dtype), ranks, rank), "all_reduce_sum moved ",
            world.bytes_moved() - at_start);
      for (std::int64_t i = 0; i < count; ++i)
        check(at(x, i) == sum_in_order(ranks, i, is_bf16), "all_reduce_sum of ", count, " ", dtype, ": element ", i, " is ", at(x, i));

      const std::int64_t piece = piece_of(count, ranks), before = world.bytes_moved();
      const std::int64_t begin = std::min(count, rank * piece), end = std::min(count, (rank + 1) * piece);
      x = contribution(rank, count, dtype);
      world.reduce_scatter_sum(stream, x, piece);
      for (std::int64_t i = begin; i < end; ++i)
        check(at(x, i) == sum_in_order(ranks, i, is_bf16), "reduce_scatter_sum of ", count, ": element ", i, " is ", at(x, i));
      check(world.bytes_moved() - before == (count - (end - begin)) * size_of(dtype), "reduce_scatter moved ",
            world.bytes_moved() - before);
      const std::int64_t middle = world.bytes_moved();
      world.all_gather(stream, x, piece);
      for (std::int64_t i = 0; i < count; ++i) check(at(x, i) == sum_in_order(ranks, i, is_bf16), "all_gather: element ", i);
      check(world.bytes_moved() - middle == (ranks - 1) * (end - begin) * size_of(dtype), "all_gather moved ",
            world.bytes_moved() - middle);

      x = contribution(rank, count, dtype);
      world.broadcast(stream, x, ranks - 1);
      const OwnedTensor last = contribution(ranks - 1, count, dtype);
      check(std::memcmp(x.view().raw(), last.view().raw(), static_cast<std::size_t>(x.view().size_bytes())) == 0, "broadcast of ", count);

      x = contribution(rank, count, DType::f32);
      world.all_reduce_max(stream, x);
      for (std::int64_t i = 0; i < count; ++i) {
        float highest = value(0, i);
        for (int r = 1; r < ranks; ++r) highest = std::max(highest, value(r, i));
        check(at(x, i) == highest, "all_reduce_max: element ", i);
      }
    }
  std::vector<double> few = {1.0 + rank, 1e-17};
  world.all_reduce_sum(few);
  check(few[0] == ranks * (ranks + 1) / 2.0 && std::abs(few[1] - 1e-17 * ranks) < 1e-24, "all_reduce_sum of doubles: ", few[0]);
  few = {rank == 1 ? std::nan("") : 1.0, static_cast<double>(-rank)};
  world.all_reduce_max(few);
  check((std::isnan(few[0]) || ranks == 1) && few[1] == 0, "all_reduce_max of doubles: ", few[0], " ", few[1]);
}

void check_split(Communicator& world) {
  Stream stream;
  const auto row = world.split(world.rank() / 2, world.rank()), column = world.split(world.rank() % 2, world.rank());
  check(row->world_size() <= 2 && row->rank() == world.rank() % 2 && column->rank() == world.rank() / 2, "split");
  // Side by side, as buckets are reduced while the model computes.
  OwnedTensor a(DType::f32, {10000}), b(DType::f32, {10000});
  for (std::int64_t i = 0; i < 10000; ++i) a.view().data<float>()[i] = b.view().data<float>()[i] = static_cast<float>(world.rank());
  std::thread helper([&] {
    Stream own;
    for (int turn = 0; turn < 20; ++turn) column->all_reduce_max(own, a);
  });
  for (int turn = 0; turn < 20; ++turn) row->all_reduce_max(stream, b);
  helper.join();
  const int last = world.world_size() - 1, top = world.rank() % 2 == last % 2 ? last : last - 1;
  check(a.view().data<float>()[77] == static_cast<float>(std::max(top, 0)), "columns: ", a.view().data<float>()[77]);
  check(b.view().data<float>()[77] == static_cast<float>(std::min(world.rank() / 2 * 2 + 1, last)), "rows: ", b.view().data<float>()[77]);
}

void run(int argc, char** argv) {
  const auto world = make_world({.device = "cpu", .collective_timeout_seconds = std::stod(argv[1])});
  const std::string mode = argc > 3 ? argv[2] : "";
  in_world(*world, [&] {
    if (mode.empty()) {
      check_collectives(*world);
      check_split(*world);
      return;
    }
    const bool is_culprit = world->rank() == std::stoi(argv[3]);
    world->barrier();
    if (is_culprit && mode == "stop") ::raise(SIGSTOP);
    if (is_culprit && mode == "kill") ::raise(SIGKILL);
    if (is_culprit && mode == "sleep") ::sleep(600);
    check(!is_culprit || mode != "throw", "this rank fails");
    world->barrier();
  });
}

}  // namespace
}  // namespace corollary

int main(int argc, char** argv) {
  try {
    corollary::check(argc > 1, "usage: comm_helper TIMEOUT [stop|kill|sleep|throw RANK]");
    corollary::run(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
