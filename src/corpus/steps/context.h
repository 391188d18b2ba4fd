#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/compress.h"
#include "base/json.h"
#include "corpus/build.h"
#include "corpus/document.h"
#include "corpus/sources/source.h"
#include "corpus/steps/pieces.h"
#include "corpus/steps/task.h"

namespace corollary {

/// What every step of one build shares. The shards, in order, are the corpus's documents in order.
struct BuildContext {
  CorpusConfig config;
  std::vector<FetchedSource> sources;
  std::vector<Shard> shards;
  TaskFolder tasks;
};
using Context = std::shared_ptr<const BuildContext>;

/// Documents and bytes of text.
struct Tally {
  std::int64_t documents = 0, bytes = 0;
  void add(std::int64_t text_bytes) { ++documents, bytes += text_bytes; }
  void add(const Tally& other) { documents += other.documents, bytes += other.bytes; }
};
inline Json to_json(const Tally& tally) { return {{"documents", tally.documents}, {"bytes", tally.bytes}}; }
inline Json to_json(const std::map<std::string, Tally>& tallies) {
  Json json = Json::object();
  for (const auto& [name, tally] : tallies) json[name] = to_json(tally);
  return json;
}
inline Tally tally_from_json(const Json& json) { return {json.at("documents"), json.at("bytes")}; }

/// The names of the shards: the tasks of a step that works through them one by one.
inline std::vector<std::string> shard_names(const BuildContext& context) {
  std::vector<std::string> names;
  for (const Shard& shard : context.shards) names.push_back(shard.name);
  return names;
}

/// Files of a step that makes documents of documents: STEP/SHARD.jsonl.zst and, beside, what it dropped.
inline std::string documents_path(const std::string& step, const std::string& shard) { return step + "/" + shard + ".jsonl.zst"; }
inline std::string rejected_path(const std::string& step, const std::string& shard) {
  return step + "/" + shard + ".rejected.jsonl.zst";
}

// The counts of a task that writes documents hold "groups": {language: {"documents", "bytes"}} of what it wrote and "rejected":
// {source_key: {reason: n}} of what it dropped.

/// Where a document came from, as counts name it: a row of the manifest's by_source. Globs of one address count together.
inline std::string source_key(std::string_view subset, std::string_view language, std::string_view uri) {
  return std::string(subset).append(" ").append(language).append(" ").append(uri);
}

/// The lines of rejected.jsonl that one task writes, counted by source and reason.
class RejectedFile {
 public:
  RejectedFile(const BuildContext& context, const std::string& step, const Shard& shard)
      : subset_(shard.subset), path_(rejected_path(step, shard.name)), writer_(context.tasks.path(path_)) {}
  void add(std::string_view language, const std::string& uri, const std::string& path, const Rejection& rejection,
           bool is_listed = true) {
    ++counts_[source_key(subset_, language, uri)][rejection.reason];
    if (!is_listed) return;
    Json line = {{"source", uri}, {"path", path}, {"reason", rejection.reason}, {"offset", rejection.offset}};
    if (!rejection.detail.empty()) line["detail"] = rejection.detail;
    writer_.write_line(to_line(line));
  }
  /// Returns {source_key: {reason: n}}.
  Json commit() {
    writer_.commit();
    return counts_;
  }
  const std::string& path() const { return path_; }

 private:
  std::string subset_, path_;
  CompressedWriter writer_;
  std::map<std::string, std::map<std::string, std::int64_t>> counts_;
};

// ---- the steps, in their order ----

/// Sources to documents: extraction and filters, on all threads. Memory: a few batches of 32 MiB of records.
Step extract_step(const Context& context);
/// Repeated documents out, across all shards.
std::vector<Step> dedup_steps(const Context& context, const std::string& from);
/// Documents of `from` that hold n-grams of test sets out, or cut; and DECONTAMINATE/SHARD.contaminated.jsonl.zst, a line a
/// document and test text.
Step decontaminate_step(const Context& context, const std::string& from);
/// Documents of `from` to train, validation and test, each shard's own files.
Step split_step(const Context& context, const std::string& from);

}  // namespace corollary
