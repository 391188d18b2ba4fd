#include "base/manifest.h"

#include "base/digest.h"
#include "base/error.h"

namespace corollary {

std::string program_version() { return COROLLARY_VERSION; }

void write_manifest(const fs::path& folder, Manifest manifest, const std::vector<std::string>& output_paths) {
  for (const std::string& name : output_paths) {
    check(fs::is_regular_file(folder / name), "stage ", manifest.stage,
          " names an output it did not write: ", (folder / name).string());
    manifest.outputs[name] = {{"bytes", fs::file_size(folder / name)}, {"sha256", sha256_file(folder / name)}};
  }
  write_json_file(folder / "manifest.json", {{"stage", manifest.stage},
                                             {"version", program_version()},
                                             {"config", manifest.config},
                                             {"inputs", manifest.inputs},
                                             {"outputs", manifest.outputs},
                                             {"counts", manifest.counts},
                                             {"seconds", manifest.seconds}});
}

Manifest read_manifest(const fs::path& folder) {
  const fs::path path = folder / "manifest.json";
  const Json json = read_json_file(path);
  const auto part = [&](const char* name, Json::value_t kind) -> const Json& {
    check(json.is_object() && json.contains(name) && json[name].type() == kind, "manifest ", path.string(), " lacks \"", name,
          "\": not a manifest of ours; delete the folder and run the stage again");
    return json[name];
  };
  Manifest manifest;
  manifest.stage = part("stage", Json::value_t::string);
  manifest.version = part("version", Json::value_t::string);
  manifest.config = part("config", Json::value_t::object);
  manifest.inputs = part("inputs", Json::value_t::object);
  manifest.outputs = part("outputs", Json::value_t::object);
  manifest.counts = part("counts", Json::value_t::object);
  if (json.contains("seconds") && json["seconds"].is_number()) manifest.seconds = json["seconds"].get<double>();
  return manifest;
}

std::string first_difference(const Json& a, const Json& b) {
  if (a == b) return "";
  if (!a.is_object() || !b.is_object()) return "value";
  for (const auto& [key, value] : a.items()) {
    if (!b.contains(key)) return key;
    if (const std::string inner = first_difference(value, b[key]); !inner.empty())
      return inner == "value" ? key : key + "." + inner;
  }
  for (const auto& [key, value] : b.items())
    if (!a.contains(key)) return key;
  return "";  // the same fields in another order
}

std::optional<Manifest> up_to_date(const fs::path& folder, const std::string& stage, const Json& config, const Json& inputs,
                                   std::string* why) {
  const auto stale = [&](const std::string& reason) {
    if (why != nullptr) *why = reason;
    return std::nullopt;
  };
  if (!fs::exists(folder / "manifest.json")) return stale("never finished");
  Manifest manifest;
  try {
    manifest = read_manifest(folder);
  } catch (const Error& error) {
    return stale(error.what());
  }
  if (manifest.stage != stage) return stale("the folder belongs to stage " + manifest.stage);
  // Compare as stored: numbers pass through text once, so 1e-4 equals itself.
  if (const auto at = first_difference(parse_json(config.dump(), "configuration"), manifest.config); !at.empty())
    return stale("configuration changed: " + at);
  if (const auto at = first_difference(parse_json(inputs.dump(), "inputs"), manifest.inputs); !at.empty())
    return stale("input changed: " + at);
  for (const auto& [name, about] : manifest.outputs.items()) {
    std::error_code error;
    const auto size = fs::file_size(folder / name, error);
    const bool has_size = about.is_object() && about.contains("bytes") && about["bytes"].is_number_unsigned();
    if (error || !has_size || about["bytes"].get<std::uintmax_t>() != size) return stale("output missing or changed: " + name);
  }
  return manifest;
}

}  // namespace corollary
