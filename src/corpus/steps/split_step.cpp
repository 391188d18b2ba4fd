#include <mutex>

#include "base/error.h"
#include "base/fields.h"
#include "base/stop.h"
#include "corpus/document_head.h"
#include "corpus/split.h"
#include "corpus/steps/context.h"

namespace corollary {
namespace {

constexpr const char* kStep = "split";
constexpr std::array<Split, 3> kSplits = {Split::train, Split::validation, Split::test};

/// Where a shard's documents of one group stand among all of that group.
struct Place {
  std::int64_t first = 0, here = 0, total = 0;
};
using Places = std::map<std::string, Place>;  ///< by language

/// Of every shard, from the records of the step before: read once, when the first task asks.
class Groups {
 public:
  Groups(Context context, std::string from) : context_(std::move(context)), from_(std::move(from)) {}
  const Places& of(std::size_t shard) {
    const std::lock_guard lock(mutex_);
    if (places_.empty()) read();
    return places_[shard];
  }

 private:
  void read() {
    std::map<std::pair<std::string, std::string>, std::int64_t> totals;  // by subset and language
    places_.resize(context_->shards.size());
    for (std::size_t s = 0; s < places_.size(); ++s) {
      const Shard& shard = context_->shards[s];
      const Json record = context_->tasks.record(from_, shard.name);
      for (const auto& [language, tally] : record.at("counts").at("groups").items()) {
        std::int64_t& total = totals[{shard.subset, language}];
        places_[s][language] = {total, tally_from_json(tally).documents, 0};
        total += tally_from_json(tally).documents;
      }
    }
    for (std::size_t s = 0; s < places_.size(); ++s)
      for (auto& [language, place] : places_[s]) place.total = totals[{context_->shards[s].subset, language}];
  }

  Context context_;
  std::string from_;
  std::mutex mutex_;
  std::vector<Places> places_;
};

std::vector<Drawn> draw(const CorpusConfig& config, const std::string& subset, const std::string& language, const Place& place) {
  if (subset == "papers" && config.papers_split == "published") return published_paper_splits(place.here);
  std::vector<Drawn> here;
  for (Drawn drawn :
       draw_splits(place.total, config.validation_fraction, config.test_fraction, config.seed, subset + " " + language)) {
    drawn.position -= place.first;
    if (drawn.position >= 0 && drawn.position < place.here) here.push_back(drawn);
  }
  return here;
}

TaskResult run(const BuildContext& context, const std::string& from, const Shard& shard, const Places& places) {
  struct Group {
    std::vector<Drawn> drawn;
    std::int64_t at = 0;
    std::size_t next = 0;
  };
  std::map<std::string, Group> groups;
  for (const auto& [language, place] : places) groups[language].drawn = draw(context.config, shard.subset, language, place);
  std::array<std::unique_ptr<CompressedWriter>, 3> writers;
  TaskResult result;
  for (const Split split : kSplits) {
    result.outputs.push_back(std::string(kStep) + "/" + shard.name + "." + split_name(split) + ".jsonl.zst");
    writers[static_cast<std::size_t>(split)] = std::make_unique<CompressedWriter>(context.tasks.path(result.outputs.back()));
  }
  std::map<std::string, std::map<std::string, Tally>> tallies;  // by language and split
  std::map<std::string, Tally> sources;
  DocumentHeadReader reader;
  const fs::path path = context.tasks.path(documents_path(from, shard.name));
  LineReader lines(path);
  while (const auto line = lines.next()) {
    check(!stop_requested(), "stopped while splitting the corpus: run again, finished shards are kept");
    const auto head = reader.read(*line);
    check(head.has_value(), "", path.string(), " line ", lines.line_number(), " is no document: ", reader.why());
    const auto found = groups.find(head->language);
    check(found != groups.end(), "", path.string(), " line ", lines.line_number(), ": language ", head->language,
          " was not counted");
    Group& group = found->second;
    Split split = Split::train;
    if (group.next < group.drawn.size() && group.drawn[group.next].position == group.at) split = group.drawn[group.next++].split;
    ++group.at;
    writers[static_cast<std::size_t>(split)]->write_line(*line);
    const auto bytes = static_cast<std::int64_t>(head->text.size());
    tallies[head->language][split_name(split)].add(bytes);
    sources[source_key(shard.subset, head->language, head->source)].add(bytes);
  }
  for (auto& writer : writers) writer->commit();
  Json by_language = Json::object();
  for (const auto& [language, splits] : tallies) by_language[language] = to_json(splits);
  result.counts = {{"splits", by_language}, {"sources", to_json(sources)}};
  return result;
}

}  // namespace

Step split_step(const Context& context, const std::string& from) {
  check(context->config.papers_split == "drawn" || context->config.papers_split == "published",
        "papers_split must be drawn or published, is ", context->config.papers_split);
  draw_splits(0, context->config.validation_fraction, context->config.test_fraction, 0,
              "");  // checks the fractions before the work
  const auto groups = std::make_shared<Groups>(context, from);
  Step step;
  step.name = kStep;
  step.tasks = shard_names(*context);
  step.config = {{"validation_fraction", context->config.validation_fraction},
                 {"test_fraction", context->config.test_fraction},
                 {"seed", context->config.seed},
                 {"papers_split", context->config.papers_split}};
  step.inputs = [=](std::size_t task) {
    Json inputs = context->tasks.outputs(from, context->shards[task].name);
    for (const auto& [language, place] : groups->of(task)) inputs["group " + language] = {place.first, place.here, place.total};
    return inputs;
  };
  step.run = [=](std::size_t task) { return run(*context, from, context->shards[task], groups->of(task)); };
  return step;
}

}  // namespace corollary
