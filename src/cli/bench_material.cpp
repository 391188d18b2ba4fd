#include "cli/bench_material.h"

#include <chrono>

#include "base/compress.h"
#include "base/error.h"
#include "base/json.h"
#include "tokenizer/corpus_files.h"
#include "tokenizer/train_tokenizer.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxTextBytes = 64 << 20;

std::vector<std::string> read_documents(const fs::path& corpus) {
  std::vector<std::string> documents;
  DocumentParser parser;
  std::size_t bytes = 0;
  for (const fs::path& path : fs::is_directory(corpus) ? list_files(corpus) : std::vector<fs::path>{corpus}) {
    if (path.filename().string().find(".jsonl") == std::string::npos || path.filename() == "rejected.jsonl" ||
        path.filename() == "contaminated.jsonl")
      continue;
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

}  // namespace

fs::path own_tree() {
  for (fs::path folder = fs::current_path();; folder = folder.parent_path()) {
    if (fs::exists(folder / "src" / "tokenizer" / "tokenizer.h")) return folder;
    if (folder == folder.parent_path()) return {};
  }
}

BenchMaterial find_bench_material(const fs::path& data) {
  const fs::path root = own_tree(), shared = root / ".." / "shared" / "data";
  BenchMaterial material;
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

}  // namespace corollary
