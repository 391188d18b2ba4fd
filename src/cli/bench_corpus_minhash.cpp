#include "cli/bench_corpus_minhash.h"

#include <unistd.h>

#include <ctime>
#include <limits>
#include <optional>
#include <string>

#include "base/compress.h"
#include "base/error.h"
#include "base/json.h"
#include "corpus/dedup/fingerprints.h"
#include "corpus/dedup/minhash.h"
#include "corpus/sources/process.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxTextBytes = 32 << 20, kPeerBytes = 1 << 20;

fs::path own_tree() {
  for (fs::path folder = fs::current_path();; folder = folder.parent_path()) {
    if (fs::exists(folder / "src" / "corpus" / "dedup" / "minhash.h")) return folder;
    if (folder == folder.parent_path()) return {};
  }
}

std::vector<std::string> find_texts(const fs::path& data) {
  const fs::path root = own_tree(), shared = root / ".." / "shared" / "data" / "corpus";
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  const auto add = [&](std::string text) {
    if (bytes + text.size() > kMaxTextBytes) return;
    bytes += text.size();
    texts.push_back(std::move(text));
  };
  const bool has_documents = !data.empty() || (!root.empty() && fs::exists(shared));
  const fs::path from = !data.empty() ? data : has_documents ? shared : root / "src";
  DocumentScanner scanner;
  for (const fs::path& path : fs::is_directory(from) ? list_files(from) : std::vector<fs::path>{from}) {
    const std::string name = path.filename().string();
    if (has_documents && name.find(".jsonl") != std::string::npos && name != "rejected.jsonl") {
      LineReader lines(path);
      while (const auto line = lines.next())
        if (auto document = scanner.scan(*line)) add(std::move(document->text));
    } else if (!has_documents && (name.ends_with(".cpp") || name.ends_with(".h"))) {
      add(read_file(path));
    }
  }
  check(!texts.empty(), "no documents in ", from.string(), ": give a corpus with --data");
  return texts;
}

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// The program's own, or that of a folder it is installed in.
std::optional<fs::path> peer_script() {
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
  for (const char* folder : {"../../bench/peers", "../bench/peers", "../share/corollary/bench/peers"})
    if (fs::path script = (program / folder / "numpy_minhash.py").lexically_normal(); fs::exists(script)) return script;
  return std::nullopt;
}

std::optional<std::string> python_with_peer() {
  for (const char* python : {"python3", "/usr/bin/python3"})
    if (run_process({python, "-c", "import numpy, xxhash"}, fs::temp_directory_path()).status == 0) return python;
  return std::nullopt;
}

struct TemporaryTexts {
  explicit TemporaryTexts(const std::vector<std::string>& texts)
      : path(fs::temp_directory_path() / ("corollary-minhash-" + std::to_string(::getpid()) + ".jsonl")) {
    std::size_t bytes = 0;
    for (const std::string& text : texts) bytes += text.size();
    const std::size_t step = bytes / kPeerBytes + 1;
    std::string lines;
    for (std::size_t i = 0; i < texts.size(); i += step) lines += to_line(Json(texts[i])) + "\n";
    write_file(path, lines);
  }
  ~TemporaryTexts() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
  TemporaryTexts(const TemporaryTexts&) = delete;
  TemporaryTexts& operator=(const TemporaryTexts&) = delete;
  const fs::path path;
};

double our_rate(const MinHasher& hasher, const std::vector<std::string>& texts) {
  std::vector<std::uint64_t> rows, bands;
  std::size_t bytes = 0, sum = 0;
  const double start = cpu_seconds();
  for (const std::string& text : texts) {
    hasher.signature(text, rows);
    hasher.band_hashes(rows, bands);
    bytes += text.size(), sum += bands.size();
  }
  const double seconds = cpu_seconds() - start;
  check(sum > 0, "no text has five words");
  return static_cast<double>(bytes) / 1e6 / seconds;
}

}  // namespace

std::vector<BenchRow> bench_corpus_minhash(const fs::path& data) {
  const std::vector<std::string> texts = find_texts(data);
  const TemporaryTexts sample(texts);
  const auto script = peer_script();
  const auto python = python_with_peer();
  std::string name = !script ? "absent: bench/peers/numpy_minhash.py" : "absent: install python3-numpy python3-xxhash";
  std::function<double()> peer;
  if (script && python)
    peer = [&] {
      const ProcessResult run =
          run_process({*python, script->string(), sample.path.string(), "112", "5", "1"}, fs::temp_directory_path());
      check(run.status == 0, "the peer failed: ", run.err);
      const Json json = parse_json(run.out, script->string());
      name = json.at("versions").get<std::string>();
      return json.at("bytes").get<double>() / 1e6 / json.at("seconds").get<double>();
    };
  const MinHasher ours({}), parity({.hash = "datatrove"});
  const double unknown = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> parity_rates;
  const Medians medians = measure_in_turn(
      5,
      [&] {
        parity_rates.push_back(our_rate(parity, texts));
        return our_rate(ours, texts);
      },
      peer);
  return {{"corpus.minhash", "MB/s", medians.ours, name, medians.peer, unknown},
          {"corpus.minhash.datatrove", "MB/s", median(parity_rates), name, medians.peer, unknown}};
}

}  // namespace corollary
