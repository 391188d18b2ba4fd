#include "explore/overlap.h"

#include <algorithm>
#include <memory>
#include <set>
#include <unordered_set>

#include "base/compress.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/manifest.h"
#include "base/stop.h"
#include "base/threads.h"
#include "corpus/ngrams/ngram_index.h"
#include "corpus/ngrams/test_texts.h"
#include "corpus/ngrams/text_index.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::int64_t kFull = -1;
constexpr std::int64_t kPlaceholder = -123;  // what the published tool puts before the hits of every document

/// A hit of one document.
struct Hit {
  std::int64_t item = 0, offset = 0, bytes = 0;
  std::string ngram;
};

/// Everything that is looked for, and how.
class Searcher {
 public:
  explicit Searcher(const OverlapConfig& config) : config_(config), tests_(read_test_texts(config.tests, {config.key}, true)) {
    std::vector<std::int32_t> ns;
    for (const std::int64_t n : config.ngrams) {
      check(n == kFull || (n >= 1 && n <= 1000), "--ngrams must be lengths of 1 to 1000 words, or -1 for whole texts, not ", n);
      if (n != kFull) ns.push_back(static_cast<std::int32_t>(n));
    }
    if (!ns.empty()) ngrams_ = std::make_unique<NgramIndex>(tests_.texts, ns, WordRule::whitespace);
    if (ns.size() < config.ngrams.size()) whole_ = std::make_unique<TextIndex>(tests_.texts);
  }

  const TestTexts& tests() const { return tests_; }

  /// Hits by n: every n-gram of a document that an item has, once for the item.
  std::map<std::int64_t, std::vector<Hit>> search(std::string_view text) const {
    std::map<std::int64_t, std::vector<Hit>> hits;
    if (ngrams_) {
      thread_local Words words(WordRule::whitespace);
      words.assign(text);
      std::set<std::tuple<std::int64_t, std::int32_t, std::int32_t>> seen;
      ngrams_->search(words, [&](const NgramMatch& match) {
        const auto n = static_cast<std::size_t>(match.n);
        if (!seen.insert({match.n, match.test, match.test_word}).second) return;
        const std::size_t begin = words.begin(match.word), end = words.end(match.word + n - 1);
        hits[match.n].push_back({tests_.items[static_cast<std::size_t>(match.test)], static_cast<std::int64_t>(begin),
                                 static_cast<std::int64_t>(end - begin), words.ngram(match.word, n)});
      });
    }
    if (whole_)
      whole_->search(text, [&](std::int32_t test, std::int64_t byte) {
        const std::string& whole = tests_.texts[static_cast<std::size_t>(test)];
        hits[kFull].push_back({tests_.items[static_cast<std::size_t>(test)], byte, static_cast<std::int64_t>(whole.size()), whole});
      });
    return hits;
  }

 private:
  OverlapConfig config_;
  TestTexts tests_;
  std::unique_ptr<NgramIndex> ngrams_;
  std::unique_ptr<TextIndex> whole_;
};

std::string file_name(std::int64_t n) { return n == kFull ? "hits_full.jsonl" : "hits_" + std::to_string(n) + ".jsonl"; }

/// Cut to whole characters.
std::string excerpt(std::string_view text, std::int64_t begin, std::int64_t end) {
  begin = std::clamp<std::int64_t>(begin, 0, static_cast<std::int64_t>(text.size()));
  end = std::clamp<std::int64_t>(end, begin, static_cast<std::int64_t>(text.size()));
  const auto is_inside = [&](std::int64_t at) {
    return at < static_cast<std::int64_t>(text.size()) &&
           (static_cast<unsigned char>(text[static_cast<std::size_t>(at)]) & 0xC0) == 0x80;
  };
  while (is_inside(begin)) ++begin;
  while (end > begin && is_inside(end)) --end;
  return std::string(text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
}

/// Our line: where the document is, and its hits with what stands around them.
Json our_line(const Json& record, std::string_view text, const std::vector<Hit>& hits, std::int64_t n, std::int64_t context,
              const std::string& where) {
  Json line = {{"where", where}, {"text_sha256", sha256_hex(text)}};
  for (const char* name : {"url", "meta"})
    if (record.contains(name)) line[name] = record[name];
  line["hits"] = Json::array();
  for (const Hit& hit : hits)
    line["hits"].push_back({{"test_id", hit.item},
                            {"ngram_n", n},
                            {"ngram", hit.ngram},
                            {"offset", hit.offset},
                            {"before", excerpt(text, hit.offset - context, hit.offset)},
                            {"after", excerpt(text, hit.offset + hit.bytes, hit.offset + hit.bytes + context)}});
  return line;
}

/// The published tool's: the document's fields, its hits after a placeholder, and the fields of the last hit's item at the top.
Json published_line(Json record, const std::vector<Hit>& hits, std::int64_t n, const std::vector<Json>& items) {
  Json list = Json::array();
  list.push_back({{"ngram", "[PLACEHOLDER]"}, {"ngram_n", kPlaceholder}, {"test_id", kPlaceholder}});
  for (const Hit& hit : hits) list.push_back({{"ngram", hit.ngram}, {"ngram_n", n}, {"test_id", hit.item}});
  record["hits"] = std::move(list);
  const Hit& last = hits.back();
  const Json& item = items[static_cast<std::size_t>(last.item)];
  record["ngram"] = last.ngram;
  record["ngram_n"] = n;
  record["test_id"] = last.item;
  record["id"] = last.item;
  for (const auto& [ours, theirs] :
       {std::pair{"problem", "input"}, {"question", "input"}, {"solution", "output"}, {"answer", "output"}})
    if (item.contains(ours)) record[theirs] = item[ours];
  record["meta"] = Json::object();
  for (const char* name : {"level", "type"})
    if (item.contains(name)) record["meta"][name] = item[name];
  return record;
}

/// What one document gave, by n: a line and the items.
struct Found {
  std::map<std::int64_t, std::string> lines;
  std::map<std::int64_t, std::vector<std::int64_t>> items;
  Hash128 text{};
  bool is_document = false;
};

struct Batch {
  std::vector<std::string> lines, where;
  std::size_t bytes = 0;
};

class Scan {
 public:
  Scan(const OverlapConfig& config, const fs::path& out) : config_(config), searcher_(config) {
    for (const std::int64_t n : config.ngrams) {
      writers_[n] = std::make_unique<CompressedWriter>(out / file_name(n));
      counts_[n];
    }
  }

  void read(const fs::path& file) {
    LineReader lines(file);
    while (const auto line = lines.next()) {
      batch_.lines.emplace_back(*line);
      batch_.where.push_back(file.string() + ":" + std::to_string(lines.line_number()));
      batch_.bytes += line->size();
      if (batch_.bytes >= (std::size_t{32} << 20)) flush();
    }
    flush();
  }

  std::vector<OverlapSummary> finish(const fs::path& corpus, const fs::path& out) {
    std::vector<OverlapSummary> summaries;
    Json table = Json::array();
    for (auto& [n, writer] : writers_) {
      writer->commit();
      const Counts& at = counts_[n];
      summaries.push_back({n, static_cast<std::int64_t>(at.items.size()), static_cast<std::int64_t>(at.texts.size()), at.lines,
                           static_cast<std::int64_t>(at.last_items.size())});
      table.push_back({{"ngram", n},
                       {"examples", at.items.size()},
                       {"documents", at.texts.size()},
                       {"lines", at.lines},
                       {"published_examples", at.last_items.size()},
                       {"test_ids", at.items}});
    }
    write_json_file(out / "overlap.json", {{"corpus", corpus.string()},
                                           {"config", fields_to_json(config_)},
                                           {"test_items", searcher_.tests().records.size()},
                                           {"documents_read", documents_},
                                           {"not_documents", not_documents_},
                                           {"bytes_read", bytes_},
                                           {"overlap", table},
                                           {"version", program_version()}});
    return summaries;
  }

 private:
  struct Hash {
    std::size_t operator()(const Hash128& hash) const { return hash.low; }
  };
  struct Counts {
    std::set<std::int64_t> items, last_items;
    std::unordered_set<Hash128, Hash> texts;
    std::int64_t lines = 0;
  };

  Found look(const std::string& line, const std::string& where) const {
    Found found;
    Json record;
    try {
      record = parse_json(line, where);
    } catch (const Error&) {
      return found;
    }
    if (!record.is_object() || !record.contains("text") || !record["text"].is_string()) return found;
    found.is_document = true;
    const std::string text = record["text"].get<std::string>();
    for (const auto& [n, hits] : searcher_.search(text)) {
      found.lines[n] = to_line(config_.published_format ? published_line(record, hits, n, searcher_.tests().records)
                                                        : our_line(record, text, hits, n, config_.context_bytes, where));
      for (const Hit& hit : hits) found.items[n].push_back(hit.item);
      found.text = hash128(text);
    }
    return found;
  }

  void flush() {
    check(!stop_requested(), "stopped while looking for overlap: run again to start over");
    std::vector<Found> found(batch_.lines.size());
    parallel_for(static_cast<std::int64_t>(found.size()), [&](std::int64_t i) {
      const auto index = static_cast<std::size_t>(i);
      found[index] = look(batch_.lines[index], batch_.where[index]);
    });
    for (const Found& at : found) {
      ++(at.is_document ? documents_ : not_documents_);
      for (const auto& [n, line] : at.lines) {
        writers_[n]->write_line(line);
        Counts& counts = counts_[n];
        ++counts.lines;
        counts.texts.insert(at.text);
        const std::vector<std::int64_t>& items = at.items.at(n);
        counts.items.insert(items.begin(), items.end());
        counts.last_items.insert(items.back());
      }
    }
    bytes_ += static_cast<std::int64_t>(batch_.bytes);
    batch_ = {};
  }

  OverlapConfig config_;
  Searcher searcher_;
  std::map<std::int64_t, std::unique_ptr<CompressedWriter>> writers_;
  std::map<std::int64_t, Counts> counts_;
  Batch batch_;
  std::int64_t documents_ = 0, not_documents_ = 0, bytes_ = 0;
};

bool is_documents_file(const fs::path& file) {
  const std::string name = file.filename().string();
  return !name.starts_with("rejected.jsonl") && !name.starts_with("contaminated.jsonl") &&
         (name.ends_with(".jsonl") || name.ends_with(".jsonl.zst") || name.ends_with(".jsonl.gz"));
}

bool is_correct(const Json& score, const std::string& where) {
  for (const char* name : {"correct", "exact_match", "acc"})
    if (score.contains(name)) {
      if (score[name].is_boolean()) return score[name].get<bool>();
      if (score[name].is_number()) return score[name].get<double>() >= 0.5;
    }
  check(false, "", where, " has no \"correct\" (or exact_match, acc) that is true, false or a number");
  return false;
}

}  // namespace

std::vector<OverlapSummary> scan_overlap(const OverlapConfig& config, const fs::path& corpus, const fs::path& out) {
  check(fs::exists(corpus), "no corpus at ", corpus.string(), ": give a folder of .jsonl[.zst|.gz] files, or one");
  check(!config.ngrams.empty(), "no length of n-gram to look for");
  std::vector<fs::path> files = {corpus};
  if (fs::is_directory(corpus)) {
    files = list_files(corpus);
    std::erase_if(files, [](const fs::path& file) { return !is_documents_file(file); });
    check(!files.empty(), "no .jsonl[.zst|.gz] file in ", corpus.string());
  }
  Scan scan(config, out);
  for (const fs::path& file : files) scan.read(file);
  return scan.finish(corpus, out);
}

std::vector<OverlapAccuracy> overlap_accuracy(const OverlapConfig& config, const std::vector<fs::path>& folders, std::int64_t n,
                                              const fs::path& scores) {
  const TestTexts tests = read_test_texts(config.tests, {config.key}, true);
  std::set<std::int64_t> hits;
  for (const fs::path& folder : folders) {
    const Json overlap = read_json_file(folder / "overlap.json");
    bool is_there = false;
    for (const Json& row : overlap.at("overlap")) {
      if (row.at("ngram") != n) continue;
      is_there = true;
      for (const Json& id : row.at("test_ids")) hits.insert(id.get<std::int64_t>());
    }
    check(is_there, "", folder.string(), " was not made for n-grams of ", n);
  }
  // A problem that stands twice in the test set is hit twice: the study matches by the problem's text.
  std::set<std::string> hit_texts;
  for (std::size_t i = 0; i < tests.texts.size(); ++i)
    if (hits.contains(tests.items[i])) hit_texts.insert(tests.texts[i]);
  std::vector<bool> is_hit(tests.records.size());
  for (std::size_t i = 0; i < tests.texts.size(); ++i)
    if (hit_texts.contains(tests.texts[i])) is_hit[static_cast<std::size_t>(tests.items[i])] = true;

  std::map<std::string, OverlapAccuracy> levels;
  OverlapAccuracy all{"all", 0, 0, 0, 0};
  LineReader lines(scores);
  std::size_t item = 0;
  while (const auto line = lines.next()) {
    if (line->empty()) continue;
    const std::string where = scores.string() + " line " + std::to_string(lines.line_number());
    check(item < tests.records.size(), "", scores.string(), " has more lines than the ", tests.records.size(), " test items");
    const bool correct = is_correct(parse_json(*line, where), where);
    std::vector<OverlapAccuracy*> rows = {&all};
    if (const auto level = strings_at(tests.records[item], "level"); !level.empty()) {
      levels[level[0]].level = level[0];
      rows.push_back(&levels[level[0]]);
    }
    for (OverlapAccuracy* row : rows) {
      ++(is_hit[item] ? row->hits : row->others);
      if (correct) ++(is_hit[item] ? row->correct_hits : row->correct_others);
    }
    ++item;
  }
  check(item == tests.records.size(), "", scores.string(), " has ", item, " lines for ", tests.records.size(), " test items");
  std::vector<OverlapAccuracy> table;
  for (const auto& [level, row] : levels) table.push_back(row);
  table.push_back(all);
  return table;
}

}  // namespace corollary
