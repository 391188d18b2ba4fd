#include "corpus/dedup/dedup_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <set>

#include "base/compress.h"
#include "base/random.h"
#include "base/test_error.h"
#include "base/test_folder.h"
#include "base/threads.h"
#include "corpus/dedup/duplicates.h"
#include "corpus/dedup/fingerprints.h"
#include "corpus/document.h"

namespace corollary {
namespace {

using ::testing::HasSubstr;

// ---- random corpora full of repetitions ----

struct Line {
  std::string text, subset, language;
  bool is_document = true;
  std::string json() const {
    if (!is_document) return text;
    return document_to_line({text, {{"subset", subset}, {"language", language}}});
  }
};

std::string word(std::uint32_t number) {
  std::string out = "w";
  for (; number > 0; number /= 26) out += static_cast<char>('a' + number % 26);
  return out;
}

std::string prose(Random& random, std::int64_t words) {
  std::string out;
  for (std::int64_t i = 0; i < words; ++i) out += word(random.next_u32() % 5000) + " ";
  return out;
}

/// Web documents: copies, copies with other white space, copies with some words changed. Code: sequences of few pieces of 2048
/// characters and tails, in two languages.
std::vector<Line> random_corpus(std::uint64_t seed, int size) {
  Random random(seed);
  std::vector<Line> lines;
  std::vector<std::string> pieces;
  for (int i = 0; i < 60; ++i) {
    std::string piece;
    while (piece.size() < 2048) piece += word(random.next_u32()) + "\u2203\n";
    std::string cut;
    for (std::size_t at = 0, characters = 0; characters < 2048; ++at) {
      if ((static_cast<unsigned char>(piece[at % piece.size()]) & 0xc0) != 0x80) ++characters;
      cut += piece[at % piece.size()];
    }
    while (std::count_if(cut.begin(), cut.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }) > 2048)
      cut.pop_back();
    while ((static_cast<unsigned char>(cut.back()) & 0x80) != 0) cut.pop_back();
    while (std::count_if(cut.begin(), cut.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }) < 2048)
      cut += 'x';
    pieces.push_back(cut);
  }
  for (int i = 0; i < size; ++i) {
    const auto choice = random.below(20);
    if (choice == 0) {
      lines.push_back({random.below(2) == 0 ? "{\"text\": 5}" : "no \xff document", "", "", false});
    } else if (choice == 1) {
      lines.push_back({std::string(static_cast<std::size_t>(random.below(3)), ' '), "web", "en"});
    } else if (choice < 12) {
      Line line{prose(random, 20 + random.below(100)), random.below(4) == 0 ? "papers" : "web", "en"};
      if (!lines.empty() && choice < 9) {
        const auto among = random.below(3) > 0 ? std::min<std::int64_t>(std::ssize(lines), 30) : std::ssize(lines);
        const Line& old = lines[static_cast<std::size_t>(random.below(among))];  // the first have many copies
        if (old.is_document && old.subset != "code") {
          line.text = old.text;
          for (char& c : line.text)
            if (c == ' ' && choice < 6 && random.below(10) == 0) c = '\n';
          if (choice >= 5)
            for (auto n = random.below(6); n > 0 && line.text.size() > 20; --n)
              line.text.replace(static_cast<std::size_t>(random.below(std::ssize(line.text) - 10)), 3, "new");
        }
      }
      lines.push_back(line);
    } else {
      Line line{"", "code", random.below(2) == 0 ? "coq" : "lean"};
      for (auto n = random.below(4); n > 0; --n) line.text += pieces[static_cast<std::size_t>(random.below(std::ssize(pieces)))];
      if (random.below(2) == 0) line.text += prose(random, random.below(5));
      lines.push_back(line);
    }
  }
  return lines;
}

// ---- the reference: strings in maps, in order ----

struct Drop {
  std::size_t line;
  std::string reason;
  std::int64_t offset = 0;
  std::int64_t of = -1;
  bool operator==(const Drop&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Drop& d) {
  return out << d.line << " " << d.reason << " " << d.offset << " " << d.of;
}

std::string collapse(const std::string& text) {
  std::string out;
  bool blank = false;
  for (const char c : text) {
    if (c == ' ' || c == '\n') {
      blank = !out.empty();
    } else {
      if (blank) out += ' ';
      out += c;
      blank = false;
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::int64_t>> chunks_of(const std::string& text, bool as_published) {
  std::vector<std::pair<std::string, std::int64_t>> out;
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) starts.push_back(i);
  const std::size_t n = starts.size();
  starts.push_back(text.size());
  for (std::size_t i = 0; i + 2048 <= n; i += 2048)
    out.emplace_back(text.substr(starts[i], starts[i + 2048] - starts[i]), starts[i]);
  if (as_published && n > 0 && n < 2048) out.emplace_back(text, 0);
  return out;
}

std::vector<Drop> reference(const DedupConfig& config, const std::vector<Line>& lines) {
  const auto size = lines.size();
  std::vector<Drop> verdicts(size);
  std::map<std::string, std::size_t> texts;
  std::map<std::pair<std::string, std::string>, std::size_t> chunks;
  std::map<std::string, std::size_t> bands;
  std::vector<std::size_t> cluster(size);
  const MinHasher hasher(config.minhash());
  const auto unite = [&](std::size_t a, std::size_t b) {
    const std::size_t from = std::max(cluster[a], cluster[b]), to = std::min(cluster[a], cluster[b]);
    for (std::size_t& c : cluster)
      if (c == from) c = to;
  };
  for (std::size_t i = 0; i < size; ++i) {
    const Line& line = lines[i];
    Drop& drop = verdicts[i];
    drop.line = i;
    cluster[i] = i;
    if (!line.is_document) {
      drop.reason = "malformed_record";
      continue;
    }
    if (applies(config.exact, line.subset, line.language)) {
      const auto [first, is_new] = texts.emplace(collapse(line.text), i);
      if (!is_new) drop = {i, "duplicate_document", 0, static_cast<std::int64_t>(first->second)};
    }
    if (applies(config.chunks, line.subset, line.language)) {
      std::set<std::string> own;
      for (const auto& [chunk, offset] : chunks_of(line.text, config.as_published)) {
        const auto [first, is_new] = chunks.emplace(std::pair{line.language, chunk}, i);
        const bool is_own = first->second == i;
        const bool repeats = is_own ? config.as_published && own.contains(chunk) : true;
        own.insert(chunk);
        if (repeats && drop.reason.empty()) drop = {i, "duplicate_chunk", offset, static_cast<std::int64_t>(first->second)};
      }
    }
    std::vector<std::uint64_t> rows;
    if (applies(config.near, line.subset, line.language) && hasher.signature(line.text, rows)) {
      const auto per_band = static_cast<std::size_t>(config.rows_per_band);
      for (std::size_t band = 0; band < static_cast<std::size_t>(config.num_bands); ++band) {
        std::string key = config.near_scope == "all" ? "" : line.subset;
        if (config.near_scope == "language") key += "/" + line.language;
        key += " " + std::to_string(band);
        for (std::size_t row = 0; row < per_band; ++row) key += " " + std::to_string(rows[band * per_band + row]);
        const auto [first, is_new] = bands.emplace(key, i);
        if (!is_new) unite(i, first->second);
      }
    }
  }
  std::map<std::size_t, std::size_t> kept;
  std::vector<Drop> drops;
  for (std::size_t i = 0; i < size; ++i) {
    if (verdicts[i].reason.empty()) {
      const auto [first, is_first] = kept.emplace(cluster[i], i);
      if (!is_first) verdicts[i] = {i, "near_duplicate", 0, static_cast<std::int64_t>(first->second)};
    }
    if (!verdicts[i].reason.empty()) drops.push_back(verdicts[i]);
  }
  return drops;
}

// ---- ours ----

struct Outcome {
  std::vector<Drop> drops;
  std::vector<std::string> kept;
};

std::string shard_name(std::size_t shard) {
  return "part/" + std::to_string(100 + shard) + (shard % 2 == 0 ? ".jsonl.zst" : ".jsonl");
}

/// Writes the lines to shards of uneven size; returns the number of the first line of each.
std::vector<std::size_t> write_shards(const fs::path& folder, const std::vector<Line>& lines, std::size_t num_shards) {
  std::vector<std::size_t> begins;
  for (std::size_t shard = 0; shard < num_shards; ++shard) {
    const std::size_t begin = lines.size() * shard * shard / (num_shards * num_shards),
                      end = lines.size() * (shard + 1) * (shard + 1) / (num_shards * num_shards);
    begins.push_back(begin);
    CompressedWriter writer(folder / shard_name(shard));
    for (std::size_t i = begin; i < end; ++i) writer.write_line(lines[i].json());
    writer.commit();
  }
  return begins;
}

Outcome read_outcome(const fs::path& out, const std::vector<std::size_t>& begins) {
  Outcome outcome;
  std::map<std::string, std::size_t> begin_of;
  for (std::size_t shard = 0; shard < begins.size(); ++shard) {
    begin_of[shard_name(shard)] = begins[shard];
    LineReader lines(out / shard_name(shard));
    while (const auto line = lines.next()) outcome.kept.emplace_back(*line);
  }
  const auto number = [&](const std::string& place) {
    const auto colon = place.rfind(':');
    return begin_of.at(place.substr(0, colon)) + std::stoul(place.substr(colon + 1)) - 1;
  };
  LineReader lines(out / "rejected.jsonl");
  while (const auto line = lines.next()) {
    const Json json = parse_json(*line, "rejected");
    Drop drop{number(json["where"]), json["reason"], json["offset"].get<std::int64_t>(), -1};
    if (json.contains("of")) drop.of = static_cast<std::int64_t>(number(json["of"]));
    outcome.drops.push_back(drop);
  }
  return outcome;
}

class Threads {
 public:
  explicit Threads(int n) : before_(num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

TEST(DedupFolder, IsTheReferenceWhateverShardsBucketsThreadsAndMemory) {
  std::map<std::string, int> seen;
  for (int round = 0; round < 4; ++round) {
    const auto lines = random_corpus(static_cast<std::uint64_t>(round), 320);
    DedupConfig config;
    config.as_published = round % 2 == 1;
    if (round == 2) config.near = {"web", "papers"}, config.near_scope = "all", config.exact = {"papers", "code/coq"};
    if (round == 3) config.near = {"*"}, config.near_scope = "language", config.chunks = {"code/lean"}, config.rows_per_band = 4;
    const auto expected = reference(config, lines);
    for (const Drop& drop : expected) ++seen[drop.reason];
    std::vector<std::string> kept;
    for (std::size_t i = 0, next = 0; i < lines.size(); ++i) {
      if (next < expected.size() && expected[next].line == i)
        ++next;
      else
        kept.push_back(lines[i].json());
    }
    const std::vector<std::tuple<int, int, int, int>> ways = {
        {1, 1, 1 << 30, 1}, {1, 7, 1 << 16, 3}, {3, 5, 1 << 16, 2}, {9, 20, 1 << 20, 4}, {15, 2, 1 << 16, 1}};
    for (const std::size_t way :
         {std::size_t{0}, 1 + static_cast<std::size_t>(round), 1 + static_cast<std::size_t>(round + 1) % 4}) {
      const auto& [shards, buckets, memory, threads] = ways[way];
      const Threads limit(threads);
      TestFolder folder;
      const auto begins = write_shards(folder / "in", lines, static_cast<std::size_t>(shards));
      config.num_buckets = buckets;
      config.memory_bytes = memory;
      const auto result = dedup_folder(config, folder / "in", folder / "out");
      const Outcome outcome = read_outcome(folder / "out", begins);
      EXPECT_EQ(outcome.drops, expected) << "round " << round << ", " << shards << " shards";
      EXPECT_EQ(outcome.kept, kept);
      EXPECT_EQ(result.manifest.counts["documents"], kept.size());
      EXPECT_FALSE(fs::exists(folder / "out/.dedup"));
    }
  }
  for (const char* reason : {"malformed_record", "duplicate_document", "duplicate_chunk", "near_duplicate"})
    EXPECT_GT(seen[reason], 20) << reason << ": the corpora must exercise it";
}

TEST(DedupFolder, NothingIsDoneTwiceAndChangesAreSeen) {
  TestFolder folder;
  write_shards(folder / "in", random_corpus(1, 100), 3);
  EXPECT_FALSE(dedup_folder({}, folder / "in", folder / "out").was_up_to_date);
  EXPECT_TRUE(dedup_folder({}, folder / "in", folder / "out").was_up_to_date);
  EXPECT_TRUE(dedup_folder({.num_buckets = 3}, folder / "in", folder / "out").was_up_to_date) << "decides nothing";
  EXPECT_FALSE(dedup_folder({.near = {}}, folder / "in", folder / "out").was_up_to_date);
  EXPECT_THAT(error_of([&] { dedup_folder({}, folder / "in", folder / "in" / "out"); }), HasSubstr("lies in the input"));
  EXPECT_THAT(error_of([&] { dedup_folder({}, folder / "none", folder / "out"); }), HasSubstr("no folder"));
}

std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const fs::path& path : list_files(folder))
    if (path.filename() != "manifest.json") files[path.lexically_relative(folder).string()] = read_file(path);  // it holds a time
  return files;
}

TEST(DedupFolder, KilledAnywhereAndRunAgainItGivesTheSameBytes) {
  TestFolder folder;
  write_shards(folder / "in", random_corpus(5, 1500), 5);
  const DedupConfig config{.num_buckets = 4, .memory_bytes = 1 << 18};
  const auto start = std::chrono::steady_clock::now();
  dedup_folder(config, folder / "in", folder / "good");
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
  const auto good = contents(folder / "good");
  Random random(3);
  int killed = 0;
  for (int attempt = 0; attempt < 8; ++attempt) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
      set_num_threads(1);  // threads of the parent do not live here
      dedup_folder(config, folder / "in", folder / "out");
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(random.below(whole)));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    killed += WIFSIGNALED(status);
  }
  EXPECT_GT(killed, 0);
  dedup_folder(config, folder / "in", folder / "out");
  EXPECT_EQ(contents(folder / "out"), good);
}

TEST(DedupPhases, DamagedAndForeignFilesAreErrorsThatNameThem) {
  TestFolder folder;
  const auto begins = write_shards(folder / "in", random_corpus(2, 200), 2);
  const DedupConfig config{.num_buckets = 1};
  const std::vector<fs::path> prints = {folder / "0.prints", folder / "1.prints"}, matches = {folder / "0.matches"},
                              drops = {folder / "0.drops", folder / "1.drops"};
  for (std::size_t i = 0; i < 2; ++i) fingerprint_shard(config, folder / "in" / shard_name(i), prints[i]);
  match_bucket(config, prints, 0, matches[0]);
  resolve_matches(config, prints, matches, drops);
  const auto damaged = [&](const fs::path& path, const auto& action) {
    const std::string good = read_file(path);
    std::string bad = good;
    bad[bad.size() / 3] ^= 4;
    write_file(path, bad);
    EXPECT_THAT(error_of(action), HasSubstr(path.string() + " is damaged"));
    write_file(path, good.substr(0, good.size() / 2));
    EXPECT_THAT(error_of(action), HasSubstr(path.string() + " is damaged"));
    write_file(path, good);
  };
  const auto filter = [&] {
    drop_lines(folder / "in" / shard_name(0), 0, drops[0], folder / "out.jsonl", folder / "gone.jsonl",
               [](std::uint64_t shard) { return shard_name(shard); });
  };
  damaged(prints[1], [&] { match_bucket(config, prints, 0, folder / "x"); });
  damaged(matches[0], [&] { resolve_matches(config, prints, matches, {folder / "y", folder / "z"}); });
  damaged(drops[0], filter);
  EXPECT_FALSE(fs::exists(folder / "x") || fs::exists(folder / "y") || fs::exists(folder / "z") ||
               fs::exists(folder / "out.jsonl"));
  DedupConfig other = config;
  other.seed = 9;
  EXPECT_THAT(error_of([&] { match_bucket(other, prints, 0, folder / "x"); }), HasSubstr("another configuration"));
  EXPECT_THAT(error_of([&] { match_bucket(config, {matches[0]}, 0, folder / "x"); }), HasSubstr("mixed up"));
  EXPECT_THAT(error_of([&] { resolve_matches(config, {prints[0]}, matches, {folder / "y"}); }), HasSubstr("does not exist"));
  CompressedWriter longer(folder / "in" / shard_name(0));
  longer.write_line("{\"text\": \"only one\"}");
  longer.commit();
  EXPECT_THAT(error_of(filter), HasSubstr("was made for"));
  EXPECT_FALSE(fs::exists(folder / "out.jsonl"));
}

TEST(DedupConfig, RulesNameSubsetsAndLanguages) {
  EXPECT_TRUE(applies({"*"}, "", ""));
  EXPECT_FALSE(applies({""}, "", "")) << "what --near '' gives";
  EXPECT_FALSE(applies({}, "web", "en"));
  EXPECT_TRUE(applies({"web", "code"}, "code", "coq"));
  EXPECT_TRUE(applies({"code/*"}, "code", "coq"));
  EXPECT_FALSE(applies({"code/coq"}, "code", "lean"));
  EXPECT_THAT(error_of([] { check_config({.near_scope = "world"}); }), HasSubstr("near_scope"));
  EXPECT_THAT(error_of([] { check_config({.num_buckets = 0}); }), HasSubstr("num_buckets"));
  EXPECT_THAT(error_of([] { check_config({.memory_bytes = 1}); }), HasSubstr("memory_bytes"));
}

TEST(DedupPhases, HostileLines) {
  TestFolder folder;
  std::string lines = "\n{\n[]\n{\"text\": 1}\n{\"text\": \"a\", \"meta\": 3}\n\xff\n{\"text\": \"\xff\"}\n";
  lines +=
      "{\"text\": \"a\", \"meta\": \"{\\\"subset\\\": \\\"web\\\"}\"}\n{\"text\": \"a\"}\n{\"text\": \"\"}\n{\"text\": \"b\", "
      "\"meta\": null}\n";
  lines += "{\"text\": \"\"}";  // the last line without newline
  write_file(folder / "in/x.jsonl", lines);
  const auto result = dedup_folder({}, folder / "in", folder / "out");
  EXPECT_EQ(result.manifest.counts["rejected_by_reason"]["malformed_record"], 7);
  EXPECT_EQ(result.manifest.counts["rejected_by_reason"]["duplicate_document"], 2) << "the second a, the second empty one";
  EXPECT_EQ(result.manifest.counts["documents"], 3);
  write_file(folder / "cut/x.jsonl.zst", zstd_compress(std::string(1000, 'x') + lines).substr(0, 60));
  EXPECT_THAT(error_of([&] { dedup_folder({}, folder / "cut", folder / "out2"); }), HasSubstr("x.jsonl.zst"));
}

TEST(DedupPhases, HugeDocuments) {
  TestFolder folder;
  std::string text;
  text.reserve(100'000'100);
  for (std::uint32_t i = 0; text.size() < 100'000'000; ++i) text += word(i * 2654435761U) + (i % 9 == 0 ? "\n" : " ");
  CompressedWriter writer(folder / "in/x.jsonl.zst", 1);
  writer.write_line("{\"text\":" + to_line(Json(text)) + ",\"meta\":{\"subset\":\"web\"}}");
  writer.write_line("{\"text\":\"" + std::string("short") + "\",\"meta\":{\"subset\":\"web\"}}");
  writer.commit();
  const auto result = dedup_folder({.chunks = {"*"}}, folder / "in", folder / "out");
  EXPECT_EQ(result.manifest.counts["documents"], 2);
  EXPECT_GT(result.manifest.counts["bytes"], 100'000'000);
}

/// Most memory this process has held, kB.
std::int64_t peak_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6));
  return 0;
}

/// Growth of the peak while a child of ours runs `action`, MB.
std::int64_t growth_mb(const std::function<void()>& action) {
  std::fflush(nullptr);
  int ends[2];
  if (::pipe(ends) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    set_num_threads(1);
    std::ofstream("/proc/self/clear_refs") << 5;
    const std::int64_t before = peak_kb();
    action();
    const std::int64_t growth = (peak_kb() - before) / 1024;
    ::_exit(::write(ends[1], &growth, sizeof growth) == sizeof growth ? 0 : 1);
  }
  ::close(ends[1]);
  std::int64_t growth = -1;
  if (::read(ends[0], &growth, sizeof growth) != sizeof growth) growth = -1;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return growth;
}

TEST(DedupPhases, MemoryFollowsTheBudgetNotTheInput) {
  TestFolder folder;
  constexpr int kDocuments = 60000;
  CompressedWriter writer(folder / "x.jsonl", 1);
  Random random(1);
  for (int i = 0; i < kDocuments; ++i) {
    std::string text;
    for (std::uint32_t k = 0; k < 12; ++k) text += word(random.next_u32() % (k < 9 ? 4U : 3000U)) + " ";
    writer.write_line("{\"text\":\"" + text + "\",\"meta\":{\"subset\":\"web\"}}");
  }
  writer.commit();
  DedupConfig config{.rows_per_band = 1, .num_buckets = 2, .memory_bytes = 1 << 20};  // 900,000 records of 32 bytes, many pairs
  const std::vector<fs::path> prints(4, folder / "x.prints"), matches = {folder / "0.matches", folder / "1.matches"},
                                                              drops = {folder / "0", folder / "1", folder / "2", folder / "3"};
  const auto first = growth_mb([&] { fingerprint_shard(config, folder / "x.jsonl", prints[0]); });
  const auto second = growth_mb([&] {
    for (std::int64_t bucket = 0; bucket < 2; ++bucket)
      match_bucket(config, prints, bucket, matches[static_cast<std::size_t>(bucket)]);
  });
  const auto third = growth_mb([&] { resolve_matches(config, prints, matches, drops); });
  EXPECT_GT(first, 0);
  EXPECT_LT(first, 24) << "a batch of 16,384 lines and 1 MiB";
  EXPECT_LT(second, 8);
  EXPECT_LT(third, 8) << "4 bytes for each of 240,000 documents and 1 MiB";
  config.memory_bytes = 1 << 30;
  const auto all_in_memory = growth_mb([&] { fingerprint_shard(config, folder / "x.jsonl", folder / "y.prints"); });
  EXPECT_GT(all_in_memory, 28) << "the measure sees what it should";
  EXPECT_EQ(read_file(folder / "y.prints"), read_file(prints[0])) << "the budget decides nothing";
}

}  // namespace
}  // namespace corollary
