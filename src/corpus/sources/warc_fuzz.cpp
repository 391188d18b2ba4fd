#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "corpus/sources/http_response.h"
#include "corpus/sources/warc.h"
#include "corpus/sources/warc_test_support.h"

using corollary::testing::gzipped;
using corollary::testing::http_page;
using corollary::testing::warc_record;

std::vector<std::string> fuzz_seeds() {
  const std::string page = warc_record("response", "<http://a.org/>", http_page("<p>x</p>")),
                    chunked = warc_record("response", "b", http_page("3\r\nabc\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n")),
                    coded = warc_record("response", "c", http_page(gzipped("hello"), "Content-Encoding: gzip\r\n")),
                    info = warc_record("warcinfo", "", "a: b\r\n");
  return {info + page + chunked + coded, gzipped(info) + gzipped(page) + gzipped(chunked) + gzipped(coded),
          gzipped(info + page + chunked), gzipped(info, 0) + gzipped(page, 0) + gzipped(coded, 0),
          corollary::zstd_compress(info) + corollary::zstd_compress(page)};
}

/// The whole must equal its halves.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  try {
    corollary::HttpResponse response;
    (void)corollary::read_http_response(file, 1 << 16, response);
    std::vector<std::string> found[2];
    const auto cut = static_cast<std::int64_t>(size / 2);
    const corollary::WarcOptions all{.max_record_bytes = 1 << 14, .page_bytes = 256};
    corollary::WarcOptions first = all, second = all;
    first.end = second.begin = cut;
    const auto read = [&](const corollary::WarcOptions& options, std::vector<std::string>& into) {
      corollary::WarcReader reader(file, "fuzz", options);
      while (const auto record = reader.next()) {
        if (record->type == "response") (void)corollary::read_http_response(record->payload, 1 << 16, response);
        into.push_back(std::to_string(record->offset) + " " + std::to_string(record->inner_offset) + " " +
                       std::string(record->payload) +
                       (record->rejection ? record->rejection->reason + record->rejection->detail : ""));
      }
    };
    read(all, found[0]);
    read(first, found[1]);
    read(second, found[1]);
    if (found[0] != found[1]) __builtin_trap();
  } catch (const corollary::Error&) {
  }
  return 0;
}
