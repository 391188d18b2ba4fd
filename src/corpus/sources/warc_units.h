#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "corpus/document.h"

namespace corollary {

/// How the records of a WARC file are packed. A unit is what can be read without what lies before it: a gzip member, a zstd frame
/// (with the members that continue it), a record of a plain file.
enum class WarcPacking { plain, gzip, zstd };

/// "WARC/0.x" or "WARC/1.x", after at most eight line ends.
bool begins_like_a_record(std::string_view bytes);

/// Where at or behind `from` a record's first line stands: "WARC/1..." after a line end, or anywhere if a field of WARC follows it
/// (what a crawler wrote after it had died in the middle of a line). npos if nowhere. Looks kRecordLineBytes ahead.
std::size_t find_record_line(std::string_view bytes, std::size_t from);
constexpr std::size_t kRecordLineBytes = 32;

/// The packing of a file by its first bytes; if they say nothing, by what can be found in its first MiB; nullopt if nothing is.
std::optional<WarcPacking> warc_packing(std::string_view file);

/// The unpacked bytes of one unit after the other, each seen through a window that grows at its end and is dropped at its start.
/// Where units begin is a property of the file's bytes: is_start() looks at no more than 5 KiB (zstd: 132 KiB) after `offset`.
///
/// Small whole members are unpacked in one go (libdeflate, zstd), all else bit by bit: the bytes are the same. Memory: 16 MiB at
/// most for whole members, the window, and for zstd its own, of 128 MiB at most.
class WarcUnits {
 public:
  /// `file` must outlive this. Throws Error if the file begins with a zstd dictionary that cannot be used.
  WarcUnits(std::string_view file, WarcPacking packing, std::int64_t max_whole_bytes = std::int64_t{16} << 20);
  ~WarcUnits();
  WarcUnits(const WarcUnits&) = delete;
  WarcUnits& operator=(const WarcUnits&) = delete;

  /// Whether a unit begins at `offset` whose first unpacked bytes begin like a record.
  bool is_start(std::int64_t offset);
  /// Whether the last is_start() said no because the file ended too soon.
  bool was_probe_cut() const { return was_probe_cut_; }
  /// The first such place in [from, to); nullopt if there is none.
  std::optional<std::int64_t> find_start(std::int64_t from, std::int64_t to);
  /// Past what lies at `offset` and means nothing: line ends, empty members, zstd's skippable frames.
  std::int64_t skip_filler(std::int64_t offset);

  /// Opens the unit at `offset`; false if it is no start.
  bool open(std::int64_t offset);
  std::string_view view() const { return {data_, size_}; }
  /// Forgets the first bytes of the window.
  void drop(std::size_t bytes);
  /// Unpacks more of the same member. False at its end or if it is damaged. Views taken before are void.
  bool grow_in_member();
  /// The same, and goes on in the next member if that does not itself begin like a record: after fewer line ends than the `missing`
  /// bytes that could be such.
  bool grow(std::size_t missing = SIZE_MAX);

  std::int64_t position() const { return position_; }  ///< of the window's first byte in the unpacked unit
  std::int64_t end() const { return end_; }            ///< offset in the file up to which the unit was read
  bool is_at_end() const { return is_at_end_; }        ///< of a member that was whole, checksum included: end() is exact
  const std::optional<Rejection>& damage() const { return damage_; }
  /// Unpacked so far, the work done for this unit.
  std::int64_t bytes_unpacked() const { return position_ + static_cast<std::int64_t>(size_); }

 private:
  struct Coders;
  bool probed(std::string_view output);
  bool open_whole(std::int64_t offset);
  void begin_stream();
  bool inflate_more();
  bool unzstd_more();
  void fail_at_end(std::string detail);

  std::string_view file_;
  WarcPacking packing_;
  std::size_t max_whole_bytes_;
  std::unique_ptr<Coders> coders_;
  std::unique_ptr<char[]> whole_;
  std::string buffer_;  ///< of a streamed unit; the window is its part from data_ on
  const char* data_ = nullptr;
  std::size_t size_ = 0;
  bool is_streamed_ = false, is_at_end_ = false, was_probe_cut_ = false;
  std::size_t probe_line_ends_ = 0;  ///< in front of the record that the last is_start() found
  std::int64_t position_ = 0, end_ = 0;
  std::optional<Rejection> damage_;
};

}  // namespace corollary
