#include "cli/bench_tokenizer.h"

#include <sentencepiece_processor.h>

#include <chrono>
#include <limits>
#include <string>

#include "base/compress.h"
#include "base/error.h"
#include "tokenizer/corpus_files.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/train_tokenizer.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxTextBytes = 64 << 20;
constexpr std::size_t kPeerBytes = 1 << 20;  // SentencePiece manages about that a second

struct Material {
  std::vector<std::string> documents;
  std::string model;  ///< the bytes of a tokenizer.model
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const std::string& document : documents) sum += document.size();
    return sum;
  }
};

std::vector<std::string> read_documents(const fs::path& corpus) {
  std::vector<std::string> documents;
  DocumentParser parser;
  std::size_t bytes = 0;
  for (const fs::path& path : fs::is_directory(corpus) ? list_files(corpus) : std::vector<fs::path>{corpus}) {
    if (path.filename().string().find(".jsonl") == std::string::npos || path.filename() == "rejected.jsonl") continue;
    LineReader lines(path);
    while (const auto line = lines.next()) {
      const auto text = parser.text(*line);
      if (!text || bytes + text->size() > kMaxTextBytes) continue;
      bytes += text->size();
      documents.emplace_back(*text);
    }
  }
  return documents;
}

/// The source tree the program is run in, empty if it is run elsewhere.
fs::path own_tree() {
  for (fs::path folder = fs::current_path();; folder = folder.parent_path()) {
    if (fs::exists(folder / "src" / "tokenizer" / "tokenizer.h")) return folder;
    if (folder == folder.parent_path()) return {};
  }
}

/// What a tree of ours holds itself: its sources and pages.
std::vector<std::string> read_own_tree(const fs::path& root) {
  std::vector<std::string> documents;
  for (const char* folder : {"src", "docs", "recipes", "tests"}) {
    if (!fs::is_directory(root / folder)) continue;
    for (const fs::path& path : list_files(root / folder)) {
      const std::string extension = path.extension().string();
      if (extension == ".h" || extension == ".cpp" || extension == ".md" || extension == ".txt" || extension == ".toml")
        documents.push_back(read_file(path));
    }
  }
  return documents;
}

/// A tokenizer for text that came without one.
std::string train_on(const std::vector<std::string>& documents) {
  const fs::path folder = fs::temp_directory_path() /
                          ("corollary_bench_" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  CompressedWriter writer(folder / "train.jsonl");
  for (const std::string& document : documents) writer.write_line(to_line({{"text", document}}));
  writer.commit();
  (void)train_tokenizer({.vocab_size = 4096, .input_bytes = 2'000'000}, folder / "train.jsonl", folder / "tokenizer");
  std::string model = read_file(folder / "tokenizer" / "tokenizer.model");
  fs::remove_all(folder);
  return model;
}

Material find_material(const fs::path& data) {
  const fs::path root = own_tree(), shared = root / ".." / "shared" / "data";
  Material material;
  if (!data.empty()) {
    material.documents = read_documents(data);
    check(!material.documents.empty(), "no documents in ", data.string(),
          ": give a folder of .jsonl, .jsonl.zst or .jsonl.gz files");
  } else if (fs::exists(shared / "corpus") && fs::exists(shared / "tokenizer" / "llama_tokenizer.model")) {
    material.documents = read_documents(shared / "corpus");
    material.model = read_file(shared / "tokenizer" / "llama_tokenizer.model");
  } else {
    material.documents = read_own_tree(root);
    check(!material.documents.empty(), "no text to encode: give a corpus with --data");
  }
  if (material.model.empty()) material.model = train_on(material.documents);
  return material;
}

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
  const Material material = find_material(data);
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
