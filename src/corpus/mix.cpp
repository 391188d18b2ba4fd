#include "corpus/mix.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>

#include "base/compress.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/stop.h"
#include "corpus/document_head.h"

namespace corollary {
namespace {

/// corpus/SUBSET/train.jsonl.zst, or the files of the folder corpus/SUBSET/train.
std::vector<fs::path> training_files(const fs::path& corpus, const std::string& subset) {
  if (fs::is_directory(corpus / subset / "train")) return list_files(corpus / subset / "train");
  for (const char* extension : {".jsonl.zst", ".jsonl.gz", ".jsonl"})
    if (const fs::path file = corpus / subset / (std::string("train") + extension); fs::exists(file)) return {file};
  check(false, "no training documents of ", subset, " in ", corpus.string(), ": expected ", subset, "/train.jsonl.zst or ", subset,
        "/train/");
  return {};
}

/// f(line, bytes of text, number) for each document of a subset.
template <class F>
void for_each_document(const fs::path& corpus, const std::string& subset, F f) {
  DocumentHeadReader reader;
  std::int64_t number = 0;
  for (const fs::path& file : training_files(corpus, subset)) {
    LineReader lines(file);
    while (const auto line = lines.next()) {
      check(!stop_requested(), "stopped while mixing: run again to start over");
      const auto head = reader.read(*line);
      check(head.has_value(), "", file.string(), " line ", lines.line_number(), ": ", reader.why());
      f(*line, static_cast<std::int64_t>(head->text.size()), number++);
    }
  }
}

/// Uniform in [0, 2^64): the same on every machine for a copy of a document.
std::uint64_t draw(const MixConfig& config, const std::string& subset, std::int64_t number, std::int64_t copy) {
  return hash64(subset + " " + std::to_string(number) + " " + std::to_string(copy), static_cast<std::uint64_t>(config.seed));
}

/// A line with its hash, in a file of those of one output file.
struct Drawn {
  std::uint64_t hash;
  std::string line;
};

void write_sorted(const fs::path& from, const fs::path& to) {
  std::vector<Drawn> drawn;
  LineReader lines(from);
  while (const auto line = lines.next())
    drawn.push_back({std::stoull(std::string(line->substr(0, 16)), nullptr, 16), std::string(line->substr(16))});
  std::sort(drawn.begin(), drawn.end(),
            [](const Drawn& a, const Drawn& b) { return std::tie(a.hash, a.line) < std::tie(b.hash, b.line); });
  CompressedWriter writer(to);
  for (const Drawn& document : drawn) writer.write_line(document.line);
  writer.commit();
}

}  // namespace

std::vector<MixShare> mix_shares(const MixConfig& config, const fs::path& corpus) {
  check(!config.parts.empty(), "a mixture needs parts: --weight papers=2 --weight web=4 --weight code=1");
  check(config.bytes >= 0 && config.shard_bytes > 0, "bytes and shard_bytes of a mixture must not be negative");
  double weights = 0;
  std::vector<MixShare> shares;
  for (const MixPart& part : config.parts) {
    check(part.weight > 0 && std::isfinite(part.weight), "the weight of ", part.subset, " must be above 0, is ", part.weight);
    weights += part.weight;
    MixShare share{part.subset, 0, 0, 0, 0};
    for_each_document(corpus, part.subset,
                      [&](std::string_view, std::int64_t bytes, std::int64_t) { ++share.documents, share.bytes += bytes; });
    check(share.bytes > 0, "no text of ", part.subset, " in ", corpus.string());
    shares.push_back(share);
  }
  double total = static_cast<double>(config.bytes);
  if (config.bytes == 0) {
    total = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < shares.size(); ++i)
      total = std::min(total, static_cast<double>(shares[i].bytes) * weights / config.parts[i].weight);
  }
  for (std::size_t i = 0; i < shares.size(); ++i) {
    shares[i].taken_bytes = total * config.parts[i].weight / weights;
    shares[i].epochs = shares[i].taken_bytes / static_cast<double>(shares[i].bytes);
  }
  return shares;
}

StageResult mix_corpus(const MixConfig& config, const fs::path& corpus, const fs::path& out) {
  const auto start = std::chrono::steady_clock::now();
  Json inputs = Json::object();
  for (const MixPart& part : config.parts)
    for (const fs::path& file : training_files(corpus, part.subset))
      inputs[file.lexically_relative(corpus).string()] = sha256_file(file);
  if (auto manifest = up_to_date(out, "mix", fields_to_json(config), inputs)) return {std::move(*manifest), true};
  const std::vector<MixShare> shares = mix_shares(config, corpus);
  double total = 0;
  for (const MixShare& share : shares) total += share.taken_bytes;
  require_space(out, static_cast<std::int64_t>(total), "the mixture");
  const auto files = static_cast<std::size_t>(std::ceil(total / static_cast<double>(config.shard_bytes)));
  check(files <= 1000, "the mixture would have ", files, " files, at most 1000 are written at once: raise shard_bytes");
  std::error_code ignored;
  fs::remove(out / "manifest.json", ignored);

  const fs::path work = out / ".work";
  fs::remove_all(work);
  Json counts = Json::object();
  std::vector<std::unique_ptr<CompressedWriter>> buckets;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::max<std::size_t>(files, 1); ++i) {
    names.push_back(fmt::format("mixed-{:05}.jsonl.zst", i));
    buckets.push_back(std::make_unique<CompressedWriter>(work / names.back(), 1));
  }
  for (const MixShare& share : shares) {
    const auto whole = static_cast<std::int64_t>(share.epochs);
    const double rest = share.epochs - static_cast<double>(whole);
    std::int64_t documents = 0, bytes = 0;
    for_each_document(corpus, share.subset, [&](std::string_view line, std::int64_t text_bytes, std::int64_t number) {
      for (std::int64_t copy = 0; copy <= whole; ++copy) {
        const std::uint64_t hash = draw(config, share.subset, number, copy);
        // The last copy is drawn by another hash than the one that places it.
        if (copy == whole && static_cast<double>(draw(config, "?" + share.subset, number, copy)) >= rest * 18446744073709551616.0)
          continue;
        buckets[hash % buckets.size()]->write_line(fmt::format("{:016x}{}", hash, line));
        ++documents;
        bytes += text_bytes;
      }
    });
    counts[share.subset] = {{"documents", documents}, {"bytes", bytes}, {"epochs", share.epochs}};
  }
  for (auto& bucket : buckets) bucket->commit();
  for (const std::string& name : names) write_sorted(work / name, out / name);
  fs::remove_all(work);
  Manifest manifest;
  manifest.stage = "mix";
  manifest.config = fields_to_json(config);
  manifest.inputs = inputs;
  manifest.counts = counts;
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  write_manifest(out, manifest, names);
  return {read_manifest(out), false};
}

}  // namespace corollary
