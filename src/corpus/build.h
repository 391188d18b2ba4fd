#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/manifest.h"
#include "corpus/config.h"
#include "corpus/steps/task.h"

namespace corollary {

/// The building of one corpus: sources a fetch left in `fetch_folder` to OUT/{code,web,papers}/{train,validation,test}.jsonl.zst
/// (docs/formats/documents.md), OUT/rejected.jsonl and OUT/manifest.json with counts by subset, language, source, split and reason.
/// A subset above one shard has OUT/SUBSET/train/SHARD.jsonl.zst instead of one training file.
///
/// It is done by steps of tasks (steps/task.h) under OUT/.work, so any number of processes on any machines that share OUT may work
/// on it: first plan(), then for each of steps() in order its tasks in any order, then finish(). The bytes written depend on the
/// sources and the configuration alone. docs/decisions/corpus_steps.md states memory and disk of each step.
class CorpusBuild {
 public:
  /// Reads sources.json and makes the plan; nothing is written. Error if the configuration is wrong or a source is gone.
  CorpusBuild(const CorpusConfig& config, const fs::path& fetch_folder, const fs::path& out);
  ~CorpusBuild();

  /// The finished stage, if OUT holds it for this configuration and these sources.
  std::optional<Manifest> finished() const;
  /// Clears what another plan left in OUT, checks that the disk has room, writes OUT/.work/plan.json. Leaves the tasks of this
  /// plan.
  void plan();
  const std::vector<Step>& steps() const;
  const TaskFolder& tasks() const;
  /// Runs those tasks of a step that are not done. Returns how many ran. Error on Ctrl-C, or if a step before it is not done.
  std::int64_t run(const Step& step, TaskRange range = {}) const;
  /// Merges what the tasks wrote into OUT and writes its manifest; every task must be done. Removes OUT/.work unless `keep_work`.
  StageResult finish(bool keep_work = false);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// All of it in this process, on all threads. Nothing is done if `out` already holds this; what an interrupted build left is used.
/// Throws Error if a source cannot be opened, nothing was kept, or (strict) on damage.
StageResult build_corpus(const CorpusConfig& config, const fs::path& fetch_folder, const fs::path& out, bool keep_work = false);

}  // namespace corollary
