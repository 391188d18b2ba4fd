#include "corpus/build.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/stop.h"
#include "corpus/sources/fetch.h"
#include "corpus/split.h"
#include "corpus/steps/context.h"

namespace corollary {
namespace {

/// Everything an earlier build of another plan may have left but the work folder. The manifest first: what is half gone must not be
/// taken for complete.
void clear(const fs::path& out) {
  std::error_code ignored;
  fs::remove(out / "manifest.json", ignored);
  if (!fs::exists(out)) return;
  fsync_folder(out);
  for (const char* subset : kSubsets) fs::remove_all(out / subset, ignored);
  for (const auto& entry : fs::directory_iterator(out)) {  // and what a killed run had not given its name yet
    const std::string name = entry.path().filename().string();
    if (name.starts_with("rejected.jsonl") || name.starts_with("contaminated.jsonl") || name.starts_with("manifest.json.tmp."))
      fs::remove(entry.path(), ignored);
  }
}

/// The same file under a second name; its bytes where the file system has no links.
void give(const fs::path& from, const fs::path& to) {
  fs::create_directories(to.parent_path());
  std::error_code error;
  fs::create_hard_link(from, to, error);
  if (error) write_file(to, read_file(from));
}

void gather_lines(const std::vector<fs::path>& from, const fs::path& to) {
  CompressedWriter all(to);
  for (const fs::path& path : from) {
    LineReader lines(path);
    while (const auto line = lines.next()) all.write_line(*line);
  }
  all.commit();
}

/// Compressed files one after another are one compressed file.
void concatenate(const std::vector<fs::path>& parts, const fs::path& to) {
  AtomicFile file(to);
  for (const fs::path& part : parts) file.write(read_file(part));
  file.commit();
}

}  // namespace

struct CorpusBuild::State {
  Context context;
  fs::path fetch_folder, out;
  Json config, inputs;
  std::vector<Step> steps;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

CorpusBuild::CorpusBuild(const CorpusConfig& config, const fs::path& fetch_folder, const fs::path& out)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  std::vector<FetchedSource> sources = read_sources(fetch_folder);
  s.fetch_folder = fs::absolute(fetch_folder);
  s.out = out;
  s.config = fields_to_json(config);
  s.inputs = Json::object();
  for (const FetchedSource& source : sources)
    s.inputs[source.subset + " " + source.language + " " + source.uri + " " + source.glob] = source.sha256;
  std::vector<Shard> shards = plan_shards(sources, config.shard_bytes);
  s.context =
      std::make_shared<BuildContext>(BuildContext{config, std::move(sources), std::move(shards), TaskFolder(out / ".work")});
  s.steps.push_back(extract_step(s.context));
  for (Step& step : dedup_steps(s.context, s.steps.back().name)) s.steps.push_back(std::move(step));
  if (!config.decontaminate.tests.empty()) s.steps.push_back(decontaminate_step(s.context, s.steps.back().name));
  s.steps.push_back(split_step(s.context, s.steps.back().name));
}

CorpusBuild::~CorpusBuild() = default;

const std::vector<Step>& CorpusBuild::steps() const { return state_->steps; }
const TaskFolder& CorpusBuild::tasks() const { return state_->context->tasks; }
std::optional<Manifest> CorpusBuild::finished() const { return up_to_date(state_->out, "corpus", state_->config, state_->inputs); }

void CorpusBuild::plan() {
  const State& s = *state_;
  Json shards = Json::array();
  for (const Shard& shard : s.context->shards) {
    Json pieces = Json::array();
    for (const SourcePiece& piece : shard.pieces) pieces.push_back(piece_to_json(piece));
    shards.push_back({{"name", shard.name}, {"bytes", shard.bytes}, {"pieces", pieces}});
  }
  const Json plan = {{"fetch", s.fetch_folder.string()}, {"config", s.config}, {"inputs", s.inputs}, {"shards", shards}};
  std::int64_t input_bytes = 0;
  for (const FetchedSource& source : s.context->sources) input_bytes += source.matched_bytes;
  require_space(s.out, input_bytes, "the corpus");
  clear(s.out);
  write_json_file(tasks().path("plan.json"), plan);
}

std::int64_t CorpusBuild::run(const Step& step, TaskRange range) const {
  std::int64_t ran = 0;
  for (std::size_t task = range.first; task < step.tasks.size(); task += range.stride) {
    check(!stop_requested(), "stopped before ", step.name, " ", step.tasks[task], ": run again, finished tasks are kept");
    const auto start = std::chrono::steady_clock::now();
    if (!tasks().run(step, task)) continue;
    ++ran;
    log_info("{} {} in {:.1f} s", step.name, step.tasks[task],
             std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return ran;
}

namespace {

/// What the records of all tasks say together.
class Summary {
 public:
  explicit Summary(const BuildContext& context) : context_(context) {
    for (const FetchedSource& source : context.sources) {
      const std::string key = source_key(source.subset, source.language, source.uri);
      Row& row = rows_[key];
      if (row.glob.empty()) order_.push_back(key), row.source = &source;
      row.glob += (row.glob.empty() ? "" : " ") + source.glob;
    }
  }

  void add(const Shard* shard, const Json& record) {
    const Json& counts = record.at("counts");
    const auto table = [&](const char* name) -> const Json& {
      static const Json nothing = Json::object();
      return counts.contains(name) ? counts[name] : nothing;
    };
    for (const auto& [key, n] : table("records").items()) rows_[key].records += n.get<std::int64_t>();
    for (const auto& [key, reasons] : table("rejected").items())
      for (const auto& [reason, n] : reasons.items()) {
        rows_[key].rejected[reason] += n.get<std::int64_t>();
        reasons_[reason] += n.get<std::int64_t>();
        rejected_ += n.get<std::int64_t>();
      }
    for (const auto& [key, tally] : table("sources").items()) rows_[key].kept.add(tally_from_json(tally));
    for (const auto& [language, splits] : table("splits").items())
      for (const auto& [split, tally] : splits.items()) {
        groups_[shard->subset][language][split].add(tally_from_json(tally));
        subsets_[shard->subset][split].add(tally_from_json(tally));
        all_.add(tally_from_json(tally));
      }
  }

  Json counts() const {
    Json by_subset = Json::object(), by_language = Json::array(), by_source = Json::array();
    for (const char* subset : kSubsets) {
      const bool is_there =
          std::any_of(context_.shards.begin(), context_.shards.end(), [&](const Shard& shard) { return shard.subset == subset; });
      for (const char* split : {"train", "validation", "test"})
        if (is_there) by_subset[subset][split] = to_json(at(subsets_, subset, split));
      if (!groups_.contains(subset)) continue;
      for (const auto& [language, splits] : groups_.at(subset))
        for (const char* split : {"train", "validation", "test"})
          if (const auto found = splits.find(split); found != splits.end())
            by_language.push_back({{"subset", subset},
                                   {"language", language},
                                   {"split", split},
                                   {"documents", found->second.documents},
                                   {"bytes", found->second.bytes}});
    }
    for (const std::string& key : order_) {
      const Row& row = rows_.at(key);
      by_source.push_back({{"subset", row.source->subset},
                           {"language", row.source->language},
                           {"uri", row.source->uri},
                           {"glob", row.glob},
                           {"records", row.records},
                           {"kept", to_json(row.kept)},
                           {"rejected", row.rejected}});
      if (row.kept.documents == 0) log_warning("nothing kept of {} ({}): see rejected.jsonl", row.source->uri, row.glob);
    }
    return {{"documents", all_.documents}, {"bytes", all_.bytes},        {"rejected", rejected_}, {"rejected_by_reason", reasons_},
            {"by_subset", by_subset},      {"by_language", by_language}, {"by_source", by_source}};
  }
  std::int64_t documents() const { return all_.documents; }
  std::int64_t rejected() const { return rejected_; }

 private:
  struct Row {
    const FetchedSource* source = nullptr;
    std::string glob;
    std::int64_t records = 0;
    Tally kept;
    std::map<std::string, std::int64_t> rejected;
  };
  using Splits = std::map<std::string, Tally>;
  static Tally at(const std::map<std::string, Splits>& tallies, const std::string& subset, const std::string& split) {
    const auto found = tallies.find(subset);
    if (found == tallies.end() || !found->second.contains(split)) return {};
    return found->second.at(split);
  }

  const BuildContext& context_;
  std::vector<std::string> order_;  ///< as the recipe names them
  std::map<std::string, Row> rows_;
  std::map<std::string, std::int64_t> reasons_;
  std::map<std::string, std::map<std::string, Splits>> groups_;  ///< subset, language, split
  std::map<std::string, Splits> subsets_;
  Tally all_;
  std::int64_t rejected_ = 0;
};

}  // namespace

StageResult CorpusBuild::finish(bool keep_work) {
  const State& s = *state_;
  const BuildContext& context = *s.context;
  Summary summary(context);
  Json steps = Json::array();
  std::vector<fs::path> rejected, contaminated;
  std::map<std::pair<std::string, std::string>, std::vector<fs::path>> parts;  // by subset and split
  for (const Step& step : s.steps) {
    double seconds = 0;
    for (std::size_t task = 0; task < step.tasks.size(); ++task) {
      std::string why;
      const auto record = tasks().done(step, task, &why);
      check(record.has_value(), "step ", step.name, " task ", step.tasks[task], ": ", why, ": run that step before finishing");
      const auto shard =
          std::find_if(context.shards.begin(), context.shards.end(), [&](const Shard& at) { return at.name == step.tasks[task]; });
      summary.add(shard != context.shards.end() ? &*shard : nullptr, *record);
      seconds += record->at("seconds").get<double>();
      for (const auto& [output, file] : record->at("outputs").items()) {
        if (output.ends_with(".contaminated.jsonl.zst")) contaminated.push_back(tasks().path(output));
        if (output.ends_with(".rejected.jsonl.zst")) rejected.push_back(tasks().path(output));
        for (const char* split : {"train", "validation", "test"})
          if (step.name == "split" && output.ends_with(std::string(".") + split + ".jsonl.zst"))
            parts[{shard->subset, split}].push_back(tasks().path(output));
      }
    }
    steps.push_back({{"step", step.name}, {"tasks", step.tasks.size()}, {"seconds", seconds}});
  }
  check(summary.documents() > 0, "no document was kept of ", summary.rejected(), ": see the reasons in ",
        tasks().path("extract").string(), "/*.rejected.jsonl.zst");

  clear(s.out);
  std::vector<std::string> paths = {"rejected.jsonl"};
  gather_lines(rejected, s.out / "rejected.jsonl");
  if (!contaminated.empty()) {
    paths.emplace_back("contaminated.jsonl");
    gather_lines(contaminated, s.out / "contaminated.jsonl");
  }
  for (const auto& [key, files] : parts) {
    const std::string& subset = key.first;
    const std::string& split = key.second;
    if (split == "train" && files.size() > 1) {
      for (const fs::path& file : files) {
        const std::string name = file.filename().string();
        paths.push_back(subset + "/train/" + name.substr(0, name.find('.')) + ".jsonl.zst");
        give(file, s.out / paths.back());
      }
    } else {
      paths.push_back(subset + "/" + split + ".jsonl.zst");
      if (files.size() == 1)
        give(files[0], s.out / paths.back());
      else
        concatenate(files, s.out / paths.back());
    }
  }
  Manifest manifest;
  manifest.stage = "corpus";
  manifest.config = s.config;
  manifest.inputs = s.inputs;
  manifest.counts = summary.counts();
  manifest.counts["steps"] = steps;
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - s.start).count();
  write_manifest(s.out, manifest, paths);
  if (!keep_work) fs::remove_all(tasks().path());
  return {read_manifest(s.out), false};
}

StageResult build_corpus(const CorpusConfig& config, const fs::path& fetch_folder, const fs::path& out, bool keep_work) {
  CorpusBuild build(config, fetch_folder, out);
  if (auto manifest = build.finished()) return {std::move(*manifest), true};
  build.plan();
  for (const Step& step : build.steps()) build.run(step);
  return build.finish(keep_work);
}

}  // namespace corollary
