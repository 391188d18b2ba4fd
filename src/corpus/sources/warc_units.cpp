#include "corpus/sources/warc_units.h"

#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "corpus/text.h"

namespace corollary {
namespace {

// Of a member, to see how it begins. Small, for a hostile file may hold as many beginnings as fit.
constexpr std::size_t kMaxGzipHeader = std::size_t{4} << 10, kProbeGzipBytes = std::size_t{1} << 10;
constexpr std::size_t kProbeZstdBytes = std::size_t{132} << 10;  // a block, of at most 128 KiB, and the frame's header
constexpr std::size_t kProbeOutput = 16;
constexpr std::size_t kChunk = std::size_t{256} << 10;
constexpr std::size_t kMaxDictionaryBytes = std::size_t{16} << 20;
constexpr int kMaxWindowLog = 27;  // zstd's own limit for readers
constexpr std::string_view kGzipMagic("\x1f\x8b\x08", 3);
constexpr std::string_view kZstdMagic("\x28\xb5\x2f\xfd", 4);
constexpr std::uint32_t kSkippableMagic = 0x184D2A50, kDictionaryMagic = 0x184D2A5D;

std::uint32_t u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)]);
  return value;
}

bool is_line_end(char c) { return c == '\r' || c == '\n'; }

/// Bytes of the gzip header `bytes` begins with (RFC 1952), 0 if there is none or it is longer than any honest one.
std::size_t gzip_header_bytes(std::string_view bytes) {
  bytes = bytes.substr(0, kMaxGzipHeader);
  if (bytes.size() < 10 || !bytes.starts_with(kGzipMagic)) return 0;
  const auto flags = static_cast<std::uint8_t>(bytes[3]);
  if ((flags & 0xe0) != 0) return 0;
  std::size_t at = 10;
  if ((flags & 4) != 0) {
    if (at + 2 > bytes.size()) return 0;
    at += 2 + static_cast<std::uint8_t>(bytes[at]) + 256U * static_cast<std::uint8_t>(bytes[at + 1]);
  }
  for (const int flag : {8, 16}) {
    if ((flags & flag) == 0) continue;
    const std::size_t zero = at < bytes.size() ? bytes.find('\0', at) : std::string_view::npos;
    if (zero == std::string_view::npos) return 0;
    at = zero + 1;
  }
  if ((flags & 2) != 0) at += 2;
  return at < bytes.size() ? at : 0;
}

/// Of the skippable frame at the start of `bytes`, 0 if there is none; SIZE_MAX if it is longer than `bytes`.
std::size_t skippable_frame_bytes(std::string_view bytes) {
  if (bytes.size() < 8 || (u32(bytes) & 0xfffffff0U) != kSkippableMagic) return 0;
  const std::size_t frame = 8 + std::size_t{u32(bytes.substr(4))};
  return frame <= bytes.size() ? frame : SIZE_MAX;
}

std::string zstd_dictionary(std::string_view file) {
  if (file.size() < 8 || u32(file) != kDictionaryMagic) return {};
  const std::size_t frame = skippable_frame_bytes(file);
  check(frame != SIZE_MAX, "the zstd dictionary at the start of the file is cut off: fetch the file again");
  const std::string_view content = file.substr(8, frame - 8);
  check(content.size() <= kMaxDictionaryBytes, "the zstd dictionary at the start of the file has ", content.size(),
        " bytes, at most ", kMaxDictionaryBytes, " are read");
  if (!content.starts_with(kZstdMagic)) return std::string(content);
  std::string dictionary(kMaxDictionaryBytes, '\0');
  const std::size_t n = ZSTD_decompress(dictionary.data(), dictionary.size(), content.data(), content.size());
  check(ZSTD_isError(n) == 0, "the zstd dictionary at the start of the file is damaged: ", ZSTD_getErrorName(n));
  dictionary.resize(n);
  return dictionary;
}

}  // namespace

struct WarcUnits::Coders {
  libdeflate_decompressor* deflate = libdeflate_alloc_decompressor();
  z_stream stream{}, probe{};
  ZSTD_DCtx* zstd = ZSTD_createDCtx();
  ZSTD_DCtx* zstd_probe = ZSTD_createDCtx();
  Coders() {
    // Raw for the probe, which has read the header itself; with header and checksum for the stream.
    const bool are_there = deflate != nullptr && zstd != nullptr && zstd_probe != nullptr && inflateInit2(&probe, -15) == Z_OK &&
                           inflateInit2(&stream, 15 + 16) == Z_OK;
    check(are_there, "no memory for decompressors");
    for (ZSTD_DCtx* context : {zstd, zstd_probe}) ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, kMaxWindowLog);
  }
  ~Coders() {
    libdeflate_free_decompressor(deflate);
    inflateEnd(&stream);
    inflateEnd(&probe);
    ZSTD_freeDCtx(zstd);
    ZSTD_freeDCtx(zstd_probe);
  }
  Coders(const Coders&) = delete;
  Coders& operator=(const Coders&) = delete;
};

bool begins_like_a_record(std::string_view bytes) {
  std::size_t at = 0;
  while (at < 8 && at < bytes.size() && is_line_end(bytes[at])) ++at;
  bytes.remove_prefix(at);
  return bytes.starts_with("WARC/0.") || bytes.starts_with("WARC/1.");
}

/// Of the record line that begins at `at`.
bool is_record_line(std::string_view bytes, std::size_t at) {
  const std::string_view line = bytes.substr(at, kRecordLineBytes);
  if (!line.starts_with("WARC/") || !begins_like_a_record(line)) return false;
  if (at == 0 || bytes[at - 1] == '\n') return true;
  const std::size_t end = line.find('\n');
  return end != std::string_view::npos && line.substr(end + 1).starts_with("WARC-");
}

std::size_t find_record_line(std::string_view bytes, std::size_t from) {
  for (;; ++from) {
    from = bytes.find("WARC/", from);
    if (from == std::string_view::npos || is_record_line(bytes, from)) return from;
  }
}

std::optional<WarcPacking> warc_packing(std::string_view file) {
  if (file.starts_with(kGzipMagic)) return WarcPacking::gzip;
  if (file.starts_with(kZstdMagic) || (file.size() >= 8 && (u32(file) & 0xfffffff0U) == kSkippableMagic)) return WarcPacking::zstd;
  if (begins_like_a_record(file)) return WarcPacking::plain;
  const std::string_view head = file.substr(0, std::size_t{1} << 20);
  for (const WarcPacking packing : {WarcPacking::gzip, WarcPacking::zstd, WarcPacking::plain})
    if (WarcUnits(head, packing, 0).find_start(0, static_cast<std::int64_t>(head.size()))) return packing;
  return std::nullopt;
}

WarcUnits::WarcUnits(std::string_view file, WarcPacking packing, std::int64_t max_whole_bytes)
    : file_(file),
      packing_(packing),
      max_whole_bytes_(static_cast<std::size_t>(max_whole_bytes)),
      coders_(std::make_unique<Coders>()),
      // Not touched before it is used: what no record needs costs nothing.
      whole_(packing == WarcPacking::plain ? nullptr : new char[max_whole_bytes_ + 1]) {
  if (packing != WarcPacking::zstd) return;
  const std::string dictionary = zstd_dictionary(file);
  if (dictionary.empty()) return;
  for (ZSTD_DCtx* context : {coders_->zstd, coders_->zstd_probe}) {
    const std::size_t result = ZSTD_DCtx_loadDictionary(context, dictionary.data(), dictionary.size());
    check(ZSTD_isError(result) == 0, "the zstd dictionary at the start of the file cannot be used: ", ZSTD_getErrorName(result));
  }
}

WarcUnits::~WarcUnits() = default;

bool WarcUnits::probed(std::string_view output) {
  probe_line_ends_ = static_cast<std::size_t>(std::ranges::find_if_not(output, is_line_end) - output.begin());
  return begins_like_a_record(output);
}

bool WarcUnits::is_start(std::int64_t offset) {
  if (offset < 0 || offset >= static_cast<std::int64_t>(file_.size())) return false;
  const std::string_view bytes = file_.substr(static_cast<std::size_t>(offset));
  char output[kProbeOutput];
  was_probe_cut_ = false;
  if (packing_ == WarcPacking::plain) {
    was_probe_cut_ = bytes.size() < kRecordLineBytes && std::string_view("WARC/1.").starts_with(bytes.substr(0, 7));
    return is_record_line(file_, static_cast<std::size_t>(offset));
  }
  if (packing_ == WarcPacking::gzip) {
    const std::size_t header = gzip_header_bytes(bytes);
    was_probe_cut_ = bytes.size() < kMaxGzipHeader && (header != 0 || kGzipMagic.starts_with(bytes.substr(0, 3)));
    if (header == 0) return false;
    const std::string_view body = bytes.substr(header, kProbeGzipBytes);
    z_stream& z = coders_->probe;
    inflateReset(&z);
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    z.avail_in = static_cast<uInt>(body.size());
    z.next_out = reinterpret_cast<Bytef*>(output);
    z.avail_out = kProbeOutput;
    const int result = inflate(&z, Z_SYNC_FLUSH);
    was_probe_cut_ = was_probe_cut_ && z.avail_in == 0 && z.avail_out > 0 && result != Z_STREAM_END && result != Z_DATA_ERROR;
    // An error may follow the bytes asked for.
    return (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR || result == Z_DATA_ERROR) &&
           probed({output, kProbeOutput - z.avail_out});
  }
  was_probe_cut_ = bytes.size() < kProbeZstdBytes && kZstdMagic.starts_with(bytes.substr(0, 4));
  if (!bytes.starts_with(kZstdMagic)) return false;
  ZSTD_DCtx_reset(coders_->zstd_probe, ZSTD_reset_session_only);
  ZSTD_inBuffer in{bytes.data(), std::min(bytes.size(), kProbeZstdBytes), 0};
  ZSTD_outBuffer out{output, kProbeOutput, 0};
  while (out.pos < out.size && in.pos < in.size) {
    const std::size_t was = in.pos + out.pos, result = ZSTD_decompressStream(coders_->zstd_probe, &out, &in);
    if (ZSTD_isError(result) != 0 || result == 0 || in.pos + out.pos == was) {
      was_probe_cut_ = was_probe_cut_ && ZSTD_isError(result) == 0 && result != 0;
      break;
    }
  }
  return probed({output, out.pos});
}

std::optional<std::int64_t> WarcUnits::find_start(std::int64_t from, std::int64_t to) {
  const std::string_view magic = packing_ == WarcPacking::plain ? "WARC/" : packing_ == WarcPacking::gzip ? kGzipMagic : kZstdMagic;
  to = std::min(to, static_cast<std::int64_t>(file_.size()));
  if (from >= to) return std::nullopt;
  // A magic that begins before `to` may end after it.
  const std::string_view bytes = file_.substr(0, std::min(static_cast<std::size_t>(to) + magic.size() - 1, file_.size()));
  for (auto at = static_cast<std::size_t>(from);; ++at) {
    const void* found = ::memmem(bytes.data() + at, bytes.size() - at, magic.data(), magic.size());
    if (found == nullptr) return std::nullopt;
    at = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    if (is_start(static_cast<std::int64_t>(at))) return static_cast<std::int64_t>(at);
  }
}

std::int64_t WarcUnits::skip_filler(std::int64_t offset) {
  auto at = static_cast<std::size_t>(offset);
  while (at < file_.size()) {
    const std::string_view bytes = file_.substr(at);
    char output[kProbeOutput];
    std::size_t read = 0, written = 0;
    if (packing_ == WarcPacking::plain) {
      if (!is_line_end(bytes[0])) break;
      ++at;
      continue;
    }
    if (packing_ == WarcPacking::gzip) {
      if (gzip_header_bytes(bytes) == 0 || libdeflate_gzip_decompress_ex(coders_->deflate, bytes.data(), bytes.size(), output,
                                                                         kProbeOutput, &read, &written) != LIBDEFLATE_SUCCESS)
        break;
    } else if ((read = skippable_frame_bytes(bytes)) != 0) {
      if (read == SIZE_MAX) break;
    } else {
      if (!bytes.starts_with(kZstdMagic)) break;
      read = ZSTD_findFrameCompressedSize(bytes.data(), bytes.size());
      if (ZSTD_isError(read) != 0) break;
      ZSTD_DCtx_reset(coders_->zstd, ZSTD_reset_session_only);
      written = ZSTD_decompressDCtx(coders_->zstd, output, kProbeOutput, bytes.data(), read);
      if (ZSTD_isError(written) != 0) break;
    }
    if (!std::all_of(output, output + written, is_line_end)) break;
    at += read;
  }
  return static_cast<std::int64_t>(at);
}

bool WarcUnits::open_whole(std::int64_t offset) {
  // No more than could hold max_whole_bytes_: a failed attempt must not read to the end of the file.
  const std::string_view bytes =
      file_.substr(static_cast<std::size_t>(offset), max_whole_bytes_ + max_whole_bytes_ / 16 + kMaxGzipHeader);
  std::size_t read = 0, written = 0;
  if (packing_ == WarcPacking::gzip) {
    if (gzip_header_bytes(bytes) == 0 || libdeflate_gzip_decompress_ex(coders_->deflate, bytes.data(), bytes.size(), whole_.get(),
                                                                       max_whole_bytes_, &read, &written) != LIBDEFLATE_SUCCESS)
      return false;
  } else {
    const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > max_whole_bytes_) return false;
    read = ZSTD_findFrameCompressedSize(bytes.data(), bytes.size());
    if (ZSTD_isError(read) != 0) return false;
    ZSTD_DCtx_reset(coders_->zstd, ZSTD_reset_session_only);
    written = ZSTD_decompressDCtx(coders_->zstd, whole_.get(), max_whole_bytes_, bytes.data(), read);
    if (ZSTD_isError(written) != 0) return false;
  }
  data_ = whole_.get();
  size_ = written;
  end_ = offset + static_cast<std::int64_t>(read);
  is_at_end_ = true;
  return true;
}

void WarcUnits::begin_stream() {
  is_streamed_ = true;
  is_at_end_ = false;
  if (packing_ == WarcPacking::gzip)
    inflateReset(&coders_->stream);
  else
    ZSTD_DCtx_reset(coders_->zstd, ZSTD_reset_session_only);
}

bool WarcUnits::open(std::int64_t offset) {
  damage_.reset();
  position_ = 0;
  is_streamed_ = false;
  is_at_end_ = false;
  size_ = 0;
  if (packing_ == WarcPacking::plain) {
    if (!is_start(offset)) return false;
    data_ = file_.data() + offset;
    size_ = file_.size() - static_cast<std::size_t>(offset);
    end_ = static_cast<std::int64_t>(file_.size());
    is_at_end_ = true;
    return true;
  }
  if (open_whole(offset)) {
    // What a probe would say, without the probe where that is certain.
    const std::size_t packed = static_cast<std::size_t>(end_ - offset);
    const bool is_sure = packed <= kProbeGzipBytes;
    return is_sure ? begins_like_a_record(view().substr(0, kProbeOutput)) : is_start(offset);
  }
  if (!is_start(offset)) return false;
  buffer_.clear();
  data_ = buffer_.data();
  size_ = 0;
  end_ = offset;
  begin_stream();
  return true;
}

void WarcUnits::drop(std::size_t bytes) {
  data_ += bytes;
  size_ -= bytes;
  position_ += static_cast<std::int64_t>(bytes);
}

void WarcUnits::fail_at_end(std::string detail) {
  const bool is_cut = static_cast<std::size_t>(end_) == file_.size();
  damage_ = Rejection{is_cut ? "truncated_file" : "malformed_record", end_, is_cut ? "the file ends inside it" : std::move(detail)};
}

bool WarcUnits::inflate_more() {
  z_stream& z = coders_->stream;
  const std::size_t used = buffer_.size();
  buffer_.resize(used + kChunk);
  z.next_out = reinterpret_cast<Bytef*>(buffer_.data() + used);
  z.avail_out = kChunk;
  int result = Z_OK;
  while (z.avail_out == kChunk && result == Z_OK) {
    const std::size_t left = std::min(file_.size() - static_cast<std::size_t>(end_), kChunk);
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(file_.data() + end_));
    z.avail_in = static_cast<uInt>(left);
    result = inflate(&z, Z_NO_FLUSH);
    end_ += static_cast<std::int64_t>(left - z.avail_in);
  }
  buffer_.resize(used + kChunk - z.avail_out);
  if (result == Z_STREAM_END)
    is_at_end_ = true;
  else if (result != Z_OK)
    fail_at_end(z.msg != nullptr ? z.msg : "damaged deflate data");
  return buffer_.size() > used;
}

bool WarcUnits::unzstd_more() {
  const std::size_t used = buffer_.size();
  buffer_.resize(used + kChunk);
  ZSTD_outBuffer out{buffer_.data() + used, kChunk, 0};
  while (out.pos == 0 && !is_at_end_ && !damage_) {
    ZSTD_inBuffer in{file_.data() + end_, std::min(file_.size() - static_cast<std::size_t>(end_), kChunk), 0};
    const std::size_t result = ZSTD_decompressStream(coders_->zstd, &out, &in);
    end_ += static_cast<std::int64_t>(in.pos);
    if (ZSTD_isError(result) != 0)
      damage_ = Rejection{"malformed_record", end_, ZSTD_getErrorName(result)};
    else if (result == 0)
      is_at_end_ = true;
    else if (in.pos == 0 && out.pos == 0)
      fail_at_end("damaged zstd data");
  }
  buffer_.resize(used + out.pos);
  return buffer_.size() > used;
}

bool WarcUnits::grow_in_member() {
  if (!is_streamed_ || is_at_end_ || damage_) return false;
  const std::size_t start = static_cast<std::size_t>(data_ - buffer_.data());
  if (start > 0 && start >= size_) {  // what is moved is less than what was dropped: linear in all
    buffer_.erase(0, start);
    data_ = buffer_.data();
  }
  const std::size_t from = buffer_.size() - size_;
  const bool has_more = packing_ == WarcPacking::gzip ? inflate_more() : unzstd_more();
  data_ = buffer_.data() + from;
  size_ = buffer_.size() - from;
  return has_more;
}

bool WarcUnits::grow(std::size_t missing) {
  for (;;) {
    if (grow_in_member()) return true;
    if (packing_ == WarcPacking::plain || !is_at_end_ || damage_) return false;
    const std::string_view next = file_.substr(static_cast<std::size_t>(end_));
    const bool is_member = packing_ == WarcPacking::gzip ? gzip_header_bytes(next) != 0 : next.starts_with(kZstdMagic);
    if (!is_member || (is_start(end_) && probe_line_ends_ < missing)) return false;
    if (!is_streamed_) {
      buffer_.assign(data_, size_);
      data_ = buffer_.data();
    }
    begin_stream();
  }
}

}  // namespace corollary
