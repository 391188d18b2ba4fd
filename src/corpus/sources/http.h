#pragma once
#include <cstdint>
#include <string>

#include "base/files.h"

namespace corollary {

struct DownloadConfig {
  int tries = 5;                      ///< of connections that fail or answer 408, 429 or 5xx
  double first_pause_seconds = 1;     ///< before the second try; doubles each time, at most 30
  long connect_timeout_seconds = 20;  ///< to reach the server
  long stall_timeout_seconds = 30;    ///< without a byte per second
};

/// Brings `url` to `path`, verified: bytes arrive in `path`.part, an interrupted download goes on where it stopped if the server
/// can (Range), the SHA-256 of the whole is compared, and only then the name appears. A file already at `path` with that digest is
/// left. Follows redirects to http and https. Throws Error with status and remedy; the .part stays for the next try unless its
/// digest is wrong. Two processes never write the same .part.
void download(const std::string& url, const std::string& sha256, const fs::path& path, const DownloadConfig& config = {});

}  // namespace corollary
