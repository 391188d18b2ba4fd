#include "corpus/language/ngram_train.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/compress.h"
#include "base/error.h"
#include "corpus/language/ngram_counts.h"
#include "corpus/language/ngram_image.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::uint32_t kUnknown = 0, kBegin = 1, kEnd = 2;
constexpr std::uint64_t kPruned = std::uint64_t{1} << 63;
constexpr double kLogZero = -99;  // as ARPA files write the probability of <s>

struct OrderStatistics {
  std::array<std::int64_t, 5> count_of_counts{};  ///< [1] to [4]
  std::array<double, 4> discount{};               ///< [1], [2], [3 and more]
  std::int64_t ngrams = 0, kept = 0;
  bool has_fallback = false;

  /// Eq. 26. Where the counts of a small corpus give none, those KenLM falls back to.
  void set_discounts() {
    const auto n = [&](std::size_t i) { return static_cast<double>(count_of_counts[i]); };
    const double y = n(1) / (n(1) + 2 * n(2));
    for (std::size_t k = 1; k <= 3; ++k) {
      discount[k] = static_cast<double>(k) - static_cast<double>(k + 1) * y * n(k + 1) / n(k);
      if (!(discount[k] >= 0 && discount[k] <= static_cast<double>(k))) has_fallback = true;
    }
    if (has_fallback) discount = {0, 0.5, 1.0, 1.5};
  }
  double of(std::uint64_t count) const { return discount[std::min<std::uint64_t>(count, 3)]; }
};

float log10_of(double share) { return static_cast<float>(share > 0 ? std::log10(share) : kLogZero); }

}  // namespace

struct NgramTrainer::State {
  NgramTraining config;
  fs::path scratch;
  int order;
  std::unordered_map<std::string, std::uint32_t> ids;
  std::vector<const std::string*> words;
  NgramSorter counts;
  std::vector<OrderStatistics> statistics;
  std::int64_t sentences = 0, tokens = 0;

  State(const NgramTraining& from, const fs::path& folder)
      : config(from), scratch(folder), order(static_cast<int>(from.order)),
        counts(NgramOrdering{0, order}, true, from.memory_bytes, folder, "counts"), statistics(static_cast<std::size_t>(order) + 1) {
    for (const char* special : {"<unk>", "<s>", "</s>"}) id_of(special);
  }

  std::uint32_t id_of(std::string word) {
    const auto found = ids.find(word);
    if (found != ids.end()) return found->second;
    if (static_cast<std::int64_t>(words.size()) >= config.max_vocabulary + 3) return kUnknown;
    const auto at = ids.emplace(std::move(word), static_cast<std::uint32_t>(words.size())).first;
    words.push_back(&at->first);
    return at->second;
  }
  fs::path file(const char* kind, int n) const { return scratch / (std::string(kind) + std::to_string(n)); }
  std::uint64_t prune_at(int n) const {
    return static_cast<std::uint64_t>(config.prune[std::min(static_cast<std::size_t>(n), config.prune.size()) - 1]);
  }

  void adjust_counts();
  void share_unigrams();
  void share(int n);
  void interpolate(int n);
  void each_final(int n, const std::function<void(const NgramRecord&)>& take) const;
};

/// From the sorted n-grams of the highest order, those of all orders: an n-gram's records stand together, whatever came before it.
void NgramTrainer::State::adjust_counts() {
  std::vector<std::unique_ptr<NgramFileWriter>> out;
  for (int n = 0; n <= order; ++n) out.push_back(n == 0 ? nullptr : std::make_unique<NgramFileWriter>(file("counts", n)));
  std::vector<std::uint64_t> different(static_cast<std::size_t>(order) + 1), raw(different.size());
  NgramRecord last;
  bool is_first = true;
  const auto close = [&](int n) {
    const auto at = static_cast<std::size_t>(n);
    // <s> is repeated to fill the highest order; two in a row are no n-gram.
    const bool is_padding = n >= 2 && last.words[at - 2] == kBegin;
    if (!is_padding && last.words[0] != kBegin) {
      const bool is_raw = n == order || last.words[at - 1] == kBegin;
      const std::uint64_t count = is_raw ? raw[at] : different[at];
      OrderStatistics& s = statistics[at];
      if (count <= 4) ++s.count_of_counts[count];
      ++s.ngrams;
      const bool is_pruned = raw[at] <= prune_at(n);
      s.kept += !is_pruned;
      NgramRecord record = last;
      std::fill(record.words.begin() + n, record.words.end(), 0);
      record.count = count | (is_pruned ? kPruned : 0);
      out[at]->add(record);
    }
    different[at] = raw[at] = 0;
  };
  counts.drain([&](const NgramRecord& record) {
    int same = 0;  // leading words as in the record before
    if (!is_first)
      while (same < order && record.words[static_cast<std::size_t>(same)] == last.words[static_cast<std::size_t>(same)]) ++same;
    if (!is_first)
      for (int n = order; n > same; --n) close(n);
    is_first = false;
    last = record;
    for (int n = 1; n <= order; ++n) {
      const auto at = static_cast<std::size_t>(n);
      raw[at] += record.count;
      if (same <= n) ++different[at];  // its n + 1 last words are new
    }
  });
  for (int n = order; n > 0; --n) close(n);
  for (int n = 1; n <= order; ++n) out[static_cast<std::size_t>(n)]->close(), statistics[static_cast<std::size_t>(n)].set_discounts();
}

/// Unigrams: shares of all, the rest spread evenly over the vocabulary.
void NgramTrainer::State::share_unigrams() {
  const OrderStatistics& s = statistics[1];
  double total = 0, freed = 0;
  {
    NgramFileReader in(file("counts", 1));
    while (const NgramRecord* record = in.next()) total += static_cast<double>(record->count), freed += s.of(record->count);
  }
  const double uniform = freed / total / static_cast<double>(words.size() - 1);  // all but <s>
  NgramFileReader in(file("counts", 1));
  NgramFileWriter out(file("shares", 1));
  std::uint32_t next_id = 0;
  const NgramRecord* record = in.next();
  for (; next_id < words.size(); ++next_id) {
    NgramRecord made;
    made.words[0] = next_id;
    double share = next_id == kBegin ? 0 : uniform;
    if (record && record->words[0] == next_id) {
      share += (static_cast<double>(record->count) - s.of(record->count)) / total;
      record = in.next();
    }
    made.set_weights({static_cast<float>(share), 0});
    out.add(made);
  }
  out.close();
  statistics[1].kept = static_cast<std::int64_t>(words.size());
  fs::remove(file("counts", 1));
}

/// Shares within each context, and what its discounts free for the shorter one: sorted by context, two readers of the same file, the
/// first of which goes ahead to the context's end.
void NgramTrainer::State::share(int n) {
  const OrderStatistics& s = statistics[static_cast<std::size_t>(n)];
  {
    NgramSorter by_context(NgramOrdering{1, n}, false, config.memory_bytes, scratch, "context");
    NgramFileReader in(file("counts", n));
    while (const NgramRecord* record = in.next()) by_context.add(*record);
    NgramFileWriter out(file("context", n));
    by_context.drain([&](const NgramRecord& record) { out.add(record); });
    out.close();
  }
  fs::remove(file("counts", n));
  NgramSorter by_suffix(NgramOrdering{0, n}, false, config.memory_bytes, scratch, "suffix");
  NgramFileWriter gammas(file("gamma", n - 1));
  NgramFileReader ahead(file("context", n)), behind(file("context", n));
  const auto same_context = [&](const NgramRecord& a, const NgramRecord& b) {
    return std::equal(a.words.begin() + 1, a.words.begin() + n, b.words.begin() + 1);
  };
  const NgramRecord* next = ahead.next();
  while (next) {
    const NgramRecord first = *next;
    double total = 0, freed = 0;
    std::int64_t size = 0;
    for (; next && same_context(first, *next); next = ahead.next(), ++size) {
      const std::uint64_t count = next->count & ~kPruned;
      total += static_cast<double>(count);
      freed += next->count & kPruned ? static_cast<double>(count) : s.of(count);
    }
    const double gamma = freed / total;
    NgramRecord context;
    std::copy(first.words.begin() + 1, first.words.begin() + n, context.words.begin());
    context.set_weights({0, static_cast<float>(gamma)});
    gammas.add(context);
    for (; size > 0; --size) {
      NgramRecord record = *behind.next();
      if (record.count & kPruned) continue;
      const double share = (static_cast<double>(record.count) - s.of(record.count)) / total;
      record.set_weights({static_cast<float>(share), static_cast<float>(gamma)});
      by_suffix.add(record);
    }
  }
  gammas.close();
  fs::remove(file("context", n));
  NgramFileWriter out(file("shares", n));
  by_suffix.drain([&](const NgramRecord& record) { out.add(record); });
  out.close();
}

/// Adds gamma times the probability of the shorter n-gram, which stands in the same order in its file.
void NgramTrainer::State::interpolate(int n) {
  NgramFileReader in(file("shares", n)), lower(file(n == 2 ? "shares" : "final", n - 1));
  NgramFileWriter out(file("final", n));
  const NgramOrdering ordering{0, n - 1};
  const NgramRecord* shorter = lower.next();
  while (const NgramRecord* record = in.next()) {
    while (shorter && ordering.compare(*shorter, *record) < 0) shorter = lower.next();
    check(shorter && ordering.compare(*shorter, *record) == 0, "an n-gram of order ", n, " lacks its end: a bug");
    NgramRecord made = *record;
    made.set_weights({record->weights().probability + record->weights().backoff * shorter->weights().probability, 0});
    out.add(made);
  }
  out.close();
  fs::remove(file("shares", n));
}

/// The n-grams of order n with log10 of probability and backoff.
void NgramTrainer::State::each_final(int n, const std::function<void(const NgramRecord&)>& take) const {
  NgramFileReader in(file(n == 1 ? "shares" : "final", n));
  std::unique_ptr<NgramFileReader> gammas;
  if (n < order) gammas = std::make_unique<NgramFileReader>(file("gamma", n));
  const NgramOrdering ordering{0, n};
  const NgramRecord* gamma = gammas ? gammas->next() : nullptr;
  while (const NgramRecord* record = in.next()) {
    while (gamma && ordering.compare(*gamma, *record) < 0) gamma = gammas->next();
    NgramRecord made = *record;
    const bool has_gamma = gamma && ordering.compare(*gamma, *record) == 0;
    made.set_weights({log10_of(double{record->weights().probability}), has_gamma ? log10_of(double{gamma->weights().backoff}) : 0});
    take(made);
  }
}

NgramTrainer::NgramTrainer(const NgramTraining& config, const fs::path& scratch) {
  check(config.order >= 2 && config.order <= kMaxNgramOrder, "an n-gram model has order 2 to ", kMaxNgramOrder, ", not ", config.order);
  check(config.memory_bytes >= 1 << 20, "n-gram training needs at least 1 MiB of memory, not ", config.memory_bytes, " bytes");
  check(!config.prune.empty() && config.prune[0] == 0 && std::ranges::is_sorted(config.prune),
        "prune must begin with 0 and must not fall from order to order");
  check(config.max_vocabulary > 0 && config.max_vocabulary < 4'000'000'000, "max_vocabulary is out of range: ", config.max_vocabulary);
  fs::create_directories(scratch);
  state_ = std::make_unique<State>(config, scratch);
}
NgramTrainer::~NgramTrainer() = default;

void NgramTrainer::add(std::string_view sentence) {
  State& s = *state_;
  NgramRecord record;
  record.count = 1;
  std::fill_n(record.words.begin(), s.order, kBegin);
  const auto push = [&](std::uint32_t id) {
    std::copy_backward(record.words.begin(), record.words.begin() + s.order - 1, record.words.begin() + s.order);
    record.words[0] = id;
    s.counts.add(record);
    ++s.tokens;
  };
  std::int64_t words = 0;
  for (std::size_t at = 0; at < sentence.size();) {
    if (is_ascii_space(sentence[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < sentence.size() && !is_ascii_space(sentence[end])) ++end;
    const std::string_view word = sentence.substr(at, end - at);
    at = end;
    if (word == "<s>" || word == "</s>" || word == "<unk>") continue;
    push(s.id_of(std::string(word)));
    ++words;
  }
  if (words == 0) return;
  push(kEnd);
  ++s.sentences;
}

Json NgramTrainer::finish(const fs::path& arpa, const fs::path& binary) {
  State& s = *state_;
  check(s.sentences > 0, "no text to train an n-gram model on");
  s.adjust_counts();
  s.share_unigrams();
  for (int n = 2; n <= s.order; ++n) s.share(n), s.interpolate(n);

  if (!arpa.empty()) {
    CompressedWriter out(arpa);
    out.write("\\data\\\n");
    for (int n = 1; n <= s.order; ++n) out.write(fmt::format("ngram {}={}\n", n, s.statistics[static_cast<std::size_t>(n)].kept));
    for (int n = 1; n <= s.order; ++n) {
      out.write(fmt::format("\n\\{}-grams:\n", n));
      s.each_final(n, [&](const NgramRecord& record) {
        std::string line = fmt::format("{:.7g}\t", record.weights().probability);
        for (int i = n - 1; i >= 0; --i) line += *s.words[record.words[static_cast<std::size_t>(i)]] + (i > 0 ? " " : "");
        if (n < s.order && record.words[0] != kEnd) line += fmt::format("\t{:.7g}", record.weights().backoff);
        out.write_line(line);
      });
    }
    out.write("\n\\end\\\n");
    out.commit();
  }
  if (!binary.empty()) {
    NgramImageBuilder builder(s.order, s.config.is_quantized, true, s.config.memory_bytes, s.scratch);
    for (int n = 1; n <= s.order; ++n)
      s.each_final(n, [&](const NgramRecord& record) {
        std::uint64_t key = ngram_word_key(*s.words[record.words[0]]);
        for (int i = 1; i < n; ++i) key = extend_ngram_key(key, ngram_word_key(*s.words[record.words[static_cast<std::size_t>(i)]]));
        builder.add(n, key, record.weights().probability, record.weights().backoff);
      });
    AtomicFile out(binary);
    builder.finish([&](const void* data, std::size_t bytes) { out.write(data, bytes); });
    out.commit();
  }
  for (int n = 1; n <= s.order; ++n) fs::remove(s.file(n == 1 ? "shares" : "final", n)), fs::remove(s.file("gamma", n));
  Json orders = Json::array();
  for (int n = 1; n <= s.order; ++n) {
    const OrderStatistics& at = s.statistics[static_cast<std::size_t>(n)];
    orders.push_back({{"order", n},
                      {"ngrams", at.ngrams},
                      {"kept", at.kept},
                      {"discounts", {at.discount[1], at.discount[2], at.discount[3]}},
                      {"discounts_are_fallback", at.has_fallback}});
  }
  return {{"sentences", s.sentences}, {"tokens", s.tokens}, {"vocabulary", s.words.size()}, {"orders", orders}};
}

}  // namespace corollary
