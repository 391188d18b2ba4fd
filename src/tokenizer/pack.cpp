#include "tokenizer/pack.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/compress.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/threads.h"
#include "tokenizer/corpus_files.h"
#include "tokenizer/indexed_dataset.h"
#include "tokenizer/tokenizer.h"

namespace corollary {
namespace {

constexpr std::size_t kBatchBytes = 4 << 20, kSliceLines = 16;

struct Counts {
  std::int64_t documents = 0, tokens = 0, bytes = 0, empty = 0;
};

/// Lines that were no documents: kept in a file, counted by reason.
class Rejects {
 public:
  Rejects(const fs::path& path, bool is_strict) : path_(path), is_strict_(is_strict) {}
  void add(const fs::path& file, std::int64_t line, const std::string& reason) {
    check(!is_strict_, "in ", file.string(), " at line ", line, ": ", reason,
          " (without --strict such lines are listed and left out)");
    if (counts_.empty())
      log_warning("{} line {}: {}; this and others like it go to {}", file.string(), line, reason, path_.string());
    if (!writer_) writer_.emplace(path_);
    writer_->write_line(to_line({{"file", file.string()}, {"line", line}, {"reason", reason}}));
    counts_[reason] = counts_.value(reason, 0) + 1;
  }
  /// True if there is a file.
  bool commit() {
    if (writer_) writer_->commit();
    return writer_.has_value();
  }
  const Json& counts() const { return counts_; }

 private:
  fs::path path_;
  bool is_strict_;
  std::optional<CompressedWriter> writer_;
  Json counts_ = Json::object();
};

/// Some lines of a file, encoded on all threads and written in their order.
class Batch {
 public:
  Batch(const Tokenizer& tokenizer, std::optional<std::int32_t> eod) : tokenizer_(tokenizer), eod_(eod) {
    text_.reserve(2 * kBatchBytes);
  }

  bool is_full() const { return text_.size() >= kBatchBytes; }
  void add(std::string_view line, std::int64_t number) {
    if (line.empty()) return;
    lines_.push_back({text_.size(), line.size(), number});
    text_ += line;
  }

  void write(const fs::path& file, IndexedDatasetWriter& writer, Counts& counts, Rejects& rejects) {
    const std::size_t slices = (lines_.size() + kSliceLines - 1) / kSliceLines;
    if (encoded_.size() < slices) encoded_.resize(slices);  // kept from batch to batch: fresh pages cost as much as the encoding
    parallel_for(static_cast<std::int64_t>(slices),
                 [&](std::int64_t i) { encode(static_cast<std::size_t>(i), encoded_[static_cast<std::size_t>(i)]); });
    for (std::size_t i = 0; i < slices; ++i) {
      const Encoded& slice = encoded_[i];
      const std::int32_t* at = slice.ids.ids().data();
      for (const auto& document : slice.documents) {
        if (document.rejected) {
          rejects.add(file, document.line, *document.rejected);
        } else if (document.tokens == 0) {
          ++counts.empty;
        } else {
          writer.add({at, document.tokens});
          at += document.tokens;
          ++counts.documents;
          counts.tokens += static_cast<std::int64_t>(document.tokens);
          counts.bytes += document.bytes;
        }
      }
    }
    text_.clear();
    lines_.clear();
  }

 private:
  struct Line {
    std::size_t begin, length;
    std::int64_t number;
  };
  struct Document {
    std::int64_t line, bytes;
    std::size_t tokens;
    std::optional<std::string> rejected;
  };
  struct Encoded {
    TokenBuffer ids;
    std::vector<Document> documents;
  };

  void encode(std::size_t slice, Encoded& out) const {
    thread_local DocumentParser parser;
    out.ids.clear();
    out.documents.clear();
    for (std::size_t i = slice * kSliceLines; i < std::min((slice + 1) * kSliceLines, lines_.size()); ++i) {
      const std::size_t before = out.ids.size();
      const auto text = parser.text(std::string_view(text_).substr(lines_[i].begin, lines_[i].length));
      if (text && !text->empty()) {
        tokenizer_.encode(*text, out.ids);
        if (eod_ && out.ids.size() > before) out.ids.push_back(*eod_);
      }
      out.documents.push_back({lines_[i].number, text ? static_cast<std::int64_t>(text->size()) : 0, out.ids.size() - before,
                               text ? std::nullopt : std::optional(parser.why())});
    }
  }

  const Tokenizer& tokenizer_;
  const std::optional<std::int32_t> eod_;
  std::string text_;
  std::vector<Line> lines_;
  std::vector<Encoded> encoded_;
};

/// The next line; at damage none, with what it was: the lines before it count.
std::optional<std::string_view> next_line(LineReader& lines, std::string& damage) {
  try {
    return lines.next();
  } catch (const Error& error) {
    damage = error.what();
    return std::nullopt;
  }
}

/// One set into its pair of files.
Counts pack_set(const CorpusSet& set, const Tokenizer& tokenizer, std::optional<std::int32_t> eod, const fs::path& out,
                Rejects& rejects) {
  Counts counts;
  IndexedDatasetWriter writer(out / packed_name(set.subset, set.split), tokenizer.vocab_size());
  Progress progress("pack " + set.subset + " " + set.split, 0, "documents");
  Batch batch(tokenizer, eod);
  for (const fs::path& file : set.files) {
    const auto write = [&] {
      const std::int64_t before = counts.documents;
      batch.write(file, writer, counts, rejects);
      progress.advance(counts.documents - before);
      check(!stop_requested(), "stopped while packing ", file.string(), ": run the command again, the stage starts over");
    };
    LineReader lines(file);
    std::string damage;
    while (const auto line = next_line(lines, damage)) {
      batch.add(*line, lines.line_number());
      if (batch.is_full()) write();
    }
    write();
    if (!damage.empty()) rejects.add(file, lines.line_number() + 1, "damaged file, the rest is lost: " + damage);
  }
  writer.commit();
  return counts;
}

}  // namespace

std::string packed_name(const std::string& subset, const std::string& split) { return subset + "_" + split + "_text_document"; }

StageResult pack(const PackConfig& config, const fs::path& corpus, const fs::path& tokenizer_path, const fs::path& out) {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<CorpusSet> sets = corpus_sets(corpus);
  const Tokenizer tokenizer = Tokenizer::load(tokenizer_path);
  std::optional<std::int32_t> eod;
  if (config.append_eod) {
    const std::int64_t id = config.eod_id >= 0 ? config.eod_id : tokenizer.eos_id();
    check(id >= 0 && id < tokenizer.vocab_size(), "eod_id is ", id, ", the vocabulary has ", tokenizer.vocab_size(),
          ": give an id of it, or no append_eod");
    eod = static_cast<std::int32_t>(id);
  }
  const Json settings = fields_to_json(config);
  const Json inputs = {{"corpus", corpus_digests(corpus, sets)}, {"tokenizer", tokenizer.digest()}};
  if (auto done = up_to_date(out, "pack", settings, inputs)) return {std::move(*done), true};

  std::int64_t input_bytes = 0;
  for (const CorpusSet& set : sets)
    for (const fs::path& file : set.files) input_bytes += static_cast<std::int64_t>(fs::file_size(file));
  require_space(out, 2 * input_bytes, "packed tokens (about)");

  Rejects rejects(out / "rejected.jsonl", config.strict);
  Counts total;
  Json by_set = Json::object();
  std::vector<std::string> outputs;
  for (const CorpusSet& set : sets) {
    const Counts counts = pack_set(set, tokenizer, eod, out, rejects);
    by_set[set.subset + "_" + set.split] = {
        {"documents", counts.documents}, {"tokens", counts.tokens}, {"bytes", counts.bytes}, {"empty", counts.empty}};
    total.documents += counts.documents, total.tokens += counts.tokens, total.bytes += counts.bytes, total.empty += counts.empty;
    for (const char* extension : {".bin", ".idx"}) outputs.push_back(packed_name(set.subset, set.split) + extension);
  }
  if (rejects.commit())
    outputs.emplace_back("rejected.jsonl");
  else
    fs::remove(out / "rejected.jsonl");  // of an earlier run

  Manifest manifest;
  manifest.stage = "pack";
  manifest.config = settings;
  manifest.inputs = inputs;
  manifest.counts = {{"documents", total.documents},
                     {"tokens", total.tokens},
                     {"bytes", total.bytes},
                     {"empty", total.empty},
                     {"vocab_size", tokenizer.vocab_size()},
                     {"eod_id", eod ? Json(*eod) : Json(nullptr)},
                     {"rejected", rejects.counts()},
                     {"sets", by_set}};
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  write_manifest(out, manifest, outputs);
  return {read_manifest(out), false};
}

}  // namespace corollary
