#include "corpus/ngrams/decontaminate.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "corpus/ngrams/ngram_index.h"
#include "corpus/ngrams/test_texts.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kMinLeft = 200;  // bytes: a rest shorter than that is no document

struct Range {
  std::size_t begin, end;
};

/// The text without the ranges, each grown by `margin` and then to white space; ranges are sorted by begin.
std::string cut(std::string_view text, const std::vector<Range>& ranges, std::size_t margin) {
  std::string left;
  std::size_t at = 0;
  for (const Range& range : ranges) {
    std::size_t begin = range.begin > margin ? range.begin - margin : 0, end = std::min(range.end + margin, text.size());
    while (begin > 0 && !is_ascii_space(text[begin - 1])) --begin;
    while (end < text.size() && !is_ascii_space(text[end])) ++end;
    if (begin > at) left.append(text.substr(at, begin - at));
    if (!left.empty() && left.back() != '\n') left += '\n';
    at = std::max(at, end);
  }
  left.append(text.substr(std::min(at, text.size())));
  return left;
}

}  // namespace

struct Decontaminator::State {
  DecontaminateConfig config;
  TestTexts tests;
  std::unique_ptr<NgramIndex> index;
};

Decontaminator::Decontaminator(const DecontaminateConfig& config) : state_(std::make_unique<State>()) {
  check(config.action == "drop" || config.action == "cut" || config.action == "report",
        "decontamination's action must be drop, cut or report, is ", config.action);
  check(config.min_coverage >= 0 && config.min_coverage <= 1, "min_coverage must lie in [0, 1], is ", config.min_coverage);
  check(config.margin_bytes >= 0, "margin_bytes must not be negative");
  std::vector<std::int32_t> ns;
  for (const std::int64_t n : config.ngrams) {
    check(n >= 1 && n <= 1000, "n-grams of 1 to 1000 words can be looked for, not ", n);
    ns.push_back(static_cast<std::int32_t>(n));
  }
  state_->config = config;
  state_->tests = read_test_texts(config.tests, config.fields);
  state_->index = std::make_unique<NgramIndex>(state_->tests.texts, ns, WordRule::normalised);
}

Decontaminator::~Decontaminator() = default;
std::size_t Decontaminator::size() const { return state_->index->size(); }

Decontaminator::Verdict Decontaminator::judge(std::string_view text) const {
  const State& s = *state_;
  struct Hit {
    Contamination contamination;
    std::vector<bool> covered;  ///< words of the test text
    std::vector<Range> ranges;
    std::size_t order = 0;
  };
  std::map<std::int32_t, Hit> hits;
  thread_local Words words(WordRule::normalised);
  words.assign(text);
  s.index->search(words, [&](const NgramMatch& match) {
    Hit& hit = hits[match.test];
    const Words& test = s.index->text(static_cast<std::size_t>(match.test));
    const auto n = static_cast<std::size_t>(match.n);
    if (hit.covered.empty()) {
      hit.covered.resize(test.size());
      hit.contamination.test = s.tests.names[static_cast<std::size_t>(match.test)];
      hit.contamination.ngram = words.ngram(match.word, n);
      hit.contamination.offset = static_cast<std::int64_t>(words.begin(match.word));
      hit.order = match.word;
    }
    hit.contamination.n = std::max<std::int64_t>(hit.contamination.n, match.n);
    for (std::size_t i = 0; i < n; ++i) hit.covered[static_cast<std::size_t>(match.test_word) + i] = true;
    const Range range{words.begin(match.word), words.end(match.word + n - 1)};
    if (!hit.ranges.empty() && range.begin <= hit.ranges.back().end)
      hit.ranges.back().end = std::max(hit.ranges.back().end, range.end);
    else
      hit.ranges.push_back(range);
  });
  Verdict verdict;
  std::vector<Hit> counted;
  for (auto& [test, hit] : hits) {
    const auto covered = std::count(hit.covered.begin(), hit.covered.end(), true);
    hit.contamination.coverage = static_cast<double>(covered) / static_cast<double>(hit.covered.size());
    std::size_t end = 0;
    for (const Range& range : hit.ranges) end = std::max(end, range.end);
    hit.contamination.bytes = static_cast<std::int64_t>(end) - hit.contamination.offset;
    if (hit.contamination.coverage >= s.config.min_coverage) counted.push_back(std::move(hit));
  }
  std::stable_sort(counted.begin(), counted.end(), [](const Hit& a, const Hit& b) { return a.order < b.order; });
  std::vector<Range> ranges;
  for (Hit& hit : counted) {
    verdict.found.push_back(std::move(hit.contamination));
    ranges.insert(ranges.end(), hit.ranges.begin(), hit.ranges.end());
  }
  if (counted.empty() || s.config.action == "drop") return verdict;
  if (s.config.action == "report") {
    verdict.text = std::string(text);
    return verdict;
  }
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  std::string left = cut(text, ranges, static_cast<std::size_t>(s.config.margin_bytes));
  if (left.size() >= kMinLeft) verdict.text = std::move(left);
  return verdict;
}

}  // namespace corollary
