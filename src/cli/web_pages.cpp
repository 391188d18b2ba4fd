#include "cli/web_pages.h"

#include "corpus/sources/http_response.h"
#include "corpus/sources/warc.h"

namespace corollary {

std::vector<WebPage> read_web_pages(const fs::path& warc) {
  constexpr std::int64_t kMaxPageBytes = std::int64_t{64} << 20;
  std::vector<WebPage> pages;
  WarcReader reader(warc);
  HttpResponse response;
  while (const auto record = reader.next()) {
    if (record->rejection || record->type != "response" || read_http_response(record->payload, kMaxPageBytes, response)) continue;
    WebPage page;
    page.url = record->target_uri;
    page.http_charset = response.charset;
    page.html = response.body;
    pages.push_back(std::move(page));
  }
  return pages;
}

}  // namespace corollary
