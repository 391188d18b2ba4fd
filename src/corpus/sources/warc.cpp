// The walk, and why cuts cannot change it.
//
// Which bytes begin a record is settled by reading on from the record before, for its payload may hold what looks like a start. A
// reader that begins in the middle of the file does not know the record before. So the file is divided into pages of fixed size,
// and chain k is defined as the walk that begins at the first place at or after the start of page k-1 that looks like a start. The
// records of page k are those that chain k meets there: a property of the bytes, whoever asks. A reader of [begin, end) walks chain
// k for each page k it touches. It need not walk twice: if the first start that chain k met in page k is the first in that page
// that looks like one, chain k+1 is the same walk, and it goes on (leave_page). That is so unless something in a payload looks like
// a start just after a page begins.
//
// Of damage: the unit that failed reports it, and what lies between the end of a unit and the next start is reported with that
// unit. After a failure the search goes on behind what was understood. Failed attempts may overlap, so their work in one page has a
// budget, counted from the start of the page alone.
#include "corpus/sources/warc.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxHeaderBytes = std::size_t{256} << 10;
constexpr std::size_t kMaxLineEnds = 4096;     // after a record, looked at while it is held
constexpr std::int64_t kSkippedPayloads = 64;  // times max_record_bytes: what of a too large record is unpacked to find its end
constexpr int kMaxReopened = 4;                // times a unit is read again
constexpr std::int64_t kFailedPayloads = 4, kFailedBytes = std::int64_t{64} << 20;

bool is_line_end(char c) { return c == '\r' || c == '\n'; }

/// "WARC/1.0" alone on its line.
bool is_version_line(std::string_view bytes) {
  if (!begins_like_a_record(bytes) || !bytes.starts_with("WARC/")) return false;
  std::size_t at = 7;
  while (at < bytes.size() && is_ascii_digit(bytes[at])) ++at;
  while (at < bytes.size() && (bytes[at] == ' ' || bytes[at] == '\t')) ++at;
  return at > 7 && at < bytes.size() && is_line_end(bytes[at]);
}

/// The one value of all Content-Length fields; nullopt if there is none, or they differ or are no numbers.
std::optional<std::int64_t> content_length(const HeaderBlock& headers) {
  std::optional<std::int64_t> length;
  bool is_good = true;
  headers.each([&](std::string_view name, std::string_view value) {
    if (!equals_ignoring_case(name, "Content-Length")) return false;
    std::int64_t number = -1;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < 0 || (length && *length != number)) is_good = false;
    length = number;
    return !is_good;
  });
  return is_good ? length : std::nullopt;
}

WarcPacking packing_of(std::string_view file, const std::string& name) {
  const auto packing = warc_packing(file);
  check(packing.has_value(), "no WARC file: ", name, " (", file.size(),
        " bytes) begins neither with a record nor with a gzip member or zstd frame of one");
  return *packing;
}

}  // namespace

WarcReader::WarcReader(const fs::path& path, const WarcOptions& options)
    : mapped_(path),
      file_(mapped_.text()),
      options_(options),
      packing_(packing_of(file_, path.string())),
      units_(file_, packing_, std::min(options.max_record_bytes + (std::int64_t{1} << 20), std::int64_t{16} << 20)) {
  start();
}

WarcReader::WarcReader(std::string_view file, const std::string& name, const WarcOptions& options)
    : file_(file),
      options_(options),
      packing_(packing_of(file_, name)),
      units_(file_, packing_, std::min(options.max_record_bytes + (std::int64_t{1} << 20), std::int64_t{16} << 20)) {
  start();
}

void WarcReader::start() {
  const auto size = static_cast<std::int64_t>(file_.size());
  check(options_.begin >= 0 && options_.page_bytes > 0 && options_.max_record_bytes > 0, "warc: begin ", options_.begin, ", page ",
        options_.page_bytes, " and record size ", options_.max_record_bytes, " must be positive");
  options_.end = std::min(options_.end, size);
  page_ = page_of(options_.begin);
  last_page_ = options_.begin < options_.end ? page_of(options_.end - 1) : -1;
  if (page_ == 0) {
    is_wanted_ = options_.begin == 0;  // what lies before the first record
  } else {
    at_ = (page_ - 1) * options_.page_bytes;
    place_ = Place::unknown;
  }
}

std::optional<WarcRecord> WarcReader::next() {
  for (;;) {
    if (!pending_ && !is_open_ && !open_next()) return std::nullopt;
    if (pending_) {
      const auto record = std::move(pending_);
      pending_.reset();
      return record;
    }
    WarcRecord record;
    record.offset = unit_;
    if (parse(record) == Parsed::end)
      close_unit();
    else if (is_wanted_)
      return record;
  }
}

/// Opens the next unit of the walk, or leaves something in pending_. False at the end of the range.
bool WarcReader::open_next() {
  while (page_ <= last_page_) {
    const bool is_beyond = at_ >= page_end(page_) || (page_ == last_page_ && at_ >= options_.end);
    if (place_ == Place::expected) {
      if (!is_beyond && units_.open(at_)) return begin_unit();
      settle_expected();
      if (pending_) return true;
      continue;
    }
    if (is_beyond) {
      if (page_ == last_page_) break;
      leave_page();
    } else if (place_ == Place::unknown) {
      const auto found = units_.find_start(at_, page_end(page_));
      at_ = found.value_or(page_end(page_));
      if (found) place_ = Place::start;
    } else {
      const bool is_open = units_.open(at_);
      check(is_open, "warc: the start at ", at_, " is none");
      return begin_unit();
    }
  }
  return false;
}

bool WarcReader::begin_unit() {
  is_open_ = true;
  has_given_up_ = is_search_needed_ = false;
  unit_ = understood_ = at_;
  records_in_unit_ = reopened_ = 0;
  consumed_ = 0;
  const bool is_here = page_of(unit_) == page_;
  is_wanted_ = is_here && unit_ >= options_.begin && unit_ < options_.end;
  if (is_here && !first_start_in_page_) first_start_in_page_ = unit_;
  return true;
}

void WarcReader::close_unit() {
  is_open_ = false;
  place_ = Place::expected;
  if (packing_ == WarcPacking::plain) {
    at_ = unit_ + units_.position() + static_cast<std::int64_t>(consumed_);
    if (!is_search_needed_) return;
  } else {
    at_ = units_.end();
    if (!units_.damage() && !has_given_up_) return;
  }
  place_ = Place::unknown;
  if (!has_given_up_) at_ = std::max(unit_ + 1, understood_);
  if (page_of(unit_) != failed_page_) failed_bytes_ = 0;
  failed_page_ = page_of(unit_);
  failed_bytes_ +=
      packing_ == WarcPacking::plain ? static_cast<std::int64_t>(consumed_) : units_.bytes_unpacked() + units_.end() - unit_;
  if (failed_bytes_ <= kFailedPayloads * options_.max_record_bytes + kFailedBytes || has_given_up_) return;
  at_ = std::max(at_, page_end(failed_page_));
  report(unit_, "malformed_record", "too many failed attempts: the search goes on at " + std::to_string(at_));
}

/// Before at_ was a unit: is here the next?
void WarcReader::settle_expected() {
  at_ = units_.skip_filler(at_);
  if (at_ == static_cast<std::int64_t>(file_.size())) {
    place_ = Place::unknown;
  } else if (units_.is_start(at_)) {
    place_ = Place::start;
  } else {
    place_ = Place::unknown;
    if (units_.was_probe_cut())
      report(at_, "truncated_file", "the file ends inside it");
    else
      report(at_, "malformed_record", "no record begins here");
    ++at_;
  }
}

void WarcReader::report(std::int64_t offset, const char* reason, std::string detail) {
  if (!is_wanted_) return;
  pending_.emplace();
  pending_->offset = offset;
  pending_->rejection = Rejection{reason, offset, std::move(detail)};
}

/// From chain page_ to the next. at_ lies in a later page.
void WarcReader::leave_page() {
  const std::int64_t start = page_ * options_.page_bytes;
  ++page_;
  if (!first_start_in_page_) {
    at_ = start;
    place_ = Place::unknown;
  } else if (const auto earlier = units_.find_start(start, *first_start_in_page_)) {
    at_ = *earlier;
    place_ = Place::start;
  }
  first_start_in_page_.reset();
}

WarcReader::Parsed WarcReader::reject(WarcRecord& record, std::string reason, std::string detail, std::size_t search_from) {
  WarcRecord rejected;
  rejected.offset = record.offset;
  rejected.inner_offset = record.inner_offset;
  rejected.rejection = Rejection{std::move(reason), record.offset, std::move(detail)};
  record = rejected;
  is_search_needed_ = true;
  consumed_ = search_from;
  ++records_in_unit_;
  return Parsed::rejected;
}

/// The unit ended before the record did.
WarcReader::Parsed WarcReader::reject_ended(WarcRecord& record, const std::string& what) {
  if (units_.damage()) return reject(record, units_.damage()->reason, what + ": " + units_.damage()->detail, 1);
  if (packing_ == WarcPacking::plain) return reject(record, "truncated_file", what + ": the file ends inside it", 1);
  return reject(record, "malformed_record", what + ": its member ends inside it", 1);
}

WarcReader::Parsed WarcReader::parse(WarcRecord& record) {
  if (has_given_up_ || (packing_ == WarcPacking::plain && records_in_unit_ > 0)) return Parsed::end;
  if (is_search_needed_) {  // the next line that begins a record, in this unit
    is_search_needed_ = false;
    std::size_t from = consumed_;
    for (;;) {
      const std::size_t line = find_record_line(units_.view(), from);
      if (line != std::string_view::npos) {
        units_.drop(line);
        break;
      }
      if (units_.view().size() > kRecordLineBytes) {  // a line may be half here; the byte before it says whether it is one
        units_.drop(units_.view().size() - kRecordLineBytes);
        from = 1;
      }
      if (!units_.grow_in_member()) return Parsed::end;
    }
  } else {
    units_.drop(consumed_);
  }
  consumed_ = 0;
  for (;;) {
    const std::string_view view = units_.view();
    const auto text = std::ranges::find_if_not(view, is_line_end);
    units_.drop(static_cast<std::size_t>(text - view.begin()));
    if (text != view.end()) break;
    if (!units_.grow_in_member()) return Parsed::end;
  }
  record.inner_offset = packing_ == WarcPacking::plain ? 0 : units_.position();
  std::size_t header = std::string_view::npos;
  for (;;) {
    const std::string_view view = units_.view().substr(0, kMaxHeaderBytes);
    header = header_end(view);
    const std::size_t other = find_record_line(view.substr(0, header), 1);
    if (other != std::string_view::npos)
      return reject(record, "malformed_record", "another record begins inside its header", other);
    if (header != std::string_view::npos) break;
    if (view.size() == kMaxHeaderBytes)
      return reject(record, "malformed_record", "its header is longer than " + std::to_string(kMaxHeaderBytes) + " bytes",
                    kMaxHeaderBytes - kRecordLineBytes);
    if (!units_.grow(5)) return reject_ended(record, "its header");  // an empty line, and two if nothing follows it
  }
  if (!is_version_line(units_.view())) return reject(record, "malformed_record", "no record begins here", 1);
  const HeaderBlock headers{units_.view().substr(0, header)};
  const auto length = content_length(headers);
  if (!length) return reject(record, "malformed_record", "its Content-Length is missing or no number, or there are several", 1);
  return parse_payload(record, header, *length);
}

/// Unpacks and forgets.
bool WarcReader::skip(std::int64_t bytes) {
  for (;;) {
    const auto here = std::min(bytes, static_cast<std::int64_t>(units_.view().size()));
    units_.drop(static_cast<std::size_t>(here));
    bytes -= here;
    if (bytes == 0) return true;
    if (!units_.grow(static_cast<std::size_t>(bytes))) return false;
  }
}

/// Where the record whose payload ends at `payload_end` of the window ends with its line ends; nullopt if other things follow.
std::optional<std::size_t> WarcReader::end_of_record(std::size_t payload_end) {
  for (std::size_t end = payload_end; end < payload_end + kMaxLineEnds; ++end) {
    if (end == units_.view().size() && !units_.grow_in_member()) return end;
    if (is_line_end(units_.view()[end])) continue;
    while (units_.view().size() < end + 5 && units_.grow()) {  // a member may end anywhere
    }
    return units_.view().substr(end, 5) == "WARC/" ? std::optional(end) : std::nullopt;
  }
  return payload_end + kMaxLineEnds;
}

WarcReader::Parsed WarcReader::parse_payload(WarcRecord& record, std::size_t header, std::int64_t payload) {
  const std::string length = std::to_string(payload) + " bytes";
  const bool is_too_large = payload > options_.max_record_bytes;
  std::size_t payload_end = header + static_cast<std::size_t>(payload);
  if (is_too_large && packing_ != WarcPacking::plain) {
    const std::int64_t limit = kSkippedPayloads * options_.max_record_bytes;
    units_.drop(header);
    if (!skip(std::min(payload, limit))) {
      (void)reject_ended(record, "its payload of " + length);
      // If it lied, others may have been passed over: once more to its second byte, to search from there.
      if (reopened_++ < kMaxReopened && units_.open(unit_)) (void)skip(record.inner_offset + 1);
      consumed_ = 0;
      return Parsed::rejected;
    }
    if (payload > limit) {
      has_given_up_ = true;
      return reject(record, "too_large", length + ", and its end was not looked for", 0);
    }
    payload_end = 0;
  }
  while (units_.view().size() < payload_end)
    if (!units_.grow(payload_end - units_.view().size())) return reject_ended(record, "its payload of " + length);
  const auto end = end_of_record(payload_end);
  if (units_.damage()) return reject_ended(record, "after its payload of " + length);
  if (!end)
    return reject(record, "malformed_record", "it does not end where its Content-Length of " + length + " says",
                  payload_end == 0 ? 0 : 1);
  understood_ = units_.end();
  if (is_too_large) {
    (void)reject(record, "too_large", length, *end);
    is_search_needed_ = false;
    return Parsed::rejected;
  }
  consumed_ = *end;
  const bool is_alone =
      records_in_unit_++ == 0 && (packing_ == WarcPacking::plain || (units_.is_at_end() && *end == units_.view().size()));
  if (is_alone) record.packed_bytes = packing_ == WarcPacking::plain ? static_cast<std::int64_t>(*end) : units_.end() - unit_;
  record.headers.text = units_.view().substr(0, header);
  record.payload = units_.view().substr(header, static_cast<std::size_t>(payload));
  record.headers.each([&](std::string_view name, std::string_view value) {
    const auto set = [&](std::string_view field, std::string_view& to) {
      if (to.empty() && equals_ignoring_case(name, field)) to = value;
    };
    set("WARC-Type", record.type);
    set("WARC-Target-URI", record.target_uri);
    set("WARC-Date", record.date);
    set("WARC-Record-ID", record.id);
    return false;
  });
  if (record.target_uri.size() >= 2 && record.target_uri.starts_with('<') && record.target_uri.ends_with('>'))
    record.target_uri = record.target_uri.substr(1, record.target_uri.size() - 2);
  return Parsed::record;
}

std::pair<std::int64_t, std::int64_t> warc_shard(std::int64_t file_bytes, std::int64_t index, std::int64_t count) {
  check(count > 0 && index >= 0 && index < count, "no shard ", index, " of ", count);
  const std::int64_t piece = file_bytes / count;
  return {index * piece, index + 1 == count ? file_bytes : (index + 1) * piece};
}

}  // namespace corollary
