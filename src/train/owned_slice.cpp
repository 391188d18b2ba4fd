#include "train/owned_slice.h"

#include <algorithm>

#include "base/error.h"
#include "model/parameters.h"
#include "train/shards.h"

namespace corollary {

RankLayout rank_layout(int world_size, int rank, std::int64_t tensor_size) {
  check(tensor_size > 0 && world_size % tensor_size == 0, "train.tensor_parallel ", tensor_size, " does not divide the ", world_size,
        " ranks of this job: start a multiple of it (mpirun -n)");
  const int size = static_cast<int>(tensor_size);
  return {.tensor_size = size, .tensor_rank = rank % size, .data_size = world_size / size, .data_rank = rank / size};
}

LlamaConfig tensor_parallel_part(const LlamaConfig& config, int tensor_size) {
  LlamaConfig part = config;
  const auto divide = [&](const char* name, std::int64_t& extent) {
    check(extent % tensor_size == 0, "train.tensor_parallel ", tensor_size, " does not divide model.", name, " ", extent,
          ": choose one that does");
    extent /= tensor_size;
  };
  divide("vocab_size", part.vocab_size);
  divide("num_key_value_heads", part.num_key_value_heads);
  divide("num_attention_heads", part.num_attention_heads);
  divide("intermediate_size", part.intermediate_size);
  return part;
}

std::vector<OwnedSlice> owned_slices(const LlamaConfig& config, const RankLayout& layout) {
  const LlamaConfig part = tensor_parallel_part(config, layout.tensor_size);
  const ParameterLayout whole = parameter_layout(config), ours = parameter_layout(part);
  const Shards shards(part, layout.data_size);
  std::vector<OwnedSlice> slices;
  std::size_t bucket = 0;
  for (std::size_t i = 0; i < whole.entries.size(); ++i) {
    const Shape global = whole.entries[i].shape, local = ours.entries[i].shape;
    const std::int64_t offset = ours.entries[i].offset;
    while (shards.buckets()[bucket].end <= offset) ++bucket;
    const ParameterRange piece = shards.piece(bucket, layout.data_rank);
    const std::int64_t begin = std::max(piece.begin, offset), end = std::min(piece.end, offset + local.count());
    if (begin >= end) continue;
    OwnedSlice slice{.name = whole.entries[i].name, .global_shape = global};
    const std::int64_t row = global[0] == local[0] ? 0 : local[0] * layout.tensor_rank;
    slice.row_begin = row, slice.row_end = row + local[0];
    const bool is_matrix = global.rank() == 2;
    const std::int64_t column = is_matrix && global[1] != local[1] ? local[1] * layout.tensor_rank : 0;
    slice.col_begin = column, slice.col_end = column + (is_matrix ? local[1] : 1);
    slice.begin = begin - offset, slice.end = end - offset;
    slice.local_offset = shards.in_shard(bucket, layout.data_rank).begin + begin - piece.begin;
    slices.push_back(std::move(slice));
  }
  return slices;
}

void each_run(const OwnedSlice& slice, const std::function<void(std::int64_t, std::int64_t, std::int64_t)>& f) {
  const std::int64_t columns = slice.global_shape.rank() == 2 ? slice.global_shape[1] : 1, width = slice.col_end - slice.col_begin;
  if (width == columns) return f(slice.row_begin * columns + slice.begin, slice.local_offset, slice.end - slice.begin);
  for (std::int64_t i = slice.begin; i < slice.end;) {
    const std::int64_t row = i / width, end = std::min(slice.end, (row + 1) * width);
    f((slice.row_begin + row) * columns + slice.col_begin + i % width, slice.local_offset + i - slice.begin, end - i);
    i = end;
  }
}

}  // namespace corollary
