#include "corpus/stats.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <tuple>
#include <unordered_map>

#include "base/compress.h"
#include "base/error.h"
#include "base/manifest.h"
#include "base/threads.h"
#include "corpus/document_head.h"
#include "corpus/sources/source.h"

namespace corollary {
namespace {

struct Sum {
  std::int64_t documents = 0, bytes = 0;
};
struct Counts {
  std::map<std::tuple<std::string, std::string, std::string>, CorpusStats> rows;
  std::map<std::string, std::unordered_map<std::string, Sum>> origins;  ///< by subset
};

bool is_split(const std::string& name) { return name == "train" || name == "validation" || name == "test"; }

/// Subset and split as the path has them: SUBSET/SPLIT.jsonl.zst or SUBSET/SPLIT/NAME.jsonl.zst.
std::pair<std::string, std::string> named_by_path(const fs::path& file) {
  const std::string name = file.filename().string();
  const fs::path folder = fs::absolute(file).parent_path();
  if (is_split(folder.filename().string())) return {folder.parent_path().filename().string(), folder.filename().string()};
  return {folder.filename().string(), name.substr(0, name.find('.'))};
}

std::string origin_of(const DocumentHead& head) {
  for (const std::string* name : {&head.domain, &head.repo, &head.source})
    if (!name->empty()) return *name;
  return "-";
}

Counts count_file(const fs::path& file, const std::function<std::int64_t(std::string_view)>& count_tokens) {
  Counts counts;
  const auto [path_subset, split] = named_by_path(file);
  DocumentHeadReader reader;
  LineReader lines(file);
  while (const auto line = lines.next()) {
    const auto head = reader.read(*line);
    check(head.has_value(), "", file.string(), " line ", lines.line_number(), ": ", reader.why());
    const std::string subset = head->subset.empty() ? path_subset : head->subset,
                      language = head->language.empty() ? "-" : head->language;
    CorpusStats& row = counts.rows[{subset, language, split}];
    const auto bytes = static_cast<std::int64_t>(head->text.size());
    ++row.documents;
    row.bytes += bytes;
    row.lengths.add(bytes);
    if (count_tokens) row.tokens = std::max<std::int64_t>(row.tokens, 0) + count_tokens(head->text);
    Sum& origin = counts.origins[subset][origin_of(*head)];
    ++origin.documents;
    origin.bytes += bytes;
  }
  return counts;
}

std::vector<CorpusReport::Origin> largest(const std::string& subset, const std::unordered_map<std::string, Sum>& origins) {
  std::vector<CorpusReport::Origin> all;
  for (const auto& [name, sum] : origins) all.push_back({subset, name, sum.documents, sum.bytes});
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return std::tie(b.bytes, a.name) < std::tie(a.bytes, b.name); });
  if (all.size() > CorpusReport::kMostOrigins) {
    CorpusReport::Origin others{subset, "(others)", 0, 0};
    for (std::size_t i = CorpusReport::kMostOrigins; i < all.size(); ++i)
      others.documents += all[i].documents, others.bytes += all[i].bytes;
    all.resize(CorpusReport::kMostOrigins);
    all.push_back(others);
  }
  return all;
}

}  // namespace

CorpusReport corpus_stats(const fs::path& folder_or_file, const std::function<std::int64_t(std::string_view)>& count_tokens) {
  check(fs::exists(folder_or_file), "nothing at ", folder_or_file.string(), ": give a corpus folder or a .jsonl[.zst|.gz] file");
  std::vector<fs::path> files;
  if (!fs::is_directory(folder_or_file)) {
    files = {folder_or_file};
  } else {
    for (const fs::path& file : list_files(folder_or_file)) {
      const bool is_work = file.lexically_relative(folder_or_file).begin()->string() == ".work";
      if (source_kind(file.filename().string(), false) == "records" && !file.filename().string().starts_with("rejected.jsonl") &&
          !file.filename().string().starts_with("contaminated.jsonl") && !is_work)
        files.push_back(file);
    }
  }
  check(!files.empty(), "no .jsonl[.zst|.gz] file in ", folder_or_file.string());
  Counts all;
  std::mutex mutex;
  parallel_for(static_cast<std::int64_t>(files.size()), [&](std::int64_t i) {
    const Counts own = count_file(files[static_cast<std::size_t>(i)], count_tokens);
    const std::lock_guard lock(mutex);
    for (const auto& [key, row] : own.rows) {
      CorpusStats& sum = all.rows[key];
      sum.documents += row.documents;
      sum.bytes += row.bytes;
      if (row.tokens >= 0) sum.tokens = std::max<std::int64_t>(sum.tokens, 0) + row.tokens;
      sum.lengths.add(row.lengths);
    }
    for (const auto& [subset, origins] : own.origins)
      for (const auto& [name, origin] : origins) {
        Sum& sum = all.origins[subset][name];
        sum.documents += origin.documents;
        sum.bytes += origin.bytes;
      }
  });
  CorpusReport report;
  for (auto& [key, row] : all.rows) {
    std::tie(row.subset, row.language, row.split) = key;
    report.rows.push_back(row);
  }
  for (const auto& [subset, origins] : all.origins)
    for (auto& origin : largest(subset, origins)) report.origins.push_back(std::move(origin));
  if (fs::is_directory(folder_or_file) && fs::exists(folder_or_file / "manifest.json")) {
    const Json counts = read_manifest(folder_or_file).counts;
    if (counts.contains("rejected_by_reason") && counts["rejected_by_reason"].is_object())
      for (const auto& [reason, n] : counts["rejected_by_reason"].items())
        if (n.is_number_integer()) report.rejected.emplace_back(reason, n.get<std::int64_t>());
    if (counts.contains("by_source")) report.by_source = counts["by_source"];
  }
  std::stable_sort(report.rejected.begin(), report.rejected.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return report;
}

Json corpus_stats_to_json(const CorpusReport& report) {
  Json rows = Json::array(), origins = Json::array(), rejected = Json::object();
  for (const CorpusStats& at : report.rows) {
    Json row = {
        {"subset", at.subset}, {"language", at.language}, {"split", at.split}, {"documents", at.documents}, {"bytes", at.bytes}};
    if (at.tokens >= 0) row["tokens"] = at.tokens;
    Json& lengths = row["lengths"];
    lengths = {{"least", at.lengths.least()}, {"mean", at.lengths.mean()}};
    for (const int percent : {5, 25, 50, 75, 95}) lengths["p" + std::to_string(percent)] = at.lengths.quantile(percent / 100.0);
    lengths["most"] = at.lengths.most();
    Json octaves = Json::object();
    for (std::size_t octave = 0; octave < LengthHistogram::kOctaves; ++octave)
      if (const std::int64_t n = at.lengths.in_octave(octave); n > 0) octaves[std::to_string(std::int64_t{1} << octave)] = n;
    lengths["octaves"] = octaves;
    rows.push_back(std::move(row));
  }
  for (const auto& at : report.origins)
    origins.push_back({{"subset", at.subset}, {"name", at.name}, {"documents", at.documents}, {"bytes", at.bytes}});
  for (const auto& [reason, n] : report.rejected) rejected[reason] = n;
  return {{"rows", rows}, {"origins", origins}, {"rejected", rejected}, {"by_source", report.by_source}};
}

}  // namespace corollary
