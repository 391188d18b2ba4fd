#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "corpus/document.h"
#include "corpus/sources/header_block.h"
#include "corpus/sources/warc_units.h"

namespace corollary {

struct WarcOptions {
  /// Only records whose first (packed) byte lies in [begin, end).
  std::int64_t begin = 0, end = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_record_bytes = std::int64_t{64} << 20;  ///< of the payload; larger ones are rejected and never held
  /// A reader that starts in the middle finds its place from the page before (docs/formats/warc.md): what two readers of the same
  /// file must agree on.
  std::int64_t page_bytes = std::int64_t{4} << 20;
};

/// A record, or damage where one was expected. The views are valid until the next call of next().
struct WarcRecord {
  std::int64_t offset = 0;        ///< in the file, of the member, frame or (plain) record
  std::int64_t inner_offset = 0;  ///< in the unpacked member, of the record: 0 where each has its own
  std::int64_t packed_bytes = 0;  ///< of the record in the file; 0 if it shares its member with others
  std::string_view type;          ///< "response", "request", "warcinfo", "conversion", ...
  std::string_view target_uri;    ///< without the angle brackets that wget puts around it; may be empty
  std::string_view date, id;      ///< as written; may be empty
  HeaderBlock headers;            ///< all fields
  std::string_view payload;       ///< the block: Content-Length bytes
  /// Set for damage, all views then empty: "malformed_record", "truncated_file", "too_large"; its offset counts from the file's
  /// start.
  std::optional<Rejection> rejection;
};

/// Records of WARC/1.0, 1.1 (also 0.17, 0.18) and WET files, packed as gzip members, zstd frames or not at all, in the order of the
/// file. After damage it goes on at the next place in the file (or inside a member that is itself whole, the next line) that begins
/// like a record.
/// Invariants: (1) for any cuts 0 = c0 <= c1 <= ... <= cn = size, the readers of [c0, c1), ..., [cn-1, cn) together yield exactly
/// what a reader of the whole yields, in order, damage included, whatever the bytes; (2) a payload is yielded only if all its bytes
/// are there and no checksum up to them failed; (3) memory is bounded by 2 * max_record_bytes + 17 MiB (zstd: + 128 MiB); (4) work
/// by what the members unpack to, and failed attempts in one page by 4 * max_record_bytes + 64 MiB.
class WarcReader {
 public:
  /// Throws Error if the file cannot be opened or holds nothing like WARC.
  explicit WarcReader(const fs::path& path, const WarcOptions& options = {});
  /// Of bytes that outlive it; `name` is for messages.
  WarcReader(std::string_view file, const std::string& name, const WarcOptions& options = {});

  std::optional<WarcRecord> next();
  WarcPacking packing() const { return packing_; }

 private:
  enum class Parsed { record, rejected, end };
  std::int64_t page_end(std::int64_t page) const { return (page + 1) * options_.page_bytes; }
  std::int64_t page_of(std::int64_t offset) const { return offset / options_.page_bytes; }
  void start();
  bool open_next();
  bool begin_unit();
  void close_unit();
  void settle_expected();
  void leave_page();
  void report(std::int64_t offset, const char* reason, std::string detail);
  Parsed parse(WarcRecord& record);
  Parsed parse_payload(WarcRecord& record, std::size_t header, std::int64_t payload);
  Parsed reject(WarcRecord& record, std::string reason, std::string detail, std::size_t search_from);
  Parsed reject_ended(WarcRecord& record, const std::string& what);
  std::optional<std::size_t> end_of_record(std::size_t payload_end);
  bool skip(std::int64_t bytes);

  MappedFile mapped_;
  std::string_view file_;
  WarcOptions options_;
  WarcPacking packing_;
  WarcUnits units_;

  // Where the walk stands (warc.cpp): at_ is a start, is where the unit before says that one is, or is where to search from.
  enum class Place { start, expected, unknown } place_ = Place::expected;
  std::int64_t page_ = 0, last_page_ = -1, at_ = 0;
  std::optional<std::int64_t> first_start_in_page_;
  bool is_wanted_ = false;  ///< what the unit last opened holds is to be yielded
  std::int64_t failed_page_ = -1, failed_bytes_ = 0;
  std::optional<WarcRecord> pending_;

  // The open unit.
  bool is_open_ = false, has_given_up_ = false, is_search_needed_ = false;
  std::int64_t unit_ = 0, records_in_unit_ = 0, reopened_ = 0;
  std::int64_t understood_ = 0;  ///< offset up to which records were whole
  std::size_t consumed_ = 0;     ///< of the window, by the record last yielded
};

/// Shard `index` of `count` of a file: equal pieces, the last takes the rest.
std::pair<std::int64_t, std::int64_t> warc_shard(std::int64_t file_bytes, std::int64_t index, std::int64_t count);

}  // namespace corollary
