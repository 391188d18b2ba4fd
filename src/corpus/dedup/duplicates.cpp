#include "corpus/dedup/duplicates.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include "base/compress.h"
#include "base/error.h"
#include "base/json.h"
#include "corpus/dedup/fingerprints.h"
#include "corpus/dedup/record_sort.h"

namespace corollary {
namespace {

constexpr Layout kVerdictLayout = {.has_low = true, .has_shard = true};
constexpr Layout kNeighbourLayout = {.has_shard = true};

std::uint64_t verdict(DropReason reason, std::uint32_t offset) {
  return std::uint64_t{static_cast<std::uint32_t>(reason)} << 32 | offset;
}

RecordFileHead checked_head(const DedupConfig& config, const fs::path& path, RecordFileType type) {
  RecordFileHead head = read_record_head(path, type);
  check(head.config == dedup_digest(config), "the file ", path.string(),
        " was made with another configuration: delete it and run the step that made it again");
  return head;
}

std::vector<RecordInput> segments_of(const DedupConfig& config, const std::vector<fs::path>& files, RecordFileType type,
                                     std::uint32_t kind, std::optional<std::int64_t> bucket) {
  std::vector<RecordInput> inputs;
  for (std::size_t i = 0; i < files.size(); ++i)
    for (const Segment& segment : checked_head(config, files[i], type).segments)
      if (segment.kind == kind && (!bucket || segment.bucket == *bucket)) inputs.push_back({files[i], segment, i});
  return inputs;
}

/// Union-find whose roots are the smallest of their sets, so that the outcome does not depend on the order of the unions.
template <class Index>
class Sets {
 public:
  explicit Sets(std::uint64_t n) : parent_(n) {
    for (std::uint64_t i = 0; i < n; ++i) parent_[i] = static_cast<Index>(i);
  }
  void unite(std::uint64_t a, std::uint64_t b) {
    const Index x = root(static_cast<Index>(a)), y = root(static_cast<Index>(b));
    if (x < y)
      parent_[y] = x;
    else
      parent_[x] = y;
  }
  /// After it parent(i) is i's root.
  void flatten() {
    for (Index& parent : parent_) parent = parent_[parent];  // parents come earlier, so they point at roots already
  }
  Index& parent(std::uint64_t i) { return parent_[i]; }

 private:
  Index root(Index i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  std::vector<Index> parent_;
};

/// Numbers documents through all shards, and writes each shard's drops as the documents pass.
template <class Index>
class Resolver {
 public:
  Resolver(const DedupConfig& config, const std::vector<fs::path>& fingerprints, const std::vector<fs::path>& outs,
           std::uint64_t source, std::vector<std::uint64_t> begins)
      : config_(config),
        fingerprints_(fingerprints),
        outs_(outs),
        source_(source),
        begins_(std::move(begins)),
        sets_(begins_.back()),
        is_dropped_(begins_.back(), false) {}

  void unite(const Record& neighbour) { sets_.unite(number(neighbour.high), number(neighbour.position)); }
  void drop(const Record& exact) { is_dropped_[number(exact.high)] = true; }
  void flatten() { sets_.flatten(); }

  /// Verdicts in order of documents, then finish().
  void write(const Record& exact) {
    const std::uint64_t document = number(exact.high);
    if (document < next_) return;  // a weaker reason for the same one
    advance(document);
    open_shard();
    writer_->add({.high = line_of(exact.high), .low = exact.low, .position = exact.position, .kind = kDrop});
    ++next_;
  }
  void finish() {
    advance(begins_.back());
    while (shard_ + 1 < begins_.size()) next_shard();
  }

 private:
  std::uint64_t number(std::uint64_t position) const {
    const std::uint64_t shard = shard_of(position);
    check(shard + 1 < begins_.size() && line_of(position) < begins_[shard + 1] - begins_[shard], "a match names line ",
          line_of(position), " of shard ", shard, ", which does not exist: the matches are of other shards; run phase 2 again");
    return begins_[shard] + line_of(position);
  }
  std::uint64_t position(std::uint64_t document) const {
    const auto above = std::upper_bound(begins_.begin(), begins_.end(), document) - begins_.begin() - 1;
    return position_of(static_cast<std::uint64_t>(above), document - begins_[static_cast<std::size_t>(above)]);
  }

  /// Passes the documents before `end`, none of which an exact rule drops.
  void advance(std::uint64_t end) {
    for (; next_ < end; ++next_) {
      open_shard();
      const std::uint64_t line = next_ - begins_[shard_];
      if (has_malformed_ && malformed_line_.high == line) {
        writer_->add(
            {.high = line, .low = verdict(DropReason::malformed_record, 0), .position = position_of(shard_, line), .kind = kDrop});
        has_malformed_ = malformed_->next(malformed_line_);
        continue;
      }
      const std::uint64_t root = sets_.parent(next_);
      if (root == next_) continue;
      std::uint64_t kept = root;
      if (is_dropped_[root]) {  // the first that stays takes its place: a dropped root remembers it in its own entry
        Index& heir = sets_.parent(root);
        if (heir == root) heir = static_cast<Index>(next_);
        kept = heir;
      }
      if (kept != next_)
        writer_->add({.high = line, .low = verdict(DropReason::near_duplicate, 0), .position = position(kept), .kind = kDrop});
    }
  }
  /// The writer of the shard that next_ lies in.
  void open_shard() {
    while (next_ >= begins_[shard_ + 1]) next_shard();
    ensure_writer();
  }
  void ensure_writer() {
    if (writer_) return;
    writer_ = std::make_unique<RecordWriter>(outs_[shard_], RecordFileType::drops, dedup_digest(config_), source_);
    writer_->begin(kDrop, 0, kVerdictLayout);
    malformed_.reset();
    has_malformed_ = false;
    for (const Segment& segment : checked_head(config_, fingerprints_[shard_], RecordFileType::fingerprints).segments) {
      if (segment.kind != kMalformedLine) continue;
      malformed_ = std::make_unique<RecordReader>(fingerprints_[shard_], segment);
      has_malformed_ = malformed_->next(malformed_line_);
    }
  }
  void next_shard() {
    ensure_writer();
    writer_->commit(static_cast<std::int64_t>(begins_[shard_ + 1] - begins_[shard_]));
    writer_.reset();
    ++shard_;
  }

  const DedupConfig& config_;
  const std::vector<fs::path>& fingerprints_;
  const std::vector<fs::path>& outs_;
  std::uint64_t source_;
  std::vector<std::uint64_t> begins_;  ///< number of each shard's first document; one more at the end
  Sets<Index> sets_;
  std::vector<bool> is_dropped_;
  std::uint64_t next_ = 0;
  std::size_t shard_ = 0;
  std::unique_ptr<RecordWriter> writer_;
  std::unique_ptr<RecordReader> malformed_;
  Record malformed_line_;
  bool has_malformed_ = false;
};

template <class Index>
void resolve(const DedupConfig& config, const std::vector<fs::path>& fingerprints, const std::vector<fs::path>& matches,
             const std::vector<fs::path>& outs, std::uint64_t source, std::vector<std::uint64_t> begins) {
  Resolver<Index> resolver(config, fingerprints, outs, source, std::move(begins));
  Record record;
  for (const RecordInput& input : segments_of(config, matches, RecordFileType::matches, kNeighbour, std::nullopt)) {
    RecordReader reader(input.path, input.segment);
    while (reader.next(record)) resolver.unite(record);
  }
  resolver.flatten();
  const auto verdicts = segments_of(config, matches, RecordFileType::matches, kVerdict, std::nullopt);
  for (const RecordInput& input : verdicts) {
    RecordReader reader(input.path, input.segment);
    while (reader.next(record)) resolver.drop(record);
  }
  if (!outs.empty())
    merge_records(verdicts, config.memory_bytes, outs[0].string() + ".run", [&](const Record& exact) { resolver.write(exact); });
  resolver.finish();
}

}  // namespace

const char* drop_reason_name(DropReason reason) {
  switch (reason) {
    case DropReason::malformed_record:
      return "malformed_record";
    case DropReason::duplicate_document:
      return "duplicate_document";
    case DropReason::duplicate_chunk:
      return "duplicate_chunk";
    case DropReason::near_duplicate:
      return "near_duplicate";
  }
  return "unknown";
}

void match_bucket(const DedupConfig& config, const std::vector<fs::path>& fingerprints, std::int64_t bucket, const fs::path& out,
                  std::uint64_t source) {
  check_config(config);
  check(bucket >= 0 && bucket < config.num_buckets, "bucket ", bucket, " of ", config.num_buckets);
  RecordSorter sorter(out.string() + ".run", config.memory_bytes / 2);
  for (const std::uint32_t kind : {kDocumentHash, kChunkHash, kBandHash}) {
    std::optional<Record> first;
    merge_records(
        segments_of(config, fingerprints, RecordFileType::fingerprints, kind, bucket), config.memory_bytes / 2,
        out.string() + ".run", [&](const Record& record) {
          if (!first || record.high != first->high || record.low != first->low) {
            first = record;
            return;
          }
          const bool repeats_itself = record.position == first->position;
          if (repeats_itself && !(kind == kChunkHash && config.as_published)) return;
          if (kind == kBandHash)
            sorter.add({.high = record.position, .position = first->position, .kind = kNeighbour});
          else
            sorter.add({.high = record.position,
                        .low = verdict(kind == kDocumentHash ? DropReason::duplicate_document : DropReason::duplicate_chunk,
                                       record.offset),
                        .position = first->position,
                        .kind = kVerdict});
        });
  }
  RecordWriter writer(out, RecordFileType::matches, dedup_digest(config), source);
  std::optional<Record> last;
  sorter.finish([&](const Record& record) {
    if (!last || last->kind != record.kind)
      writer.begin(record.kind, 0, record.kind == kVerdict ? kVerdictLayout : kNeighbourLayout);
    // Of a document's verdicts the first is the strongest; a pair may share several bands.
    const bool is_news = !last || last->kind != record.kind || last->high != record.high ||
                         (record.kind == kNeighbour && last->position != record.position);
    if (is_news) writer.add(record);
    last = record;
  });
  writer.commit();
}

void resolve_matches(const DedupConfig& config, const std::vector<fs::path>& fingerprints, const std::vector<fs::path>& matches,
                     const std::vector<fs::path>& outs, std::uint64_t source) {
  check_config(config);
  check(outs.size() == fingerprints.size(), "there are ", fingerprints.size(), " shards and ", outs.size(),
        " files for their drops");
  check(std::ssize(matches) == config.num_buckets, "there are ", matches.size(), " files of matches for ", config.num_buckets,
        " buckets");
  std::vector<std::uint64_t> begins = {0};
  for (const fs::path& path : fingerprints)
    begins.push_back(begins.back() + static_cast<std::uint64_t>(checked_head(config, path, RecordFileType::fingerprints).lines));
  if (begins.back() < std::numeric_limits<std::uint32_t>::max())
    resolve<std::uint32_t>(config, fingerprints, matches, outs, source, std::move(begins));
  else
    resolve<std::uint64_t>(config, fingerprints, matches, outs, source, std::move(begins));
}

DropCounts drop_lines(const fs::path& shard, std::uint64_t shard_number, const fs::path& drops, const fs::path& out,
                      const fs::path& rejected, const std::function<std::string(std::uint64_t)>& name_of) {
  const RecordFileHead head = read_record_head(drops, RecordFileType::drops);
  std::optional<RecordReader> reader;
  Record drop;
  bool has_drop = false;
  if (!head.segments.empty()) {
    reader.emplace(drops, head.segments[0]);
    has_drop = reader->next(drop);
  }
  const auto place = [&](std::uint64_t position) {
    return name_of(shard_of(position)) + ":" + std::to_string(line_of(position) + 1);
  };
  LineReader lines(shard);
  CompressedWriter kept(out), gone(rejected);
  DocumentScanner scanner;
  DropCounts counts;
  std::uint64_t number = 0;
  for (; const auto line = lines.next(); ++number) {
    if (!has_drop || drop.high != number) {
      kept.write_line(*line);
      ++counts.documents;
      counts.bytes += std::ssize(*line);
      continue;
    }
    const auto reason = static_cast<DropReason>(drop.low >> 32);
    ++counts.dropped[drop_reason_name(reason)];
    Json json = {{"where", place(position_of(shard_number, number))}};
    if (const auto document = scanner.scan(*line)) {
      if (!document->source.empty()) json["source"] = document->source;
      if (!document->path.empty()) json["path"] = document->path;
    }
    json["reason"] = drop_reason_name(reason);
    json["offset"] = drop.low & 0xffffffff;
    if (reason != DropReason::malformed_record) json["of"] = place(drop.position);
    gone.write_line(to_line(json));
    has_drop = reader->next(drop);
  }
  check(static_cast<std::int64_t>(number) == head.lines && !has_drop, "the shard ", shard.string(), " has ", number, " lines, but ",
        drops.string(), " was made for ", head.lines, ": run deduplication again from the fingerprints");
  gone.commit();
  kept.commit();
  return counts;
}

}  // namespace corollary
