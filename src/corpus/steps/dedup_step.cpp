#include "base/error.h"
#include "base/stop.h"
#include "corpus/dedup/dedup.h"
#include "corpus/document_head.h"
#include "corpus/steps/context.h"

namespace corollary {
namespace {

std::string drops_path(const std::string& shard) { return "repeats/" + shard + ".jsonl"; }

/// Which documents repeat an earlier one: one task, in the corpus's order.
Step repeats_step(const Context& context, const std::string& from) {
  Step step;
  step.name = "repeats";
  step.tasks = {"all"};
  step.inputs = [=](std::size_t) {
    Json inputs = Json::object();
    for (const Shard& shard : context->shards) inputs.update(context->tasks.outputs(from, shard.name));
    return inputs;
  };
  step.run = [=](std::size_t) {
    TaskResult result;
    Deduplicator seen;
    DocumentHeadReader reader;
    for (const Shard& shard : context->shards) {
      CompressedWriter drops(context->tasks.path(drops_path(shard.name)));
      LineReader lines(context->tasks.path(documents_path(from, shard.name)));
      while (const auto line = lines.next()) {
        const auto head = reader.read(*line);
        check(head.has_value(), "no document in ", shard.name);
        if (const auto rejection = seen.add(fingerprint(head->text, shard.subset == "code"), head->language))
          drops.write_line(to_line({{"line", lines.line_number()}, {"reason", rejection->reason}, {"offset", rejection->offset}}));
      }
      drops.commit();
      result.outputs.push_back(drops_path(shard.name));
    }
    return result;
  };
  return step;
}

TaskResult drop(const BuildContext& context, const std::string& from, const Shard& shard) {
  CompressedWriter kept(context.tasks.path(documents_path("dedup", shard.name)));
  RejectedFile rejected(context, "dedup", shard);
  std::map<std::string, Tally> groups;
  DocumentHeadReader reader;
  LineReader lines(context.tasks.path(documents_path(from, shard.name))), drops(context.tasks.path(drops_path(shard.name)));
  auto dropped = drops.next();
  while (const auto line = lines.next()) {
    const auto head = reader.read(*line);
    check(head.has_value(), "no document in ", shard.name);
    if (dropped) {
      const Json next = parse_json(*dropped, drops_path(shard.name));
      if (next.at("line") == lines.line_number()) {
        rejected.add(head->language, head->source, head->path, {next.at("reason"), next.at("offset"), {}});
        dropped = drops.next();
        continue;
      }
    }
    kept.write_line(*line);
    groups[head->language].add(static_cast<std::int64_t>(head->text.size()));
  }
  kept.commit();
  const Json reasons = rejected.commit();
  return {{documents_path("dedup", shard.name), rejected.path()}, {{"groups", to_json(groups)}, {"rejected", reasons}}};
}

}  // namespace

std::vector<Step> dedup_steps(const Context& context, const std::string& from) {
  Step step;
  step.name = "dedup";
  step.tasks = shard_names(*context);
  step.inputs = [=](std::size_t task) {
    Json inputs = context->tasks.outputs(from, context->shards[task].name);
    inputs["repeats"] = context->tasks.outputs("repeats", "all").at(drops_path(context->shards[task].name));
    return inputs;
  };
  step.run = [=](std::size_t task) { return drop(*context, from, context->shards[task]); };
  return {repeats_step(context, from), step};
}

}  // namespace corollary
