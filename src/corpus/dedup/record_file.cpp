#include "corpus/dedup/record_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "base/digest.h"
#include "base/error.h"

namespace corollary {
namespace {

constexpr std::string_view kMagic = "corodup1", kEndMagic = "corodupE";
constexpr std::int64_t kHeadBytes = 40, kSegmentBytes = 40, kTailBytes = 56;
constexpr std::int64_t kBlockRecords = 896;  // of 36 bytes at most: a block stays below 32 KiB

template <class T>
void put(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}
template <class T>
T take(const char*& at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= std::uint64_t{static_cast<unsigned char>(at[i])} << (8 * i);
  at += sizeof(T);
  return static_cast<T>(value);
}

Layout layout_of(std::uint32_t bits) { return {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0}; }

constexpr const char* kRemedy = ": delete it and run the step that made it again";

class File {
 public:
  explicit File(const fs::path& path) : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    check(fd_ >= 0, "cannot open ", path.string(), ": ", std::strerror(errno));
  }
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::int64_t size() const {
    struct stat about {};
    check(::fstat(fd_, &about) == 0, "cannot stat ", path_.string(), ": ", std::strerror(errno));
    return about.st_size;
  }
  void read(std::int64_t at, char* to, std::int64_t bytes) const {
    while (bytes > 0) {
      const ssize_t n = ::pread(fd_, to, static_cast<std::size_t>(bytes), at);
      if (n < 0 && errno == EINTR) continue;
      check(n >= 0, "cannot read ", path_.string(), ": ", std::strerror(errno));
      check(n > 0, "the file ", path_.string(), " is truncated at byte ", at, kRemedy);
      at += n, to += n, bytes -= n;
    }
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  int fd_;
};

std::int64_t blocks_of(std::int64_t records) { return (records + kBlockRecords - 1) / kBlockRecords; }
std::int64_t segment_bytes(const Segment& segment) {
  return segment.records * segment.layout.record_bytes() + 8 * blocks_of(segment.records);
}
/// A block knows its place in the file, so one that lies elsewhere is seen.
std::uint64_t block_checksum(std::string_view bytes, std::int64_t at) { return hash64(bytes, static_cast<std::uint64_t>(at)); }
std::uint64_t chained(std::uint64_t digest, std::uint64_t checksum) {
  const std::uint64_t both[2] = {digest, checksum};
  return hash64({reinterpret_cast<const char*>(both), sizeof both});
}

}  // namespace

bool operator<(const Record& a, const Record& b) {
  return std::tie(a.kind, a.high, a.low, a.position, a.offset) < std::tie(b.kind, b.high, b.low, b.position, b.offset);
}

std::uint32_t Layout::bits() const {
  return (has_low ? 1U : 0U) | (has_shard ? 2U : 0U) | (has_offset ? 4U : 0U) | (has_kind ? 8U : 0U);
}
std::int64_t Layout::record_bytes() const {
  return 8 + (has_low ? 8 : 0) + (has_shard ? 8 : 4) + (has_offset ? 4 : 0) + (has_kind ? 4 : 0);
}

struct RecordWriter::State {
  State(const fs::path& path) : file(path) {}
  AtomicFile file;
  std::string head, block;
  std::vector<Segment> segments;
  std::int64_t in_block = 0;
  Record last;

  void end_block() {
    if (in_block == 0) return;
    const std::uint64_t checksum = block_checksum(block, file.size_bytes());
    segments.back().digest = chained(segments.back().digest, checksum);
    put(block, checksum);
    file.write(block);
    block.clear();
    in_block = 0;
  }
  void end_segment() {
    end_block();
    if (!segments.empty() && segments.back().records == 0) segments.pop_back();
  }
};

RecordWriter::RecordWriter(const fs::path& path, RecordFileType type, std::uint64_t config, std::uint64_t source)
    : state_(std::make_unique<State>(path)) {
  std::string& head = state_->head;
  head += kMagic;
  put(head, static_cast<std::uint32_t>(type));
  put(head, static_cast<std::uint32_t>(kBlockRecords));
  put(head, config);
  put(head, source);
  put(head, hash64(head));
  state_->file.write(head);
}
RecordWriter::~RecordWriter() = default;

void RecordWriter::begin(std::uint32_t kind, std::uint32_t bucket, Layout layout) {
  state_->end_segment();
  state_->segments.push_back({kind, bucket, layout, state_->file.size_bytes(), 0, 0});
}

void RecordWriter::add(const Record& record) {
  State& s = *state_;
  Segment& segment = s.segments.back();
  check(segment.records == 0 || !(record < s.last), "records out of order: a bug");
  s.last = record;
  put(s.block, record.high);
  if (segment.layout.has_low) put(s.block, record.low);
  if (segment.layout.has_shard)
    put(s.block, record.position);
  else
    put(s.block, static_cast<std::uint32_t>(line_of(record.position)));
  if (segment.layout.has_offset) put(s.block, record.offset);
  if (segment.layout.has_kind) put(s.block, record.kind);
  ++segment.records;
  if (++s.in_block == kBlockRecords) s.end_block();
}

void RecordWriter::commit(std::int64_t lines, std::int64_t bytes) {
  State& s = *state_;
  s.end_segment();
  const std::int64_t table_offset = s.file.size_bytes();
  std::string table;
  for (const Segment& segment : s.segments) {
    put(table, segment.kind);
    put(table, segment.bucket);
    put(table, segment.layout.bits());
    put(table, std::uint32_t{0});
    put(table, segment.offset);
    put(table, segment.records);
    put(table, segment.digest);
  }
  put(table, lines);
  put(table, bytes);
  put(table, static_cast<std::int64_t>(s.segments.size()));
  put(table, table_offset);
  put(table, std::uint64_t{0});
  put(table, hash64(s.head + table));
  table += kEndMagic;
  s.file.write(table);
  s.file.commit();
}

RecordFileHead read_record_head(const fs::path& path, RecordFileType type) {
  const File file(path);
  const std::int64_t size = file.size();
  const auto expect = [&](bool ok, const char* what) {
    check(ok, "the file ", path.string(), " is damaged (", what, ")", kRemedy);
  };
  expect(size >= kHeadBytes + kTailBytes, "shorter than an empty one");
  std::string head(kHeadBytes, '\0'), tail(kTailBytes, '\0');
  file.read(0, head.data(), kHeadBytes);
  file.read(size - kTailBytes, tail.data(), kTailBytes);
  expect(head.starts_with(kMagic), "it begins otherwise");
  expect(tail.ends_with(kEndMagic), "it ends otherwise: truncated");
  const char* at = head.data() + kMagic.size();
  RecordFileHead out;
  out.type = static_cast<RecordFileType>(take<std::uint32_t>(at));
  const auto block_records = take<std::uint32_t>(at);
  out.config = take<std::uint64_t>(at);
  out.source = take<std::uint64_t>(at);
  expect(take<std::uint64_t>(at) == hash64({head.data(), head.size() - 8}), "checksum of its head");
  check(out.type == type, "the file ", path.string(), " is of type ", static_cast<std::uint32_t>(out.type), ", not ",
        static_cast<std::uint32_t>(type), ": are the folders mixed up?");
  expect(block_records == kBlockRecords, "blocks of another size");
  at = tail.data();
  out.lines = take<std::int64_t>(at);
  out.bytes = take<std::int64_t>(at);
  const auto num_segments = take<std::int64_t>(at);
  const auto table_offset = take<std::int64_t>(at);
  at += 8;
  out.digest = take<std::uint64_t>(at);
  expect(table_offset >= kHeadBytes && table_offset <= size - kTailBytes && num_segments >= 0 &&
             (size - kTailBytes - table_offset) % kSegmentBytes == 0 &&
             (size - kTailBytes - table_offset) / kSegmentBytes == num_segments,
         "size of its table of contents");
  std::string table(static_cast<std::size_t>(size - table_offset), '\0');
  file.read(table_offset, table.data(), size - table_offset);
  expect(out.digest == hash64(head + table.substr(0, table.size() - 16)), "checksum of its table of contents");
  expect(out.lines >= 0 && out.bytes >= 0, "counts");
  at = table.data();
  std::int64_t end = kHeadBytes;
  for (std::int64_t i = 0; i < num_segments; ++i) {
    Segment segment;
    segment.kind = take<std::uint32_t>(at);
    segment.bucket = take<std::uint32_t>(at);
    segment.layout = layout_of(take<std::uint32_t>(at));
    at += 4;
    segment.offset = take<std::int64_t>(at);
    segment.records = take<std::int64_t>(at);
    segment.digest = take<std::uint64_t>(at);
    expect(segment.records > 0 && segment.records <= size && segment.offset == end, "place of a segment");
    end += segment_bytes(segment);
    expect(end <= table_offset, "size of a segment");
    out.segments.push_back(segment);
  }
  expect(end == table_offset, "sizes of its segments");
  return out;
}

struct RecordReader::State {
  State(const fs::path& path, const Segment& s, std::uint64_t shard_index)
      : file(path), segment(s), shard(shard_index), at(s.offset), left(s.records) {}
  File file;
  Segment segment;
  std::uint64_t shard;
  std::int64_t at, left;
  std::uint64_t digest = 0;
  std::string block;
  const char* next = nullptr;
  const char* end = nullptr;
  Record last;
  bool is_first = true;

  void damaged(const char* what) const {
    fail("the file ", file.path().string(), " is damaged (", what, " before byte ", at, ")", kRemedy);
  }
  void read_block() {
    const std::int64_t records = std::min(left, kBlockRecords), bytes = records * segment.layout.record_bytes();
    block.resize(static_cast<std::size_t>(bytes + 8));
    file.read(at, block.data(), bytes + 8);
    next = block.data(), end = next + bytes;
    const char* behind = end;
    const auto checksum = take<std::uint64_t>(behind);
    if (checksum != block_checksum({next, static_cast<std::size_t>(bytes)}, at)) damaged("checksum of a block");
    digest = chained(digest, checksum);
    at += bytes + 8;
    left -= records;
    if (left == 0 && digest != segment.digest) damaged("digest of a segment");
  }
};

RecordReader::RecordReader(const fs::path& path, const Segment& segment, std::uint64_t shard)
    : state_(std::make_unique<State>(path, segment, shard)) {}
RecordReader::~RecordReader() = default;
RecordReader::RecordReader(RecordReader&&) noexcept = default;

bool RecordReader::next(Record& record) {
  State& s = *state_;
  if (s.next == s.end) {
    if (s.left == 0) return false;
    s.read_block();
  }
  const Layout& layout = s.segment.layout;
  record.high = take<std::uint64_t>(s.next);
  record.low = layout.has_low ? take<std::uint64_t>(s.next) : 0;
  record.position = layout.has_shard ? take<std::uint64_t>(s.next) : position_of(s.shard, take<std::uint32_t>(s.next));
  record.offset = layout.has_offset ? take<std::uint32_t>(s.next) : 0;
  record.kind = layout.has_kind ? take<std::uint32_t>(s.next) : s.segment.kind;
  if (!s.is_first && record < s.last) s.damaged("records out of order");
  s.is_first = false;
  s.last = record;
  return true;
}

}  // namespace corollary
