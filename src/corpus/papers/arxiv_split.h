#pragma once
#include <cstdint>

#include "corpus/split.h"

namespace corollary {

/// How Proof-Pile-2 cuts a shard of arXiv of `lines` newline characters, in the order of the file, without shuffling: the first
/// floor(99 N / 100) are training, the first half (rounded down) of the rest validation, what remains test. Each of the 100 shards
/// is cut by itself.
struct ArxivSplit {
  std::int64_t train = 0, validation = 0, test = 0;  ///< documents each; together `lines`
};
ArxivSplit arxiv_split(std::int64_t lines);

/// The split of the document at `index` (from 0) in a shard of `lines`. Throws Error unless 0 <= index < lines.
Split arxiv_split_of(std::int64_t index, std::int64_t lines);

}  // namespace corollary
