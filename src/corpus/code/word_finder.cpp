#include "corpus/code/word_finder.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace corollary {
namespace {

template <std::size_t kWindow>
std::uint64_t hash_at(const char* at) {
  std::uint64_t window = 0;
  std::memcpy(&window, at, std::min(kWindow, sizeof window));
  if constexpr (kWindow == 16) {
    std::uint64_t rest = 0;
    std::memcpy(&rest, at + 8, sizeof rest);
    window = (window ^ (window >> 29)) * 0xBF58476D1CE4E5B9U + rest;
  }
  return window * 0x9E3779B97F4A7C15U;
}

std::size_t window_of(std::size_t bytes) { return bytes >= 16 ? 16 : bytes >= 8 ? 8 : bytes >= 4 ? 4 : bytes >= 2 ? 2 : 1; }

}  // namespace

template <std::size_t kWindow>
WordFinder::Class WordFinder::build(const std::vector<std::string>& words, const std::vector<std::uint32_t>& order,
                                    std::vector<std::uint32_t>& next) {
  const auto count = static_cast<std::size_t>(std::count_if(
      words.begin(), words.end(), [](const std::string& word) { return !word.empty() && window_of(word.size()) == kWindow; }));
  Class built;
  if (count == 0) return built;
  std::size_t bits_log2 = 12;  // 512 bytes; 64 bits a word, but no more than the cache holds
  while (bits_log2 < 18 && (std::size_t{1} << bits_log2) < 64 * count) ++bits_log2;
  built.bits.resize((std::size_t{1} << bits_log2) / 64);
  built.shift = 64 - static_cast<int>(bits_log2);
  std::size_t slots = 2;
  while (slots < 2 * count) slots *= 2;
  built.table.resize(slots);
  built.mask = slots - 1;
  for (const std::uint32_t index : order) {  // shortest first: each goes before those of its window that are there
    const std::string& word = words[index];
    if (word.empty() || window_of(word.size()) != kWindow) continue;
    const std::uint64_t hash = hash_at<kWindow>(word.data());
    const std::uint64_t bit = hash >> built.shift;
    built.bits[bit / 64] |= std::uint64_t{1} << (bit % 64);
    std::size_t slot = (hash >> 32) & built.mask;
    while (built.table[slot] != 0 && std::memcmp(words[built.table[slot] - 1].data(), word.data(), kWindow) != 0)
      slot = (slot + 1) & built.mask;
    next[index] = built.table[slot];
    built.table[slot] = index + 1;
  }
  return built;
}

WordFinder::WordFinder(std::vector<std::string> words) : words_(std::move(words)) {
  std::vector<std::uint32_t> order(words_.size());
  std::iota(order.begin(), order.end(), 0U);
  // Of equal words the first is to be met first, so it goes in last.
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return words_[a].size() != words_[b].size() ? words_[a].size() < words_[b].size() : a > b;
  });
  next_.resize(words_.size());
  sixteen_ = build<16>(words_, order, next_);
  eight_ = build<8>(words_, order, next_);
  four_ = build<4>(words_, order, next_);
  two_ = build<2>(words_, order, next_);
  one_ = build<1>(words_, order, next_);
}

/// Calls found(offset, index) for each word at each place in [from, end), longest first; stops when it returns false.
template <std::size_t kWindow>
void WordFinder::scan(const Class& words, std::string_view text, std::size_t from, std::size_t end, auto&& found) const {
  if (words.bits.empty() || text.size() < kWindow) return;
  end = std::min(end, text.size() - kWindow + 1);
  const std::uint64_t* const bits = words.bits.data();
  const int shift = words.shift;
  for (std::size_t at = from; at < end; ++at) {
    const std::uint64_t hash = hash_at<kWindow>(text.data() + at), bit = hash >> shift;
    if ((bits[bit / 64] >> (bit % 64) & 1) == 0) continue;
    std::size_t slot = (hash >> 32) & words.mask;
    while (words.table[slot] != 0 && std::memcmp(words_[words.table[slot] - 1].data(), text.data() + at, kWindow) != 0)
      slot = (slot + 1) & words.mask;
    const std::string* last = nullptr;
    for (std::uint32_t index = words.table[slot]; index != 0; index = next_[index - 1]) {
      const std::string& word = words_[index - 1];
      if (last != nullptr && word == *last) continue;
      last = &word;
      if (text.size() - at >= word.size() && std::memcmp(word.data(), text.data() + at, word.size()) == 0)
        if (!found(at, index - 1)) return;
    }
  }
}

std::optional<WordFinder::Hit> WordFinder::first(std::string_view text, std::size_t from) const {
  std::optional<Hit> best;
  // Classes of longer words first: a later class has to look no further than the hit, and wins only where it is earlier.
  const auto take = [&](std::size_t offset, std::size_t word) {
    if (!best || offset < best->offset) best = Hit{offset, word};
    return false;
  };
  const auto end = [&] { return best ? best->offset : text.size(); };
  scan<16>(sixteen_, text, from, end(), take);
  scan<8>(eight_, text, from, end(), take);
  scan<4>(four_, text, from, end(), take);
  scan<2>(two_, text, from, end(), take);
  scan<1>(one_, text, from, end(), take);
  return best;
}

std::vector<WordFinder::Hit> WordFinder::all(std::string_view text, std::size_t max_hits) const {
  std::vector<Hit> hits;
  const auto take = [&](std::size_t offset, std::size_t word) {
    if (hits.size() >= max_hits) return false;
    hits.push_back({offset, word});
    return true;
  };
  scan<16>(sixteen_, text, 0, text.size(), take);
  scan<8>(eight_, text, 0, text.size(), take);
  scan<4>(four_, text, 0, text.size(), take);
  scan<2>(two_, text, 0, text.size(), take);
  scan<1>(one_, text, 0, text.size(), take);
  std::sort(hits.begin(), hits.end(), [&](const Hit& a, const Hit& b) {
    return a.offset != b.offset ? a.offset < b.offset : words_[a.word].size() > words_[b.word].size();
  });
  return hits;
}

}  // namespace corollary
