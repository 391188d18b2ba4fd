#include "corpus/ngrams/ngram_index.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "base/error.h"

namespace corollary {
namespace {

/// n-gram hashes are sums of products: their high bits are the good ones, and differ by n.
std::uint64_t spread(std::uint64_t hash, std::int32_t n) {
  hash ^= static_cast<std::uint64_t>(n) * 0xD6E8FEB86659FD93;
  hash ^= hash >> 32;
  return hash * 0xD6E8FEB86659FD93;
}

}  // namespace

NgramIndex::NgramIndex(std::span<const std::string> texts, std::vector<std::int32_t> ns, WordRule rule) : rule_(rule), ns_(std::move(ns)) {
  check(!ns_.empty(), "no n to look for");
  std::sort(ns_.begin(), ns_.end());
  ns_.erase(std::unique(ns_.begin(), ns_.end()), ns_.end());
  check(ns_.front() >= 1, "an n-gram has at least one word, not ", ns_.front());
  for (const std::string& text : texts) {
    Words words(rule);
    words.assign(text);
    const auto test = static_cast<std::int32_t>(texts_.size());
    for (const std::int32_t n : ns_) {
      const auto span = static_cast<std::size_t>(n);
      const std::uint64_t power = Words::base_power(span);
      for (std::size_t i = 0; i + span <= words.size(); ++i)
        entries_.push_back({spread(words.prefix()[i + span] - words.prefix()[i] * power, n), test, static_cast<std::int32_t>(i), n});
    }
    texts_.push_back(std::move(words));
  }
  check(entries_.size() < (std::size_t{1} << 31), "the test texts have ", entries_.size(), " n-grams, more than 2^31: look for them in parts");
  const auto key = [](const Entry& e) { return std::tie(e.hash, e.n, e.test, e.word); };
  std::sort(entries_.begin(), entries_.end(), [&](const Entry& a, const Entry& b) { return key(a) < key(b); });
  entries_.erase(std::unique(entries_.begin(), entries_.end(),
                             [](const Entry& a, const Entry& b) { return a.hash == b.hash && a.n == b.n && a.test == b.test; }),
                 entries_.end());
  const std::size_t slots = std::bit_ceil(2 * entries_.size() + 1), bits = std::bit_ceil(std::max<std::size_t>(16 * entries_.size(), 64));
  starts_.assign(slots, 0);
  bits_.assign(bits / 64, 0);
  bits_shift_ = 64 - std::countr_zero(bits);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::uint64_t hash = entries_[i].hash;
    if (i > 0 && entries_[i - 1].hash == hash) continue;
    const std::uint64_t bit = hash >> bits_shift_;
    bits_[bit / 64] |= std::uint64_t{1} << (bit % 64);
    std::size_t slot = hash & (slots - 1);
    while (starts_[slot] != 0) slot = (slot + 1) & (slots - 1);
    starts_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

void NgramIndex::search(const Words& words, const std::function<void(const NgramMatch&)>& found) const {
  const std::vector<std::uint64_t>& prefix = words.prefix();
  // n by n over stretches of words that stay in the first-level cache, so that each loop is a load, a product and a look at one bit.
  constexpr std::size_t kStretch = 2048;
  struct Candidate {
    std::size_t word;
    std::int32_t n;
    std::uint64_t hash;
  };
  std::vector<Candidate> candidates;
  for (std::size_t first = 0; first < words.size(); first += kStretch) {
    candidates.clear();
    for (const std::int32_t n : ns_) {
      const auto span = static_cast<std::size_t>(n);
      if (words.size() < span) continue;
      const std::uint64_t power = Words::base_power(span);
      const std::size_t last = std::min(first + kStretch, words.size() - span + 1);
      for (std::size_t i = first; i < last; ++i) {
        const std::uint64_t hash = spread(prefix[i + span] - prefix[i] * power, n), bit = hash >> bits_shift_;
        if ((bits_[bit / 64] >> (bit % 64) & 1) != 0) candidates.push_back({i, n, hash});
      }
    }
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return std::tie(a.word, a.n) < std::tie(b.word, b.n); });
    for (const Candidate& candidate : candidates) report(words, candidate.word, candidate.n, candidate.hash, found);
  }
}

void NgramIndex::report(const Words& words, std::size_t word, std::int32_t n, std::uint64_t hash,
                        const std::function<void(const NgramMatch&)>& found) const {
  const std::size_t slots = starts_.size();
  std::size_t slot = hash & (slots - 1);
  while (starts_[slot] != 0 && entries_[starts_[slot] - 1].hash != hash) slot = (slot + 1) & (slots - 1);
  if (starts_[slot] == 0) return;
  for (std::size_t i = starts_[slot] - 1; i < entries_.size() && entries_[i].hash == hash; ++i) {
    const Entry& entry = entries_[i];
    if (entry.n != n) continue;
    const Words& text = texts_[static_cast<std::size_t>(entry.test)];
    bool is_same = true;
    for (std::size_t k = 0; is_same && k < static_cast<std::size_t>(n); ++k)
      is_same = text.word(static_cast<std::size_t>(entry.word) + k) == words.word(word + k);
    if (is_same) found({entry.test, n, entry.word, word});
  }
}

}  // namespace corollary
