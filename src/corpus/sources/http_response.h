#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "corpus/document.h"
#include "corpus/sources/header_block.h"

namespace corollary {

/// An HTTP answer as crawlers store it. The views are into the bytes it was read from; of those and of this struct the older dies
/// last.
struct HttpResponse {
  int status = 0;
  HeaderBlock headers;
  std::string content_type;  ///< lower case, without parameters: "text/html"; "" if not said
  std::string charset;       ///< lower case, as the header says: "utf-8"; "" if not said
  std::string_view body;     ///< transfer and content codings undone
  /// The chunks or the compressed data ended early or were broken from some place on: body is what came before (and, after a broken
  /// chunk line, the rest as it is).
  bool is_damaged = false;
  std::string decoded;  ///< what body points to if anything was undone
};

/// Reads status line, header and body, undoing chunked transfer coding, then gzip, deflate (with or without zlib's header), br and
/// zstd, at most max_body_bytes large each. Where a body is not what its header says (archives store bodies undone beside the old
/// header) it is taken as it is. Fills `response`, whose buffer is reused; returns why not: "malformed_record" (no HTTP),
/// "too_large", "unsupported_encoding" (named; br in a build without Brotli).
std::optional<Rejection> read_http_response(std::string_view bytes, std::int64_t max_body_bytes, HttpResponse& response);

}  // namespace corollary
