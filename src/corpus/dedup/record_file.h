#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"

namespace corollary {

/// What the phases of deduplication hand on: sorted lists of fixed-size records in files that recognise their own damage
/// (docs/formats/dedup.md gives every byte).
///
/// Invariants: (1) a file appears under its name only when complete; (2) a flipped bit, a cut or a lengthened file, a block out of
/// its place and records out of order are Errors that name the file and the remedy, never data; (3) no size read from a file is
/// used before it was compared with the file's own size.

/// A record in memory. Compared as (kind, high, low, position, offset).
struct Record {
  std::uint64_t high = 0, low = 0;  ///< a hash, or a sort key
  std::uint64_t position = 0;       ///< of a document: position_of(shard, line)
  std::uint32_t offset = 0;         ///< byte in its text
  std::uint32_t kind = 0;
  bool operator==(const Record&) const = default;
};
bool operator<(const Record& a, const Record& b);

inline std::uint64_t position_of(std::uint64_t shard, std::uint64_t line) { return shard << 32 | line; }
inline std::uint64_t shard_of(std::uint64_t position) { return position >> 32; }
inline std::uint64_t line_of(std::uint64_t position) { return position & 0xffffffff; }

/// Which of a record's numbers a segment holds; `high` is always there, what is absent reads as 0.
struct Layout {
  bool has_low = false;
  bool has_shard = false;  ///< position with 8 bytes; else the line only, with 4
  bool has_offset = false;
  bool has_kind = false;
  std::uint32_t bits() const;
  std::int64_t record_bytes() const;
};

/// A run of sorted records of one kind and bucket.
struct Segment {
  std::uint32_t kind = 0, bucket = 0;
  Layout layout;
  std::int64_t offset = 0;  ///< of its first byte in the file
  std::int64_t records = 0;
  std::uint64_t digest = 0;  ///< of its blocks' checksums
};

enum class RecordFileType : std::uint32_t { fingerprints = 1, matches = 2, drops = 3, run = 4 };

/// What a file says of itself.
struct RecordFileHead {
  RecordFileType type = RecordFileType::run;
  std::uint64_t config = 0;       ///< digest of the configuration that decided it
  std::uint64_t source = 0;       ///< digest of the inputs it was made of
  std::int64_t lines = 0;         ///< of the shard it is about, 0 if of several
  std::int64_t bytes = 0;         ///< of text in them
  std::uint64_t digest = 0;       ///< of all the above and the segments: equal digests, equal files
  std::vector<Segment> segments;  ///< that have records, in file order
};

class RecordWriter {
 public:
  RecordWriter(const fs::path& path, RecordFileType type, std::uint64_t config, std::uint64_t source);
  ~RecordWriter();
  /// Following records belong to this segment. Those of the one before must have come sorted.
  void begin(std::uint32_t kind, std::uint32_t bucket, Layout layout);
  void add(const Record& record);
  void commit(std::int64_t lines = 0, std::int64_t bytes = 0);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Checks the ends of a file and reads its table of contents; its records are checked as they are read.
RecordFileHead read_record_head(const fs::path& path, RecordFileType type);

/// The records of one segment, in order. Memory: one block, at most 32 KiB. Keeps the file open.
class RecordReader {
 public:
  static constexpr std::int64_t kMemoryBytes = 40 << 10;
  /// `shard` becomes part of each position if the layout has none; `kind` of each record if the layout has none.
  RecordReader(const fs::path& path, const Segment& segment, std::uint64_t shard = 0);
  ~RecordReader();
  RecordReader(RecordReader&&) noexcept;
  bool next(Record& record);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace corollary
