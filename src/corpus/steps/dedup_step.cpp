#include <optional>

#include "base/error.h"
#include "base/fields.h"
#include "base/stop.h"
#include "corpus/dedup/duplicates.h"
#include "corpus/dedup/fingerprints.h"
#include "corpus/document_head.h"
#include "corpus/steps/context.h"

namespace corollary {
namespace {

std::string prints_path(const std::string& shard) { return "fingerprints/" + shard + ".prints"; }
std::string matches_path(const std::string& bucket) { return "matches/" + bucket + ".matches"; }
std::string drops_path(const std::string& shard) { return "resolve/" + shard + ".drops"; }

/// The rules of the build: as_published holds for all of it.
DedupConfig config_of(const BuildContext& context) {
  DedupConfig config = context.config.dedup;
  config.as_published = config.as_published || context.config.as_published;
  return config;
}

/// What decides results: not how many parts and how much memory.
Json deciding(const BuildContext& context) {
  Json config = fields_to_json(config_of(context));
  config.erase("memory_bytes");
  return config;
}

std::vector<fs::path> all_prints(const BuildContext& context) {
  std::vector<fs::path> paths;
  for (const Shard& shard : context.shards) paths.push_back(context.tasks.path(prints_path(shard.name)));
  return paths;
}

Step fingerprints_step(const Context& context, const std::string& from) {
  Step step;
  step.name = "fingerprints";
  step.tasks = shard_names(*context);
  step.config = deciding(*context);
  step.inputs = [=](std::size_t task) { return context->tasks.outputs(from, context->shards[task].name); };
  step.run = [=](std::size_t task) {
    const std::string& shard = context->shards[task].name;
    fingerprint_shard(config_of(*context), context->tasks.path(documents_path(from, shard)),
                      context->tasks.path(prints_path(shard)));
    return TaskResult{{prints_path(shard)}, Json::object()};
  };
  return step;
}

Step matches_step(const Context& context) {
  Step step;
  step.name = "matches";
  for (std::int64_t bucket = 0; bucket < context->config.dedup.num_buckets; ++bucket)
    step.tasks.push_back("bucket-" + std::to_string(1000 + bucket).substr(1));
  step.config = deciding(*context);
  step.inputs = [=](std::size_t) {
    Json inputs = Json::object();
    for (const Shard& shard : context->shards) inputs.update(context->tasks.outputs("fingerprints", shard.name));
    return inputs;
  };
  step.run = [=, names = step.tasks](std::size_t task) {
    match_bucket(config_of(*context), all_prints(*context), static_cast<std::int64_t>(task),
                 context->tasks.path(matches_path(names[task])));
    return TaskResult{{matches_path(names[task])}, Json::object()};
  };
  return step;
}

Step resolve_step(const Context& context, const std::vector<std::string>& buckets) {
  Step step;
  step.name = "resolve";
  step.tasks = {"all"};
  step.config = deciding(*context);
  step.inputs = [=](std::size_t) {
    Json inputs = Json::object();
    for (const std::string& bucket : buckets) inputs.update(context->tasks.outputs("matches", bucket));
    return inputs;
  };
  step.run = [=](std::size_t) {
    std::vector<fs::path> matches, drops;
    TaskResult result;
    for (const std::string& bucket : buckets) matches.push_back(context->tasks.path(matches_path(bucket)));
    for (const Shard& shard : context->shards) {
      result.outputs.push_back(drops_path(shard.name));
      drops.push_back(context->tasks.path(result.outputs.back()));
    }
    resolve_matches(config_of(*context), all_prints(*context), matches, drops);
    return result;
  };
  return step;
}

/// The lines a shard loses, in order.
class Drops {
 public:
  explicit Drops(const fs::path& path) {
    const RecordFileHead head = read_record_head(path, RecordFileType::drops);
    for (const Segment& segment : head.segments) readers_.emplace_back(path, segment);
    advance();
  }
  const std::optional<Record>& next() const { return next_; }
  void advance() {
    next_.emplace();
    while (at_ < readers_.size() && !readers_[at_].next(*next_)) ++at_;
    if (at_ == readers_.size()) next_.reset();
  }

 private:
  std::vector<RecordReader> readers_;
  std::size_t at_ = 0;
  std::optional<Record> next_;
};

TaskResult drop(const BuildContext& context, const std::string& from, const Shard& shard) {
  CompressedWriter kept(context.tasks.path(documents_path("dedup", shard.name)));
  RejectedFile rejected(context, "dedup", shard);
  std::map<std::string, Tally> groups;
  DocumentHeadReader reader;
  const fs::path path = context.tasks.path(documents_path(from, shard.name));
  LineReader lines(path);
  Drops drops(context.tasks.path(drops_path(shard.name)));
  while (const auto line = lines.next()) {
    check(!stop_requested(), "stopped while dropping duplicates: run again, finished shards are kept");
    const auto head = reader.read(*line);
    check(head.has_value(), "", path.string(), " line ", lines.line_number(), " is no document: ", reader.why());
    const auto number = static_cast<std::uint64_t>(lines.line_number() - 1);
    if (drops.next() && drops.next()->high == number) {
      const Record& record = *drops.next();
      const std::uint64_t earlier = shard_of(record.position);
      check(earlier < context.shards.size(), "", drops_path(shard.name), " names shard ", earlier, " of ", context.shards.size());
      rejected.add(head->language, head->source, head->path,
                   {drop_reason_name(static_cast<DropReason>(record.low >> 32)), static_cast<std::int64_t>(record.low & 0xffffffff),
                    "of " + context.shards[earlier].name + " line " + std::to_string(line_of(record.position) + 1)});
      drops.advance();
      continue;
    }
    kept.write_line(*line);
    groups[head->language].add(static_cast<std::int64_t>(head->text.size()));
  }
  check(!drops.next(), "", drops_path(shard.name), " names a line that ", path.string(), " does not have");
  kept.commit();
  const Json reasons = rejected.commit();
  return {{documents_path("dedup", shard.name), rejected.path()}, {{"groups", to_json(groups)}, {"rejected", reasons}}};
}

}  // namespace

std::vector<Step> dedup_steps(const Context& context, const std::string& from) {
  check_config(config_of(*context));
  Step step;
  step.name = "dedup";
  step.tasks = shard_names(*context);
  step.inputs = [=](std::size_t task) {
    Json inputs = context->tasks.outputs(from, context->shards[task].name);
    const std::string drops = drops_path(context->shards[task].name);
    inputs[drops] = context->tasks.outputs("resolve", "all").at(drops);
    return inputs;
  };
  step.run = [=](std::size_t task) { return drop(*context, from, context->shards[task]); };
  Step matches = matches_step(context);
  Step resolve = resolve_step(context, matches.tasks);
  return {fingerprints_step(context, from), std::move(matches), std::move(resolve), std::move(step)};
}

}  // namespace corollary
