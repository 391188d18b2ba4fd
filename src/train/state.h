#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "model/parameters.h"
#include "train/optimizer.h"

namespace corollary {

/// Where a run stands between two steps, beside the tensors of its Optimizer. Which samples come next follows from `step` alone.
struct TrainState {
  std::int64_t step = 0;     ///< optimizer steps done
  std::int64_t samples = 0;  ///< sequences read
  std::int64_t tokens = 0;   ///< trained on
  double seconds = 0;        ///< spent in training steps, all sessions together
  double wall_seconds = 0;   ///< spent altogether: validation, checkpoints and start-up too
  Optimizer::Counts optimizer;
  static void each(auto& state, auto&& visit) {
    visit("step", state.step);
    visit("samples", state.samples);
    visit("tokens", state.tokens);
    visit("seconds", state.seconds);
    visit("wall_seconds", state.wall_seconds);
    visit("optimizer", state.optimizer);
  }
};

/// state.json, checked as far as it can be without the files it names.
struct StateFile {
  TrainState state;
  Json identity, layout;
  Json files;  ///< name -> {"bytes", "xxh3_128"}
};
/// Error names `where` and what is wrong.
StateFile parse_state_file(std::string_view text, const std::string& where);

/// The checkpoints of one run: folder/step-00000200/{master,m,v}.safetensors and state.json (docs/formats/training_state.md).
/// Invariants:
/// (1) A folder named step-XXXXXXXX is whole: its files are written and on disk, state.json last with the size and digest of the
/// others,
///     under a name that begins with ".", before a rename gives it its name. It never changes afterwards.
/// (2) A save that is killed or fails leaves every step-* folder as it was. What it leaves behind is removed by the next open.
/// (3) A folder is removed by renaming it to a name that begins with "." first, so a half-removed one is not taken for whole; and
/// only
///     after the newer ones have their names.
/// (4) load_newest() believes nothing: sizes, digests, shapes and finiteness are checked. A damaged folder is reported and left
/// where
///     it is, and the next older one is used.
/// (5) A checkpoint of another run (data, model, schedule) is refused, never silently trained on.
class Checkpoints {
 public:
  /// `identity`: all that decides which numbers the run computes. `layout_note`: what may change at the price of rounding (threads,
  /// ranks, micro batch, precision): a difference is logged. Makes the folder; removes leftovers of (2) and (3).
  Checkpoints(fs::path folder, ParameterLayout layout, Json identity, Json layout_note);

  /// Writes step-{state.step} and removes all but the newest `keep` ones. Error if a weight is not finite or the disk is full;
  /// the older checkpoints then still stand.
  void save(const TrainState& state, Optimizer& optimizer, std::int64_t keep);

  /// Fills the optimizer from the newest whole checkpoint; nullopt if there is none at all. Error if there are some but each is
  /// damaged, or if one is of another run: the message names the field, both values and the remedy.
  std::optional<TrainState> load_newest(Optimizer& optimizer);

  /// Steps of the step-* folders, ascending.
  std::vector<std::int64_t> steps() const;
  fs::path path_of(std::int64_t step) const;

 private:
  void load_tensors(const fs::path& folder, const StateFile& written, Optimizer& optimizer) const;

  fs::path folder_;
  ParameterLayout layout_;
  Json identity_, layout_note_;
};

/// First place where two JSON values differ: "train.learning_rate: 0.001 there, 0.002 here"; empty if equal.
std::string describe_difference(const Json& there, const Json& here, const std::string& prefix = "");

}  // namespace corollary
