#include "corpus/steps/pieces.h"

#include <fmt/format.h>

#include "base/error.h"

namespace corollary {

Json piece_to_json(const SourcePiece& piece) { return {{"source", piece.source}, {"begin", piece.begin}, {"end", piece.end}}; }

std::vector<Shard> plan_shards(const std::vector<FetchedSource>& sources, std::int64_t shard_bytes) {
  check(shard_bytes > 0, "shard_bytes must be above 0, is ", shard_bytes);
  std::vector<Shard> shards;
  for (const char* subset : kSubsets) {
    std::int64_t number = 0;
    bool is_open = false;
    for (std::size_t s = 0; s < sources.size(); ++s) {
      if (sources[s].subset != subset) continue;
      for (SourcePiece piece : cut_source(sources[s], shard_bytes)) {
        piece.source = static_cast<std::int64_t>(s);
        if (is_open && shards.back().bytes + piece.bytes > shard_bytes) is_open = false;
        if (!is_open) shards.push_back({fmt::format("{}-{:05}", subset, number++), subset, {}, 0});
        is_open = true;
        shards.back().bytes += piece.bytes;
        shards.back().pieces.push_back(piece);
      }
    }
  }
  return shards;
}

}  // namespace corollary
