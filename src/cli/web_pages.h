#pragma once
#include <string>
#include <vector>

#include "base/files.h"

namespace corollary {

struct WebPage {
  std::string url, http_charset, html;
};
/// The pages of WARC response records; records that are none are passed over.
std::vector<WebPage> read_web_pages(const fs::path& warc);

}  // namespace corollary
