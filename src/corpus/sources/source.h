#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "corpus/document.h"

namespace corollary {

/// A source as the recipe states it, one [[sources]] table.
struct SourceConfig {
  std::string subset;      ///< "code", "web" or "papers": which part of the corpus it feeds
  std::string language;    ///< chooses extraction and filter: "coq", "python", ..., "html", "tex"
  std::string uri;         ///< deb:NAME, github:..., hf://..., a folder, a file, or http(s)://... (docs/formats/sources.md)
  std::string glob = "*";  ///< which files inside; with a '/' it is matched against the whole path, else against the file's name
  std::string sha256;      ///< of the file; required for http(s), checked wherever given
  std::string licence;     ///< if known; a package or repository says its own
  bool optional = false;   ///< a path that may be absent: then the source is left out
  std::string unless;      ///< a path: the source is left out where this exists, another stands for it
  std::int64_t expected_bytes = 0;  ///< of the whole, packed as it is fetched: for plans
  std::string text_field = "text";      ///< of Parquet: the column that is the document
  std::string since;                    ///< of github:LANGUAGE: week by week from this day; "top": by stars; empty: as the language does
  std::string cutoff = "2023-04-01";    ///< of github: the last commit at or before this day or time (UTC)
  std::string fallback_ref = "master";  ///< of github: taken where no commit is that old; empty: such a repository is passed over
  std::int64_t limit = 0;               ///< of github:LANGUAGE: repositories at most; 0: as many as the language does
  static void each(auto& config, auto&& visit) {
    visit("subset", config.subset);
    visit("language", config.language);
    visit("uri", config.uri);
    visit("glob", config.glob);
    visit("sha256", config.sha256);
    visit("licence", config.licence);
    visit("optional", config.optional);
    visit("unless", config.unless);
    visit("expected_bytes", config.expected_bytes);
    visit("text_field", config.text_field);
    visit("since", config.since);
    visit("cutoff", config.cutoff);
    visit("fallback_ref", config.fallback_ref);
    visit("limit", config.limit);
  }
};

/// Paths among the sources of a recipe taken relative to its own folder, and what `optional` and `unless` leave out left out (a log line
/// says so). Error if nothing remains.
std::vector<SourceConfig> select_sources(std::vector<SourceConfig> sources, const fs::path& recipe_folder);

/// A source whose bytes lie on this machine: a line of sources.json (docs/formats/sources.md).
struct FetchedSource {
  std::string subset, language, uri, glob, licence;  ///< as configured; the licence also as a package states it
  std::string kind;                                  ///< "archive", "folder", "records", "warc", "parquet" or "file": how `path` is read
  std::string path;                                  ///< the file or folder
  std::string sha256;              ///< of the file; of a folder: of the list of its matching files with their digests
  std::int64_t bytes = 0;          ///< of the file, or of the folder's matching files
  std::int64_t files = 0;          ///< that match `glob`
  std::int64_t matched_bytes = 0;  ///< of those, unpacked
  std::string repo;                ///< "owner/name" of a repository or data set; else empty
  std::string revision;            ///< its commit
  std::int64_t strip_folders = 0;  ///< of an archive: leading folders that do not belong to the paths inside
  std::string text_field;          ///< of Parquet
  static void each(auto& source, auto&& visit) {
    visit("subset", source.subset);
    visit("language", source.language);
    visit("uri", source.uri);
    visit("glob", source.glob);
    visit("licence", source.licence);
    visit("kind", source.kind);
    visit("path", source.path);
    visit("sha256", source.sha256);
    visit("bytes", source.bytes);
    visit("files", source.files);
    visit("matched_bytes", source.matched_bytes);
    visit("repo", source.repo);
    visit("revision", source.revision);
    visit("strip_folders", source.strip_folders);
    visit("text_field", source.text_field);
  }
};

/// What a source yields: a file's bytes to extract from, or a record that is a document already.
struct RawRecord {
  std::string path;            ///< inside the source: "usr/share/agda-stdlib/Data/Nat.agda", "part.jsonl.zst:12"
  std::string bytes;           ///< the file, or the record's text
  Json meta = Json::object();  ///< what the record said of itself
  bool is_document = false;    ///< bytes are UTF-8 text of a document: no extraction
  std::optional<Rejection>
      rejection;  ///< set if the bytes could not be had: a malformed line, a truncated archive, a file too large
};

/// A part of a source that can be read alone; the parts in order are the whole. What begin and end count depends on the kind: bytes of a
/// WARC or of plain .jsonl, files of a folder in order of their paths; of a Parquet file it is share `begin` of `end`.
struct SourcePiece {
  std::int64_t source = 0;           ///< which of a list of sources
  std::int64_t begin = 0, end = -1;  ///< [begin, end); -1: to its end
  std::int64_t bytes = 0;            ///< of input, about
};

/// Pieces of about `piece_bytes`; one piece where a source cannot be cut: an archive, a compressed .jsonl.
std::vector<SourcePiece> cut_source(const FetchedSource& source, std::int64_t piece_bytes);

/// Enumerates the raw records of one source in an order that depends only on its bytes. Damage inside is a record with `rejection`
/// set, after which the source goes on if it can; what cannot be opened at all throws Error.
class Source {
 public:
  virtual ~Source() = default;
  /// The next record, or nullopt at the end.
  virtual std::optional<RawRecord> next() = 0;
};

/// Files above max_record_bytes come as rejections, their bytes are never held.
std::unique_ptr<Source> open_source(const FetchedSource& source, std::int64_t max_record_bytes, const SourcePiece& piece = {});

/// How a file (or, by is_folder, a folder) of this name is read: the `kind` above.
std::string source_kind(const std::string& name, bool is_folder);
/// Whether `path` inside a source is one of the files meant by `glob`.
bool source_glob_match(const std::string& glob, const std::string& path);

}  // namespace corollary
