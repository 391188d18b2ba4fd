#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"

namespace corollary {

/// What a finished stage leaves beside its output as manifest.json: enough to say where every byte came from and whether there is
/// anything left to do (docs/formats/manifest.md).
struct Manifest {
  std::string stage;              ///< "fetch", "corpus", "tokenizer", ...
  Json config = Json::object();   ///< all that decides the output, defaults included
  Json inputs = Json::object();   ///< name -> sha256, or an object with a digest and more
  Json outputs = Json::object();  ///< path relative to the manifest's folder -> {"bytes", "sha256"}
  Json counts = Json::object();   ///< documents, tokens, rejections by reason, ...
  double seconds = 0;             ///< wall time
  std::string version;            ///< of the program; filled by write_manifest
};

/// What every stage function returns.
struct StageResult {
  Manifest manifest;
  bool was_up_to_date = false;  ///< nothing was done: the folder already held this
};

/// Fills outputs by reading `output_paths` (relative to folder), then writes folder/manifest.json atomically: the last act of a
/// stage.
void write_manifest(const fs::path& folder, Manifest manifest, const std::vector<std::string>& output_paths);
Manifest read_manifest(const fs::path& folder);

/// The manifest if folder holds one for the same stage, configuration and inputs whose outputs all exist with their sizes;
/// otherwise nullopt, with the reason in *why if given ("configuration changed: tokenizer.vocab_size").
std::optional<Manifest> up_to_date(const fs::path& folder, const std::string& stage, const Json& config, const Json& inputs,
                                   std::string* why = nullptr);

/// The first place where two JSON values differ, as a dotted path ("train.seed"; "value" if they are no objects); empty if they
/// hold the same, in whatever order.
std::string first_difference(const Json& a, const Json& b);

std::string program_version();  ///< "0.1.0"

}  // namespace corollary
