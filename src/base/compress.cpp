#include "base/compress.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace corollary {
namespace {

constexpr std::size_t kChunk = 1 << 18;

/// Pulls decompressed bytes from a file.
class ByteSource {
 public:
  explicit ByteSource(const fs::path& path) : path_(path), file_(std::fopen(path.c_str(), "rb"), &std::fclose), in_(kChunk, '\0') {
    check(file_ != nullptr, "cannot open ", path.string(), ": ", std::strerror(errno));
    refill();
    const auto* head = reinterpret_cast<const unsigned char*>(in_.data());
    const bool is_frame = have_ >= 4 && head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd;
    const bool is_skippable =
        have_ >= 4 && head[0] >> 4 == 5 && head[1] == 0x2a && head[2] == 0x4d && head[3] == 0x18;  // pzstd's first
    if (is_frame || is_skippable) {
      zstd_ = ZSTD_createDStream();
      check(zstd_ != nullptr && !ZSTD_isError(ZSTD_initDStream(zstd_)), "out of memory for zstd");
      ZSTD_DCtx_setParameter(zstd_, ZSTD_d_windowLogMax, 31);
    } else if (have_ >= 2 && head[0] == 0x1f && head[1] == 0x8b) {
      check(inflateInit2(&gzip_, 15 + 16) == Z_OK, "out of memory for gzip");
      is_gzip_ = true;
    }
  }
  ~ByteSource() {
    if (zstd_ != nullptr) ZSTD_freeDStream(zstd_);
    if (is_gzip_) inflateEnd(&gzip_);
  }
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Appends some bytes to `out`; false at the end of the data. Sets `damage` instead of throwing.
  bool read(std::string& out, std::string& damage) {
    if (!zstd_ && !is_gzip_) {
      if (have_ == used_ && !refill()) return false;
      out.append(in_.data() + used_, have_ - used_);
      used_ = have_;
      return true;
    }
    const std::size_t before = out.size();
    while (out.size() == before) {
      if (used_ == have_ && !is_output_full_ && !refill()) {  // a full output leaves more inside the decoder
        if (inside_frame_) damage = "the compressed data ends in the middle: the file is truncated";
        return false;
      }
      out.resize(before + kChunk);
      const std::size_t produced = zstd_ ? step_zstd(out.data() + before, damage) : step_gzip(out.data() + before, damage);
      out.resize(before + produced);
      is_output_full_ = produced == kChunk && inside_frame_;
      if (!damage.empty()) return produced > 0;
    }
    return true;
  }

 private:
  bool refill() {
    used_ = 0;
    have_ = std::fread(in_.data(), 1, in_.size(), file_.get());
    check(have_ > 0 || std::ferror(file_.get()) == 0, "cannot read ", path_.string(), ": ", std::strerror(errno));
    return have_ > 0;
  }
  std::size_t step_zstd(char* to, std::string& damage) {
    ZSTD_inBuffer in{in_.data(), have_, used_};
    ZSTD_outBuffer out{to, kChunk, 0};
    const std::size_t status = ZSTD_decompressStream(zstd_, &out, &in);
    used_ = in.pos;
    if (ZSTD_isError(status)) damage = std::string("damaged zstd data: ") + ZSTD_getErrorName(status);
    inside_frame_ = status != 0;
    return out.pos;
  }
  std::size_t step_gzip(char* to, std::string& damage) {
    gzip_.next_in = reinterpret_cast<Bytef*>(in_.data() + used_);
    gzip_.avail_in = static_cast<uInt>(have_ - used_);
    gzip_.next_out = reinterpret_cast<Bytef*>(to);
    gzip_.avail_out = kChunk;
    const int status = inflate(&gzip_, Z_NO_FLUSH);
    used_ = have_ - gzip_.avail_in;
    inside_frame_ = status != Z_STREAM_END;
    if (status == Z_STREAM_END)
      inflateReset(&gzip_);
    else if (status != Z_OK && status != Z_BUF_ERROR)
      damage = std::string("damaged gzip data: ") + (gzip_.msg ? gzip_.msg : "unknown reason");
    return kChunk - gzip_.avail_out;
  }

  fs::path path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  std::string in_;
  std::size_t have_ = 0, used_ = 0;
  ZSTD_DStream* zstd_ = nullptr;
  z_stream gzip_{};
  bool is_gzip_ = false, inside_frame_ = false, is_output_full_ = false;
};

}  // namespace

struct LineReader::State {
  State(const fs::path& file, std::size_t limit) : path(file), source(file), max_line_bytes(limit) {}
  fs::path path;
  ByteSource source;
  std::size_t max_line_bytes;
  std::string buffer, damage;
  std::size_t at = 0, scanned = 0;
  std::int64_t line = 0;
  bool ended = false;
};

LineReader::LineReader(const fs::path& path, std::size_t max_line_bytes) : state_(std::make_unique<State>(path, max_line_bytes)) {}
LineReader::~LineReader() = default;
std::int64_t LineReader::line_number() const { return state_->line; }

std::optional<std::string_view> LineReader::next() {
  State& s = *state_;
  for (;;) {
    const std::size_t end = s.buffer.find('\n', std::max(s.at, s.scanned));
    if (end != std::string::npos) {
      const std::string_view line(s.buffer.data() + s.at, end - s.at);
      s.at = s.scanned = end + 1;
      ++s.line;
      return line;
    }
    s.scanned = s.buffer.size();
    check(s.buffer.size() - s.at <= s.max_line_bytes, "line ", s.line + 1, " of ", s.path.string(), " is longer than ",
          s.max_line_bytes, " bytes: not a file of lines?");
    if (s.ended) {
      check(s.damage.empty(), "after line ", s.line, " of ", s.path.string(), ": ", s.damage, "; fetch the file again");
      if (s.at == s.buffer.size()) return std::nullopt;
      const std::string_view line(s.buffer.data() + s.at, s.buffer.size() - s.at);
      s.at = s.buffer.size();
      ++s.line;
      return line;
    }
    s.buffer.erase(0, s.at);
    s.scanned -= s.at;
    s.at = 0;
    if (!s.source.read(s.buffer, s.damage) || !s.damage.empty()) s.ended = true;
  }
}

struct CompressedWriter::State {
  explicit State(const fs::path& path) : file(path) {}
  AtomicFile file;
  ZSTD_CCtx* zstd = nullptr;
  z_stream gzip{};
  bool is_gzip = false;
  std::string out = std::string(kChunk, '\0');
  std::string pending;

  void push(bool last) {
    if (zstd != nullptr) {
      ZSTD_inBuffer in{pending.data(), pending.size(), 0};
      for (bool done = false; !done;) {
        ZSTD_outBuffer to{out.data(), out.size(), 0};
        const std::size_t left = ZSTD_compressStream2(zstd, &to, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        check(!ZSTD_isError(left), "zstd: ", ZSTD_getErrorName(left));
        file.write(out.data(), to.pos);
        done = last ? left == 0 : in.pos == in.size;
      }
    } else if (is_gzip) {
      gzip.next_in = reinterpret_cast<Bytef*>(pending.data());
      gzip.avail_in = static_cast<uInt>(pending.size());
      do {
        gzip.next_out = reinterpret_cast<Bytef*>(out.data());
        gzip.avail_out = static_cast<uInt>(out.size());
        const int status = deflate(&gzip, last ? Z_FINISH : Z_NO_FLUSH);
        check(status != Z_STREAM_ERROR, "gzip stream error");
        file.write(out.data(), out.size() - gzip.avail_out);
      } while (gzip.avail_out == 0);
    } else {
      file.write(pending);
    }
    pending.clear();
  }
};

CompressedWriter::CompressedWriter(const fs::path& path, int zstd_level) : state_(std::make_unique<State>(path)) {
  if (path.extension() == ".zst") {
    state_->zstd = ZSTD_createCCtx();
    check(state_->zstd != nullptr, "out of memory for zstd");
    ZSTD_CCtx_setParameter(state_->zstd, ZSTD_c_compressionLevel, zstd_level);
    ZSTD_CCtx_setParameter(state_->zstd, ZSTD_c_checksumFlag, 1);
  } else if (path.extension() == ".gz") {
    check(deflateInit2(&state_->gzip, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "out of memory for gzip");
    state_->is_gzip = true;
  }
}
CompressedWriter::~CompressedWriter() {
  if (state_->zstd != nullptr) ZSTD_freeCCtx(state_->zstd);
  if (state_->is_gzip) deflateEnd(&state_->gzip);
}
void CompressedWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {  // in pieces: zlib counts in 32 bits
    state_->pending += bytes.substr(0, kChunk);
    bytes.remove_prefix(std::min(bytes.size(), kChunk));
    if (state_->pending.size() >= kChunk) state_->push(false);
  }
}
void CompressedWriter::write_line(std::string_view line) {
  write(line);
  write("\n");
}
void CompressedWriter::commit() {
  state_->push(true);
  state_->file.commit();
}

std::string zstd_compress(std::string_view bytes, int level) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t n = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), level);
  check(!ZSTD_isError(n), "zstd: ", ZSTD_getErrorName(n));
  out.resize(n);
  return out;
}

std::string zstd_decompress(std::string_view bytes, std::size_t max_bytes, const std::string& where) {
  ZSTD_DStream* stream = ZSTD_createDStream();
  check(stream != nullptr, "out of memory for zstd");
  const std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> owner(stream, ZSTD_freeDStream);
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  std::string out;
  std::vector<char> chunk(kChunk);
  std::size_t status = 1;
  while (in.pos < in.size || status != 0) {
    ZSTD_outBuffer to{chunk.data(), chunk.size(), 0};
    const std::size_t before = in.pos;
    status = ZSTD_decompressStream(stream, &to, &in);
    check(!ZSTD_isError(status), "in ", where, ": damaged zstd data: ", ZSTD_getErrorName(status));
    check(out.size() + to.pos <= max_bytes, "in ", where, ": decompresses to more than ", max_bytes, " bytes");
    out.append(chunk.data(), to.pos);
    check(in.pos != before || to.pos != 0 || status == 0, "in ", where, ": truncated zstd data");
  }
  return out;
}

std::string gzip_decompress(std::string_view bytes, std::size_t max_bytes, const std::string& where) {
  z_stream stream{};
  check(inflateInit2(&stream, 15 + 16) == Z_OK, "out of memory for gzip");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
  std::string out;
  std::vector<char> chunk(kChunk);
  std::size_t used = 0;
  int status = Z_OK;
  while (used < bytes.size() || status != Z_STREAM_END) {
    const std::size_t give = std::min<std::size_t>(bytes.size() - used, 1u << 30);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + used));
    stream.avail_in = static_cast<uInt>(give);
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t produced = chunk.size() - stream.avail_out, consumed = give - stream.avail_in;
    check(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR, "in ", where, ": damaged gzip data");
    check(out.size() + produced <= max_bytes, "in ", where, ": decompresses to more than ", max_bytes, " bytes");
    out.append(chunk.data(), produced);
    used += consumed;
    check(produced + consumed > 0 || status == Z_STREAM_END, "in ", where, ": truncated gzip data");
    if (status == Z_STREAM_END && used < bytes.size()) inflateReset(&stream), status = Z_OK;
  }
  return out;
}

std::int64_t xz_compressed_bytes(std::string_view bytes) {
  std::vector<std::uint8_t> out(lzma_stream_buffer_bound(bytes.size()));
  std::size_t used = 0;
  const lzma_ret status =
      lzma_easy_buffer_encode(9 | LZMA_PRESET_EXTREME, LZMA_CHECK_CRC64, nullptr,
                              reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), out.data(), &used, out.size());
  check(status == LZMA_OK, "xz failed with status ", static_cast<int>(status));
  return static_cast<std::int64_t>(used);
}

}  // namespace corollary
