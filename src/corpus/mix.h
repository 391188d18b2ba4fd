#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/manifest.h"

namespace corollary {

/// A subset's share of a mixture, as in training's [[mixture]].
struct MixPart {
  std::string subset;
  double weight = 0;  ///< relative; Proof-Pile-2's are papers 2, web 4, code 1
  static void each(auto& part, auto&& visit) {
    visit("subset", part.subset);
    visit("weight", part.weight);
  }
};

struct MixConfig {
  std::vector<MixPart> parts;
  std::int64_t bytes = 0;                ///< of text, all parts together; 0: no part is repeated and the scarcest is used whole
  std::int64_t seed = 1234;              ///< of the draw and of the order
  std::int64_t shard_bytes = 512 << 20;  ///< of text in an output file, about; also the memory the shuffle takes
  static void each(auto& config, auto&& visit) {
    visit("parts", config.parts);
    visit("bytes", config.bytes);
    visit("seed", config.seed);
    visit("shard_bytes", config.shard_bytes);
  }
};

/// What a mixture takes of a subset.
struct MixShare {
  std::string subset;
  std::int64_t documents = 0, bytes = 0;  ///< there are
  double taken_bytes = 0, epochs = 0;     ///< the mixture takes; epochs = taken / there
};

/// The shares of a mixture over what corpus/SUBSET/train holds. Error if a part has no documents or no weight.
std::vector<MixShare> mix_shares(const MixConfig& config, const fs::path& corpus);

/// Writes the mixture as documents in random order: out/mixed-00000.jsonl.zst ... and out/manifest.json. A part of 2.3 epochs gives
/// each document twice, and three tenths of them, drawn by seed and document, once more. The order comes from hashes: every copy
/// goes to a file drawn by its hash, and a file's documents are sorted by hash in memory, so memory is about two times shard_bytes.
/// The same corpus, configuration and seed give the same bytes. Nothing is done if `out` already holds this.
StageResult mix_corpus(const MixConfig& config, const fs::path& corpus, const fs::path& out);

}  // namespace corollary
