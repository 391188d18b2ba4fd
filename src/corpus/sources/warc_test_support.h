#pragma once
#include <zlib.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/compress.h"
#include "base/error.h"

/// WARC files made in memory.
namespace corollary::testing {

inline std::string warc_record(const std::string& type, const std::string& uri, const std::string& payload,
                               const std::string& content_length = "") {
  return "WARC/1.0\r\nWARC-Type: " + type + "\r\nWARC-Target-URI: " + uri +
         "\r\nWARC-Date: 2020-08-08T16:54:17Z\r\nWARC-Record-ID: <urn:uuid:1>\r\nContent-Length: " +
         (content_length.empty() ? std::to_string(payload.size()) : content_length) + "\r\n\r\n" + payload + "\r\n\r\n";
}

inline std::string http_page(const std::string& body, const std::string& headers = "Content-Type: text/html; charset=utf-8\r\n",
                             const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\n" + headers + "\r\n" + body;
}

/// window_bits: 31 gzip, 15 zlib, -15 raw deflate.
inline std::string deflated(std::string_view bytes, int window_bits = 31, int level = 6) {
  z_stream z{};
  check(deflateInit2(&z, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK, "deflateInit2");
  std::string out(deflateBound(&z, bytes.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  check(deflate(&z, Z_FINISH) == Z_STREAM_END, "deflate");
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

inline std::string gzipped(std::string_view bytes, int level = 6) { return deflated(bytes, 31, level); }

}  // namespace corollary::testing
