#include "corpus/build.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "base/compress.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/threads.h"
#include "corpus/sources/fetch.h"
#include "corpus/stats.h"
#include "corpus/test_support.h"

extern char** environ;

namespace corollary {
namespace {

SourceConfig source(const std::string& subset, const std::string& language, const fs::path& path, const std::string& glob) {
  SourceConfig config;
  config.subset = subset;
  config.language = language;
  config.uri = path.string();
  config.glob = glob;
  return config;
}

/// Every line with a word of its own, in letters: texts that differ in digits alone are near duplicates.
std::string words(int seed, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) {
    std::string word;
    for (int number = seed * 1000 + i, k = 0; k < 5; ++k, number /= 20) word += static_cast<char>('a' + number % 20);
    out += "the word of " + word + " is even.\n";
  }
  return out;
}

/// Without the care for a crash that write_file takes: hundreds of inputs.
void put(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Code, pages and papers of our own making, with something for each filter, and the fetch of them.
void make_sources(const TestFolder& folder, int n) {
  for (int i = 0; i < n; ++i) {
    put(folder / ("in/code/" + std::to_string(i) + ".v"), "Theorem t" + std::to_string(i) + " : True. Qed.\n" + words(i, 100));
    put(folder / ("in/web/" + std::to_string(i) + ".html"),
        "<title>T</title><script src=MathJax.js></script><p>" + words(i, 50) + " \\(x\\)");
  }
  put(folder / "in/code/verilog.v", "module m; endmodule");
  put(folder / "in/code/zz_copy.v", "Theorem t0 : True.  Qed.\n" + words(0, 100));
  put(folder / "in/code/latin.v", "Definition caf\xe9 := 0.");
  testing::Files papers;
  for (int i = 0; i < n; ++i) papers.emplace_back("./p" + std::to_string(i) + ".tex", "\\section{A}\n" + words(i, 40));
  put(folder / "in/papers.deb", testing::make_package(papers));
  CompressedWriter records(folder / "in/more.jsonl.zst");
  records.write_line(R"({"text":"theorem a : true := trivial","meta":{"repo":"x/y","path":"a.lean"}})");
  records.write_line("{broken");
  records.write_line(R"({"text":"theorem b : true := trivial","meta":{"repo":"x/miniF2F","path":"b.lean"}})");
  records.commit();
  fetch({{source("code", "coq", folder / "in/code", "*.v"), source("web", "html", folder / "in/web", "*.html"),
          source("papers", "tex", folder / "in/papers.deb", "*.tex"), source("code", "lean", folder / "in/more.jsonl.zst", "*")}},
        folder / "fetch");
}

std::map<std::string, std::string> digests(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const fs::path& file : list_files(folder))
    if (file.filename() != "manifest.json") all[file.lexically_relative(folder).string()] = sha256_file(file);
  return all;
}

TEST(Build, EndToEnd) {
  const TestFolder folder;
  make_sources(folder, 12);
  const StageResult result = build_corpus({}, folder / "fetch", folder / "out");
  const Json& counts = result.manifest.counts;
  EXPECT_EQ(counts["documents"], 12 + 12 + 12 + 1);
  EXPECT_EQ(counts["rejected"], 5);
  EXPECT_EQ(counts["rejected_by_reason"], (Json{{"duplicate_document", 1},
                                                {"excluded_repository", 1},
                                                {"invalid_utf8", 1},
                                                {"malformed_record", 1},
                                                {"not_the_language", 1}}));
  EXPECT_EQ(counts["by_subset"]["code"]["train"]["documents"], 10 + 1);
  EXPECT_EQ(counts["by_subset"]["code"]["test"]["documents"], 1);

  std::set<std::string> texts;
  for (const char* split : {"train", "validation", "test"}) {
    LineReader lines(folder / ("out/web/" + std::string(split) + ".jsonl.zst"));
    while (const auto line = lines.next()) {
      const Document document = document_from_line(*line, "out");
      texts.insert(document.text);
      EXPECT_NE(document.text.find("$x$"), std::string::npos);
      EXPECT_EQ(document.meta["subset"], "web");
      EXPECT_EQ(document.meta["language"], "html");
      EXPECT_EQ(document.meta["title"], "T");
      EXPECT_EQ(document.meta["sha256"], sha256_file(folder / ("in/web/" + document.meta["path"].get<std::string>())));
    }
  }
  EXPECT_EQ(texts.size(), 12U);

  std::map<std::string, std::string> reasons;
  LineReader rejected(folder / "out/rejected.jsonl");
  while (const auto line = rejected.next()) {
    const Json json = parse_json(*line, "rejected");
    reasons[json["path"]] = json["reason"].get<std::string>() + " " + std::to_string(json["offset"].get<int>());
  }
  EXPECT_EQ(reasons["verilog.v"], "not_the_language 10");
  EXPECT_EQ(reasons["zz_copy.v"], "duplicate_document 0");
  EXPECT_EQ(reasons["latin.v"], "invalid_utf8 14");
  EXPECT_EQ(reasons["more.jsonl.zst:2"], "malformed_record 0");

  std::int64_t documents = 0;
  for (const CorpusStats& row : corpus_stats(folder / "out").rows) documents += row.documents;
  EXPECT_EQ(documents, 37);
}

TEST(Build, SameBytesWithAnyNumberOfThreads) {
  const TestFolder folder;
  make_sources(folder, 60);
  const int before = num_threads();
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    build_corpus({}, folder / "fetch", folder / ("out" + std::to_string(threads)));
  }
  set_num_threads(before);
  EXPECT_EQ(digests(folder / "out1"), digests(folder / "out2"));
  EXPECT_EQ(digests(folder / "out1"), digests(folder / "out5"));
  EXPECT_EQ(digests(folder / "out1").size(), 3 * 3 + 1U);
}

/// All documents of a subset and split, in order, whether in one file or several.
std::vector<std::string> lines_of(const fs::path& corpus, const std::string& subset, const std::string& split) {
  std::vector<fs::path> files = {corpus / subset / (split + ".jsonl.zst")};
  if (fs::is_directory(corpus / subset / split)) files = list_files(corpus / subset / split);
  std::vector<std::string> all;
  for (const fs::path& file : files) {
    LineReader lines(file);
    while (const auto line = lines.next()) all.emplace_back(*line);
  }
  return all;
}

TEST(Build, TheCutIntoShardsChangesNoDocument) {
  const TestFolder folder;
  make_sources(folder, 60);
  CorpusConfig config;
  build_corpus(config, folder / "fetch", folder / "whole");
  config.shard_bytes = 20'000;
  const StageResult result = build_corpus(config, folder / "fetch", folder / "cut");
  EXPECT_GT(result.manifest.counts["steps"][0]["tasks"], 10);
  std::size_t documents = 0;
  for (const char* subset : kSubsets)
    for (const char* split : {"train", "validation", "test"}) {
      const auto lines = lines_of(folder / "cut", subset, split);
      EXPECT_EQ(lines, lines_of(folder / "whole", subset, split)) << subset << " " << split;
      documents += lines.size();
    }
  EXPECT_EQ(documents, 181U);
  EXPECT_GT(list_files(folder / "cut/web/train").size(), 3U);
  EXPECT_EQ(read_file(folder / "cut/rejected.jsonl"), read_file(folder / "whole/rejected.jsonl"));
}

/// As Slurm's arrays do it: a step's tasks by several workers, in any order, some twice; then the next step.
TEST(Build, ByManyWorkersTheSameBytes) {
  const TestFolder folder;
  make_sources(folder, 60);
  CorpusConfig config;
  config.shard_bytes = 20'000;
  build_corpus(config, folder / "fetch", folder / "alone");
  CorpusBuild(config, folder / "fetch", folder / "many").plan();
  std::int64_t ran = 0;
  for (std::size_t step = 0; step < CorpusBuild(config, folder / "fetch", folder / "many").steps().size(); ++step)
    for (const std::size_t worker : {2, 0, 1, 2}) {
      const CorpusBuild build(config, folder / "fetch", folder / "many");
      ran += build.run(build.steps()[step], {worker, 3});
    }
  CorpusBuild build(config, folder / "fetch", folder / "many");
  std::int64_t tasks = 0;
  for (const Step& step : build.steps()) tasks += static_cast<std::int64_t>(step.tasks.size());
  EXPECT_EQ(ran, tasks) << "no finished task is done again";
  build.finish();
  EXPECT_EQ(digests(folder / "many"), digests(folder / "alone"));
}

TEST(Build, TestSetsAreTakenOutAndReported) {
  const TestFolder folder;
  make_sources(folder, 12);
  CorpusConfig config;
  // Some lines of page, file and paper 7.
  write_file(folder / "tests.jsonl", to_line({{"question", words(7, 5).substr(75)}}) + "\n");
  config.decontaminate.tests = {(folder / "tests.jsonl").string()};
  config.decontaminate.ngrams = {9};
  const StageResult result = build_corpus(config, folder / "fetch", folder / "out");
  EXPECT_EQ(result.manifest.counts["rejected_by_reason"]["contaminated"], 3);
  EXPECT_EQ(result.manifest.counts["documents"], 37 - 3);
  std::set<std::string> paths;
  LineReader lines(folder / "out/contaminated.jsonl");
  while (const auto line = lines.next()) {
    const Json report = parse_json(*line, "contaminated");
    paths.insert(report["path"]);
    EXPECT_EQ(report["action"], "dropped");
    EXPECT_EQ(report["ngram_n"], 9);
  }
  EXPECT_EQ(paths, (std::set<std::string>{"7.v", "7.html", "p7.tex"}));
  config.decontaminate.action = "report";
  EXPECT_EQ(build_corpus(config, folder / "fetch", folder / "out").manifest.counts["documents"], 37);
}

TEST(Build, AStepBeforeItsInputsSaysWhatIsMissing) {
  const TestFolder folder;
  make_sources(folder, 5);
  CorpusBuild build({}, folder / "fetch", folder / "out");
  build.plan();
  try {
    build.run(build.steps().back());
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("run that step first"), std::string::npos) << error.what();
  }
  EXPECT_THROW(build.finish(), Error);
}

TEST(Build, RunsAgainOnlyIfSomethingChanged) {
  const TestFolder folder;
  make_sources(folder, 5);
  CorpusConfig config;
  EXPECT_FALSE(build_corpus(config, folder / "fetch", folder / "out").was_up_to_date);
  EXPECT_TRUE(build_corpus(config, folder / "fetch", folder / "out").was_up_to_date);
  config.seed = 5;
  EXPECT_FALSE(build_corpus(config, folder / "fetch", folder / "out").was_up_to_date);
  fs::remove(folder / "out/web/test.jsonl.zst");
  EXPECT_FALSE(build_corpus(config, folder / "fetch", folder / "out").was_up_to_date);
  EXPECT_TRUE(build_corpus(config, folder / "fetch", folder / "out").was_up_to_date);
}

TEST(Build, StrictStopsAtDamageAndLeavesNothingComplete) {
  const TestFolder folder;
  make_sources(folder, 5);
  CorpusConfig config;
  config.strict = true;
  try {
    build_corpus(config, folder / "fetch", folder / "out");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("more.jsonl.zst:2"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(fs::exists(folder / "out/manifest.json"));
  config.strict = false;
  EXPECT_FALSE(build_corpus(config, folder / "fetch", folder / "out").was_up_to_date);
  EXPECT_FALSE(fs::exists(folder / "out/.work"));
}

TEST(Build, NothingKeptIsAnError) {
  const TestFolder folder;
  write_file(folder / "in/a.v", "module m; endmodule");
  fetch({{source("code", "coq", folder / "in", "*.v")}}, folder / "fetch");
  EXPECT_THROW(build_corpus({}, folder / "fetch", folder / "out"), Error);
  CorpusConfig bad;
  bad.test_fraction = 0.7;
  EXPECT_THROW(build_corpus(bad, folder / "fetch", folder / "out"), Error);
}

/// The body of the child below; alone it has nothing to do.
TEST(Build, ChildOfKilledTest) {
  const char* folder = std::getenv("COROLLARY_TEST_KILLED");
  if (folder == nullptr) GTEST_SKIP() << "runs as the child of KilledAtAnyMomentItGoesOn";
  build_corpus({}, fs::path(folder) / "fetch", fs::path(folder) / "out");
}

TEST(Build, KilledAtAnyMomentItGoesOn) {
  const TestFolder folder;
  make_sources(folder, 150);
  build_corpus({}, folder / "fetch", folder / "reference");
  const testing::ScopedVariable child_folder("COROLLARY_TEST_KILLED", folder.path().string());
  const std::string program = fs::read_symlink("/proc/self/exe").string();
  std::string filter = "--gtest_filter=Build.ChildOfKilledTest";
  char* arguments[] = {const_cast<char*>(program.c_str()), filter.data(), nullptr};
  int killed = 0;
  for (const int milliseconds : {5, 20, 40, 60, 90, 130, 200}) {
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", 1, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", 1, 0);
    pid_t child = -1;
    ASSERT_EQ(::posix_spawn(&child, program.c_str(), &quiet, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&quiet);
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFSIGNALED(status)) break;
    ++killed;
    // Complete by its manifest means complete in its bytes; files that have their names are whole.
    if (fs::exists(folder / "out/manifest.json")) {
      EXPECT_EQ(digests(folder / "out"), digests(folder / "reference"));
    }
    for (const auto& [name, digest] : digests(folder / "reference")) {
      if (fs::exists(folder / "out" / name)) {
        EXPECT_EQ(sha256_file(folder / "out" / name), digest) << name;
      }
    }
  }
  EXPECT_GT(killed, 0);
  build_corpus({}, folder / "fetch", folder / "out");
  EXPECT_EQ(digests(folder / "out"), digests(folder / "reference"));
}

}  // namespace
}  // namespace corollary
