#include "corpus/sources/http_response.h"

#include <zlib.h>
#include <zstd.h>
#if COROLLARY_BROTLI
#include <brotli/decode.h>
#endif

#include <algorithm>
#include <charconv>
#include <memory>
#include <vector>

#include "base/error.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxHeaderBytes = std::size_t{256} << 10;
constexpr std::size_t kMaxCodings = 4;  // one inside the other
constexpr std::size_t kChunk = std::size_t{64} << 10;

enum class Outcome { whole, cut, not_that, too_large, unsupported };

/// Undoes chunked coding. Not chunked at all: not_that. From a broken chunk line on the rest is taken as it is.
Outcome unchunk(std::string_view in, std::string& out) {
  out.clear();
  for (bool is_first = true;; is_first = false) {
    const std::size_t newline = in.substr(0, 4096).find('\n');
    std::string_view line = trim(in.substr(0, newline == std::string_view::npos ? 0 : newline));
    line = trim(line.substr(0, line.find(';')));
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (line.empty() || error != std::errc() || end != line.data() + line.size()) {
      if (is_first) return Outcome::not_that;
      out.append(in);
      return Outcome::cut;
    }
    in.remove_prefix(newline + 1);
    if (size == 0) return Outcome::whole;  // trailers may follow
    const bool is_cut = size > in.size();
    const std::string_view chunk = in.substr(0, is_cut ? in.size() : static_cast<std::size_t>(size));
    out.append(chunk);
    in.remove_prefix(chunk.size());
    if (is_cut || in.empty()) return Outcome::cut;
    if (in.starts_with("\r\n"))
      in.remove_prefix(2);
    else if (in.starts_with('\n'))
      in.remove_prefix(1);
  }
}

/// Makes room for more in `out`, of which `used` bytes are filled; false if that would pass max_bytes by more than one byte.
bool make_room(std::string& out, std::size_t used, std::size_t max_bytes) {
  if (used > max_bytes) return false;
  out.resize(std::min(used + std::max(kChunk, used), max_bytes + 1));
  return true;
}

Outcome inflate_all(std::string_view in, int window_bits, std::size_t max_bytes, std::string& out) {
  z_stream z{};
  const int made = inflateInit2(&z, window_bits);
  check(made == Z_OK, "no memory for decompressors");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&z, inflateEnd);
  std::size_t used = 0;
  Outcome outcome = Outcome::whole;
  for (int result = Z_OK; result != Z_STREAM_END;) {
    if (!make_room(out, used, max_bytes)) return Outcome::too_large;
    // Sizes of zlib are 32 bits: max_body_bytes may be more.
    const auto room = static_cast<uInt>(std::min(out.size() - used, std::size_t{1} << 30));
    const auto feed = static_cast<uInt>(std::min(in.size(), std::size_t{1} << 30));
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    z.avail_in = feed;
    z.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    z.avail_out = room;
    result = inflate(&z, Z_NO_FLUSH);
    in.remove_prefix(feed - z.avail_in);
    used += room - z.avail_out;
    if (result == Z_STREAM_END && window_bits > 15 && in.starts_with("\x1f\x8b")) {  // another member
      inflateReset(&z);
      result = Z_OK;
    } else if (result != Z_OK && result != Z_STREAM_END) {
      outcome = used == 0 ? Outcome::not_that : Outcome::cut;
      break;
    }
  }
  out.resize(used);
  return used > max_bytes ? Outcome::too_large : outcome;
}

Outcome unzstd(std::string_view in, std::size_t max_bytes, std::string& out) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> zstd(ZSTD_createDCtx(), ZSTD_freeDCtx);
  check(zstd != nullptr, "no memory for decompressors");
  ZSTD_DCtx_setParameter(zstd.get(), ZSTD_d_windowLogMax, 23);  // RFC 8878 as the web uses it: 8 MiB
  ZSTD_inBuffer source{in.data(), in.size(), 0};
  std::size_t used = 0;
  Outcome outcome = Outcome::whole;
  for (;;) {
    if (!make_room(out, used, max_bytes)) return Outcome::too_large;
    ZSTD_outBuffer to{out.data(), out.size(), used};
    const std::size_t was = source.pos, result = ZSTD_decompressStream(zstd.get(), &to, &source);
    const bool is_stuck = source.pos == was && to.pos == used;
    used = to.pos;
    if (result == 0 && source.pos == source.size) break;
    if (ZSTD_isError(result) != 0 || is_stuck) {
      outcome = used == 0 ? Outcome::not_that : Outcome::cut;
      break;
    }
  }
  out.resize(used);
  return used > max_bytes ? Outcome::too_large : outcome;
}

Outcome unbrotli([[maybe_unused]] std::string_view in, [[maybe_unused]] std::size_t max_bytes, [[maybe_unused]] std::string& out) {
#if COROLLARY_BROTLI
  const std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
  check(state != nullptr, "no memory for decompressors");
  const auto* next = reinterpret_cast<const std::uint8_t*>(in.data());
  std::size_t left = in.size(), used = 0;
  Outcome outcome = Outcome::whole;
  for (;;) {
    if (!make_room(out, used, max_bytes)) return Outcome::too_large;
    std::size_t room = out.size() - used;
    auto* to = reinterpret_cast<std::uint8_t*>(out.data() + used);
    const auto result = BrotliDecoderDecompressStream(state.get(), &left, &next, &room, &to, nullptr);
    used = out.size() - room;
    if (result == BROTLI_DECODER_RESULT_SUCCESS) break;
    if (result != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
      outcome = used == 0 ? Outcome::not_that : Outcome::cut;
      break;
    }
  }
  out.resize(used);
  return used > max_bytes ? Outcome::too_large : outcome;
#else
  return Outcome::unsupported;
#endif
}

Outcome undo(std::string_view coding, std::string_view in, std::size_t max_bytes, std::string& out) {
  if (coding == "gzip" || coding == "x-gzip") return inflate_all(in, 15 + 16, max_bytes, out);
  if (coding == "deflate") {
    const Outcome with_header = inflate_all(in, 15, max_bytes, out);
    return with_header == Outcome::not_that ? inflate_all(in, -15, max_bytes, out) : with_header;
  }
  if (coding == "br") return unbrotli(in, max_bytes, out);
  if (coding == "zstd") return unzstd(in, max_bytes, out);
  return Outcome::unsupported;
}

/// Of all fields of that name, comma-separated, lower case, without "identity".
std::vector<std::string> codings(const HeaderBlock& headers, std::string_view name) {
  std::vector<std::string> all;
  headers.each([&](std::string_view field, std::string_view value) {
    if (!equals_ignoring_case(field, name)) return false;
    while (!value.empty() && all.size() <= kMaxCodings) {
      const std::size_t comma = value.find(',');
      std::string coding = ascii_lower(trim(value.substr(0, comma)));
      if (!coding.empty() && coding != "identity" && coding != "none") all.push_back(std::move(coding));
      value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
    }
    return false;
  });
  return all;
}

void read_content_type(HttpResponse& response) {
  const std::string_view value = response.headers.find("Content-Type").value_or("");
  const std::size_t semicolon = value.find(';');
  response.content_type = ascii_lower(trim(value.substr(0, semicolon)));
  response.charset.clear();
  for (std::size_t at = semicolon; at != std::string_view::npos;) {
    const std::size_t next = value.find(';', at + 1);
    const std::string_view parameter = trim(value.substr(at + 1, next == std::string_view::npos ? next : next - at - 1));
    at = next;
    if (parameter.size() < 8 || !equals_ignoring_case(parameter.substr(0, 7), "charset")) continue;
    std::string_view charset = trim(parameter.substr(7));
    if (!charset.starts_with('=')) continue;
    charset = trim(charset.substr(1));
    while (!charset.empty() && (charset.front() == '"' || charset.front() == '\'')) charset.remove_prefix(1);
    while (!charset.empty() && (charset.back() == '"' || charset.back() == '\'')) charset.remove_suffix(1);
    response.charset = ascii_lower(charset);
    return;
  }
}

}  // namespace

std::optional<Rejection> read_http_response(std::string_view bytes, std::int64_t max_body_bytes, HttpResponse& response) {
  response.is_damaged = false;
  response.body = {};
  const auto no_http = [](const char* detail) { return Rejection{"malformed_record", 0, detail}; };
  if (!bytes.starts_with("HTTP/")) return no_http("no HTTP status line");
  const std::string_view line = bytes.substr(0, std::min(bytes.find('\n'), kMaxHeaderBytes));
  const std::size_t space = line.find(' ');
  const std::string_view code = space == std::string_view::npos ? "" : trim(line.substr(space)).substr(0, 3);
  const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), response.status);
  if (error != std::errc() || end != code.data() + code.size() || response.status < 100)
    return no_http("no status in the status line");
  const std::size_t header = header_end(bytes.substr(0, kMaxHeaderBytes));
  if (header == std::string_view::npos) return no_http("the HTTP header has no end");
  response.headers.text = bytes.substr(line.size() + 1, header - line.size() - 1);
  read_content_type(response);
  response.body = bytes.substr(header);

  const auto limit = static_cast<std::size_t>(max_body_bytes);
  if (response.body.size() > limit) return Rejection{"too_large", 0, std::to_string(response.body.size()) + " bytes"};
  auto steps = codings(response.headers, "Content-Encoding");
  if (steps.size() > kMaxCodings) return Rejection{"unsupported_encoding", 0, "more than four content codings"};
  const auto transfers = codings(response.headers, "Transfer-Encoding");
  steps.insert(steps.end(), transfers.begin(), transfers.end());  // the last was applied last
  std::string out;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (response.body.empty()) break;
    const Outcome outcome = *step == "chunked" ? unchunk(response.body, out) : undo(*step, response.body, limit, out);
    if (outcome == Outcome::not_that) continue;
    if (outcome == Outcome::unsupported) return Rejection{"unsupported_encoding", 0, step->substr(0, 100)};
    if (outcome == Outcome::too_large)
      return Rejection{"too_large", 0, *step + " of more than " + std::to_string(limit) + " bytes"};
    response.is_damaged = response.is_damaged || outcome == Outcome::cut;
    response.decoded.swap(out);
    response.body = response.decoded;
  }
  return std::nullopt;
}

}  // namespace corollary
