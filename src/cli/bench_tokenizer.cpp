#include "cli/bench_tokenizer.h"

#include <sentencepiece_processor.h>

#include <chrono>
#include <limits>
#include <string>

#include "base/error.h"
#include "cli/bench_material.h"
#include "tokenizer/tokenizer.h"

namespace corollary {
namespace {

constexpr std::size_t kPeerBytes = 1 << 20;  // SentencePiece manages about that a second

/// MB/s of f over every step-th document: a share of the text that still has all its kinds.
double rate(const std::vector<std::string>& documents, std::size_t step, const auto& f) {
  std::size_t bytes = 0;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < documents.size(); i += step) {
    f(documents[i]);
    bytes += documents[i].size();
  }
  return static_cast<double>(bytes) / 1e6 / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

std::vector<BenchRow> bench_tokenizer(const fs::path& data) {
  const BenchMaterial material = find_bench_material(data);
  sentencepiece::SentencePieceProcessor peer;
  const auto status = peer.LoadFromSerializedProto(material.model);
  check(status.ok(), "SentencePiece cannot load the tokenizer: ", status.message());
  const std::size_t peer_step = material.bytes() / kPeerBytes + 1;
  std::size_t sum = 0;  // of what was computed, so that it is
  const Medians medians = measure_in_turn(
      5,
      [&] {
        const Tokenizer tokenizer = Tokenizer::from_bytes(material.model, "benchmark");
        TokenBuffer ids;
        const double value = rate(material.documents, 1, [&](const std::string& text) {
          ids.clear();
          tokenizer.encode(text, ids);
          sum += ids.size();
        });
        return value;
      },
      [&] {
        std::vector<int> ids;
        return rate(material.documents, peer_step, [&](const std::string& text) {
          (void)peer.Encode(text, &ids);
          sum += ids.size();
        });
      });
  check(sum > 0, "nothing was encoded");
  return {{"tokenizer.encode", "MB/s", medians.ours, "sentencepiece", medians.peer, std::numeric_limits<double>::quiet_NaN()}};
}

}  // namespace corollary
