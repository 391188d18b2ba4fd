#include "train/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <system_error>
#include <utility>

#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/manifest.h"
#include "kernels/adamw.h"
#include "train/state_shards.h"

namespace corollary {
namespace {

constexpr const char* kFormat = "corollary training state";
constexpr int kVersion = 2;
constexpr std::array<const char*, 3> kKinds = {"master", "m", "v"};
constexpr std::chrono::seconds kReportTimeout{600};  // after its own shards are written, for those of the slowest rank

/// Master weights that are not kept in f32 are empty here.
std::array<Tensor, 3> tensors_of(const OwnedState& owned) { return {owned.master, owned.m, owned.v}; }

bool is_finite(Stream& stream, Tensor x) { return x.count() == 0 || std::isfinite(sum_of_squares(stream, x)); }

/// f(begin, values) for all of the master weights that are not kept in f32, a piece at a time: values are f32, on the device.
template <class F>
void each_piece_of_master(Stream& stream, const OwnedState& owned, F f) {
  constexpr std::int64_t kPiece = std::int64_t{1} << 24;
  const std::int64_t count = owned.m.count();
  OwnedTensor staging(DType::f32, {std::min(kPiece, count)}, owned.device);
  for (std::int64_t begin = 0; begin < count; begin += kPiece) {
    const Tensor values = staging.view().rows(0, std::min(kPiece, count - begin));
    owned.read_master(stream, values, begin);
    f(begin, values);
    stream.synchronize();
  }
}

bool is_finite(Stream& stream, const OwnedState& owned, std::size_t kind) {
  if (const Tensor tensor = tensors_of(owned)[kind]) return is_finite(stream, tensor);
  bool all = true;
  each_piece_of_master(stream, owned, [&](std::int64_t, Tensor values) { all = all && is_finite(stream, values); });
  return all;
}

Json describe_file(const fs::path& path) {
  const MappedFile file(path);
  const Hash128 hash = hash128(file.text());
  return {{"bytes", file.bytes().size()}, {"xxh3_128", fmt::format("{:016x}{:016x}", hash.high, hash.low)}};
}

std::string shard_name(const char* kind, int rank) { return fmt::format("{}-{:05}.safetensors", kind, rank); }
std::string report_name(int rank) { return fmt::format("rank-{:05}.json", rank); }

/// "master" of "master-00003.safetensors" and, as version 1 called it, of "master.safetensors"; empty for any other name.
std::string kind_of(const std::string& name) {
  for (const char* kind : kKinds) {
    const std::string prefix = kind, suffix = ".safetensors";
    if (name == prefix + suffix) return kind;
    if (!name.starts_with(prefix + "-") || !name.ends_with(suffix)) continue;
    const std::string digits = name.substr(prefix.size() + 1, name.size() - prefix.size() - 1 - suffix.size());
    if (digits.size() >= 5 && digits.size() <= 9 && digits.find_first_not_of("0123456789") == std::string::npos) return kind;
  }
  return "";
}

/// N of "step-N" with eight digits or more; nullopt for any other name.
std::optional<std::int64_t> step_of(const std::string& name) {
  constexpr std::string_view kPrefix = "step-";
  const std::string digits = name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : "";
  const bool is_number = digits.size() >= 8 && digits.size() <= 18 && digits.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? std::optional(std::int64_t{std::stoll(digits)}) : std::nullopt;
}

void remove_folder(const fs::path& folder) {
  fs::path doomed = folder.parent_path() / (".removed-" + folder.filename().string());
  std::error_code error;
  fs::remove_all(doomed, error);
  fs::rename(folder, doomed, error);  // invariant 3
  check(!error, "cannot remove ", folder.string(), ": ", error.message());
  fs::remove_all(doomed, error);
  check(!error, "cannot remove ", doomed.string(), ": ", error.message());
}

Json as_stored(const Json& json) { return parse_json(json.dump(), "configuration"); }

}  // namespace

std::string describe_difference(const Json& there, const Json& here, const std::string& prefix) {
  if (there == here) return "";
  const auto name = [&](const std::string& key) { return prefix.empty() ? key : prefix + "." + key; };
  if (!there.is_object() || !here.is_object())
    return prefix + ": " + there.dump().substr(0, 80) + " there, " + here.dump().substr(0, 80) + " here";
  for (const auto& [key, value] : there.items()) {
    if (!here.contains(key)) return name(key) + ": " + value.dump().substr(0, 80) + " there, absent here";
    if (std::string inner = describe_difference(value, here[key], name(key)); !inner.empty()) return inner;
  }
  for (const auto& [key, value] : here.items())
    if (!there.contains(key)) return name(key) + ": absent there, " + value.dump().substr(0, 80) + " here";
  return "";  // the same members in another order
}

/// What a save writes, apart from the members of Checkpoints that do not change meanwhile.
struct Checkpoints::Save {
  TrainState state;
  std::vector<OwnedSlice> slices;
  std::array<ConstTensor, 3> tensors;
  std::array<Device, 3> devices;  ///< where they lie
  Retention retention;
};

Checkpoints::Checkpoints(fs::path folder, ParameterLayout layout, Json identity, Json layout_note, CheckpointRanks ranks)
    : folder_(std::move(folder)),
      layout_(std::move(layout)),
      identity_(as_stored(identity)),
      layout_note_(as_stored(layout_note)),
      ranks_(std::move(ranks)) {
  if (ranks_.rank == 0) {
    std::error_code error;
    fs::create_directories(folder_, error);
    check(!error, "cannot make folder ", folder_.string(), ": ", error.message());
    std::vector<fs::path> leftovers;  // invariants 2 and 3
    for (const auto& entry : fs::directory_iterator(folder_)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(".step-") || name.starts_with(".removed-step-")) leftovers.push_back(entry.path());
    }
    for (const fs::path& leftover : leftovers) fs::remove_all(leftover, error);
  }
  ranks_.barrier();
}

Checkpoints::~Checkpoints() {
  stops_ = true;
  if (writer_.joinable()) writer_.join();
}

fs::path Checkpoints::path_of(std::int64_t step) const { return folder_ / fmt::format("step-{:08}", step); }

std::vector<std::int64_t> Checkpoints::steps() const {
  std::vector<std::int64_t> found;
  for (const auto& entry : fs::directory_iterator(folder_))
    if (const auto step = step_of(entry.path().filename().string()); step && entry.is_directory()) found.push_back(*step);
  std::sort(found.begin(), found.end());
  return found;
}

// ---- saving ----

std::int64_t Checkpoints::copy_bytes(const OwnedState& tensors) { return 3 * tensors.m.size_bytes(); }

void Checkpoints::save(const TrainState& state, const OwnedState& tensors, const Retention& retention, bool asynchronous) {
  wait();
  Stream stream(tensors.device);
  const auto flat = tensors_of(tensors);
  std::string damage;
  const bool is_sound = succeeds_on_all(
      [&] {
        const std::int64_t count = count_of(tensors.slices);
        for (std::size_t i = 0; i < kKinds.size(); ++i) {
          check(!flat[i] || flat[i].count() >= count, "not saved: ", kKinds[i], " has ", flat[i].count(), " elements, its slices reach to ",
                count);
          check(is_finite(stream, tensors, i), "not saved: after step ", state.step, " ", kKinds[i],
                " would hold numbers that are not finite; the checkpoints of earlier steps stand. Lower learning_rate and resume "
                "from them");
        }
      },
      damage);
  if (!is_sound) throw Error(damage);

  std::error_code error;
  const fs::path temporary = folder_ / ("." + path_of(state.step).filename().string());
  if (ranks_.rank == 0) {
    fs::remove_all(temporary, error);
    fs::create_directories(temporary, error);
    check(!error, "cannot make folder ", temporary.string(), ": ", error.message());
  }
  ranks_.barrier();

  Save job{.state = state,
           .slices = tensors.slices,
           .tensors = {flat[0], flat[1], flat[2]},
           .devices = {tensors.device, tensors.device, tensors.device},
           .retention = retention};
  has_failed_ = false;
  failure_ = nullptr;
  writing_step_ = state.step;
  const std::int64_t bytes = tensors.m.size_bytes();
  for (std::size_t i = 0; i < copies_.size(); ++i) {
    if (!asynchronous && flat[i]) continue;  // written from where it lies
    if (copies_[i].size_bytes() != bytes) copies_[i] = tensors.device == Device::cuda ? Buffer::pinned(bytes) : Buffer(bytes);
    const Tensor there(copies_[i].data(), DType::f32, tensors.m.shape());
    if (flat[i]) {
      copy(stream, there, flat[i]);
    } else {
      each_piece_of_master(stream, tensors, [&](std::int64_t begin, Tensor values) {
        copy(stream, there.rows(begin, begin + values.count()), values);
      });
    }
    job.tensors[i] = there;
    job.devices[i] = Device::cpu;
  }
  stream.synchronize();  // invariant 6
  if (!asynchronous) {
    write(job);
    return wait();
  }
  writer_ = std::thread([this, job = std::move(job)] { write(job); });
}

void Checkpoints::write(const Save& save) {
  try {
    write_own_shards(save);
    if (ranks_.rank == 0) finish(save, collect_reports(save));
  } catch (const std::exception& error) {
    failure_ =
        std::make_exception_ptr(Error(fmt::format("the checkpoint of step {} was not saved: {}", save.state.step, error.what())));
    has_failed_ = true;
  }
}

// The others learn of a failure, as of a success, through the folder: a barrier here would need a communicator that two threads may
// use.
void Checkpoints::write_own_shards(const Save& save) {
  const fs::path temporary = folder_ / ("." + path_of(save.state.step).filename().string());
  const fs::path report = temporary / report_name(ranks_.rank);
  try {
    Json files = Json::object();
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
      const std::string name = shard_name(kKinds[i], ranks_.rank);
      Stream stream(save.devices[i]);
      write_shard(stream, temporary / name, save.slices, save.tensors[i]);
      files[name] = describe_file(temporary / name);
    }
    write_json_file(report, {{"files", files}});
  } catch (const std::exception& error) {
    if (ranks_.world_size > 1) {
      try {
        write_json_file(report, {{"error", error.what()}});
      } catch (const std::exception&) {  // a full disk has no room for it: rank 0 waits its time out
      }
    }
    throw;
  }
}

Json Checkpoints::collect_reports(const Save& save) const {
  const fs::path temporary = folder_ / ("." + path_of(save.state.step).filename().string());
  const auto deadline = std::chrono::steady_clock::now() + kReportTimeout;
  Json files = Json::object();
  for (int rank = 0; rank < ranks_.world_size; ++rank) {
    const fs::path path = temporary / report_name(rank);
    while (!fs::exists(path)) {
      check(!stops_, "given up, the run ends");
      check(std::chrono::steady_clock::now() < deadline, "rank ", rank, " has not reported its shard in ", temporary.string(),
            " within ", kReportTimeout.count(), " seconds: is the folder on a file system that all ranks share?");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const Json report = read_json_file(path);
    check(!report.contains("error"), "rank ", rank, ": ", report.value("error", Json("")).dump());
    for (const auto& [name, description] : report.at("files").items()) files[name] = description;
  }
  return files;
}

void Checkpoints::finish(const Save& save, const Json& files) {
  const fs::path path = path_of(save.state.step), temporary = folder_ / ("." + path.filename().string());
  std::error_code error;
  for (int rank = 0; rank < ranks_.world_size; ++rank) fs::remove(temporary / report_name(rank), error);
  write_json_file(temporary / "state.json", {{"format", kFormat},
                                             {"version", kVersion},
                                             {"program", program_version()},
                                             {"state", fields_to_json(save.state)},
                                             {"identity", identity_},
                                             {"layout", layout_note_},
                                             {"files", files}});
  fsync_folder(temporary);
  if (fs::exists(path)) remove_folder(path);  // a damaged one that load_newest() passed over
  fs::rename(temporary, path, error);         // invariant 1
  check(!error, "cannot rename ", temporary.string(), ": ", error.message());
  fsync_folder(folder_);
  remove_old(save);
}

void Checkpoints::remove_old(const Save& save) const {
  // Later ones than this step were passed over as damaged: they count for nothing here.
  std::vector<std::int64_t> found = steps();
  std::erase_if(found, [&](std::int64_t step) { return step > save.state.step; });
  const Retention& keep = save.retention;
  std::int64_t back_to = save.state.step;  // the newest that a rewind from here could want
  for (const std::int64_t step : found)
    if (keep.rewind_steps > 0 && step <= save.state.step - keep.rewind_steps) back_to = step;
  if (keep.rewind_steps > 0 && back_to == save.state.step) back_to = 0;  // none is old enough: all are kept until one is
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep.newest) < found.size(); ++i) {
    const bool is_kept = found[i] >= back_to || (keep.every > 0 && found[i] % keep.every == 0) || found[i] == resumed_from_;
    if (!is_kept) remove_folder(path_of(found[i]));
  }
}

void Checkpoints::wait() {
  if (writing_step_ < 0) return;
  if (writer_.joinable()) writer_.join();
  writing_step_ = -1;
  const bool has_failed_here = has_failed_.exchange(false);
  const bool has_failed_somewhere = ranks_.sum(has_failed_here ? 1 : 0) > 0;  // and a barrier: rank 0 has renamed
  if (has_failed_here) std::rethrow_exception(failure_);
  check(!has_failed_somewhere, "another rank could not save its checkpoint");
}

void Checkpoints::check_failure() {
  if (!has_failed_) return;
  if (writer_.joinable()) writer_.join();
  writing_step_ = -1;
  has_failed_ = false;
  std::rethrow_exception(failure_);
}

void Checkpoints::set_aside_after(std::int64_t last) {
  wait();
  if (ranks_.rank == 0)
    for (const std::int64_t step : steps()) {
      if (step <= last) continue;
      const fs::path from = path_of(step), to = folder_ / ("aside-" + from.filename().string());
      std::error_code error;
      fs::remove_all(to, error);
      fs::rename(from, to, error);
      check(!error, "cannot rename ", from.string(), ": ", error.message());
      log_warning("{} is of a course not gone on with: renamed to {}", from.string(), to.filename().string());
    }
  ranks_.barrier();
}

void Checkpoints::remove_after(std::int64_t last) {
  wait();
  if (ranks_.rank == 0) {
    std::vector<std::int64_t> found = steps();
    for (auto step = found.rbegin(); step != found.rend() && *step > last; ++step) remove_folder(path_of(*step));  // newest first
  }
  ranks_.barrier();
}

// ---- loading ----

std::vector<std::string> StateFile::files_of(const std::string& kind) const {
  std::vector<std::string> names;
  for (const auto& [name, description] : files.items())
    if (kind_of(name) == kind) names.push_back(name);
  return names;
}

std::vector<fs::path> StateFile::paths_of(const std::string& kind, const fs::path& folder) const {
  std::vector<fs::path> paths;
  for (const std::string& name : files_of(kind)) paths.push_back(folder / name);
  return paths;
}

void StateFile::check_file(const std::string& name, const fs::path& folder) const {
  const Json expected = files.value(name, Json()), found = as_stored(describe_file(folder / name));
  check(expected == found, "damaged ", (folder / name).string(),
        " is not the file that was saved: ", describe_difference(expected, found));
}

StateFile parse_state_file(std::string_view text, const std::string& where) {
  const Json json = parse_json(text, where);
  const auto has = [&](const char* name) { return json.contains(name) && json[name].is_object(); };
  check(json.is_object() && json.value("format", Json()) == kFormat, "damaged ", where, " is no training state");
  const Json version = json.value("version", Json());
  check(version == 1 || version == kVersion, "cannot resume: ", where, " is of format version ", version.dump().substr(0, 20),
        ", this program reads 1 and ", kVersion, ": resume with the program that wrote it, or train into another folder");
  check(has("state") && has("identity") && has("layout") && has("files"), "damaged ", where, " lacks a part");
  StateFile file{.state = {}, .identity = json["identity"], .layout = json["layout"], .files = json["files"]};
  for (const auto& [name, description] : file.files.items())
    check(!kind_of(name).empty(), "damaged ", where, " names a file ", name.substr(0, 80));
  const std::size_t shards = file.files_of("master").size();
  for (const char* kind : kKinds)
    check(shards > 0 && file.files_of(kind).size() == shards, "damaged ", where, " names ", file.files_of(kind).size(),
          " files of ", kind, " and ", shards, " of master");
  fields_from_json(file.state, json["state"], where);
  const TrainState& state = file.state;
  check(state.step >= 0 && state.samples >= 0 && state.skipped_samples >= 0 && state.tokens >= 0 && state.seconds >= 0 &&
            state.wall_seconds >= 0 && state.optimizer.updates >= 0 && state.optimizer.updates <= state.step &&
            state.optimizer.skipped >= 0 && state.optimizer.skipped_in_a_row >= 0 && state.forward_check.tokens >= 0 &&
            state.guard.losses.size() == state.guard.grad_norms.size(),
        "damaged ", where, " counts what cannot be: ", json["state"].dump().substr(0, 300));
  return file;
}

/// The number that rank 0 gives, on all ranks.
std::int64_t Checkpoints::first_ranks(std::int64_t value) const {
  if (ranks_.world_size == 1) return value;
  constexpr std::int64_t kPiece = 1 << 20;  // a sum in f32 is exact
  const auto of_first = [&](std::int64_t piece) {
    return std::llround(ranks_.sum(ranks_.rank == 0 ? static_cast<double>(piece) : 0.0));
  };
  const std::int64_t high = of_first(value / kPiece), low = of_first(value % kPiece);
  return high * kPiece + low;
}

bool Checkpoints::succeeds_on_all(const std::function<void()>& action, std::string& damage) const {
  bool succeeds = true;
  try {
    action();
  } catch (const Error& error) {
    succeeds = false;
    damage = error.what();
  }
  if (ranks_.sum(succeeds ? 0 : 1) == 0) return true;
  if (succeeds) damage = "another rank says so";
  return false;
}

StateFile Checkpoints::read_state(std::int64_t step) const {
  const fs::path path = path_of(step) / "state.json";
  StateFile written = parse_state_file(read_file(path), path.string());
  check(written.state.step == step, "damaged ", path.string(), " holds the state of step ", written.state.step);
  return written;
}

void Checkpoints::load_tensors(const fs::path& folder, const StateFile& written, const OwnedState& tensors) const {
  Stream stream(tensors.device);
  const auto flat = tensors_of(tensors);
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    const ShardReader reader(written.paths_of(kKinds[i], folder));
    reader.check_tensors(layout_);
    OwnedTensor staging;
    for (const OwnedSlice& slice : tensors.slices) {
      const std::int64_t count = slice.end - slice.begin;
      if (count == 0) continue;
      const bool is_direct = flat[i] && !stream.on_cuda();
      if (!is_direct && staging.view().count() < count) staging = OwnedTensor(DType::f32, {count});
      const Tensor there = flat[i] ? flat[i].rows(slice.local_offset, slice.local_offset + count) : Tensor();
      const Tensor here = is_direct ? there : staging.view().rows(0, count);
      reader.read(slice, here);
      if (is_direct) continue;
      if (there) {
        copy(stream, there, here);
      } else if (!stream.on_cuda()) {
        tensors.write_master(stream, here, slice.local_offset);
      } else {
        OwnedTensor on_device(DType::f32, {count}, tensors.device);
        copy(stream, on_device, here);
        tensors.write_master(stream, on_device, slice.local_offset);
        stream.synchronize();  // before it is freed
      }
      stream.synchronize();
    }
    check(is_finite(stream, tensors, i), "damaged ", folder.string(), ": ", kKinds[i], " holds numbers that are not finite");
  }
}

std::optional<Checkpoints::Loaded> Checkpoints::try_load(std::int64_t step, const OwnedState& tensors, std::string& damage) {
  const fs::path folder = path_of(step);
  StateFile written;
  if (!succeeds_on_all([&] { written = read_state(step); }, damage)) return std::nullopt;
  const std::string other_run = describe_difference(written.identity, identity_);  // invariant 5
  check(other_run.empty(), "cannot resume: ", folder.string(), " belongs to another run (", other_run,
        "). Restore what changed, choose another output folder, or delete ", folder_.string(), " to train anew");
  const auto check_files = [&] {  // each rank its part: together they read every byte once
    int number = 0;
    for (const auto& [name, description] : written.files.items())
      if (number++ % ranks_.world_size == ranks_.rank) written.check_file(name, folder);
  };
  if (!succeeds_on_all(check_files, damage)) return std::nullopt;
  if (!succeeds_on_all([&] { load_tensors(folder, written, tensors); }, damage)) return std::nullopt;
  const std::string other_layout = describe_difference(written.layout, layout_note_);
  if (!other_layout.empty() && ranks_.rank == 0)
    log_warning("resuming with another layout ({}): the numbers will agree with the first one's to rounding, not bit for bit",
                other_layout);
  resumed_from_ = step;
  return Loaded{.state = std::move(written.state), .layout = written.layout, .layout_difference = other_layout};
}

std::optional<Checkpoints::Loaded> Checkpoints::load_newest(const OwnedState& tensors, std::int64_t at_most) {
  wait();
  std::string damage;
  for (std::int64_t bound = at_most;;) {
    std::int64_t step = -1;
    if (ranks_.rank == 0)
      for (const std::int64_t found : steps())
        if (found <= bound) step = found;
    step = first_ranks(step + 1) - 1;
    if (step < 0) break;
    if (auto loaded = try_load(step, tensors, damage)) return loaded;
    log_warning("checkpoint passed over: {}", damage);
    bound = step - 1;
  }
  check(damage.empty(), "cannot resume: no checkpoint in ", folder_.string(), " can be used (", damage,
        "). Restore one, or delete the folder to train anew");
  return std::nullopt;
}

Checkpoints::Loaded Checkpoints::load_step(const OwnedState& tensors, std::int64_t step) {
  wait();
  std::string known, damage;
  for (const std::int64_t found : steps()) known += (known.empty() ? "" : ", ") + std::to_string(found);
  const bool is_there = first_ranks(fs::is_directory(path_of(step)) ? 1 : 0) == 1;
  check(is_there, "cannot resume: there is no checkpoint of step ", step, " in ", folder_.string(),
        "; there are: ", known.empty() ? "none" : known);
  auto loaded = try_load(step, tensors, damage);
  check(loaded.has_value(), "cannot resume from step ", step, ": ", damage);
  return std::move(*loaded);
}

}  // namespace corollary
