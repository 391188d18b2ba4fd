#include "corpus/sources/fetch.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>

#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/threads.h"
#include "corpus/sources/apt.h"
#include "corpus/sources/archive.h"
#include "corpus/sources/http.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::array<std::string_view, 3> kSubsets = {"code", "web", "papers"};

bool is_package(const std::string& uri) { return uri.starts_with("deb:"); }
bool is_web(const std::string& uri) { return uri.starts_with("http://") || uri.starts_with("https://"); }
bool is_local(const std::string& uri) { return !is_package(uri) && !is_web(uri); }

void check_source(const SourceConfig& source, std::size_t index) {
  const std::string where = "sources[" + std::to_string(index) + "]";
  check(std::find(kSubsets.begin(), kSubsets.end(), source.subset) != kSubsets.end(), "unknown subset in ", where, ": \"",
        source.subset, "\"; use code, web or papers");
  check(!source.language.empty(), "no language in ", where,
        ": it chooses the filter (\"python\", \"coq\", \"html\", \"tex\", ...)");
  check(!source.uri.empty(), "no uri in ", where, ": use deb:NAME, a folder, a file or http(s)://...");
  check(!source.glob.empty(), "empty glob in ", where, ": use \"*\" for all files");
  check(!is_web(source.uri) || source.sha256.size() == 64, "no sha256 in ", where, " for ", source.uri,
        ": add the file's SHA-256 so that everyone gets the same bytes");
  check(is_package(source.uri) || is_web(source.uri) || source.uri.find("://") == std::string::npos, "unknown kind of uri in ",
        where, ": ", source.uri, "; use deb:NAME, a folder, a file or http(s)://...");
  check(!is_local(source.uri) || fs::exists(source.uri), "nothing at ", source.uri, " (", where, ")");
}

/// The licence of "Files: *" in a machine-readable debian/copyright, else of its first License field, else empty.
std::string licence_of_copyright(const std::string& text) {
  std::string first;
  bool in_all_files = false;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("Files:"))
      in_all_files = line.find_first_not_of(' ', 6) != std::string::npos && line.substr(line.find_first_not_of(' ', 6)) == "*";
    if (!line.starts_with("License:")) continue;
    const std::size_t value = line.find_first_not_of(" \t", 8);
    if (value == std::string::npos) continue;
    const std::string licence(trim(std::string_view(line).substr(value)));
    if (in_all_files) return licence;
    if (first.empty()) first = licence;
  }
  return first;
}

/// Counts what matches in one archive for each of the sources that read it; a Debian package also tells its licence.
void survey_archive(const std::vector<FetchedSource*>& sources) {
  ArchiveReader archive(sources.front()->path);
  std::string licence;
  while (const auto entry = archive.next()) {
    for (FetchedSource* source : sources) {
      if (!source_glob_match(source->glob, entry->path)) continue;
      ++source->files;
      source->matched_bytes += entry->bytes;
    }
    if (licence.empty() && entry->path.starts_with("usr/share/doc/") && entry->path.ends_with("/copyright") &&
        entry->bytes < (1 << 20))
      licence = licence_of_copyright(archive.read());
  }
  for (FetchedSource* source : sources)
    if (source->licence.empty()) source->licence = licence;
}

/// The digest of a folder: of lines "sha256  path", one for each matching file.
void survey_folder(FetchedSource& source) {
  std::string listing;
  for (const fs::path& file : list_files(source.path)) {
    const std::string name = file.lexically_relative(source.path).string();
    if (!source_glob_match(source.glob, name)) continue;
    ++source.files;
    source.matched_bytes += static_cast<std::int64_t>(fs::file_size(file));
    listing += sha256_file(file) + "  " + name + "\n";
  }
  source.bytes = source.matched_bytes;
  source.sha256 = sha256_hex(listing);
}

/// Fills kind, digest, sizes and counts of sources that share their path.
void survey(const std::vector<FetchedSource*>& sources) {
  const fs::path path = sources.front()->path;
  const std::string kind = source_kind(path.filename().string(), fs::is_directory(path));
  for (FetchedSource* source : sources) {
    source->kind = kind;
    if (kind == "folder") {
      survey_folder(*source);
      continue;
    }
    source->bytes = static_cast<std::int64_t>(fs::file_size(path));
    if (source->sha256.empty()) source->sha256 = source == sources.front() ? sha256_file(path) : sources.front()->sha256;
    if (kind == "archive") continue;
    source->files = 1;
    source->matched_bytes = source->bytes;
  }
  if (kind == "archive") survey_archive(sources);
}

void check_survey(const FetchedSource& source, const SourceConfig& config) {
  check(config.sha256.empty() || config.sha256 == source.sha256, "wrong digest: ", source.uri, " has sha256 ", source.sha256,
        ", the recipe says ", config.sha256, ": it is not the file the recipe means");
  check(source.files > 0, "nothing matches glob \"", source.glob, "\" in ", source.uri, " (", source.path, "): correct the glob");
}

/// Digests of the local files and folders: what can change without the configuration changing.
Json local_inputs(const FetchConfig& config) {
  Json inputs = Json::object();
  for (const SourceConfig& source : config.sources) {
    if (!is_local(source.uri)) continue;
    FetchedSource local;
    local.path = source.uri;
    local.glob = source.glob;
    if (fs::is_directory(source.uri))
      survey_folder(local);
    else
      local.sha256 = sha256_file(source.uri);
    inputs[source.uri + " " + source.glob] = local.sha256;
  }
  return inputs;
}

fs::path download_path(const SourceConfig& source) {
  const std::string plain = source.uri.substr(0, source.uri.find_first_of("?#"));
  std::string name = plain.substr(plain.rfind('/') + 1);
  if (name.empty()) name = "download";
  return cache_folder() / "http" / source.sha256 / name;
}

}  // namespace

StageResult fetch(const FetchConfig& config, const fs::path& out) {
  const auto start = std::chrono::steady_clock::now();
  check(!config.sources.empty(), "no sources: add [[sources]] tables to the recipe");
  for (std::size_t i = 0; i < config.sources.size(); ++i) check_source(config.sources[i], i);
  const Json config_json = fields_to_json(config), inputs = local_inputs(config);
  if (auto manifest = up_to_date(out, "fetch", config_json, inputs)) {
    try {
      read_sources(out);
      return {std::move(*manifest), true};
    } catch (const Error& error) {
      log_warning("fetching again: {}", error.what());
    }
  }
  require_space(out, 1 << 20, "the list of sources");

  std::vector<std::string> names;
  for (const SourceConfig& source : config.sources)
    if (is_package(source.uri)) names.push_back(source.uri.substr(4));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::map<std::string, CachedPackage> packages;
  for (CachedPackage& package : fetch_packages(names)) packages.emplace(package.name, std::move(package));

  std::vector<FetchedSource> fetched;
  for (const SourceConfig& source : config.sources) {
    FetchedSource entry;
    entry.subset = source.subset;
    entry.language = source.language;
    entry.uri = source.uri;
    entry.glob = source.glob;
    entry.licence = source.licence;
    if (is_package(source.uri)) {
      const CachedPackage& package = packages.at(source.uri.substr(4));
      entry.path = package.path.string();
      entry.sha256 = package.sha256;
    } else if (is_web(source.uri)) {
      entry.path = download_path(source).string();
      entry.sha256 = source.sha256;
      download(source.uri, source.sha256, entry.path);
    } else {
      entry.path = fs::absolute(source.uri).lexically_normal().string();
    }
    fetched.push_back(std::move(entry));
  }
  std::map<std::string, std::vector<FetchedSource*>> by_path;  // each is read once
  for (FetchedSource& source : fetched) by_path[source.path].push_back(&source);
  std::vector<std::vector<FetchedSource*>> groups;
  for (auto& [path, sharing] : by_path) groups.push_back(std::move(sharing));
  parallel_for(static_cast<std::int64_t>(groups.size()), [&](std::int64_t i) { survey(groups[static_cast<std::size_t>(i)]); });
  for (std::size_t i = 0; i < fetched.size(); ++i) check_survey(fetched[i], config.sources[i]);

  Json list = Json::array();
  std::int64_t files = 0, bytes = 0;
  for (const FetchedSource& source : fetched) {
    list.push_back(fields_to_json(source));
    files += source.files;
    bytes += source.matched_bytes;
  }
  write_json_file(out / "sources.json", {{"sources", list}});
  Manifest manifest;
  manifest.stage = "fetch";
  manifest.config = config_json;
  manifest.inputs = inputs;
  manifest.counts = {{"sources", fetched.size()}, {"files", files}, {"bytes", bytes}, {"by_source", list}};
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  write_manifest(out, manifest, {"sources.json"});
  return {read_manifest(out), false};
}

std::vector<FetchedSource> read_sources(const fs::path& folder) {
  const fs::path path = folder / "sources.json";
  check(fs::exists(path), "no sources.json in ", folder.string(), ": run corollary corpus fetch first");
  const Json json = read_json_file(path);
  check(json.is_object() && json.contains("sources") && json["sources"].is_array(), "not a list of sources: ", path.string(),
        ": run corollary corpus fetch again");
  std::vector<FetchedSource> sources;
  for (const Json& entry : json["sources"]) {
    fields_from_json(sources.emplace_back(), entry, path.string());
    const FetchedSource& source = sources.back();
    std::error_code error;
    check(fs::exists(source.path, error), "gone: ", source.path, ", where ", source.uri, " lay: run corollary corpus fetch again");
    check(source.kind == "folder" || fs::file_size(source.path) == static_cast<std::uintmax_t>(source.bytes),
          "changed: ", source.path, " no longer has ", source.bytes, " bytes: run corollary corpus fetch again");
  }
  return sources;
}

}  // namespace corollary
