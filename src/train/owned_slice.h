#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "device/tensor.h"
#include "model/config.h"

namespace corollary {

/// Where a rank stands among those that train one model: `tensor_size` ranks hold one copy of the weights between them, `data_size`
/// such copies share a batch. Ranks of one copy are neighbours: rank = data_rank * tensor_size + tensor_rank.
struct RankLayout {
  int tensor_size = 1, tensor_rank = 0;
  int data_size = 1, data_rank = 0;
  int world_size() const { return tensor_size * data_size; }
};
/// Error if `tensor_size` does not divide `world_size`.
RankLayout rank_layout(int world_size, int rank, std::int64_t tensor_size);

/// A piece of one parameter whose master weights and moments a rank owns.
struct OwnedSlice {
  std::string name;    ///< of the parameter in the whole model
  Shape global_shape;  ///< there
  std::int64_t row_begin = 0, row_end = 0, col_begin = 0, col_end = 0;  ///< this tensor rank's rectangle (1-D: rows alone, columns [0, 1))
  std::int64_t begin = 0, end = 0;  ///< elements of that rectangle, row-major, that this data rank owns
  std::int64_t local_offset = 0;    ///< where element `begin` lies in the rank's master, m and v
};

/// All that a rank owns, in order of local_offset, without gaps (train/shards.h says how a copy is dealt out). Over the data ranks, the
/// slices cover each rectangle once; over the tensor ranks, the rectangles cover each matrix once, while norm scales are owned by every
/// tensor rank alike: tensor rank 0's are as good as any.
std::vector<OwnedSlice> owned_slices(const LlamaConfig& config, const RankLayout& layout);

/// f(at, local, count) for every run of a slice that is contiguous in the whole parameter: `count` elements from element `at` there, at
/// `local` in the rank's master, m and v. In order.
void each_run(const OwnedSlice& slice, const std::function<void(std::int64_t at, std::int64_t local, std::int64_t count)>& f);

/// What each of `tensor_size` ranks holds of a model: a Llama of the same hidden_size with its part of the vocabulary,
/// the heads and the intermediate features. Error if they do not divide.
LlamaConfig tensor_parallel_part(const LlamaConfig& config, int tensor_size);

}  // namespace corollary
