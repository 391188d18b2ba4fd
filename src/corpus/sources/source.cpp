#include "corpus/sources/source.h"

#include "base/compress.h"
#include "base/error.h"
#include "corpus/sources/archive.h"

namespace corollary {
namespace {

bool ends_with_any(const std::string& name, std::initializer_list<const char*> endings) {
  for (const std::string_view ending : endings)
    if (name.ends_with(ending)) return true;
  return false;
}

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
      record.path = name_ + ":" + std::to_string(lines_.line_number());
      if (static_cast<std::int64_t>(line->size()) > max_record_bytes_) {
        record.rejection = Rejection{"too_large", 0, std::to_string(line->size()) + " bytes"};
        return record;
      }
      try {
        Document document = document_from_line(*line, path_.string() + " line " + std::to_string(lines_.line_number()));
        record.bytes = std::move(document.text);
        record.meta = std::move(document.meta);
        record.is_document = true;
      } catch (const Error& error) {
        record.rejection = Rejection{"malformed_record", 0, error.what()};
      }
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

class FolderSource : public Source {
 public:
  FolderSource(const FetchedSource& source, std::int64_t max_record_bytes)
      : root_(source.path), glob_(source.glob), max_record_bytes_(max_record_bytes) {
    if (source.kind == "folder")
      files_ = list_files(root_);
    else
      files_ = {root_};
  }

  std::optional<RawRecord> next() override {
    for (;;) {
      if (records_) {
        if (auto record = records_->next()) return record;
        records_.reset();
      }
      if (at_ == files_.size()) return std::nullopt;
      const fs::path& file = files_[at_++];
      const std::string name = file == root_ ? file.filename().string() : file.lexically_relative(root_).string();
      if (file != root_ && !source_glob_match(glob_, name)) continue;
      if (source_kind(name, false) == "records") {
        records_ = std::make_unique<RecordsSource>(file, name, max_record_bytes_);
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
  std::string glob_;
  std::int64_t max_record_bytes_;
  std::vector<fs::path> files_;
  std::size_t at_ = 0;
  std::unique_ptr<RecordsSource> records_;
};

class ArchiveSource : public Source {
 public:
  ArchiveSource(const FetchedSource& source, std::int64_t max_record_bytes)
      : archive_(source.path),
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
        else
          record.bytes = archive_.read();
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
  ArchiveReader archive_;
  std::string name_, glob_;
  std::int64_t max_record_bytes_;
  bool is_over_ = false;
};

}  // namespace

std::unique_ptr<Source> open_source(const FetchedSource& source, std::int64_t max_record_bytes) {
  if (source.kind == "archive") return std::make_unique<ArchiveSource>(source, max_record_bytes);
  check(source.kind == "folder" || source.kind == "records" || source.kind == "file", "unknown kind of source: ", source.kind,
        " for ", source.uri, "; run fetch again");
  return std::make_unique<FolderSource>(source, max_record_bytes);
}

std::string source_kind(const std::string& name, bool is_folder) {
  if (is_folder) return "folder";
  if (ends_with_any(name, {".jsonl", ".jsonl.zst", ".jsonl.gz"})) return "records";
  if (ends_with_any(name, {".deb", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".tar.bz2"})) return "archive";
  return "file";
}

bool source_glob_match(const std::string& glob, const std::string& path) {
  if (glob.find('/') != std::string::npos) return glob_match(glob, path);
  return glob_match(glob, path.substr(path.rfind('/') + 1));
}

}  // namespace corollary
