#include "cli/bench_corpus_pack.h"

#include <sentencepiece_processor.h>

#include <chrono>
#include <limits>

#include "base/compress.h"
#include "base/error.h"
#include "base/json.h"
#include "base/threads.h"
#include "cli/bench_material.h"
#include "tokenizer/pack.h"

namespace corollary {
namespace {

constexpr std::size_t kPeerBytes = 1 << 20;  // SentencePiece manages about that a second

double megabytes_per_second(std::size_t bytes, std::chrono::steady_clock::time_point start) {
  return static_cast<double>(bytes) / 1e6 / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

std::vector<BenchRow> bench_corpus_pack(const fs::path& data) {
  const BenchMaterial material = find_bench_material(data);
  const fs::path folder = fs::temp_directory_path() /
                          ("corollary_bench_pack_" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  write_file(folder / "tokenizer" / "tokenizer.model", material.model);
  const std::size_t step = material.bytes() / kPeerBytes + 1;
  std::size_t peer_bytes = 0;
  {
    CompressedWriter all(folder / "corpus" / "code" / "train.jsonl.zst"), part(folder / "part.jsonl.zst");
    for (std::size_t i = 0; i < material.documents.size(); ++i) {
      const std::string line = to_line({{"text", material.documents[i]}, {"meta", {{"number", i}}}});
      all.write_line(line);
      if (i % step != 0) continue;
      part.write_line(line);
      peer_bytes += material.documents[i].size();
    }
    all.commit();
    part.commit();
  }
  sentencepiece::SentencePieceProcessor peer;
  const auto status = peer.LoadFromSerializedProto(material.model);
  check(status.ok(), "SentencePiece cannot load the tokenizer: ", status.message());
  const int threads = num_threads();
  set_num_threads(1);
  const Medians medians = measure_in_turn(
      5,
      [&] {
        fs::remove_all(folder / "pack");
        const auto start = std::chrono::steady_clock::now();
        pack({}, folder / "corpus", folder / "tokenizer", folder / "pack");
        return megabytes_per_second(material.bytes(), start);
      },
      [&] {
        const auto start = std::chrono::steady_clock::now();
        LineReader lines(folder / "part.jsonl.zst");
        AtomicFile file(folder / "peer.bin");
        std::vector<int> ids;
        while (const auto line = lines.next()) {
          (void)peer.Encode(parse_json(*line, "peer").at("text").get<std::string>(), &ids);
          std::vector<std::uint16_t> packed(ids.begin(), ids.end());
          file.write(packed.data(), packed.size() * sizeof packed[0]);
        }
        file.commit();
        return megabytes_per_second(peer_bytes, start);
      });
  set_num_threads(threads);
  fs::remove_all(folder);
  return {{"corpus.pack", "MB/s", medians.ours, "sentencepiece, nlohmann-json", medians.peer,
           std::numeric_limits<double>::quiet_NaN()}};
}

}  // namespace corollary
