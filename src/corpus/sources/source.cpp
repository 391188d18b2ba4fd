#include "corpus/sources/source.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "base/compress.h"
#include "base/error.h"
#include "corpus/sources/archive.h"
#include "corpus/sources/parquet.h"
#include "corpus/sources/warc_source.h"

namespace corollary {
namespace {

bool ends_with_any(const std::string& name, std::initializer_list<const char*> endings) {
  for (const std::string_view ending : endings)
    if (name.ends_with(ending)) return true;
  return false;
}

/// Lines that lie on disk as they are.
bool is_cut_by_bytes(const FetchedSource& source) {
  if (source.kind != "records" || !source.path.ends_with(".jsonl")) return false;
  std::array<char, 4> start{};
  std::ifstream(source.path, std::ios::binary).read(start.data(), start.size());
  const std::string_view magic(start.data(), start.size());
  return !magic.starts_with("\x1f\x8b") && magic != "\x28\xb5\x2f\xfd";  // gzip and zstd under a plain name
}

/// A line of a .jsonl file as a record; one that is no document is a rejection.
RawRecord record_of_line(std::string_view line, std::string path, const std::string& where, std::int64_t max_record_bytes) {
  RawRecord record;
  record.path = std::move(path);
  if (static_cast<std::int64_t>(line.size()) > max_record_bytes) {
    record.rejection = Rejection{"too_large", 0, std::to_string(line.size()) + " bytes"};
    return record;
  }
  try {
    Document document = document_from_line(line, where);
    record.bytes = std::move(document.text);
    record.meta = std::move(document.meta);
    record.is_document = true;
  } catch (const Error& error) {
    record.rejection = Rejection{"malformed_record", 0, error.what()};
  }
  return record;
}

/// The lines of a plain .jsonl file that begin in [begin, end). Their paths tell the byte, which does not depend on where it was
/// cut.
class RecordsPiece : public Source {
 public:
  RecordsPiece(const fs::path& path, const SourcePiece& piece, std::int64_t max_record_bytes)
      : path_(path), max_record_bytes_(max_record_bytes), file_(path), text_(file_.text()) {
    end_ = piece.end < 0 ? text_.size() : std::min(static_cast<std::size_t>(piece.end), text_.size());
    at_ = std::min(static_cast<std::size_t>(piece.begin), text_.size());
    if (at_ > 0 && text_[at_ - 1] != '\n') at_ = after_line(at_);
  }
  std::optional<RawRecord> next() override {
    while (at_ < end_) {
      const std::size_t begin = at_;
      at_ = after_line(begin);
      std::string_view line = text_.substr(begin, at_ - begin);
      while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
      if (line.empty()) continue;
      const std::string place = "@" + std::to_string(begin);
      return record_of_line(line, path_.filename().string() + place, path_.string() + place, max_record_bytes_);
    }
    return std::nullopt;
  }

 private:
  std::size_t after_line(std::size_t at) const {
    const std::size_t end = text_.find('\n', at);
    return end == std::string_view::npos ? text_.size() : end + 1;
  }
  fs::path path_;
  std::int64_t max_record_bytes_;
  MappedFile file_;
  std::string_view text_;
  std::size_t at_ = 0, end_ = 0;
};

/// Lines of a .jsonl file. A line that is no document is a rejection; a damaged end is one too, after all whole lines.
class RecordsSource : public Source {
 public:
  RecordsSource(fs::path path, std::string name, std::int64_t max_record_bytes)
      : path_(std::move(path)), name_(std::move(name)), max_record_bytes_(max_record_bytes), lines_(path_) {}

  std::optional<RawRecord> next() override {
    if (is_over_) return std::nullopt;
    RawRecord record;
    try {
      const auto line = lines_.next();
      if (!line) return std::nullopt;
      const std::string number = std::to_string(lines_.line_number());
      return record_of_line(*line, name_ + ":" + number, path_.string() + " line " + number, max_record_bytes_);
    } catch (const Error& error) {  // of the reader: nothing can follow
      is_over_ = true;
      record.path = name_ + ":" + std::to_string(lines_.line_number() + 1);
      record.rejection = Rejection{"truncated_file", 0, error.what()};
    }
    return record;
  }

 private:
  fs::path path_;
  std::string name_;
  std::int64_t max_record_bytes_;
  LineReader lines_;
  bool is_over_ = false;
};

std::unique_ptr<Source> open_warc(const fs::path& file, const std::string& name, std::int64_t max_record_bytes,
                                  const SourcePiece& piece) {
  WarcOptions options;
  options.max_record_bytes = max_record_bytes;
  options.begin = piece.begin;
  if (piece.end >= 0) options.end = piece.end;
  return std::make_unique<WarcSource>(file, name, options);
}

/// The files of a folder that match, in order of their paths; of a file itself.
std::vector<fs::path> matching_files(const FetchedSource& source) {
  const fs::path root = source.path;
  if (source.kind != "folder") return {root};
  std::vector<fs::path> files = list_files(root);
  std::erase_if(files,
                [&](const fs::path& file) { return !source_glob_match(source.glob, file.lexically_relative(root).string()); });
  return files;
}

/// Of Parquet: the column that is the document.
std::string text_field_of(const FetchedSource& source) { return source.text_field.empty() ? "text" : source.text_field; }

class FolderSource : public Source {
 public:
  FolderSource(const FetchedSource& source, std::int64_t max_record_bytes, const SourcePiece& piece)
      : root_(source.path), text_field_(text_field_of(source)), max_record_bytes_(max_record_bytes), files_(matching_files(source)) {
    if (piece.end >= 0 && static_cast<std::size_t>(piece.end) < files_.size()) files_.resize(static_cast<std::size_t>(piece.end));
    at_ = static_cast<std::size_t>(piece.begin);
  }

  std::optional<RawRecord> next() override {
    for (;;) {
      if (records_) {
        if (auto record = records_->next()) return record;
        records_.reset();
      }
      if (at_ >= files_.size()) return std::nullopt;
      const fs::path& file = files_[at_++];
      const std::string name = file == root_ ? file.filename().string() : file.lexically_relative(root_).string();
      const std::string kind = source_kind(name, false);
      if (kind == "records") {
        records_ = std::make_unique<RecordsSource>(file, name, max_record_bytes_);
        continue;
      }
      if (kind == "parquet") {
        records_ = open_parquet(file, {.text_field = text_field_, .max_record_bytes = max_record_bytes_});
        continue;
      }
      if (kind == "warc") {
        records_ = open_warc(file, name, max_record_bytes_, {});
        continue;
      }
      RawRecord record;
      record.path = name;
      if (const auto size = fs::file_size(file); size > static_cast<std::uintmax_t>(max_record_bytes_))
        record.rejection = Rejection{"too_large", 0, std::to_string(size) + " bytes"};
      else
        record.bytes = read_file(file);
      return record;
    }
  }

 private:
  fs::path root_;
  std::string text_field_;
  std::int64_t max_record_bytes_;
  std::vector<fs::path> files_;
  std::size_t at_ = 0;
  std::unique_ptr<Source> records_;  ///< of the file that holds several
};

class ArchiveSource : public Source {
 public:
  ArchiveSource(const FetchedSource& source, std::int64_t max_record_bytes)
      : archive_(source.path, archive_limits(source.glob, source.strip_folders)),
        name_(fs::path(source.path).filename().string()),
        glob_(source.glob),
        max_record_bytes_(max_record_bytes) {}

  std::optional<RawRecord> next() override {
    if (is_over_) return std::nullopt;
    RawRecord record;
    try {
      while (const auto entry = archive_.next()) {
        if (!source_glob_match(glob_, entry->path)) continue;
        record.path = entry->path;
        if (entry->bytes > max_record_bytes_)
          record.rejection = Rejection{"too_large", 0, std::to_string(entry->bytes) + " bytes"};
        else if (!entry->damage.empty())
          record.rejection = Rejection{"damaged_file", 0, entry->damage};
        else
          read(record);
        return record;
      }
      return std::nullopt;
    } catch (const Error& error) {  // what came before it was whole
      is_over_ = true;
      if (record.path.empty()) record.path = name_;
      record.bytes.clear();
      record.rejection = Rejection{"damaged_archive", 0, error.what()};
      return record;
    }
  }

 private:
  /// A file that is damaged is one rejection; the archive goes on behind it where it can.
  void read(RawRecord& record) {
    try {
      record.bytes = archive_.read();
    } catch (const Error& error) {
      record.bytes.clear();
      record.rejection = Rejection{"damaged_file", 0, error.what()};
    }
  }

  ArchiveReader archive_;
  std::string name_, glob_;
  std::int64_t max_record_bytes_;
  bool is_over_ = false;
};

}  // namespace

std::vector<SourcePiece> cut_source(const FetchedSource& source, std::int64_t piece_bytes) {
  std::vector<SourcePiece> pieces;
  if (source.kind == "folder") {
    const std::vector<fs::path> files = matching_files(source);
    SourcePiece piece;
    for (std::size_t i = 0; i < files.size(); ++i) {
      piece.bytes += static_cast<std::int64_t>(fs::file_size(files[i]));
      piece.end = static_cast<std::int64_t>(i + 1);
      if (piece.bytes < piece_bytes) continue;
      pieces.push_back(piece);
      piece = {.begin = piece.end};
    }
    if (piece.end >= 0 && piece.end > piece.begin) pieces.push_back(piece);
    return pieces;
  }
  if (is_cut_by_bytes(source) || source.kind == "warc") {
    for (std::int64_t begin = 0; begin < source.bytes; begin += piece_bytes) {
      const std::int64_t end = std::min(begin + piece_bytes, source.bytes);
      pieces.push_back({.begin = begin, .end = end, .bytes = end - begin});
    }
    return pieces;
  }
  if (source.kind == "parquet") {
    const std::int64_t shares = std::max<std::int64_t>((source.bytes + piece_bytes - 1) / piece_bytes, 1);
    for (std::int64_t i = 0; i < shares; ++i) pieces.push_back({.begin = i, .end = shares, .bytes = source.bytes / shares});
    return pieces;
  }
  return {{.bytes = source.bytes}};
}

std::unique_ptr<Source> open_source(const FetchedSource& source, std::int64_t max_record_bytes, const SourcePiece& piece) {
  if (source.kind == "archive") return std::make_unique<ArchiveSource>(source, max_record_bytes);
  if (source.kind == "warc") return open_warc(source.path, fs::path(source.path).filename().string(), max_record_bytes, piece);
  if (source.kind == "parquet") {
    ParquetConfig config;
    config.text_field = text_field_of(source);
    config.max_record_bytes = max_record_bytes;
    if (piece.end > 0) config.shard = piece.begin, config.shards = piece.end;
    return open_parquet(source.path, config);
  }
  if (is_cut_by_bytes(source)) return std::make_unique<RecordsPiece>(source.path, piece, max_record_bytes);
  check(source.kind == "folder" || source.kind == "records" || source.kind == "file", "unknown kind of source: ", source.kind,
        " for ", source.uri, "; run fetch again");
  return std::make_unique<FolderSource>(source, max_record_bytes, piece);
}

std::string source_kind(const std::string& name, bool is_folder) {
  if (is_folder) return "folder";
  if (ends_with_any(name, {".jsonl", ".jsonl.zst", ".jsonl.gz"})) return "records";
  if (is_archive_name(name)) return "archive";
  if (name.ends_with(".parquet")) return "parquet";
  if (ends_with_any(name, {".warc", ".warc.gz", ".warc.zst", ".wet", ".wet.gz", ".wet.zst"})) return "warc";
  return "file";
}

bool source_glob_match(const std::string& glob, const std::string& path) {
  if (glob.find('/') != std::string::npos) return glob_match(glob, path);
  return glob_match(glob, path.substr(path.rfind('/') + 1));
}

}  // namespace corollary
