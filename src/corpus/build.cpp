#include "corpus/build.h"

#include <array>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <set>

#include "base/compress.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/threads.h"
#include "corpus/dedup/dedup.h"
#include "corpus/extract.h"
#include "corpus/sources/fetch.h"
#include "corpus/filters.h"
#include "corpus/split.h"

namespace corollary {
namespace {

constexpr std::array<const char*, 3> kSubsets = {"code", "web", "papers"};
constexpr std::array<Split, 3> kSplits = {Split::train, Split::validation, Split::test};

/// A raw record after extraction and filter: a line to write and its fingerprint, or a reason.
struct Judged {
  std::string path, line;
  std::int64_t text_bytes = 0;
  Fingerprint print;
  std::optional<Rejection> rejection;
};

using Batch = std::vector<RawRecord>;

Batch read_batch(Source& source) {
  constexpr std::size_t kRecords = 512, kBytes = std::size_t{32} << 20;
  Batch batch;
  for (std::size_t bytes = 0; batch.size() < kRecords && bytes < kBytes;) {
    auto record = source.next();
    if (!record) break;
    bytes += record->bytes.size();
    batch.push_back(std::move(*record));
  }
  return batch;
}

std::string repo_of(const Json& meta) {
  if (!meta.contains("repo") || !meta["repo"].is_string()) return "";
  const auto repo = meta["repo"].get<std::string>();
  return repo.substr(repo.rfind('/') + 1);
}

/// Where the document lay in its repository if it says so, else in its source.
std::string path_of(const RawRecord& record) {
  return record.meta.contains("path") && record.meta["path"].is_string() ? record.meta["path"].get<std::string>() : record.path;
}

Judged judge(const FetchedSource& source, const Extractor& extract, const Filter& filter, const RawRecord& record) {
  Judged judged;
  judged.path = record.path;
  judged.rejection = record.rejection;
  if (judged.rejection) return judged;
  Extraction extraction = extract(record);
  judged.rejection = extraction.rejection;
  if (judged.rejection) return judged;
  const std::string path = path_of(record), repo = repo_of(record.meta);
  judged.rejection = filter({extraction.text, path, repo});
  if (judged.rejection) return judged;
  judged.print = fingerprint(extraction.text, source.subset == "code");
  judged.text_bytes = static_cast<std::int64_t>(extraction.text.size());
  Document document{std::move(extraction.text),
                    {{"subset", source.subset}, {"language", source.language}, {"source", source.uri}, {"path", record.path}}};
  if (!source.licence.empty()) document.meta["licence"] = source.licence;
  document.meta["sha256"] = sha256_hex(record.bytes);
  for (auto& [key, value] : extraction.meta.items()) document.meta[key] = std::move(value);
  if (!record.meta.empty()) document.meta["record"] = record.meta;
  judged.line = document_to_line(document);
  return judged;
}

/// What a damaged input leaves, unlike what a filter decides.
bool is_damage(const Rejection& rejection) {
  return rejection.reason == "malformed_record" || rejection.reason == "truncated_file" || rejection.reason == "damaged_archive";
}

struct Tally {
  std::int64_t documents = 0, bytes = 0;
};
Json to_json(const Tally& tally) { return {{"documents", tally.documents}, {"bytes", tally.bytes}}; }

/// The documents of one subset in order, until it is known how many each group has: a file beside the output.
struct Spool {
  struct Entry {
    std::int32_t group;
    std::int64_t bytes;
  };
  fs::path path;
  std::unique_ptr<CompressedWriter> writer;
  std::vector<Entry> entries;
};

class Builder {
 public:
  Builder(const CorpusConfig& config, fs::path out) : config_(config), out_(std::move(out)), rejected_(out_ / "rejected.jsonl") {}

  void read(const FetchedSource& source) {
    const Extractor extract = extractor_for(source.subset, source.language);
    const Filter filter = filter_for(source.subset, source.language);
    const std::int32_t group = group_of(source);
    const auto records = open_source(source, config_.max_record_bytes);
    Tally kept;
    std::int64_t n = 0;
    std::map<std::string, std::int64_t> reasons;
    Batch batch = read_batch(*records);
    while (!batch.empty()) {
      check(!stop_requested(), "stopped while building the corpus: run again to start it over");
      auto coming = std::async(std::launch::async, [&] { return read_batch(*records); });  // decompresses meanwhile
      std::vector<Judged> judged(batch.size());
      parallel_for(static_cast<std::int64_t>(batch.size()), [&](std::int64_t i) {
        const auto index = static_cast<std::size_t>(i);
        judged[index] = judge(source, extract, filter, batch[index]);
        batch[index] = {};
      });
      for (Judged& document : judged) {
        ++n;
        if (!document.rejection) document.rejection = seen_.add(document.print, source.language);
        if (document.rejection) {
          reject(source, document);
          ++reasons[document.rejection->reason];
          continue;
        }
        Spool& spool = spool_of(source.subset);
        spool.writer->write_line(document.line);
        spool.entries.push_back({group, document.text_bytes});
        ++groups_[static_cast<std::size_t>(group)].documents;
        ++kept.documents;
        kept.bytes += document.text_bytes;
      }
      batch = coming.get();
    }
    log_info("{} {} {}: {} of {} files kept, {}", source.subset, source.language, source.uri, kept.documents, n,
             format_bytes(static_cast<double>(kept.bytes)));
    by_source_.push_back({{"subset", source.subset},
                          {"language", source.language},
                          {"uri", source.uri},
                          {"glob", source.glob},
                          {"records", n},
                          {"kept", to_json(kept)},
                          {"rejected", reasons}});
    if (kept.documents == 0) log_warning("nothing kept of {} ({}): see rejected.jsonl", source.uri, source.glob);
  }

  /// Draws the splits and writes them; returns the paths written.
  std::vector<std::string> write(Json& counts) {
    std::vector<std::vector<Split>> splits;
    for (std::size_t g = 0; g < groups_.size(); ++g)
      splits.push_back(
          split_group(groups_[g].documents, config_.validation_fraction, config_.test_fraction, config_.seed, groups_[g].name));
    std::vector<std::string> subsets;
    for (auto& [subset, spool] : spools_) {
      spool.writer->commit();
      subsets.push_back(subset);
    }
    using Counts = std::map<std::pair<std::string, Split>, Tally>;  // language and split
    std::vector<Counts> tallies(subsets.size());
    parallel_for(static_cast<std::int64_t>(subsets.size()), [&](std::int64_t i) {
      const auto index = static_cast<std::size_t>(i);
      write_subset(subsets[index], splits, tallies[index]);
    });
    std::vector<std::string> paths = {"rejected.jsonl"};
    rejected_.commit();
    Tally all;
    Json by_subset = Json::object(), groups = Json::array();
    for (const char* subset : kSubsets) {
      const auto at = std::find(subsets.begin(), subsets.end(), subset);
      if (at == subsets.end()) continue;
      std::map<Split, Tally> by_split;
      for (const auto& [key, tally] : tallies[static_cast<std::size_t>(at - subsets.begin())]) {
        groups.push_back({{"subset", subset},
                          {"language", key.first},
                          {"split", split_name(key.second)},
                          {"documents", tally.documents},
                          {"bytes", tally.bytes}});
        for (Tally* sum : {&by_split[key.second], &all}) sum->documents += tally.documents, sum->bytes += tally.bytes;
      }
      for (const Split split : kSplits) {
        by_subset[subset][split_name(split)] = to_json(by_split[split]);
        paths.push_back(std::string(subset) + "/" + split_name(split) + ".jsonl.zst");
      }
    }
    check(all.documents > 0, "no document was kept of ", records_rejected_, ": see the reasons in ",
          (out_ / "rejected.jsonl").string());
    counts = {{"documents", all.documents},     {"bytes", all.bytes},     {"rejected", records_rejected_},
              {"rejected_by_reason", reasons_}, {"by_subset", by_subset}, {"by_language", groups},
              {"by_source", by_source_}};
    return paths;
  }

  fs::path spool_folder() const { return out_ / ".spool"; }

 private:
  struct Group {
    std::string name, language;
    std::int64_t documents = 0;
  };

  std::int32_t group_of(const FetchedSource& source) {
    const std::string name = source.subset + " " + source.language;
    for (std::size_t g = 0; g < groups_.size(); ++g)
      if (groups_[g].name == name) return static_cast<std::int32_t>(g);
    groups_.push_back({.name = name, .language = source.language});
    spool_of(source.subset);
    return static_cast<std::int32_t>(groups_.size() - 1);
  }
  Spool& spool_of(const std::string& subset) {
    Spool& spool = spools_[subset];
    if (!spool.writer) {
      spool.path = spool_folder() / (subset + ".jsonl.zst");
      spool.writer = std::make_unique<CompressedWriter>(spool.path, 1);
    }
    return spool;
  }
  void reject(const FetchedSource& source, const Judged& document) {
    const Rejection& rejection = *document.rejection;
    check(!config_.strict || !is_damage(rejection), "damaged input, and strict is set: ", source.uri, " ", document.path, ": ",
          rejection.reason, " ", rejection.detail);
    if (is_damage(rejection)) log_warning("{} {}: {}, see rejected.jsonl", source.uri, document.path, rejection.reason);
    Json line = {{"source", source.uri}, {"path", document.path}, {"reason", rejection.reason}, {"offset", rejection.offset}};
    if (!rejection.detail.empty()) line["detail"] = rejection.detail;
    rejected_.write_line(to_line(line));
    ++reasons_[rejection.reason];
    ++records_rejected_;
  }

  template <class Tallies>
  void write_subset(const std::string& subset, const std::vector<std::vector<Split>>& splits, Tallies& tallies) {
    const Spool& spool = spools_.at(subset);
    std::array<std::unique_ptr<CompressedWriter>, 3> writers;
    for (const Split split : kSplits)
      writers[static_cast<std::size_t>(split)] =
          std::make_unique<CompressedWriter>(out_ / subset / (std::string(split_name(split)) + ".jsonl.zst"));
    std::vector<std::size_t> taken(groups_.size(), 0);
    LineReader lines(spool.path);
    for (const Spool::Entry& entry : spool.entries) {
      const auto line = lines.next();
      check(line.has_value(), "the spool ", spool.path.string(), " ends early: was it changed by another process? Run again");
      const auto group = static_cast<std::size_t>(entry.group);
      const Split split = splits[group][taken[group]++];
      writers[static_cast<std::size_t>(split)]->write_line(*line);
      Tally& tally = tallies[{groups_[group].language, split}];
      ++tally.documents;
      tally.bytes += entry.bytes;
    }
    for (auto& writer : writers) writer->commit();
  }

  CorpusConfig config_;
  fs::path out_;
  CompressedWriter rejected_;
  Deduplicator seen_;
  std::vector<Group> groups_;
  std::map<std::string, Spool> spools_;
  std::map<std::string, std::int64_t> reasons_;
  std::int64_t records_rejected_ = 0;
  Json by_source_ = Json::array();
};

/// Everything an earlier run may have left. The manifest first: what is half gone must not be taken for complete.
void clear(const fs::path& out) {
  std::error_code ignored;
  fs::remove(out / "manifest.json", ignored);
  fsync_folder(out);
  for (const char* subset : kSubsets) fs::remove_all(out / subset, ignored);
  fs::remove_all(out / ".spool", ignored);
  for (const auto& entry : fs::directory_iterator(out)) {  // and what a killed run had not given its name yet
    const std::string name = entry.path().filename().string();
    if (name.starts_with("rejected.jsonl") || name.starts_with("manifest.json.tmp.")) fs::remove(entry.path(), ignored);
  }
}

}  // namespace

StageResult build_corpus(const CorpusConfig& config, const fs::path& fetch_folder, const fs::path& out) {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<FetchedSource> sources = read_sources(fetch_folder);
  const Json config_json = fields_to_json(config);
  Json inputs = Json::object();
  std::int64_t input_bytes = 0;
  for (const FetchedSource& source : sources) {
    inputs[source.subset + " " + source.language + " " + source.uri + " " + source.glob] = source.sha256;
    input_bytes += source.matched_bytes;
  }
  if (auto manifest = up_to_date(out, "corpus", config_json, inputs)) return {std::move(*manifest), true};
  split_group(0, config.validation_fraction, config.test_fraction, config.seed, "");  // checks the fractions before the work
  require_space(out, input_bytes, "the corpus");
  clear(out);

  Manifest manifest;
  manifest.stage = "corpus";
  manifest.config = config_json;
  manifest.inputs = inputs;
  std::vector<std::string> paths;
  {
    Builder builder(config, out);
    for (const FetchedSource& source : sources) builder.read(source);
    paths = builder.write(manifest.counts);
  }
  fs::remove_all(out / ".spool");
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  write_manifest(out, manifest, paths);
  return {read_manifest(out), false};
}

}  // namespace corollary
