#include "cli/bench_corpus_filters.h"

#include <time.h>

#include <chrono>
#include <limits>
#include <sstream>

#include "base/digest.h"
#include "base/error.h"
#include "base/threads.h"
#include "corpus/filters.h"
#include "corpus/language/language_guess.h"
#include "corpus/language/normalise.h"
#include "corpus/language/train_models.h"
#include "corpus/language/web_classify.h"
#ifdef COROLLARY_HAS_FASTTEXT
#include <fasttext/fasttext.h>
#endif

namespace corollary {
namespace {

constexpr std::size_t kMaxTextBytes = 32 << 20;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string> find_texts(const fs::path& data) {
  std::vector<std::string> inputs, texts;
  fs::path root = fs::current_path();
  while (!fs::exists(root / "src" / "corpus" / "filters.h") && root != root.parent_path()) root = root.parent_path();
  const fs::path shared = root / ".." / "shared" / "data" / "corpus";
  if (!data.empty()) {
    inputs = {data.string()};
  } else if (fs::exists(shared / "general.jsonl.zst")) {
    inputs = {(shared / "general.jsonl.zst").string(), (shared / "cc_en_head-0091.jsonl.zst").string()};
  }
  std::size_t bytes = 0;
  const auto take = [&](std::string text) {
    if (text.empty() || bytes + text.size() > kMaxTextBytes) return;
    bytes += text.size();
    texts.push_back(std::move(text));
  };
  if (!inputs.empty()) {
    each_document(inputs, [&](const Document& document) { take(document.text); });
  } else {
    for (const char* folder : {"docs", "recipes", "src"})
      if (fs::is_directory(root / folder))
        for (const fs::path& path : list_files(root / folder))
          if (path.extension() == ".md" || path.extension() == ".h") take(read_file(path));
    check(!texts.empty(), "no text to filter: give documents with --data");
  }
  return texts;
}

/// The models of the row, trained on every second text.
struct Models {
  fs::path folder;
  std::string language, math, perplexity;

  Models(const std::vector<std::string>& texts, bool needs_perplexity, bool needs_classifiers) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    folder = fs::temp_directory_path() / ("corollary_bench_" + std::to_string(now));
    fs::create_directories(folder);
    std::vector<LabelledText> math_examples, language_examples;
    NgramTrainer trainer({.memory_bytes = std::int64_t{256} << 20}, folder / "scratch");
    for (std::size_t i = 0; i < texts.size(); i += 2) {
      const std::string text = texts[i].substr(0, 20'000);
      math_examples.push_back({contains_popular_latex(texts[i]) ? "positive" : "negative", math_score_features(text)});
      language_examples.push_back({i % 4 == 0 ? "en" : "xx", text});  // only the work is measured, not what it finds
      if (needs_perplexity) trainer.add(normalise(texts[i]));
    }
    perplexity = (folder / "lm.ngram").string();
    if (needs_perplexity) trainer.finish({}, perplexity);
    if (!needs_classifiers || !can_train_classifier()) return;
    language = (folder / "language.bin").string(), math = (folder / "math.bin").string();
    train_classifier({.epochs = 1}, math_examples, math, folder / "examples");
    train_classifier({.epochs = 1, .min_chars = 2, .max_chars = 4, .buckets = 2'000'000}, language_examples, language,
                     folder / "examples");
  }
  ~Models() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
};

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// MB for each second of this thread's processor time, so that others on the machine count less; every step-th text.
double rate(const std::vector<std::string>& texts, std::size_t step, const auto& f) {
  std::size_t bytes = 0;
  const double start = processor_seconds();
  for (std::size_t i = 0; i < texts.size(); i += step) {
    f(texts[i]);
    bytes += texts[i].size();
  }
  return static_cast<double>(bytes) / 1e6 / (processor_seconds() - start);
}

}  // namespace

std::vector<BenchRow> bench_corpus_filters(const fs::path& data, const std::function<bool(const std::string&)>& is_wanted) {
  std::vector<BenchRow> rows;
  const bool wants_filters = is_wanted("corpus.filters"), wants_perplexity = is_wanted("corpus.perplexity"),
             wants_guess = is_wanted("corpus.language_guess");
  if (!wants_filters && !wants_perplexity && !wants_guess) return rows;
  const std::vector<std::string> texts = find_texts(data);
  const Models models(texts, wants_perplexity, wants_filters);
  std::size_t sum = 0;  // of what was computed, so that it is
  if (wants_filters) {
    const Filter rules = filter_for("web", "html");
    WebClassifierConfig config;
    config.language_model = models.language, config.math_model = models.math;
    const WebClassifier classifier(config);
    config.judged_bytes = 0;
    const WebClassifier whole_classifier(config);
    std::function<double()> peer;
    std::string peer_name = "absent: install libfasttext-dev";
#ifdef COROLLARY_HAS_FASTTEXT
    fasttext::FastText language, math;
    language.loadModel(models.language), math.loadModel(models.math);
    peer_name = "fasttext library";
    peer = [&] {
      return rate(texts, 64, [&](const std::string& text) {
        std::vector<std::pair<fasttext::real, std::string>> found;
        std::string line = text;
        for (char& c : line)
          if (c == '\n') c = ' ';
        std::istringstream in(line + "\n"), normalised(normalise(text) + "\n");
        language.predictLine(in, found, 1, 0);
        sum += found.size();
        math.predictLine(normalised, found, 2, 0);
        sum += found.size();
      });
    };
#endif
    for (const WebClassifier* at : {&classifier, &whole_classifier}) {
      const Medians medians = measure_in_turn(
          5,
          [&] {
            return rate(texts, 1, [&](const std::string& text) {
              sum += rules({text, "page.html", ""}).has_value();
              sum += static_cast<std::size_t>(at->score(text).language_probability * 8);
            });
          },
          peer);
      rows.push_back(
          {at == &classifier ? "corpus.filters" : "corpus.filters_whole", "MB/s", medians.ours, peer_name, medians.peer, kNan});
    }
  }
  if (wants_perplexity) {
    const NgramModel model{fs::path(models.perplexity)};
    const Medians medians = measure_in_turn(5,
                                            [&] {
                                              return rate(texts, 1, [&](const std::string& text) {
                                                sum += static_cast<std::size_t>(model.score(normalise(text)).words);
                                              });
                                            },
                                            {});
    rows.push_back({"corpus.perplexity", "MB/s", medians.ours, "absent: KenLM is in no distribution", kNan, kNan});
  }
  if (wants_guess) {
    const Medians medians = measure_in_turn(
        5, [&] { return rate(texts, 1, [&](const std::string& text) { sum += guess_language(text).language.size(); }); }, {});
    rows.push_back({"corpus.language_guess", "MB/s", medians.ours, "none", kNan, kNan});
  }
  check(sum > 0, "nothing was judged");
  return rows;
}

}  // namespace corollary
