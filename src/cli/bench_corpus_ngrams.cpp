#include "cli/bench_corpus_ngrams.h"

#include <chrono>
#include <cstdlib>
#include <limits>

#include "base/compress.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/bench_material.h"
#include "corpus/ngrams/ngram_index.h"
#include "corpus/ngrams/test_texts.h"
#include "corpus/sources/process.h"

namespace corollary {
namespace {

constexpr std::size_t kPeerBytes = 4 << 20;

/// Prints the MB/s of texts it has compared.
constexpr const char* kPeer = R"(
import json, sys, time
def grams(text, n):
    words = text.split()
    return {' '.join(words[i:i + n]) for i in range(len(words) - n + 1)}
tests = [json.loads(line)['text'] for line in open(sys.argv[1])]
documents = [json.loads(line)['text'] for line in open(sys.argv[2])]
index = {n: set().union(*(grams(t, n) for t in tests)) for n in (13, 30)}
start = time.perf_counter()
hits = sum(len(index[n] & grams(d, n)) for d in documents for n in (13, 30))
print(sum(len(d.encode()) for d in documents) / 1e6 / (time.perf_counter() - start))
)";

/// Test items beside the source tree if there are, else sentences of the documents themselves: as many n-grams to look for.
std::vector<std::string> find_tests(const BenchMaterial& material) {
  const fs::path eval = own_tree() / ".." / "shared" / "data" / "eval";
  if (fs::exists(eval / "math" / "test.jsonl.zst"))
    return read_test_texts({(eval / "math" / "test.jsonl.zst").string(), (eval / "gsm8k" / "test.jsonl.zst").string()},
                           {"problem", "solution", "question", "answer"})
        .texts;
  std::vector<std::string> tests;
  for (const std::string& document : material.documents)
    for (std::size_t at = 0; at + 400 < document.size() && tests.size() < 10'000; at += 2000) {
      tests.push_back(document.substr(at, 400));
      for (std::size_t i = 0; i < tests.back().size(); i += 37) tests.back()[i] = '_';  // alike, but not there
    }
  return tests;
}

}  // namespace

std::vector<BenchRow> bench_corpus_ngrams(const fs::path& data) {
  const BenchMaterial material = find_bench_material(data);
  const std::vector<std::string> tests = find_tests(material);
  const NgramIndex index(tests, {13, 30}, WordRule::whitespace);
  const fs::path folder = fs::temp_directory_path() /
                          ("corollary_bench_ngrams_" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  {
    CompressedWriter test_file(folder / "tests.jsonl"), document_file(folder / "documents.jsonl");
    for (const std::string& test : tests) test_file.write_line(to_line({{"text", test}}));
    const std::size_t step = material.bytes() / kPeerBytes + 1;
    for (std::size_t i = 0; i < material.documents.size(); i += step)
      document_file.write_line(to_line({{"text", material.documents[i]}}));
    test_file.commit();
    document_file.commit();
  }
  std::size_t found = 0;
  bool has_peer = true;
  const Medians medians = measure_in_turn(
      5,
      [&] {
        Words words(WordRule::whitespace);
        const auto start = std::chrono::steady_clock::now();
        for (const std::string& document : material.documents) {
          words.assign(document);
          index.search(words, [&](const NgramMatch&) { ++found; });
        }
        return static_cast<double>(material.bytes()) / 1e6 /
               std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      },
      [&] {
        const ProcessResult run =
            run_process({"python3", "-c", kPeer, (folder / "tests.jsonl").string(), (folder / "documents.jsonl").string()}, folder);
        has_peer = has_peer && run.status == 0;
        return has_peer ? std::strtod(run.out.c_str(), nullptr) : std::numeric_limits<double>::quiet_NaN();
      });
  fs::remove_all(folder);
  return {{"corpus.ngram_scan", "MB/s", medians.ours, has_peer ? "python3 sets" : "absent: install python3", medians.peer,
           std::numeric_limits<double>::quiet_NaN()}};
}

}  // namespace corollary
