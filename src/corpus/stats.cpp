#include "corpus/stats.h"

#include <map>
#include <mutex>
#include <tuple>

#include "base/compress.h"
#include "base/error.h"
#include "base/threads.h"
#include "corpus/document.h"
#include "corpus/sources/source.h"

namespace corollary {
namespace {

std::string text_or(const Json& meta, std::initializer_list<const char*> names, const std::string& otherwise) {
  for (const char* name : names)
    if (meta.contains(name) && meta[name].is_string()) return meta[name].get<std::string>();
  return otherwise;
}

}  // namespace

std::vector<CorpusStats> corpus_stats(const fs::path& folder_or_file) {
  check(fs::exists(folder_or_file), "nothing at ", folder_or_file.string(), ": give a corpus folder or a .jsonl[.zst|.gz] file");
  std::vector<fs::path> files;
  if (!fs::is_directory(folder_or_file)) {
    files = {folder_or_file};
  } else {
    for (const fs::path& file : list_files(folder_or_file))
      if (source_kind(file.filename().string(), false) == "records" && file.filename() != "rejected.jsonl") files.push_back(file);
  }
  check(!files.empty(), "no .jsonl[.zst|.gz] file in ", folder_or_file.string());
  std::map<std::tuple<std::string, std::string, std::string>, CorpusStats> table;
  std::mutex mutex;
  parallel_for(static_cast<std::int64_t>(files.size()), [&](std::int64_t i) {
    const fs::path& file = files[static_cast<std::size_t>(i)];
    const std::string name = file.filename().string(), split = name.substr(0, name.find('.'));
    const std::string folder = fs::absolute(file).parent_path().filename().string();
    decltype(table) own;
    LineReader lines(file);
    while (const auto line = lines.next()) {
      const Document document = document_from_line(*line, file.string() + " line " + std::to_string(lines.line_number()));
      const std::string subset = text_or(document.meta, {"subset"}, folder),
                        language = text_or(document.meta, {"language", "lang"}, "-");
      CorpusStats& stats = own[{subset, language, split}];
      ++stats.documents;
      stats.bytes += static_cast<std::int64_t>(document.text.size());
    }
    const std::lock_guard lock(mutex);
    for (const auto& [key, stats] : own) {
      CorpusStats& sum = table[key];
      sum.documents += stats.documents;
      sum.bytes += stats.bytes;
    }
  });
  std::vector<CorpusStats> result;
  for (auto& [key, stats] : table) {
    std::tie(stats.subset, stats.language, stats.split) = key;
    result.push_back(stats);
  }
  return result;
}

}  // namespace corollary
