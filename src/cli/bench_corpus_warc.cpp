#include "cli/bench_corpus_warc.h"

#include <libdeflate.h>
#include <time.h>

#include <limits>
#include <string>

#include "base/compress.h"
#include "base/error.h"
#include "corpus/sources/http_response.h"
#include "corpus/sources/warc.h"
#include "corpus/web/prefilter.h"

namespace corollary {
namespace {

constexpr std::size_t kMinBytes = 100'000'000;

/// The same records, packed in three ways, and how many there are.
struct Material {
  std::string gzip, zstd, plain;
  std::int64_t records = 0;
};

std::string gzip_member(std::string_view bytes) {
  libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
  std::string out(libdeflate_gzip_compress_bound(compressor, bytes.size()), '\0');
  out.resize(libdeflate_gzip_compress(compressor, bytes.data(), bytes.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

/// A page of words with a formula in every fourth: a mix that a crawl does not have, but that runs anywhere.
std::string made_record(int i) {
  std::string body = "<!DOCTYPE html><html><head><title>Page</title><script>var text = \"x\\n\";</script></head><body>";
  for (int j = 0; j < 400 + i % 7 * 100; ++j)
    body += "<p class=\"text\">The path of step " + std::to_string(i * 31 + j * 17) + " is taken by most.</p>\n";
  if (i % 4 == 0) body += "<p>\\frac{1}{2}</p>";
  const std::string payload = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body + "</body></html>";
  return "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.org/" + std::to_string(i) +
         "\r\nContent-Length: " + std::to_string(payload.size()) + "\r\n\r\n" + payload + "\r\n\r\n";
}

void add(Material& material, std::string_view record) {
  material.gzip += gzip_member(record);
  material.zstd += zstd_compress(record);
  material.plain += record;
  ++material.records;
}

void repeat(Material& material) {
  const std::size_t times = kMinBytes / material.plain.size() + 1;
  for (std::string* bytes : {&material.gzip, &material.zstd, &material.plain}) {
    const std::string once = *bytes;
    for (std::size_t i = 1; i < times; ++i) *bytes += once;
  }
  material.records *= static_cast<std::int64_t>(times);
}

Material find_material(const fs::path& data) {
  std::vector<fs::path> files;
  const fs::path html = "../shared/data/corpus/html";
  if (!data.empty() && data.filename().string().find(".warc") != std::string::npos)
    files = {data};
  else if (fs::exists(html / "pages_math.warc.gz"))
    files = {html / "pages_math.warc.gz", html / "pages_general.warc.gz"};
  Material material;
  for (const fs::path& file : files) {
    WarcReader reader(file);
    while (const auto record = reader.next()) {
      if (record->rejection) continue;
      std::string whole(record->headers.text);
      whole += record->payload;
      add(material, whole += "\r\n\r\n");
    }
  }
  if (files.empty())
    for (int i = 0; i < 200; ++i) add(material, made_record(i));
  check(material.records > 0, "no records to read in ", data.string());
  repeat(material);
  return material;
}

/// Of this thread on its core, so that what else the machine does counts less.
double seconds_of(const auto& f) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  f();
  return now() - start;
}

/// Records read and prefiltered; the pages that passed in `passed`.
std::int64_t read_and_prefilter(std::string_view file, std::int64_t& passed) {
  WarcReader reader(file, "benchmark");
  HttpResponse response;
  std::int64_t records = 0;
  while (const auto record = reader.next()) {
    ++records;
    if (record->type != "response" || read_http_response(record->payload, std::int64_t{64} << 20, response)) continue;
    passed += !prefilter_page(response.body).rejection;
  }
  return records;
}

/// Unpacks the members and does nothing with them.
void inflate_only(std::string_view file, std::string& out) {
  libdeflate_decompressor* decompressor = libdeflate_alloc_decompressor();
  for (std::size_t at = 0, read = 0, written = 0; at < file.size(); at += read)
    if (libdeflate_gzip_decompress_ex(decompressor, file.data() + at, file.size() - at, out.data(), out.size(), &read, &written) !=
        LIBDEFLATE_SUCCESS)
      break;
  libdeflate_free_decompressor(decompressor);
}

}  // namespace

std::vector<BenchRow> bench_corpus_warc(const fs::path& data) {
  const Material material = find_material(data);
  const double megabytes = static_cast<double>(material.plain.size()) / 1e6, nan = std::numeric_limits<double>::quiet_NaN();
  std::int64_t passed = 0;
  const auto rate = [&](const std::string& file) {
    std::int64_t records = 0;
    const double seconds = seconds_of([&] { records = read_and_prefilter(file, passed); });
    check(records == material.records, "read ", records, " of ", material.records, " records");
    return megabytes / seconds;
  };
  std::string out(std::size_t{16} << 20, '\0');
  const Medians gzip = measure_in_turn(
      5, [&] { return rate(material.gzip); }, [&] { return megabytes / seconds_of([&] { inflate_only(material.gzip, out); }); });
  const Medians others = measure_in_turn(
      5, [&] { return rate(material.zstd); }, [&] { return rate(material.plain); });
  check(passed >= 0, "passed ", passed, " pages");  // so that it is computed
  const std::string absent = "absent: warcio and FastWARC are on PyPI only";
  return {{"corpus.warc_prefilter", "MB/s", gzip.ours, absent, nan, gzip.ours / gzip.peer},
          {"corpus.warc_prefilter.gzip_records", "records/s", gzip.ours / megabytes * static_cast<double>(material.records), absent,
           nan, nan},
          {"corpus.warc_prefilter.zstd", "MB/s", others.ours, absent, nan, nan},
          {"corpus.warc_prefilter.plain", "MB/s", others.peer, absent, nan, nan}};
}

}  // namespace corollary
