#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "corpus/sources/source.h"

namespace corollary {

/// Pieces of one subset that one task extracts: neighbours in the corpus's order.
struct Shard {
  std::string name;  ///< "web-00003": sorted as the corpus is
  std::string subset;
  std::vector<SourcePiece> pieces;
  std::int64_t bytes = 0;  ///< of input, about
};

/// Cuts the sources at `shard_bytes` of input and gathers small pieces until that many: the subsets in the order code, web, papers,
/// inside one the order of the sources. What cannot be cut (a compressed file, an archive) stays whole.
std::vector<Shard> plan_shards(const std::vector<FetchedSource>& sources, std::int64_t shard_bytes);

Json piece_to_json(const SourcePiece& piece);

}  // namespace corollary
