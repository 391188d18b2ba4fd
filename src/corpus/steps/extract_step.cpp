#include <future>
#include <mutex>

#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/threads.h"
#include "corpus/extract.h"
#include "corpus/filters.h"
#include "corpus/models.h"
#include "corpus/steps/context.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr const char* kStep = "extract";

/// A raw record after extraction and filter: lines to write, or reasons.
struct Judged {
  std::string path;
  struct Document {
    std::string line;
    std::int64_t text_bytes = 0;
  };
  std::vector<Document> documents;
  std::vector<Rejection> rejections;
  std::vector<std::string> contaminated;  ///< lines of contaminated.jsonl
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

/// What the record says of itself, and what its source says where it does not.
Json provenance(const FetchedSource& source, const RawRecord& record) {
  Json meta = record.meta;
  if (!source.licence.empty() && !meta.contains("licence") && !meta.contains("license")) meta["licence"] = source.licence;
  return meta;
}

/// Test theorems out of a proof assistant's sources: true if the text changed. What went is added to `judged`.
bool take_out_test_theorems(const CorpusModels& models, const std::string& language, const std::string& path,
                            const std::string& source, std::string& text, Judged& judged) {
  if (!models.test_theorems || (language != "isabelle" && language != "lean")) return false;
  TheoremDecontaminator::Result result =
      language == "lean" ? models.test_theorems->lean(text, path) : models.test_theorems->isabelle(text);
  if (result.removed.empty()) return false;
  for (const TheoremDecontaminator::Removal& removal : result.removed)
    judged.contaminated.push_back(to_line({{"source", source},
                                           {"path", judged.path},
                                           {"test", removal.name},
                                           {"offset", removal.offset},
                                           {"bytes", removal.bytes},
                                           {"action", "theorem_removed"}}));
  text = std::move(result.text);
  return true;
}

Judged judge(const FetchedSource& source, const CorpusModels& models, const Extractor& extract, const Filter& filter,
             const RawRecord& record) {
  Judged judged;
  judged.path = record.path;
  if (record.rejection) {
    judged.rejections.push_back(*record.rejection);
    return judged;
  }
  const std::string path = path_of(record),
                    repo = repo_of(record.meta.contains("repo") ? record.meta : Json{{"repo", source.repo}});
  const Json known = provenance(source, record);
  for (Extraction& extraction : extract(record)) {
    if (!extraction.rejection) extraction.rejection = filter({extraction.text, path, repo, &known, &extraction.meta});
    if (!extraction.rejection && take_out_test_theorems(models, source.language, path, source.uri, extraction.text, judged) &&
        trim(extraction.text).empty())
      extraction.rejection = Rejection{"contaminated"};
    if (extraction.rejection) {
      judged.rejections.push_back(std::move(*extraction.rejection));
      continue;
    }
    const auto text_bytes = static_cast<std::int64_t>(extraction.text.size());
    Document document{std::move(extraction.text),
                      {{"subset", source.subset}, {"language", source.language}, {"source", source.uri}, {"path", record.path}}};
    if (!source.licence.empty()) document.meta["licence"] = source.licence;
    if (!source.repo.empty()) document.meta["repo"] = source.repo, document.meta["sha"] = source.revision;
    document.meta["sha256"] = sha256_hex(record.bytes);
    for (auto& [key, value] : extraction.meta.items()) document.meta[key] = std::move(value);
    if (!record.meta.empty()) document.meta["record"] = record.meta;
    judged.documents.push_back({document_to_line(document), text_bytes});
  }
  return judged;
}

/// What a damaged input leaves, unlike what a filter decides.
bool is_damage(const Rejection& rejection) {
  return rejection.reason == "malformed_record" || rejection.reason == "truncated_file" || rejection.reason == "damaged_archive" ||
         rejection.reason == "damaged_file" || rejection.reason == "damaged_parquet";
}

/// Of a crawl nearly every page has no mathematics: those are counted, a list of them would outgrow the corpus.
bool is_listed(const Rejection& rejection) { return rejection.reason != "no_math"; }

class ExtractTask {
 public:
  ExtractTask(const BuildContext& context, const Shard& shard, SharedModels models)
      : context_(context),
        models_(std::move(models)),
        shard_(shard),
        documents_(context.tasks.path(documents_path(kStep, shard.name))),
        rejected_(context, kStep, shard),
        contaminated_path_(std::string(kStep) + "/" + shard.name + ".contaminated.jsonl.zst") {
    if (models_->test_theorems) contaminated_ = std::make_unique<CompressedWriter>(context.tasks.path(contaminated_path_));
  }

  TaskResult run() {
    for (const SourcePiece& piece : shard_.pieces) read(piece);
    documents_.commit();
    const Json rejected = rejected_.commit();
    TaskResult result{{documents_path(kStep, shard_.name), rejected_.path()},
                      {{"records", records_}, {"groups", to_json(kept_)}, {"rejected", rejected}}};
    if (contaminated_) {
      contaminated_->commit();
      result.outputs.push_back(contaminated_path_);
    }
    return result;
  }

 private:
  void read(const SourcePiece& piece) {
    const FetchedSource& source = context_.sources[static_cast<std::size_t>(piece.source)];
    const Extractor extract = extractor_for(source.subset, source.language, context_.config, models_);
    const Filter filter = filter_for(source.subset, source.language, context_.config, models_);
    const auto records = open_source(source, context_.config.max_record_bytes, piece);
    Batch batch = read_batch(*records);
    while (!batch.empty()) {
      check(!stop_requested(), "stopped while building the corpus: run again, finished shards are kept");
      auto coming = std::async(std::launch::async, [&] { return read_batch(*records); });  // decompresses meanwhile
      std::vector<Judged> judged(batch.size());
      parallel_for(static_cast<std::int64_t>(batch.size()), [&](std::int64_t i) {
        const auto index = static_cast<std::size_t>(i);
        judged[index] = judge(source, *models_, extract, filter, batch[index]);
        batch[index] = {};
      });
      for (const Judged& record : judged) {
        ++records_[source_key(source.subset, source.language, source.uri)];
        for (const auto& document : record.documents) {
          documents_.write_line(document.line);
          kept_[source.language].add(document.text_bytes);
        }
        for (const std::string& line : record.contaminated) contaminated_->write_line(line);
        for (const Rejection& rejection : record.rejections) reject(source, record.path, rejection);
      }
      batch = coming.get();
    }
  }

  void reject(const FetchedSource& source, const std::string& path, const Rejection& rejection) {
    check(!context_.config.strict || !is_damage(rejection), "damaged input, and strict is set: ", source.uri, " ", path, ": ",
          rejection.reason, " ", rejection.detail);
    if (is_damage(rejection)) log_warning("{} {}: {}, see rejected.jsonl", source.uri, path, rejection.reason);
    rejected_.add(source.language, source.uri, path, rejection, is_listed(rejection));
  }

  const BuildContext& context_;
  SharedModels models_;
  const Shard& shard_;
  CompressedWriter documents_;
  RejectedFile rejected_;
  std::string contaminated_path_;
  std::unique_ptr<CompressedWriter> contaminated_;  ///< only if there are test theorems
  std::map<std::string, std::int64_t> records_;
  std::map<std::string, Tally> kept_;  ///< by language
};

}  // namespace

Step extract_step(const Context& context) {
  /// SharedModels and their digests, read when the first task of a process asks.
  struct Shared {
    std::mutex mutex;
    SharedModels models;
    Json digests;
  };
  const auto shared = std::make_shared<Shared>();
  Step step;
  step.name = kStep;
  step.tasks = shard_names(*context);
  step.config = fields_to_json(context->config);
  for (const char* later :
       {"validation_fraction", "test_fraction", "papers_split", "seed", "shard_bytes", "dedup", "decontaminate"})
    step.config.erase(later);
  step.inputs = [context, shared](std::size_t task) {
    const std::lock_guard lock(shared->mutex);
    if (shared->digests.is_null()) shared->digests = model_digests(context->config);
    Json inputs = shared->digests;
    for (const SourcePiece& piece : context->shards[task].pieces) {
      const FetchedSource& source = context->sources[static_cast<std::size_t>(piece.source)];
      inputs[source.subset + " " + source.language + " " + source.uri + " " + source.glob + " " + std::to_string(piece.begin) +
             ":" + std::to_string(piece.end)] = {{"sha256", source.sha256}, {"licence", source.licence}};
    }
    return inputs;
  };
  step.run = [context, shared](std::size_t task) {
    SharedModels models;
    {
      const std::lock_guard lock(shared->mutex);
      if (!shared->models) shared->models = load_models(context->config);
      models = shared->models;
    }
    return ExtractTask(*context, context->shards[task], models).run();
  };
  return step;
}

}  // namespace corollary
