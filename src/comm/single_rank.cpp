#include "comm/communicator.h"

namespace corollary {
namespace {

class SingleRank final : public Communicator {
 public:
  int rank() const override { return 0; }
  int world_size() const override { return 1; }
  void barrier() override {}
  void all_reduce_sum(Stream&, Tensor) override {}
  void abort() noexcept override {}
};

}  // namespace

std::unique_ptr<Communicator> make_single_rank() { return std::make_unique<SingleRank>(); }

}  // namespace corollary
