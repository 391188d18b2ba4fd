#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/files.h"
#include "corpus/document.h"
#include "corpus/sources/http_client.h"

namespace corollary {

using DownloadConfig = HttpConfig;

/// Brings `url` to `path`, verified: bytes arrive in `path`.part, an interrupted download goes on where it stopped if the server
/// can (Range), the SHA-256 of the whole is compared, and only then the name appears. A file already at `path` with that digest is
/// left. Redirects as HttpClient (http_client.h) follows them. Throws Error with status and remedy; the .part stays for the next
/// try unless its digest is wrong. Two processes never write the same .part.
void download(const std::string& url, const std::string& sha256, const fs::path& path, const DownloadConfig& config = {});

/// Says what is wrong with a file that arrived whole: its digest, a damaged archive; empty if it is right. Must not change it.
using FileJudge = std::function<std::string(const fs::path& part)>;

/// The same where failure is expected and counted: nullopt once `path` holds a file that `judge` finds right; what lies there
/// already is not judged again. Reasons besides HttpClient's: wrong_file (nothing is kept), rate_limited. What may succeed later is
/// kept in .part. Throws Error if stopped, if the disk refuses, or if another process is at it.
std::optional<Rejection> try_download(HttpClient& client, const std::string& url, const fs::path& path, const FileJudge& judge);

}  // namespace corollary
