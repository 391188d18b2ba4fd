#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "device/buffer.h"
#include "model/parameters.h"
#include "train/forward_check.h"
#include "train/optimizer.h"
#include "train/owned_slice.h"
#include "train/spike_guard.h"

namespace corollary {

/// A return to an earlier checkpoint, and the samples that were passed over for it.
struct Rewind {
  std::int64_t at_step = 0;       ///< the step that went wrong
  std::int64_t to_step = 0;       ///< of the checkpoint gone back to
  std::int64_t first_sample = 0;  ///< of the run's order of samples: [first_sample, end_sample) is not trained on
  std::int64_t end_sample = 0;
  std::string reason;  ///< with its numbers
  static void each(auto& rewind, auto&& visit) {
    visit("at_step", rewind.at_step);
    visit("to_step", rewind.to_step);
    visit("first_sample", rewind.first_sample);
    visit("end_sample", rewind.end_sample);
    visit("reason", rewind.reason);
  }
};

/// Where a run stands between two steps, beside the tensors of its Optimizer. Which samples come next follows from `step` and
/// `skipped_samples` alone.
struct TrainState {
  std::int64_t step = 0;     ///< optimizer steps done
  std::int64_t samples = 0;  ///< sequences read
  std::int64_t skipped_samples =
      0;                    ///< passed over by rewinds: the next sample is number samples + skipped_samples of the run's order
  std::int64_t tokens = 0;  ///< trained on
  double seconds = 0;       ///< spent in training steps, all sessions together
  double wall_seconds = 0;  ///< spent altogether: validation, checkpoints and start-up too
  Optimizer::Counts optimizer;
  SpikeGuard::State guard = {};
  std::vector<Rewind> rewinds = {};  ///< in order of time
  ForwardCheck forward_check = {};   ///< of the weights beside it
  static void each(auto& state, auto&& visit) {
    visit("step", state.step);
    visit("samples", state.samples);
    visit("skipped_samples", state.skipped_samples);
    visit("tokens", state.tokens);
    visit("seconds", state.seconds);
    visit("wall_seconds", state.wall_seconds);
    visit("optimizer", state.optimizer);
    visit("guard", state.guard);
    visit("rewinds", state.rewinds);
    visit("forward_check", state.forward_check);
  }
};

/// state.json, checked as far as it can be without the files it names.
struct StateFile {
  TrainState state;
  Json identity, layout;
  Json files;  ///< name -> {"bytes", "xxh3_128"}
  /// The files that hold master, m or v, in order of ranks.
  std::vector<std::string> files_of(const std::string& kind) const;
  std::vector<fs::path> paths_of(const std::string& kind, const fs::path& folder) const;
  void check_file(const std::string& name,
                  const fs::path& folder) const;  ///< Error unless it has the size and digest it was saved with
};
/// Error names `where` and what is wrong.
StateFile parse_state_file(std::string_view text, const std::string& where);

/// The tensors of a training state that a rank owns.
struct OwnedState {
  Tensor master, m, v;             ///< f32, on `device`, all laid out as `slices` say; master may be empty, if the next two are given
  std::vector<OwnedSlice> slices;  ///< owned_slices() of this rank
  Device device = Device::cpu;
  /// For master weights that are not kept in f32 (train/master_weights.h): elements [begin, begin + values.count()), f32 on `device`.
  std::function<void(Stream& stream, Tensor values, std::int64_t begin)> read_master = {};
  std::function<void(Stream& stream, ConstTensor values, std::int64_t begin)> write_master = {};
};

/// How ranks agree on checkpoints; as it stands, the world of one. All ranks call the same functions of Checkpoints in the same
/// order, and share the folder's file system.
struct CheckpointRanks {
  int rank = 0, world_size = 1;
  std::function<void()> barrier = [] {};
  std::function<double(double)> sum = [](double x) { return x; };  ///< over ranks; of whole numbers below 2^20
};

/// Which checkpoints a save leaves standing.
struct Retention {
  std::int64_t newest = 2;        ///< so many of the newest
  std::int64_t every = 0;         ///< and those whose step is a multiple of this, for ever; 0: none
  std::int64_t rewind_steps = 0;  ///< and all from the newest that is so many steps old, to go back to; 0: none
};

/// The checkpoints of one run: folder/step-00000200/{master,m,v}-RANK.safetensors and state.json (docs/formats/training_state.md).
/// Invariants:
/// (1) A folder named step-XXXXXXXX is whole: the files of all ranks are written and on disk, state.json last with the size and
/// digest
///     of the others, under a name that begins with ".", before a rename gives it its name. It never changes afterwards.
/// (2) A save that is killed or fails leaves every step-* folder as it was, whichever rank it was that died. What it leaves behind
/// is
///     removed by the next open.
/// (3) A folder is removed by renaming it to a name that begins with "." first, so a half-removed one is not taken for whole; and
/// only
///     after the newer ones have their names. The one this process resumed from is not removed.
/// (4) load() believes nothing: sizes, digests, shapes, coverage of every element and finiteness are checked. A damaged folder is
///     reported and left where it is, and the next older one is used. All ranks use the same one.
/// (5) A checkpoint of another run (data, model, schedule) is refused, never silently trained on.
/// (6) What an asynchronous save writes is what the tensors held when save() was called: they may change as soon as it returns. At
/// most
///     one save is under way; if it fails, check_failure(), wait() or the next save() throws, naming its step.
class Checkpoints {
 public:
  /// `identity`: all that decides which numbers the run computes. `layout_note`: what may change at the price of rounding (threads,
  /// ranks, micro batch, precision): a difference is logged. Makes the folder; removes leftovers of (2) and (3).
  Checkpoints(fs::path folder, ParameterLayout layout, Json identity, Json layout_note, CheckpointRanks ranks = {});
  ~Checkpoints();  ///< waits for the save under way and keeps quiet about its failure
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  /// Writes step-{state.step} and removes what `retention` does not keep. Error if a weight is not finite or the disk is full; the
  /// older checkpoints then still stand. Asynchronous: returns once the tensors are copied to host memory, of which
  /// `copy_bytes(tensors)` is taken at the first call and kept.
  void save(const TrainState& state, const OwnedState& tensors, const Retention& retention, bool asynchronous = false);
  static std::int64_t copy_bytes(const OwnedState& tensors);
  void wait();           ///< for the save under way, on all ranks; Error if it failed on any
  void check_failure();  ///< as wait(), but only if it has failed already, and for this rank alone

  struct Loaded {
    TrainState state;
    Json layout;                    ///< of the program that wrote it
    std::string layout_difference;  ///< the first one from the layout that wrote it; empty: bits agree
  };
  /// Fills the tensors from the newest whole checkpoint of a step up to `at_most`; nullopt if there is none at all. Error if there
  /// are some but each is damaged, or if one is of another run: the message names the field, both values and the remedy.
  std::optional<Loaded> load_newest(const OwnedState& tensors, std::int64_t at_most = std::numeric_limits<std::int64_t>::max());
  /// The one of that step; Error if there is none or it is damaged, naming those that exist.
  Loaded load_step(const OwnedState& tensors, std::int64_t step);

  /// Renames step-* folders after `step` to aside-step-*: they belong to a course of the run that is not gone on with.
  void set_aside_after(std::int64_t step);
  void remove_after(std::int64_t step);  ///< the same, for a course that will not be missed

  /// Steps of the step-* folders, ascending.
  std::vector<std::int64_t> steps() const;
  fs::path path_of(std::int64_t step) const;

 private:
  struct Save;
  void write(const Save& save);
  void write_own_shards(const Save& save);
  Json collect_reports(const Save& save) const;
  void finish(const Save& save, const Json& files);
  void remove_old(const Save& save) const;
  StateFile read_state(std::int64_t step) const;
  void load_tensors(const fs::path& folder, const StateFile& written, const OwnedState& tensors) const;
  bool succeeds_on_all(const std::function<void()>& action, std::string& damage) const;
  std::optional<Loaded> try_load(std::int64_t step, const OwnedState& tensors, std::string& damage);
  std::int64_t first_ranks(std::int64_t value) const;

  fs::path folder_;
  ParameterLayout layout_;
  Json identity_, layout_note_;
  CheckpointRanks ranks_;
  std::int64_t resumed_from_ = -1;
  std::array<Buffer, 3> copies_;
  std::thread writer_;
  std::int64_t writing_step_ = -1;
  std::exception_ptr failure_;  // of the writer, once has_failed_
  std::atomic<bool> has_failed_ = false, stops_ = false;
};

/// First place where two JSON values differ: "train.learning_rate: 0.001 there, 0.002 here"; empty if equal.
std::string describe_difference(const Json& there, const Json& here, const std::string& prefix = "");

}  // namespace corollary
