#include "corpus/sources/fetch.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <tuple>

#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/threads.h"
#include "corpus/sources/apt.h"
#include "corpus/sources/archive.h"
#include "corpus/sources/duckdb.h"
#include "corpus/sources/github.h"
#include "corpus/sources/github_api.h"
#include "corpus/sources/http.h"
#include "corpus/sources/hub.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::array<std::string_view, 3> kSubsets = {"code", "web", "papers"};

bool is_package(const std::string& uri) { return uri.starts_with("deb:"); }
bool is_web(const std::string& uri) { return uri.starts_with("http://") || uri.starts_with("https://"); }
bool is_github(const std::string& uri) { return uri.starts_with("github:"); }
bool is_hub(const std::string& uri) { return uri.starts_with("hf://"); }
bool is_local(const std::string& uri) { return !is_package(uri) && !is_web(uri) && !is_github(uri) && !is_hub(uri); }

constexpr const char* kUriKinds =
    "use deb:NAME, github:LANGUAGE, github:owner/name@ref, hf://datasets/..., a folder, a file or http(s)://...";

bool names_a_repository(const SourceConfig& source) { return source.uri.find('/') != std::string::npos; }

GitHubQuery github_query_of(const SourceConfig& source) {
  GitHubQuery query = github_query(names_a_repository(source) ? source.language : source.uri.substr(7));
  check(!query.language.empty(), "no language in ", source.uri, ": write github:coq");
  if (source.since == "top")
    query.since.clear();
  else if (!source.since.empty())
    query.since = source.since;
  query.cutoff = source.cutoff;
  query.fallback_ref = source.fallback_ref;
  check(source.limit >= 0, "limit of ", source.uri, " is ", source.limit, ": write 0 for the language's own");
  if (source.limit > 0) query.limit = source.limit;
  return query;
}

void check_source(const SourceConfig& source, std::size_t index) {
  const std::string where = "sources[" + std::to_string(index) + "]";
  check(std::find(kSubsets.begin(), kSubsets.end(), source.subset) != kSubsets.end(), "unknown subset in ", where, ": \"",
        source.subset, "\"; use code, web or papers");
  check(!source.language.empty(), "no language in ", where,
        ": it chooses the filter (\"python\", \"coq\", \"html\", \"tex\", ...)");
  check(!source.uri.empty(), "no uri in ", where, ": ", kUriKinds);
  check(!source.glob.empty(), "empty glob in ", where, ": use \"*\" for all files");
  check(!is_web(source.uri) || source.sha256.size() == 64, "no sha256 in ", where, " for ", source.uri,
        ": add the file's SHA-256 so that everyone gets the same bytes");
  check(!is_local(source.uri) || source.uri.find("://") == std::string::npos, "unknown kind of uri in ", where, ": ", source.uri,
        "; ", kUriKinds);
  if (is_hub(source.uri)) (void)parse_hub_uri(source.uri);
  if (is_github(source.uri)) (void)parse_utc(github_query_of(source).cutoff);
  if (source.uri.ends_with(".parquet") || source.glob.ends_with(".parquet"))
    check(why_no_duckdb().empty(), "in ", where, ": ", why_no_duckdb());
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
ArchiveCounts survey_archive(const std::vector<FetchedSource*>& sources) {
  ArchiveReader archive(sources.front()->path, archive_limits(sources.front()->glob, sources.front()->strip_folders));
  std::string licence;
  while (const auto entry = archive.next()) {
    for (FetchedSource* source : sources) {
      if (!source_glob_match(source->glob, entry->path)) continue;
      ++source->files;
      source->matched_bytes += entry->bytes;
    }
    if (!entry->damage.empty()) continue;
    if (licence.empty() && entry->path.starts_with("usr/share/doc/") && entry->path.ends_with("/copyright") &&
        entry->bytes < (1 << 20))
      licence = licence_of_copyright(archive.read());
  }
  for (FetchedSource* source : sources)
    if (source->licence.empty()) source->licence = licence;
  return archive.counts();
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

/// Fills kind, digest, sizes and counts of sources that share their path. What their archive does not show.
ArchiveCounts survey(const std::vector<FetchedSource*>& sources) {
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
  return kind == "archive" ? survey_archive(sources) : ArchiveCounts{};
}

void check_survey(const FetchedSource& source, const SourceConfig& config) {
  const bool has_digest = !is_github(config.uri) && !is_hub(config.uri);  // of one file, that is
  check(!has_digest || config.sha256.empty() || config.sha256 == source.sha256, "wrong digest: ", source.uri, " has sha256 ",
        source.sha256, ", the recipe says ", config.sha256, ": it is not the file the recipe means");
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

/// What the services told, for the manifest and for people.
struct Services {
  Json counts = Json::object();       ///< uri -> counts
  Json repositories = Json::array();  ///< each repository found, brought or not
};

FetchedSource entry_of(const SourceConfig& source) {
  FetchedSource entry;
  entry.subset = source.subset;
  entry.language = source.language;
  entry.uri = source.uri;
  entry.glob = source.glob;
  entry.licence = source.licence;
  return entry;
}

/// An entry for each repository that could be brought.
std::vector<FetchedSource> bring_repositories(const SourceConfig& source, Services& services) {
  const GitHubServer server = github_server();
  const GitHubQuery query = github_query_of(source);
  const GitHubResult result =
      names_a_repository(source) ? fetch_github_repository(server, source.uri.substr(7), query) : fetch_github(server, query);
  std::vector<FetchedSource> entries;
  for (const Repository& repository : result.repositories) {
    services.repositories.push_back(fields_to_json(repository));
    if (!repository.reason.empty()) continue;
    FetchedSource entry = entry_of(source);
    entry.uri = "github:" + repository.full_name + "@" + repository.sha;
    entry.path = repository.path;
    entry.sha256 = repository.sha256;
    if (entry.licence.empty()) entry.licence = repository.licence;
    entry.repo = repository.full_name;
    entry.revision = repository.sha;
    entry.strip_folders = 1;  // the service packs all in OWNER-NAME-SHA
    entries.push_back(std::move(entry));
  }
  Json counts = Json::object();
  for (const auto& [reason, count] : result.counts) counts[reason] = count;
  log_info("{}: {}", source.uri, to_line(counts));
  services.counts[source.uri] = std::move(counts);
  check(!entries.empty(), "no repository could be brought for ", source.uri, ": ", to_line(services.counts[source.uri]));
  return entries;
}

/// An entry for each file of a data set.
std::vector<FetchedSource> bring_data_set(const SourceConfig& source, Services& services) {
  const HubServer server = hub_server();
  const HubAddress address = parse_hub_uri(source.uri);
  std::vector<HubFile> files = list_hub_files(server, address, source.glob);
  std::vector<FetchedSource> entries;
  std::int64_t bytes = 0;
  for (HubFile& file : files) {
    const bool needs_duckdb = file.path.ends_with(".parquet");
    check(!needs_duckdb || why_no_duckdb().empty(), "cannot use ", source.uri, ": ", why_no_duckdb());
    bring_hub_file(server, address, file);
    FetchedSource entry = entry_of(source);
    entry.uri = "hf://datasets/" + address.repository + "@" + file.commit + "/" + file.path;
    entry.path = file.local.string();
    entry.sha256 = file.sha256;
    entry.repo = address.repository;
    entry.revision = file.commit;
    bytes += file.bytes;
    entries.push_back(std::move(entry));
  }
  services.counts[source.uri] = {{"files", files.size()}, {"bytes", bytes}, {"commit", files.front().commit}};
  return entries;
}

std::vector<FetchedSource> bring(const SourceConfig& source, const std::map<std::string, CachedPackage>& packages,
                                 Services& services) {
  if (is_github(source.uri)) return bring_repositories(source, services);
  if (is_hub(source.uri)) return bring_data_set(source, services);
  FetchedSource entry = entry_of(source);
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
  return {entry};
}

/// A row for each configured source; where it became many, their sums.
Json summary_of(const SourceConfig& source, const std::vector<FetchedSource>& entries) {
  if (entries.size() == 1) return fields_to_json(entries.front());
  FetchedSource sum = entry_of(source);
  sum.kind = entries.front().kind;
  for (const FetchedSource& entry : entries) {
    sum.bytes += entry.bytes;
    sum.files += entry.files;
    sum.matched_bytes += entry.matched_bytes;
  }
  Json json = fields_to_json(sum);
  json["parts"] = entries.size();
  return json;
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

  Services services;
  std::vector<std::vector<FetchedSource>> fetched;  // for each source
  for (const SourceConfig& source : config.sources) fetched.push_back(bring(source, packages, services));

  std::map<std::tuple<std::string, std::int64_t, bool>, std::vector<FetchedSource*>> by_path;  // each is read once
  for (std::size_t i = 0; i < fetched.size(); ++i) {
    for (FetchedSource& entry : fetched[i]) {
      if (entry.path.ends_with(".parquet") || fs::is_directory(entry.path)) entry.text_field = config.sources[i].text_field;
      const bool opens_nested = archive_limits(entry.glob, 0).max_nested_bytes > 0;
      by_path[{entry.path, entry.strip_folders, opens_nested}].push_back(&entry);
    }
  }
  std::vector<std::vector<FetchedSource*>> groups;
  for (auto& [path, sharing] : by_path) groups.push_back(std::move(sharing));
  std::vector<ArchiveCounts> unseen(groups.size());
  parallel_for(static_cast<std::int64_t>(groups.size()), [&](std::int64_t i) {
    const auto k = static_cast<std::size_t>(i);
    unseen[k] = survey(groups[k]);
  });
  ArchiveCounts passed_over;
  for (const ArchiveCounts& counts : unseen) {
    passed_over.links += counts.links;
    passed_over.devices += counts.devices;
    passed_over.unsafe_paths += counts.unsafe_paths;
    passed_over.nested += counts.nested;
  }
  for (std::size_t i = 0; i < fetched.size(); ++i) {
    const std::string& uri = config.sources[i].uri;
    if (is_github(uri)) {  // one repository of a thousand may hold none of its language's files; all of them may not
      const auto has_none = [](const FetchedSource& entry) { return entry.files == 0; };
      if (!std::all_of(fetched[i].begin(), fetched[i].end(), has_none))
        services.counts[uri]["without_matching_files"] = std::erase_if(fetched[i], has_none);
    }
    for (const FetchedSource& entry : fetched[i]) check_survey(entry, config.sources[i]);
  }

  Json list = Json::array(), summary = Json::array();
  std::int64_t files = 0, bytes = 0;
  for (std::size_t i = 0; i < fetched.size(); ++i) {
    for (const FetchedSource& entry : fetched[i]) {
      list.push_back(fields_to_json(entry));
      files += entry.files;
      bytes += entry.matched_bytes;
    }
    summary.push_back(summary_of(config.sources[i], fetched[i]));
  }
  write_json_file(out / "sources.json", {{"sources", list}});
  std::vector<std::string> outputs = {"sources.json"};
  if (!services.repositories.empty()) {
    write_json_file(out / "repositories.json", {{"repositories", services.repositories}});
    outputs.push_back("repositories.json");
  }
  Manifest manifest;
  manifest.stage = "fetch";
  manifest.config = config_json;
  manifest.inputs = inputs;
  manifest.counts = {{"sources", list.size()}, {"files", files}, {"bytes", bytes}, {"by_source", summary}};
  manifest.counts["archives"] = fields_to_json(passed_over);
  if (!services.counts.empty()) manifest.counts["services"] = services.counts;
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  write_manifest(out, manifest, outputs);
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
