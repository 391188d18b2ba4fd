#include "comm/nccl.h"

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "device/buffer.h"
#include "device/cuda/shared_library.h"

namespace corollary {
namespace {

/// What this file calls of NCCL, found at run time.
struct Nccl {
  cuda::SharedLibrary library{"NCCL", "COROLLARY_NCCL", "libnccl.so.2"};
  decltype(&ncclGetErrorString) get_error_string = nullptr;
  decltype(&ncclGetUniqueId) get_unique_id = nullptr;
  decltype(&ncclCommInitRank) comm_init_rank = nullptr;
  decltype(&ncclCommAbort) comm_abort = nullptr;
  decltype(&ncclCommDestroy) comm_destroy = nullptr;
  decltype(&ncclAllReduce) all_reduce = nullptr;
  decltype(&ncclReduceScatter) reduce_scatter = nullptr;
  decltype(&ncclAllGather) all_gather = nullptr;
  decltype(&ncclReduce) reduce = nullptr;
  decltype(&ncclBroadcast) broadcast = nullptr;
  decltype(&ncclGroupStart) group_start = nullptr;
  decltype(&ncclGroupEnd) group_end = nullptr;
  Nccl() {
    library.load(get_error_string, "ncclGetErrorString");
    library.load(get_unique_id, "ncclGetUniqueId");
    library.load(comm_init_rank, "ncclCommInitRank");
    library.load(comm_abort, "ncclCommAbort");
    library.load(comm_destroy, "ncclCommDestroy");
    library.load(all_reduce, "ncclAllReduce");
    library.load(reduce_scatter, "ncclReduceScatter");
    library.load(all_gather, "ncclAllGather");
    library.load(reduce, "ncclReduce");
    library.load(broadcast, "ncclBroadcast");
    library.load(group_start, "ncclGroupStart");
    library.load(group_end, "ncclGroupEnd");
  }
};
const Nccl& nccl() {
  static const Nccl library = [] {
    ::setenv("NCCL_ALGO", "Ring", /*overwrite=*/0);  // a tree's order of summation may vary
    return Nccl();
  }();
  return library;
}

void check_nccl(ncclResult_t status, Message what) {
  check(status == ncclSuccess || status == ncclInProgress, Message(what), ": NCCL says ", nccl().get_error_string(status));
}

ncclDataType_t type_of(Tensor x) {
  check(x.is_contiguous() && (x.dtype() == DType::f32 || x.dtype() == DType::bf16), "collectives take contiguous f32 or bf16, not ",
        x.dtype(), " ", x.shape());
  return x.dtype() == DType::f32 ? ncclFloat32 : ncclBfloat16;
}
cudaStream_t of(Stream& stream) { return static_cast<cudaStream_t>(stream.native()); }

class NcclCommunicator final : public Communicator {
 public:
  explicit NcclCommunicator(Communicator& host) : host_(&host) {
    OwnedTensor id(DType::u8, {static_cast<std::int64_t>(sizeof(ncclUniqueId))});
    auto* const unique = static_cast<ncclUniqueId*>(id.view().raw());
    if (rank() == 0) check_nccl(nccl().get_unique_id(unique), "starting NCCL");
    Stream stream;
    host_->broadcast(stream, id, 0);
    check_nccl(nccl().comm_init_rank(&comm_, world_size(), *unique, rank()), "starting NCCL");
  }
  ~NcclCommunicator() override { nccl().comm_destroy(comm_); }
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  void own(std::unique_ptr<Communicator> host) { owned_ = std::move(host); }

  int rank() const override { return host_->rank(); }
  int world_size() const override { return host_->world_size(); }
  void barrier() override { host_->barrier(); }

  void all_reduce_sum(Stream& stream, Tensor x) override {
    if (!stream.on_cuda()) return host_->all_reduce_sum(stream, x);
    sent_bytes_ += all_reduce_bytes(x.count(), size_of(x.dtype()), world_size(), rank());
    all_reduce(stream, x, ncclSum);
  }
  void all_reduce_max(Stream& stream, Tensor x) override {
    if (!stream.on_cuda()) return host_->all_reduce_max(stream, x);
    sent_bytes_ += (world_size() - 1) * x.size_bytes();
    all_reduce(stream, x, ncclMax);
  }

  void reduce_scatter_sum(Stream& stream, Tensor x, std::int64_t piece) override {
    if (!stream.on_cuda()) return host_->reduce_scatter_sum(stream, x, piece);
    const ncclDataType_t type = type_of(x);
    sent_bytes_ += (x.count() - count_of(x, piece, rank())) * size_of(x.dtype());
    if (x.count() == piece * world_size())
      return check_nccl(nccl().reduce_scatter(x.raw(), at(x, piece, rank()), static_cast<std::size_t>(piece), type, ncclSum, comm_, of(stream)),
                        "reduce-scatter");
    check_nccl(nccl().group_start(), "reduce-scatter");  // pieces of unequal size: a reduction each
    for (int peer = 0; peer < world_size(); ++peer)
      if (const std::int64_t count = count_of(x, piece, peer); count > 0)
        check_nccl(nccl().reduce(at(x, piece, peer), at(x, piece, peer), static_cast<std::size_t>(count), type, ncclSum, peer, comm_, of(stream)),
                   "reduce-scatter");
    check_nccl(nccl().group_end(), "reduce-scatter");
  }

  void all_gather(Stream& stream, Tensor x, std::int64_t piece) override {
    if (!stream.on_cuda()) return host_->all_gather(stream, x, piece);
    const ncclDataType_t type = type_of(x);
    sent_bytes_ += (world_size() - 1) * count_of(x, piece, rank()) * size_of(x.dtype());
    if (x.count() == piece * world_size())
      return check_nccl(nccl().all_gather(at(x, piece, rank()), x.raw(), static_cast<std::size_t>(piece), type, comm_, of(stream)), "all-gather");
    check_nccl(nccl().group_start(), "all-gather");
    for (int peer = 0; peer < world_size(); ++peer)
      if (const std::int64_t count = count_of(x, piece, peer); count > 0)
        check_nccl(nccl().broadcast(at(x, piece, peer), at(x, piece, peer), static_cast<std::size_t>(count), type, peer, comm_, of(stream)),
                   "all-gather");
    check_nccl(nccl().group_end(), "all-gather");
  }

  void broadcast(Stream& stream, Tensor x, int root) override {
    if (!stream.on_cuda()) return host_->broadcast(stream, x, root);
    if (rank() == root) sent_bytes_ += (world_size() - 1) * x.size_bytes();
    check_nccl(nccl().broadcast(x.raw(), x.raw(), static_cast<std::size_t>(x.size_bytes()), ncclUint8, root, comm_, of(stream)), "broadcast");
  }

  void all_reduce_sum(std::span<double> x) override { host_->all_reduce_sum(x); }
  void all_reduce_max(std::span<double> x) override { host_->all_reduce_max(x); }
  std::unique_ptr<Communicator> split(int color, int key) override {
    auto part = host_->split(color, key);
    return make_nccl(part);
  }
  std::int64_t bytes_moved() const override { return sent_bytes_ + host_->bytes_moved(); }
  void abort() noexcept override { host_->abort(); }

 private:
  static std::int64_t count_of(Tensor x, std::int64_t piece, int rank) {
    return std::min(x.count(), (rank + 1) * piece) - std::min(x.count(), rank * piece);
  }
  static void* at(Tensor x, std::int64_t piece, int rank) {
    return static_cast<std::byte*>(x.raw()) + std::min(x.count(), rank * piece) * size_of(x.dtype());
  }
  void all_reduce(Stream& stream, Tensor x, ncclRedOp_t operation) {
    check_nccl(nccl().all_reduce(x.raw(), x.raw(), static_cast<std::size_t>(x.count()), type_of(x), operation, comm_, of(stream)), "all-reduce");
  }

  Communicator* host_;
  std::unique_ptr<Communicator> owned_;  // host_
  ncclComm_t comm_ = nullptr;
  std::int64_t sent_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Communicator> make_nccl(std::unique_ptr<Communicator>& host) {
  auto over_gpus = std::make_unique<NcclCommunicator>(*host);
  over_gpus->own(std::move(host));
  return over_gpus;
}

}  // namespace corollary
