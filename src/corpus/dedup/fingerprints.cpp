#include "corpus/dedup/fingerprints.h"

#include <simdjson.h>

#include <limits>

#include "base/compress.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/threads.h"
#include "corpus/dedup/dedup.h"
#include "corpus/dedup/record_sort.h"

namespace corollary {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{16} << 20, kBatchLines = 16384;

struct Prints {
  bool is_document = false;
  std::int64_t text_bytes = 0;
  std::optional<Hash128> document;
  std::vector<Fingerprint::Chunk> chunks;
  std::vector<std::uint64_t> bands;
};

Hash128 in_near_scope(std::uint64_t band, const DedupConfig& config, const DocumentView& document) {
  std::string scope;
  if (config.near_scope != "all") scope = document.subset;
  if (config.near_scope == "language") scope += '/' + document.language;
  return scoped({band, 0}, scope);
}

Prints prints_of(const DedupConfig& config, const MinHasher& hasher, DocumentScanner& scanner, std::string_view line) {
  Prints prints;
  const auto document = scanner.scan(line);
  if (!document) return prints;
  prints.is_document = true;
  prints.text_bytes = static_cast<std::int64_t>(document->text.size());
  const bool is_exact = applies(config.exact, document->subset, document->language);
  const bool has_chunks = applies(config.chunks, document->subset, document->language);
  if (is_exact || has_chunks) {
    Fingerprint print = fingerprint(document->text, has_chunks, config.as_published);
    if (is_exact) prints.document = print.document;
    for (auto& chunk : print.chunks) chunk.hash = scoped(chunk.hash, document->language);
    prints.chunks = std::move(print.chunks);
  }
  if (applies(config.near, document->subset, document->language)) {
    std::vector<std::uint64_t> rows;
    if (hasher.signature(document->text, rows)) hasher.band_hashes(rows, prints.bands);
    for (std::uint64_t& band : prints.bands) band = in_near_scope(band, config, *document).low;
  }
  return prints;
}

Layout layout_of_kind(std::uint32_t kind) {
  return {.has_low = kind == kDocumentHash || kind == kChunkHash, .has_offset = kind == kChunkHash};
}

/// Buckets are ranges of hashes, so records sorted by hash are sorted by bucket.
std::uint32_t bucket_of(const Record& record, std::int64_t num_buckets) {
  if (record.kind == kMalformedLine) return 0;
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint32_t>(static_cast<Wide>(record.high) * static_cast<std::uint64_t>(num_buckets) >> 64);
}

void add_records(RecordSorter& sorter, const Prints& prints, std::uint64_t line) {
  if (!prints.is_document) sorter.add({.high = line, .position = line, .kind = kMalformedLine});
  if (prints.document)
    sorter.add({.high = prints.document->high, .low = prints.document->low, .position = line, .kind = kDocumentHash});
  for (const auto& chunk : prints.chunks)
    sorter.add({.high = chunk.hash.high,
                .low = chunk.hash.low,
                .position = line,
                .offset = static_cast<std::uint32_t>(chunk.offset),
                .kind = kChunkHash});
  for (const std::uint64_t band : prints.bands) sorter.add({.high = band, .position = line, .kind = kBandHash});
}

}  // namespace

void check_config(const DedupConfig& config) {
  (void)MinHasher(config.minhash());
  check(config.num_buckets >= 1 && config.num_buckets <= 65536, "num_buckets must lie in [1, 65536], is ", config.num_buckets);
  check(config.memory_bytes >= 1 << 16, "memory_bytes must be at least 65536, is ", config.memory_bytes);
  check(config.near_scope == "language" || config.near_scope == "subset" || config.near_scope == "all",
        "near_scope must be language, subset or all, is ", config.near_scope);
}

bool applies(const std::vector<std::string>& rules, std::string_view subset, std::string_view language) {
  for (const std::string& rule : rules) {
    if (rule.empty()) continue;  // what an empty flag gives: no rule, not the subset without a name
    const bool names_language = rule.find('/') != std::string::npos;
    if (names_language ? glob_match(rule, std::string(subset) + '/' + std::string(language)) : glob_match(rule, subset))
      return true;
  }
  return false;
}

std::uint64_t dedup_digest(const DedupConfig& config) {
  Json json = fields_to_json(config);
  json.erase("memory_bytes");
  return hash64(to_line(json));
}

struct DocumentScanner::State {
  simdjson::dom::parser parser{std::size_t{4} << 30}, inner_parser{std::size_t{4} << 30};
  std::string padded, inner;
};

DocumentScanner::DocumentScanner() : state_(std::make_unique<State>()) {}
DocumentScanner::~DocumentScanner() = default;

std::optional<DocumentView> DocumentScanner::scan(std::string_view line) {
  const auto parse = [](simdjson::dom::parser& parser, std::string& padded, std::string_view json) {
    padded.assign(json);
    padded.append(simdjson::SIMDJSON_PADDING, '\0');
    return parser.parse(padded.data(), json.size(), false);
  };
  simdjson::dom::object object;
  if (parse(state_->parser, state_->padded, line).get(object) != simdjson::SUCCESS) return std::nullopt;
  std::string_view text;
  if (object["text"].get(text) != simdjson::SUCCESS) return std::nullopt;
  DocumentView view;
  view.text = text;
  const auto read = [&](const simdjson::dom::object& from) {
    for (const auto& [name, field] :
         {std::pair{"subset", &view.subset}, {"language", &view.language}, {"source", &view.source}, {"path", &view.path}}) {
      std::string_view value;
      if (field->empty() && from[name].get(value) == simdjson::SUCCESS) *field = value;
    }
  };
  if (simdjson::dom::element meta; object["meta"].get(meta) == simdjson::SUCCESS && !meta.is_null()) {
    simdjson::dom::object inside;
    std::string_view written;
    if (meta.get(written) == simdjson::SUCCESS) {
      if (parse(state_->inner_parser, state_->inner, written).get(inside) != simdjson::SUCCESS) return std::nullopt;
    } else if (meta.get(inside) != simdjson::SUCCESS) {
      return std::nullopt;
    }
    read(inside);
  }
  read(object);
  return view;
}

void fingerprint_shard(const DedupConfig& config, const fs::path& shard, const fs::path& out, std::uint64_t source) {
  check_config(config);
  const MinHasher hasher(config.minhash());
  RecordSorter sorter(out.string() + ".run", config.memory_bytes);
  std::int64_t lines = 0, bytes = 0;
  LineReader reader(shard);
  std::vector<std::string> batch;
  bool is_at_end = false;
  while (!is_at_end) {
    batch.clear();
    for (std::size_t batch_bytes = 0; batch_bytes < kBatchBytes && batch.size() < kBatchLines;) {
      const auto line = reader.next();
      is_at_end = !line;
      if (!line) break;
      batch.emplace_back(*line);
      batch_bytes += line->size();
    }
    std::vector<Prints> prints(batch.size());
    parallel_pieces(std::ssize(batch), [&](std::int64_t begin, std::int64_t end, int) {
      DocumentScanner scanner;
      for (std::int64_t i = begin; i < end; ++i) {
        const auto index = static_cast<std::size_t>(i);
        prints[index] = prints_of(config, hasher, scanner, batch[index]);
      }
    });
    check(lines + std::ssize(batch) <= std::numeric_limits<std::uint32_t>::max(), "the shard ", shard.string(),
          " has more than 2^32 lines: split it");
    for (const Prints& print : prints) {
      add_records(sorter, print, static_cast<std::uint64_t>(lines++));
      bytes += print.text_bytes;
    }
  }
  RecordWriter writer(out, RecordFileType::fingerprints, dedup_digest(config), source);
  std::optional<std::pair<std::uint32_t, std::uint32_t>> place;
  sorter.finish([&](const Record& record) {
    const std::pair at{record.kind, bucket_of(record, config.num_buckets)};
    if (place != at) writer.begin(record.kind, at.second, layout_of_kind(record.kind));
    place = at;
    writer.add(record);
  });
  writer.commit(lines, bytes);
}

}  // namespace corollary
