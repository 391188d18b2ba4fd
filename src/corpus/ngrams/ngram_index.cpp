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

/// Three bits of the 64 a hash is filed under: of what is in no text one in fifty passes, for one look at memory.
std::uint64_t mask_of(std::uint64_t hash) {
  return std::uint64_t{1} << (hash & 63) | std::uint64_t{1} << (hash >> 6 & 63) | std::uint64_t{1} << (hash >> 12 & 63);
}

}  // namespace

NgramIndex::NgramIndex(std::span<const std::string> texts, std::vector<std::int32_t> ns, WordRule rule)
    : rule_(rule), ns_(std::move(ns)) {
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
        entries_.push_back(
            {spread(words.prefix()[i + span] - words.prefix()[i] * power, n), test, static_cast<std::int32_t>(i), n});
    }
    texts_.push_back(std::move(words));
  }
  check(entries_.size() < (std::size_t{1} << 31), "the test texts have ", entries_.size(),
        " n-grams, more than 2^31: look for them in parts");
  const auto key = [](const Entry& e) { return std::tie(e.hash, e.n, e.test, e.word); };
  std::sort(entries_.begin(), entries_.end(), [&](const Entry& a, const Entry& b) { return key(a) < key(b); });
  entries_.erase(std::unique(entries_.begin(), entries_.end(),
                             [](const Entry& a, const Entry& b) { return a.hash == b.hash && a.n == b.n && a.test == b.test; }),
                 entries_.end());
  const auto shortest =
      static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.n == ns_.front(); }));
  const std::size_t slots = std::bit_ceil(2 * entries_.size() + 1), bits = std::bit_ceil(std::max<std::size_t>(12 * shortest, 128));
  starts_.assign(slots, 0);
  bits_.assign(bits / 64, 0);
  bits_shift_ = 64 - std::countr_zero(bits / 64);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::uint64_t hash = entries_[i].hash;
    if (i > 0 && entries_[i - 1].hash == hash) continue;
    std::size_t slot = hash & (slots - 1);
    while (starts_[slot] != 0) slot = (slot + 1) & (slots - 1);
    starts_[slot] = static_cast<std::uint32_t>(i + 1);
  }
  for (const Entry& entry : entries_) {
    if (entry.n != ns_.front()) continue;
    bits_[entry.hash >> bits_shift_] |= mask_of(entry.hash);
  }
}

void NgramIndex::search(const Words& words, const std::function<void(const NgramMatch&)>& found) const {
  const std::vector<std::uint64_t>& prefix = words.prefix();
  const auto hash_at = [&](std::size_t i, std::int32_t n, std::uint64_t power) {
    return spread(prefix[i + static_cast<std::size_t>(n)] - prefix[i] * power, n);
  };
  // A longer n-gram of a text begins with a shortest one of the same text, so only these are looked for at every word: a load, a
  // product, a look at one table. Where that passes, which is rare, the longer ones are too.
  std::vector<std::uint64_t> powers;
  for (const std::int32_t n : ns_) powers.push_back(Words::base_power(static_cast<std::size_t>(n)));
  const std::int32_t shortest = ns_.front();
  if (words.size() < static_cast<std::size_t>(shortest)) return;
  const std::size_t end = words.size() - static_cast<std::size_t>(shortest) + 1;
  for (std::size_t i = 0; i < end; ++i) {
    const std::uint64_t hash = hash_at(i, shortest, powers[0]), mask = mask_of(hash);
    if ((bits_[hash >> bits_shift_] & mask) != mask) continue;
    if (!report(words, i, shortest, hash, found)) continue;
    for (std::size_t k = 1; k < ns_.size() && i + static_cast<std::size_t>(ns_[k]) <= words.size(); ++k)
      report(words, i, ns_[k], hash_at(i, ns_[k], powers[k]), found);
  }
}

bool NgramIndex::report(const Words& words, std::size_t word, std::int32_t n, std::uint64_t hash,
                        const std::function<void(const NgramMatch&)>& found) const {
  const std::size_t slots = starts_.size();
  std::size_t slot = hash & (slots - 1);
  while (starts_[slot] != 0 && entries_[starts_[slot] - 1].hash != hash) slot = (slot + 1) & (slots - 1);
  if (starts_[slot] == 0) return false;
  bool is_any = false;
  for (std::size_t i = starts_[slot] - 1; i < entries_.size() && entries_[i].hash == hash; ++i) {
    const Entry& entry = entries_[i];
    if (entry.n != n) continue;
    const Words& text = texts_[static_cast<std::size_t>(entry.test)];
    bool is_same = true;
    for (std::size_t k = 0; is_same && k < static_cast<std::size_t>(n); ++k)
      is_same = text.word(static_cast<std::size_t>(entry.word) + k) == words.word(word + k);
    if (is_same) found({entry.test, n, entry.word, word});
    is_any = is_any || is_same;
  }
  return is_any;
}

}  // namespace corollary
