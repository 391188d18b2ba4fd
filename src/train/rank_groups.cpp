#include "train/rank_groups.h"

namespace corollary {
namespace {

Tensor flat(Tensor x) { return x.reshaped({x.count()}); }

}  // namespace

RankGroups::RankGroups(Communicator& world, std::int64_t tensor_size)
    : world_(world),
      layout_(rank_layout(world.world_size(), world.rank(), tensor_size)),
      tensor_(world.split(layout_.data_rank, world.rank())),
      data_(world.split(layout_.tensor_rank, world.rank())),
      tensor_parallel_(*tensor_) {}

void RankGroups::OverTensorRanks::gather(Stream& stream, Tensor x) { ranks_.all_gather(stream, flat(x), x.count() / size()); }
void RankGroups::OverTensorRanks::sum_and_scatter(Stream& stream, Tensor x) {
  ranks_.reduce_scatter_sum(stream, flat(x), x.count() / size());
}
void RankGroups::OverTensorRanks::sum(Stream& stream, Tensor x) { ranks_.all_reduce_sum(stream, flat(x)); }
void RankGroups::OverTensorRanks::max(Stream& stream, Tensor x) { ranks_.all_reduce_max(stream, flat(x)); }

}  // namespace corollary
