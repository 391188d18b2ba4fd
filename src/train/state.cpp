#include "train/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <system_error>

#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/manifest.h"
#include "kernels/adamw.h"
#include "model/safetensors.h"

namespace corollary {
namespace {

constexpr const char* kFormat = "corollary training state";
constexpr int kVersion = 1;
constexpr std::array kFiles = {"master.safetensors", "m.safetensors", "v.safetensors"};

std::array<Tensor, 3> tensors_of(Optimizer& optimizer) { return {optimizer.master(), optimizer.m(), optimizer.v()}; }

bool is_finite(Stream& stream, Tensor x) { return std::isfinite(sum_of_squares(stream, x)); }

Json describe_file(const fs::path& path) {
  const MappedFile file(path);
  const Hash128 hash = hash128(file.text());
  return {{"bytes", file.bytes().size()}, {"xxh3_128", fmt::format("{:016x}{:016x}", hash.high, hash.low)}};
}

void write_tensors(Stream& stream, const fs::path& path, const ParameterLayout& layout, ConstTensor flat) {
  std::vector<SafetensorsDeclaration> declarations;
  for (const auto& entry : layout.entries) declarations.push_back({entry.name, DType::f32, entry.shape});
  SafetensorsWriter writer(path, std::move(declarations));
  OwnedTensor staging;
  for (const auto& entry : layout.entries) {
    ConstTensor piece = flat.rows(entry.offset, entry.offset + entry.shape.count());
    if (stream.on_cuda()) {
      staging = OwnedTensor(DType::f32, piece.shape());
      copy(stream, staging, piece);
      stream.synchronize();
      piece = staging;
    }
    writer.write(piece);
  }
  writer.commit();
}

void read_tensors(Stream& stream, const fs::path& path, const ParameterLayout& layout, Tensor flat) {
  const SafetensorsFile file(path);
  check(file.entries().size() == layout.entries.size(), "damaged ", path.string(), " holds ", file.entries().size(),
        " tensors, the model has ", layout.entries.size());
  for (const auto& entry : layout.entries) {
    const SafetensorsEntry* found = file.find(entry.name);
    check(found != nullptr, "damaged ", path.string(), " lacks tensor ", entry.name);
    const auto extents = entry.shape.extents();
    check(found->dtype == "F32" && std::equal(found->shape.begin(), found->shape.end(), extents.begin(), extents.end()), "damaged ",
          path.string(), ": tensor ", entry.name, " is ", found->dtype, " ", shape_text(found->shape), ", must be F32 ",
          entry.shape);
    const Tensor piece = flat.rows(entry.offset, entry.offset + entry.shape.count());
    if (!stream.on_cuda()) {
      file.read(*found, piece);
      continue;
    }
    OwnedTensor staging(DType::f32, piece.shape());
    file.read(*found, staging);
    copy(stream, piece, staging);
    stream.synchronize();
  }
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

Checkpoints::Checkpoints(fs::path folder, ParameterLayout layout, Json identity, Json layout_note)
    : folder_(std::move(folder)), layout_(std::move(layout)), identity_(as_stored(identity)), layout_note_(as_stored(layout_note)) {
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

fs::path Checkpoints::path_of(std::int64_t step) const { return folder_ / fmt::format("step-{:08}", step); }

std::vector<std::int64_t> Checkpoints::steps() const {
  std::vector<std::int64_t> found;
  for (const auto& entry : fs::directory_iterator(folder_))
    if (const auto step = step_of(entry.path().filename().string()); step && entry.is_directory()) found.push_back(*step);
  std::sort(found.begin(), found.end());
  return found;
}

void Checkpoints::save(const TrainState& state, Optimizer& optimizer, std::int64_t keep) {
  const auto tensors = tensors_of(optimizer);
  Stream stream(optimizer.device());
  for (std::size_t i = 0; i < kFiles.size(); ++i)
    check(is_finite(stream, tensors[i]), "not saved: after step ", state.step, " ", kFiles[i],
          " would hold numbers that are not finite; the checkpoints of earlier steps stand. Lower learning_rate and resume from "
          "them");

  const fs::path path = path_of(state.step), temporary = folder_ / ("." + path.filename().string());
  std::error_code error;
  fs::remove_all(temporary, error);
  Json files = Json::object();
  for (std::size_t i = 0; i < kFiles.size(); ++i) {
    write_tensors(stream, temporary / kFiles[i], layout_, tensors[i]);
    files[kFiles[i]] = describe_file(temporary / kFiles[i]);
  }
  write_json_file(temporary / "state.json", {{"format", kFormat},
                                             {"version", kVersion},
                                             {"program", program_version()},
                                             {"state", fields_to_json(state)},
                                             {"identity", identity_},
                                             {"layout", layout_note_},
                                             {"files", files}});
  fsync_folder(temporary);
  if (fs::exists(path)) remove_folder(path);  // a damaged one that load_newest() passed over
  fs::rename(temporary, path, error);         // invariant 1
  check(!error, "cannot rename ", temporary.string(), ": ", error.message());
  fsync_folder(folder_);

  // Later ones than this step were passed over as damaged: they count for nothing here.
  std::vector<std::int64_t> older = steps();
  std::erase_if(older, [&](std::int64_t step) { return step > state.step; });
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep) < older.size(); ++i) remove_folder(path_of(older[i]));
}

StateFile parse_state_file(std::string_view text, const std::string& where) {
  const Json json = parse_json(text, where);
  const auto has = [&](const char* name) { return json.contains(name) && json[name].is_object(); };
  check(json.is_object() && json.value("format", Json()) == kFormat, "damaged ", where, " is no training state");
  check(json.value("version", Json()) == kVersion, "cannot resume: ", where, " is of format version ",
        json.value("version", Json()).dump().substr(0, 20), ", this program reads ", kVersion,
        ": resume with the program that wrote it, or train into another folder");
  check(has("state") && has("identity") && has("layout") && has("files"), "damaged ", where, " lacks a part");
  StateFile file{.state = {}, .identity = json["identity"], .layout = json["layout"], .files = json["files"]};
  for (const char* name : kFiles) check(file.files.contains(name), "damaged ", where, " does not name ", name);
  fields_from_json(file.state, json["state"], where);
  const TrainState& state = file.state;
  check(state.step >= 0 && state.samples >= 0 && state.tokens >= 0 && state.seconds >= 0 && state.wall_seconds >= 0 &&
            state.optimizer.updates >= 0 && state.optimizer.updates <= state.step && state.optimizer.skipped >= 0 &&
            state.optimizer.skipped_in_a_row >= 0,
        "damaged ", where, " counts what cannot be: ", json["state"].dump().substr(0, 300));
  return file;
}

void Checkpoints::load_tensors(const fs::path& folder, const StateFile& written, Optimizer& optimizer) const {
  Stream stream(optimizer.device());
  const auto tensors = tensors_of(optimizer);
  for (std::size_t i = 0; i < kFiles.size(); ++i) {
    const fs::path path = folder / kFiles[i];
    const Json expected = written.files[kFiles[i]], found = as_stored(describe_file(path));
    check(expected == found, "damaged ", path.string(), " is not the file that was saved: ", describe_difference(expected, found));
    read_tensors(stream, path, layout_, tensors[i]);
    check(is_finite(stream, tensors[i]), "damaged ", path.string(), " holds numbers that are not finite");
  }
}

std::optional<TrainState> Checkpoints::load_newest(Optimizer& optimizer) {
  std::vector<std::int64_t> newest_first = steps();
  std::reverse(newest_first.begin(), newest_first.end());
  std::string damage;
  const auto succeeds = [&](const auto& action) {
    try {
      action();
      return true;
    } catch (const Error& error) {
      damage = error.what();
      log_warning("checkpoint passed over: {}", damage);
      return false;
    }
  };
  for (const std::int64_t step : newest_first) {
    const fs::path folder = path_of(step), path = folder / "state.json";
    StateFile written;
    if (!succeeds([&] {
          written = parse_state_file(read_file(path), path.string());
          check(written.state.step == step, "damaged ", path.string(), " holds the state of step ", written.state.step);
        }))
      continue;
    const std::string other_run = describe_difference(written.identity, identity_);  // invariant 5
    check(other_run.empty(), "cannot resume: ", folder.string(), " belongs to another run (", other_run,
          "). Restore what changed, choose another output folder, or delete ", folder_.string(), " to train anew");
    if (!succeeds([&] { load_tensors(folder, written, optimizer); })) continue;
    if (const std::string other_layout = describe_difference(written.layout, layout_note_); !other_layout.empty())
      log_warning("resuming with another layout ({}): the numbers will agree with the first one's to rounding, not bit for bit",
                  other_layout);
    Stream stream(optimizer.device());
    optimizer.set_counts(written.state.optimizer);
    optimizer.weights_from_master(stream);
    stream.synchronize();
    return written.state;
  }
  check(newest_first.empty(), "cannot resume: no checkpoint in ", folder_.string(), " can be used (", damage,
        "). Restore one, or delete the folder to train anew");
  return std::nullopt;
}

}  // namespace corollary
