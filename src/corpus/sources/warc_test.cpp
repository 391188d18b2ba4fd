#include "corpus/sources/warc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <random>
#include <sstream>

#include "base/test_error.h"
#include "base/test_folder.h"
#include "corpus/sources/http_response.h"
#include "corpus/sources/warc_source.h"
#include "corpus/sources/warc_test_support.h"

namespace corollary {
namespace {

using namespace std::string_literals;
using testing::gzipped;
using testing::http_page;
using testing::warc_record;

unsigned long crc(std::string_view bytes) {
  return crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
}

/// All that a reader says of a record.
std::string describe(const WarcRecord& record) {
  std::ostringstream out;
  out << record.offset << " " << record.inner_offset << " ";
  if (record.rejection)
    out << record.rejection->reason << " " << record.rejection->offset << " " << record.rejection->detail;
  else
    out << record.type << " " << record.target_uri << " " << record.date << " " << record.packed_bytes << " "
        << record.headers.text.size() << " " << record.payload.size() << " " << crc(record.payload);
  return out.str();
}

std::vector<std::string> read_all(std::string_view file, WarcOptions options = {}) {
  std::vector<std::string> all;
  WarcReader reader(file, "test", options);
  while (const auto record = reader.next()) all.push_back(describe(*record));
  EXPECT_FALSE(reader.next().has_value());
  return all;
}

/// "type uri" of the good, "reason" of the bad.
std::vector<std::string> kinds(std::string_view file, WarcOptions options = {}) {
  std::vector<std::string> all;
  WarcReader reader(file, "test", options);
  while (const auto record = reader.next())
    all.push_back(record->rejection ? record->rejection->reason
                                    : std::string(record->type) + " " + std::string(record->target_uri));
  return all;
}

using Strings = std::vector<std::string>;

std::string text_of(std::size_t bytes, unsigned seed) {
  static const char* const words[] = {"theorem ", "<p>", "lemma ", "\\frac{1}{2} ", "and ", "\r\n", "proof ", "of </div>"};
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < bytes) text += words[random() % 8];
  return text;
}

std::vector<std::string> some_records() {
  std::vector<std::string> records = {warc_record("warcinfo", "", "software: x\r\n")};
  for (unsigned i = 0; i < 12; ++i) {
    const std::string uri = "http://a.org/" + std::to_string(i);
    records.push_back(warc_record("request", uri, "GET / HTTP/1.1\r\n\r\n"));
    records.push_back(warc_record("response", uri, http_page(text_of(100U << (i % 8), i))));
  }
  return records;
}

std::string joined(const Strings& parts) {
  std::string all;
  for (const std::string& part : parts) all += part;
  return all;
}

std::string packed(const Strings& parts, const std::function<std::string(const std::string&)>& pack) {
  std::string all;
  for (const std::string& part : parts) all += pack(part);
  return all;
}

std::string zstded(const std::string& bytes) { return zstd_compress(bytes); }

/// As bgzip cuts: members that know nothing of records.
std::string in_blocks(const std::string& bytes, std::size_t block, const std::function<std::string(const std::string&)>& pack) {
  std::string all;
  for (std::size_t at = 0; at < bytes.size(); at += block) all += pack(bytes.substr(at, block));
  return all;
}

TEST(Warc, EveryPackingHoldsTheSameRecords) {
  const Strings records = some_records();
  const std::string plain = joined(records);
  const auto gzip = [](const std::string& bytes) { return gzipped(bytes); };
  const Strings expected = kinds(plain);
  ASSERT_EQ(expected.size(), records.size());
  EXPECT_EQ(expected[2], "response http://a.org/0");
  for (const std::string& file :
       {packed(records, gzip), gzipped(plain), in_blocks(plain, 700, gzip), packed(records, zstded), zstded(plain),
        in_blocks(plain, 700, zstded), packed(records, [](const std::string& bytes) { return gzipped(bytes, 0); })}) {
    EXPECT_EQ(kinds(file), expected);
    EXPECT_EQ(kinds(file, {.max_record_bytes = 20000}), expected);  // smaller buffers, other ways to unpack
  }
  const auto payloads = [](const std::string& file) {
    Strings all;
    WarcReader reader(file, "test");
    while (const auto record = reader.next()) all.emplace_back(record->payload);
    return all;
  };
  for (std::size_t block = 80; block < 120; ++block) {  // a member ends at every place of a record
    ASSERT_EQ(payloads(in_blocks(plain, block, gzip)), payloads(plain)) << block;
    ASSERT_EQ(payloads(in_blocks(plain, block, zstded)), payloads(plain)) << block;
  }
}

TEST(Warc, WhatARecordSays) {
  const std::string first = gzipped(warc_record("warcinfo", "", "a: b\r\n"));
  const std::string second = gzipped(
      "WARC/1.1\nwarc-type:response\nWARC-Target-URI: <http://a.org/>\nX: 1\n 2\nWARC-Date: 2020\ncontent-length: 5\n\nhello\n\n");
  const std::string file = first + second;
  WarcReader reader(file, "test");
  ASSERT_TRUE(reader.next());
  const auto record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->offset, static_cast<std::int64_t>(first.size()));
  EXPECT_EQ(record->packed_bytes, static_cast<std::int64_t>(second.size()));
  EXPECT_EQ(record->type, "response");
  EXPECT_EQ(record->target_uri, "http://a.org/");
  EXPECT_EQ(record->date, "2020");
  EXPECT_EQ(record->headers.find("x"), "1\n 2");
  EXPECT_EQ(record->payload, "hello");
  EXPECT_FALSE(reader.next());
}

TEST(Warc, DamageIsReportedAndTheRestRead) {
  const Strings records = {warc_record("response", "a", text_of(3000, 1)), warc_record("response", "b", text_of(3000, 2)),
                           warc_record("response", "c", text_of(3000, 3))};
  const Strings expected = {"response a", "malformed_record", "response c"};
  for (const bool is_gzip : {true, false}) {
    const auto pack = [&](const std::string& bytes) { return is_gzip ? gzipped(bytes) : zstded(bytes); };
    const std::string a = pack(records[0]), b = pack(records[1]), c = pack(records[2]);
    if (is_gzip) {
      std::string flipped = b;
      flipped[b.size() / 2] ^= 0x55;
      EXPECT_EQ(kinds(a + flipped + c), expected) << "a flipped byte";
      flipped = b;
      flipped[b.size() - 6] ^= 1;
      EXPECT_EQ(kinds(a + flipped + c), expected) << "a wrong checksum";
    }
    EXPECT_EQ(kinds(a + b.substr(0, b.size() / 2) + c), expected) << "a lost half";
    EXPECT_EQ(kinds(a + std::string(5000, 'x') + c), expected) << "other bytes between";
    EXPECT_EQ(kinds(std::string("\0\0\0", 3) + a), (Strings{"malformed_record", "response a"})) << "other bytes before";
    EXPECT_EQ(kinds(a + c.substr(0, c.size() - 1)), (Strings{"response a", "truncated_file"}));
    EXPECT_EQ(kinds(a + c.substr(0, 3)), (Strings{"response a", "truncated_file"}));
    EXPECT_EQ(kinds(a + pack("") + pack("\r\n") + c), (Strings{"response a", "response c"})) << "empty members are no damage";
    EXPECT_EQ(kinds(a + pack("no record") + c), expected);
    // One member for all: what is whole before is yielded.
    const std::string one = pack(joined(records));
    EXPECT_EQ(kinds(one.substr(0, one.size() - 20)).back(), "truncated_file");
    if (is_gzip) {  // zstd: a block of 128 KiB or nothing
      EXPECT_EQ(kinds(one.substr(0, one.size() - 20)).front(), "response a");
    }
  }
  EXPECT_EQ(kinds(records[0] + "junk\r\n" + records[2]), (Strings{"malformed_record", "response c"}))
      << "plain: its length and what follows disagree";
  EXPECT_EQ(kinds(records[0] + records[1].substr(0, 2000) + records[2]), expected);
  EXPECT_EQ(kinds(records[0] + records[1].substr(0, 2000)), (Strings{"response a", "truncated_file"}));
}

TEST(Warc, LyingLengths) {
  const std::string a = warc_record("response", "a", "aaaa"), c = warc_record("response", "c", "cccc");
  const auto with_length = [](const std::string& length) { return warc_record("response", "b", text_of(200, 2), length); };
  for (const std::string length :
       {"5", "1000000", "99999999999999999999999", "9223372036854775807", "-1", "abc", "0x10", "", " "}) {
    const std::string b = length.empty() ? "WARC/1.0\r\nWARC-Type: response\r\n\r\nx\r\n\r\n" : with_length(length);
    const auto good = [&](const std::string& file) {
      Strings found;
      for (const std::string& kind : kinds(file))
        if (kind.starts_with("response ")) found.push_back(kind);
      return found;
    };
    const Strings expected = {"response a", "response c"};
    EXPECT_EQ(good(gzipped(a) + gzipped(b) + gzipped(c)), expected) << length;
    EXPECT_EQ(good(zstded(a) + zstded(b) + zstded(c)), expected) << length;
    EXPECT_EQ(good(a + b + c), expected) << length;
    EXPECT_EQ(good(gzipped(a + b + c)), expected) << length;
    EXPECT_GE(kinds(a + b + c).size(), 3U);
  }
  EXPECT_EQ(kinds(warc_record("response", "x", "abc", "3\r\nContent-Length: 4")), (Strings{"malformed_record"}));
  EXPECT_EQ(kinds(warc_record("response", "x", "abc", "3\r\nContent-Length: 3")), (Strings{"response x"}));
}

TEST(Warc, HostileHeaders) {
  const std::string good = warc_record("response", "c", "cccc");
  std::string many = "WARC/1.0\r\n";
  for (int i = 0; i < 200000; ++i) many += "X" + std::to_string(i) + ": y\r\n";
  many += "Content-Length: 0\r\n\r\n\r\n\r\n";
  const std::string endless = "WARC/1.0\r\nWARC-Type: response\r\nX: " + std::string(300000, 'x');
  const std::string nul = "WARC/1.0\r\nWARC-Type: resp\0nse\r\nContent-Length: 3\r\n\r\na\0b\r\n\r\n"s + std::string(2, '\0');
  for (const auto& [bad, what] : {std::pair{many, "many"},
                                  {endless, "endless"},
                                  {nul, "nul"},
                                  {"WARC/1.0\r\n"s, "cut"},
                                  {std::string(100000, '\n') + "x", "lines"}}) {
    EXPECT_EQ(kinds(bad + "\r\n" + good).back(), "response c") << what;
    EXPECT_EQ(kinds(gzipped(bad) + gzipped(good)).back(), "response c") << what;
    if (bad[0] == 'W') {  // else no start
      EXPECT_EQ(kinds(gzipped(bad + "\r\n" + good)).back(), "response c") << what;
    }
    EXPECT_EQ(kinds(gzipped(bad) + gzipped(good)).front(), "malformed_record") << what;
  }
  const std::string lone = "WARC/1.0\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(kinds(lone), (Strings{" "})) << "no type, no URI, no line ends after it: a record all the same";
  EXPECT_EQ(read_all(gzipped(lone) + gzipped(good)).size(), 2U);
}

TEST(Warc, LargeRecordsAreNeverHeld) {
  const std::string zeros(10'000'000, '\0'), good = warc_record("response", "c", "cccc");
  const std::string big = warc_record("response", "big", zeros);
  const WarcOptions options{.max_record_bytes = 1 << 20};
  for (const std::string& file :
       {big + good, gzipped(big) + gzipped(good), gzipped(big + good), zstded(big) + zstded(good), zstded(big + good)})
    EXPECT_EQ(kinds(file, options), (Strings{"too_large", "response c"}));
  // Beyond what is unpacked to find its end.
  EXPECT_EQ(kinds(gzipped(big) + gzipped(good), {.max_record_bytes = 1000}), (Strings{"too_large", "response c"}));
  const std::string line = warc_record("response", "line", std::string(100'000'000, 'x'));  // no newline in it
  EXPECT_EQ(kinds(gzipped(line, 1) + gzipped(good)), (Strings{"too_large", "response c"}));
  EXPECT_EQ(kinds(gzipped(std::string(20'000'000, 'x'), 1) + gzipped(good)), (Strings{"malformed_record", "response c"}));
  EXPECT_EQ(kinds(gzipped(good + std::string(5'000'000, '\n'), 1) + gzipped(good)), (Strings{"response c", "response c"}));
}

TEST(Warc, NothingLikeItIsAnError) {
  EXPECT_THAT(error_of([] { WarcReader("", "test"); }), ::testing::HasSubstr("no WARC file"));
  EXPECT_THAT(error_of([] { WarcReader("<html></html>", "test"); }), ::testing::HasSubstr("no WARC file"));
  EXPECT_THAT(error_of([] { WarcReader(std::string_view("\x5d\x2a\x4d\x18\xff\xff\xff\xff", 8), "test"); }),
              ::testing::HasSubstr("dictionary"));
}

/// Every cut of `file` yields what the whole yields.
void expect_partition(const std::string& file, std::int64_t page, int rounds, unsigned seed, const std::string& what) {
  WarcOptions options{.max_record_bytes = 3000, .page_bytes = page};
  const Strings whole = read_all(file, options);
  std::mt19937 random(seed);
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::int64_t> cuts = {0, static_cast<std::int64_t>(file.size())};
    for (unsigned n = random() % 6; n > 0; --n) cuts.push_back(static_cast<std::int64_t>(random() % (file.size() + 1)));
    std::ranges::sort(cuts);
    Strings all;
    std::string where;
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
      options.begin = cuts[i];
      options.end = cuts[i + 1];
      where += " " + std::to_string(cuts[i + 1]);
      for (std::string& record : read_all(file, options)) all.push_back(std::move(record));
    }
    ASSERT_EQ(all, whole) << what << ", pages of " << page << ", cut at" << where;
  }
}

std::string damaged(std::string file, std::mt19937& random) {
  for (unsigned n = random() % 6; n > 0; --n) {
    const std::size_t at = random() % file.size(), bytes = random() % 300;
    switch (random() % 4) {
      case 0:
        file[at] = static_cast<char>(random());
        break;
      case 1:
        file.erase(at, bytes);
        break;
      case 2:
        file.insert(at, file.substr(random() % file.size(), bytes));
        break;
      default:
        file.insert(at, std::string(bytes, static_cast<char>(random())));
    }
    if (file.size() < 100) break;
  }
  return file;
}

TEST(Warc, CutsPartitionTheRecordsWhateverTheBytes) {
  Strings records = some_records();
  // A crawl of WARC files: payloads full of starts that are none.
  Strings inner = some_records();
  records.push_back(warc_record("response", "plain-in-warc", http_page(joined(inner), "Content-Type: application/warc\r\n")));
  records.push_back(
      warc_record("response", "gzip-in-warc", packed(inner, [](const std::string& bytes) { return gzipped(bytes); })));
  records.push_back(warc_record("response", "zstd-in-warc", packed(inner, zstded)));
  records.push_back(warc_record("response", "too-large", std::string(5000, 'x')));
  records.push_back(warc_record("response", "lies", "short", "700"));
  for (unsigned i = 0; i < 8; ++i) records.push_back(records[i + 3]);
  const std::vector<std::pair<std::string, std::string>> files = {
      {"plain", joined(records)},
      {"gzip", packed(records, [](const std::string& bytes) { return gzipped(bytes); })},
      {"gzip stored", packed(records, [](const std::string& bytes) { return gzipped(bytes, 0); })},
      {"gzip whole", gzipped(joined(records))},
      {"gzip blocks", in_blocks(joined(records), 2000, [](const std::string& bytes) { return gzipped(bytes); })},
      {"zstd", packed(records, zstded)},
      {"zstd blocks", in_blocks(joined(records), 2000, zstded)}};
  std::mt19937 random(7);
  for (const auto& [what, file] : files)
    for (const std::int64_t page : {64, 1000, 4096, 1 << 22}) {
      expect_partition(file, page, 10, 1, what);
      for (int i = 0; i < 12; ++i) {
        const std::string bad = damaged(file, random);
        if (warc_packing(bad)) expect_partition(bad, page, 4, static_cast<unsigned>(i), what + " damaged " + std::to_string(i));
      }
    }
}

TEST(Warc, EveryCutOfASmallFile) {
  const std::string a = gzipped(warc_record("response", "a", text_of(300, 1))), b = gzipped(warc_record("response", "b", "b")),
                    file = a + "junk" + b + a.substr(0, a.size() / 2) + b;
  const Strings whole = read_all(file, {.page_bytes = 128});
  for (std::size_t cut = 0; cut <= file.size(); ++cut) {
    Strings all = read_all(file, {.end = static_cast<std::int64_t>(cut), .page_bytes = 128});
    for (std::string& record : read_all(file, {.begin = static_cast<std::int64_t>(cut), .page_bytes = 128}))
      all.push_back(std::move(record));
    ASSERT_EQ(all, whole) << cut;
  }
  std::int64_t last = 0;
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(warc_shard(100, i, 7).first, last);
    last = warc_shard(100, i, 7).second;
  }
  EXPECT_EQ(last, 100);
}

TEST(Warc, PayloadsOfWarcFilesAreNotTakenApart) {
  const Strings inner = some_records();
  const std::string stored =
      warc_record("response", "outer", packed(inner, [](const std::string& bytes) { return gzipped(bytes); }));
  const std::string after = warc_record("response", "after", "x");
  EXPECT_EQ(kinds(gzipped(stored, 0) + gzipped(after)), (Strings{"response outer", "response after"}));
  EXPECT_EQ(kinds(warc_record("response", "outer", joined(inner)) + after), (Strings{"response outer", "response after"}));
}

TEST(Warc, OverlappingStartsAreBounded) {
  // Each start holds all later ones: stored blocks whose lengths reach to the end of the file, so that no attempt gets anywhere.
  std::string file;
  const std::string head = "\x1f\x8b\x08\0\0\0\0\0\0\x03"s, text = "WARC/1.0\r\n";
  for (int i = 0; i < 20000; ++i) file += head + "\0\xff\xff\0\0"s + text;
  file = gzipped(warc_record("response", "a", "a")) + file + gzipped(warc_record("response", "c", "c"));
  const auto start = std::chrono::steady_clock::now();
  const Strings found = kinds(file, {.max_record_bytes = 1 << 20, .page_bytes = 1 << 18});
  EXPECT_EQ(found.front(), "response a");
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 60);
}

TEST(Warc, ZstdWithADictionaryInFront) {
  const std::string content = text_of(4000, 9), record = warc_record("response", "a", text_of(2000, 3));
  const auto frame = [](const std::string& bytes) {
    std::string head = "\x5d\x2a\x4d\x18"s;
    for (int i = 0; i < 4; ++i) head += static_cast<char>(bytes.size() >> (8 * i));
    return head + bytes;
  };
  // Frames made without it can be read with it there; one that needs another says so.
  EXPECT_EQ(kinds(frame(content) + zstded(record)), (Strings{"response a"}));
  EXPECT_EQ(kinds(frame(zstded(content)) + zstded(record) + zstded(record)), (Strings{"response a", "response a"}));
}

const fs::path kHtml = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/corpus/html";

std::string oracle_line(const WarcRecord& record, HttpResponse& response) {
  std::ostringstream out;
  if (record.rejection) {
    out << "damage " << record.offset;
    return out.str();
  }
  out << record.offset << " " << record.inner_offset << " " << record.type << " "
      << (record.target_uri.empty() ? "-" : record.target_uri) << " " << record.payload.size() << " " << crc(record.payload);
  if (record.type == "response") {
    const auto rejection = read_http_response(record.payload, 1 << 26, response);
    EXPECT_FALSE(rejection) << rejection->detail;
    out << " " << response.status << " " << response.content_type << " " << response.body.size() << " " << crc(response.body);
  }
  return out.str();
}

TEST(WarcOracle, RealFilesAsZlibAloneReadsThem) {
  if (!fs::exists(kHtml)) GTEST_SKIP() << "no shared data at " << kHtml;
  if (std::system("python3 -c 'import zlib' 2>/dev/null") != 0) GTEST_SKIP() << "no python3";
  std::size_t files = 0, records = 0;
  for (const fs::path& path : list_files(kHtml)) {
    if (!path.string().ends_with(".warc.gz")) continue;
    const std::string command =
        "python3 '" + (fs::path(COROLLARY_SOURCE_DIR) / "tests/python/warc_oracle.py").string() + "' '" + path.string() + "'";
    std::string expected;
    FILE* pipe = ::popen(command.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    char buffer[4096];
    for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) expected.append(buffer, n);
    ASSERT_EQ(::pclose(pipe), 0) << command;
    std::string ours;
    WarcReader reader(path);
    HttpResponse response;
    while (const auto record = reader.next()) {
      ours += oracle_line(*record, response) + "\n";
      ++records;
    }
    EXPECT_EQ(ours, expected) << path;
    ++files;
  }
  EXPECT_EQ(files, 9U);
  EXPECT_EQ(records, 50U + 1 + 48 + 100 + 69 + 4 * 6);
}

TEST(WarcOracle, RealFilesCutAnywhere) {
  if (!fs::exists(kHtml)) GTEST_SKIP() << "no shared data at " << kHtml;
  std::mt19937 random(3);
  for (const char* name :
       {"cc_main_2020_excerpt.warc.gz", "dolma_sample-0000.warc.gz", "clipped.warc.gz", "warcio/example.warc.gz"}) {
    const std::string file = read_file(kHtml / name);
    for (const std::int64_t page : {1000, 1 << 16}) expect_partition(file, page, 4, 5, name);
    expect_partition(damaged(file, random), 1000, 4, 5, std::string(name) + " damaged");
  }
}

std::string body_of(const std::string& message, std::int64_t max_bytes = 1 << 20) {
  HttpResponse response;
  const auto rejection = read_http_response(message, max_bytes, response);
  if (rejection) return rejection->reason;
  return std::string(response.body) + (response.is_damaged ? " (damaged)" : "");
}

TEST(HttpResponse, HeaderAndType) {
  HttpResponse response;
  const std::string message =
      http_page("x", "content-type:  Text/HTML ;q=1; Charset = \"ISO-8859-1\" ;x\r\nA: b\r\n", "404 Not Found");
  EXPECT_FALSE(read_http_response(message, 100, response));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "text/html");
  EXPECT_EQ(response.charset, "iso-8859-1");
  EXPECT_EQ(response.headers.find("a"), "b");
  EXPECT_EQ(body_of("HTTP/2 200\n\nx"), "x");
  for (const char* bad :
       {"", "HTTP/1.1", "HTTP/1.1 \r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n", "GET / HTTP/1.1\r\n\r\n"})
    EXPECT_EQ(body_of(bad), "malformed_record") << bad;
}

TEST(HttpResponse, Chunks) {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  EXPECT_EQ(body_of(http_page("4;x=y\r\nabcd\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", chunked)), "abcd0123456789");
  EXPECT_EQ(body_of(http_page("4\nabcd\n0\n\n", chunked)), "abcd");
  EXPECT_EQ(body_of(http_page("<html>not chunked", chunked)), "<html>not chunked");
  EXPECT_EQ(body_of(http_page("4\r\nabcd\r\nfoo bar\r\nrest", chunked)), "abcdfoo bar\r\nrest (damaged)")
      << "as warcio: the rest as it is";
  EXPECT_EQ(body_of(http_page("4\r\nabcdefgh\r\n0\r\n\r\n", chunked)), "abcdefgh\r\n0\r\n\r\n (damaged)");
  EXPECT_EQ(body_of(http_page("ffffffffffffffff\r\nabc", chunked)), "abc (damaged)");
  EXPECT_EQ(body_of(http_page("fffffffffffffffff\r\nabc", chunked)), "fffffffffffffffff\r\nabc");
  EXPECT_EQ(body_of(http_page("-4\r\nabc", chunked)), "-4\r\nabc");
  EXPECT_EQ(body_of(http_page("", chunked)), "");
}

TEST(HttpResponse, Codings) {
  const std::string text = text_of(50000, 4), gz = testing::deflated(text);
  const auto coded = [](const std::string& coding) { return "Content-Encoding: " + coding + "\r\n"; };
  EXPECT_EQ(body_of(http_page(gz, coded("gzip"))), text);
  EXPECT_EQ(body_of(http_page(gz + gz, coded("X-GZip"))), text + text);
  EXPECT_EQ(body_of(http_page(testing::deflated(text, 15), coded("deflate"))), text);
  EXPECT_EQ(body_of(http_page(testing::deflated(text, -15), coded("deflate"))), text);
  EXPECT_EQ(body_of(http_page(zstded(text), coded("zstd"))), text);
  EXPECT_EQ(body_of(http_page(testing::deflated(gz, 15), coded("gzip, deflate"))), text);
  EXPECT_EQ(body_of(http_page(text, coded("gzip"))), text) << "archives store it undone";
  EXPECT_EQ(body_of(http_page(text, coded("identity"))), text);
  EXPECT_EQ(body_of(http_page(text, coded("compress"))), "unsupported_encoding");
  EXPECT_EQ(body_of(http_page(gz, coded("gzip,gzip,gzip,gzip,gzip"))), "unsupported_encoding");
  const std::string cut = body_of(http_page(gz.substr(0, gz.size() / 2), coded("gzip")));
  EXPECT_TRUE(cut.ends_with(" (damaged)") && cut.size() > 1000 && text.starts_with(cut.substr(0, 1000)));
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", gz.size());
  EXPECT_EQ(body_of(http_page(size + gz + "\r\n0\r\n\r\n", coded("gzip") + "Transfer-Encoding: chunked\r\n")), text);
  const std::string hello = "\x0b\x02\x80\x68\x65\x6c\x6c\x6f\x03";  // "hello", as brotli writes it
  const std::string brotli = body_of(http_page(hello, coded("br")));
  EXPECT_TRUE(brotli == "hello" || brotli == "unsupported_encoding") << brotli;
}

TEST(HttpResponse, Bombs) {
  const std::string zeros(5'000'000, '\0'), once = gzipped(zeros), twice = gzipped(once);
  EXPECT_EQ(body_of(http_page(once, "Content-Encoding: gzip\r\n")), "too_large");
  EXPECT_EQ(body_of(http_page(twice, "Content-Encoding: gzip, gzip\r\n")), "too_large");
  EXPECT_EQ(body_of(http_page(zstded(zeros), "Content-Encoding: zstd\r\n")), "too_large");
  EXPECT_EQ(body_of(http_page(gzipped(std::string(1000, 'x')), "Content-Encoding: gzip\r\n"), 1000), std::string(1000, 'x'));
  EXPECT_EQ(body_of(http_page(gzipped(std::string(1001, 'x')), "Content-Encoding: gzip\r\n"), 1000), "too_large");
}

TEST(WarcSource, PagesAndTexts) {
  const TestFolder folder;
  const std::string first = gzipped(warc_record("warcinfo", "", "x"));
  const std::string page =
      gzipped(warc_record("response", "<http://a.org/1>", http_page("<p>1", "Content-Type: text/html; charset=Latin1\r\n")));
  write_file(folder / "a.warc.gz",
             first + page + gzipped(warc_record("response", "http://a.org/2", http_page("x", "Content-Type: image/png\r\n"))) +
                 gzipped(warc_record("response", "http://a.org/3", http_page("x", "Content-Type: text/html\r\n", "404 No"))) +
                 gzipped(warc_record("response", "http://a.org/4", "no http")) + "junk" +
                 gzipped(warc_record("conversion", "http://a.org/5", "text \xff")) +
                 gzipped(warc_record("response", "http://a.org/6", http_page("<p>6", "Content-Type: application/xhtml+xml\r\n"))));
  WarcSource source(folder / "a.warc.gz", "a.warc.gz");
  const auto one = source.next();
  ASSERT_TRUE(one);
  EXPECT_EQ(one->path, "a.warc.gz@" + std::to_string(first.size()));
  EXPECT_EQ(one->bytes, "<p>1");
  EXPECT_FALSE(one->is_document);
  EXPECT_EQ(one->meta["url"], "http://a.org/1");
  EXPECT_EQ(one->meta["charset"], "latin1");
  EXPECT_EQ(one->meta["date"], "2020-08-08T16:54:17Z");
  EXPECT_EQ(one->meta["warc"]["bytes"], page.size());
  const auto no_http = source.next(), junk = source.next(), text = source.next(), six = source.next();
  ASSERT_TRUE(no_http && junk && text && six);
  EXPECT_EQ(no_http->rejection->reason, "malformed_record");
  EXPECT_EQ(junk->rejection->reason, "malformed_record");
  EXPECT_TRUE(text->is_document);
  EXPECT_EQ(text->bytes, "text \xef\xbf\xbd");
  EXPECT_EQ(six->bytes, "<p>6");
  EXPECT_FALSE(source.next());
  EXPECT_EQ(source.passed_over(), (std::map<std::string, std::int64_t>{{"warcinfo", 1}, {"type image/png", 1}, {"status 404", 1}}));

  write_file(folder / "b.warc.gz", "<html>");
  WarcSource none(folder / "b.warc.gz", "b.warc.gz");
  EXPECT_EQ(none.next()->rejection->reason, "malformed_record");
  EXPECT_FALSE(none.next());
}

TEST(WarcSource, RealPages) {
  if (!fs::exists(kHtml)) GTEST_SKIP() << "no shared data at " << kHtml;
  const std::map<std::string, std::size_t> expected = {
      {"cc_main_2020_excerpt.warc.gz", 16}, {"dolma_sample-0000.warc.gz", 22}, {"pages_general.warc.gz", 77},
      {"pages_math.warc.gz", 54},           {"warcio/post-test.warc.gz", 0},   {"warcio/example-bad-non-chunked.warc.gz", 1}};
  for (const auto& [name, pages] : expected) {
    WarcSource source(kHtml / name, name);
    std::size_t n = 0;
    while (const auto record = source.next()) {
      EXPECT_FALSE(record->rejection) << record->path;
      ++n;
    }
    EXPECT_EQ(n, pages) << name;
  }
}

}  // namespace
}  // namespace corollary
