#include "corpus/language/word_sums.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>

namespace corollary {
namespace {

constexpr std::string_view kEndOfLine = "</s>";
constexpr std::string_view kLabel = "__label__";
constexpr std::size_t kKeyBytes = 24;               // longer words are rare and added up each time
constexpr std::size_t kCacheBytes = std::size_t{8} << 20;  // a hit in the third cache is still ten times as fast as adding up
constexpr int kBlockWords = 256;                    // sums of floats stay short, so that long texts are not less exact

/// FNV-1a as fastText has it: bytes are sign-extended.
std::uint32_t add_byte(std::uint32_t hash, char c) { return (hash ^ static_cast<std::uint32_t>(static_cast<std::int8_t>(c))) * 16777619u; }
std::uint32_t hash_of(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = add_byte(hash, c);
  return hash;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
constexpr std::array<bool, 256> kIsBlank = [] {
  std::array<bool, 256> out{};
  for (const char c : {' ', '\n', '\r', '\t', '\v', '\f', '\0'}) out[static_cast<unsigned char>(c)] = true;
  return out;
}();
bool is_blank(char c) { return kIsBlank[static_cast<unsigned char>(c)]; }

using Key = std::array<std::uint64_t, 3>;  // the word's bytes, then zeros: NUL is in no word

}  // namespace

struct WordSums::Cache {
  struct Slot {
    Key key{};  ///< all zero: empty
    std::uint32_t hash = 0, rows = 0;
  };
  std::uint64_t model = 0;
  std::vector<Slot> slots;
  std::vector<float> sums;  ///< dim for each slot
};

struct WordSums::Total {
  std::vector<float> block;
  std::vector<double> sum;
  std::int64_t rows = 0;
  int words_in_block = 0;
  std::vector<std::uint32_t> recent;  ///< hashes of the last word_ngrams - 1 words, the oldest first

  void close_block() {
    for (std::size_t i = 0; i < block.size(); ++i) sum[i] += double{block[i]}, block[i] = 0;
    words_in_block = 0;
  }
};

WordSums::WordSums(const FastTextFile& file) : file_(file) {
  static std::atomic<std::uint64_t> count{0};
  number_ = ++count;
  const std::size_t size = static_cast<std::size_t>(file.words) + file.label_count();
  table_.assign(std::bit_ceil(2 * size + 1), -1);
  hashes_.resize(size);
  for (std::size_t id = 0; id < size; ++id) {
    hashes_[id] = hash_of(file.word(static_cast<std::int32_t>(id)));
    std::size_t slot = hashes_[id] & (table_.size() - 1);
    while (table_[slot] >= 0) slot = (slot + 1) & (table_.size() - 1);
    table_[slot] = static_cast<std::int32_t>(id);
  }
}

std::int32_t WordSums::find(std::string_view word, std::uint32_t hash) const {
  for (std::size_t slot = hash & (table_.size() - 1); table_[slot] >= 0; slot = (slot + 1) & (table_.size() - 1)) {
    const std::int32_t id = table_[slot];
    if (hashes_[static_cast<std::size_t>(id)] == hash && file_.word(id) == word) return id;
  }
  return -1;
}

/// Every run of min_chars to max_chars characters of "<word>", but not "<" or ">" alone.
std::int64_t WordSums::add_characters(std::string_view word, float* sum) const {
  const auto size = static_cast<std::int64_t>(word.size()) + 2;
  const auto at = [&](std::int64_t i) { return i == 0 ? '<' : i == size - 1 ? '>' : word[static_cast<std::size_t>(i) - 1]; };
  std::array<std::int64_t, 64> found;  // rows lie anywhere in 100 MB: asked for together, their waits overlap
  std::size_t waiting = 0;
  std::int64_t rows = 0;
  for (std::int64_t begin = 0; begin < size; ++begin) {
    if (is_continuation(at(begin))) continue;
    std::uint32_t hash = 2166136261u;
    std::int64_t end = begin;
    for (std::int32_t length = 1; end < size && length <= file_.max_chars; ++length) {
      hash = add_byte(hash, at(end++));
      while (end < size && is_continuation(at(end))) hash = add_byte(hash, at(end++));
      if (length < file_.min_chars || (length == 1 && (begin == 0 || end == size))) continue;
      const std::int64_t row = file_.bucket_row(hash % static_cast<std::uint32_t>(file_.bucket));
      if (row < 0) continue;
      file_.input.prefetch_row(row);
      found[waiting++] = row;
      ++rows;
      if (waiting == found.size()) {
        for (const std::int64_t at_row : found) file_.input.add_row(at_row, sum);
        waiting = 0;
      }
    }
  }
  for (std::size_t i = 0; i < waiting; ++i) file_.input.add_row(found[i], sum);
  return rows;
}

std::int64_t WordSums::add_word(std::string_view word, std::uint32_t hash, float* sum) const {
  const std::int32_t id = find(word, hash);
  std::int64_t rows = 0;
  if (id >= 0) {
    file_.input.add_row(id, sum);
    ++rows;
  }
  if (file_.max_chars > 0 && word != kEndOfLine) rows += add_characters(word, sum);
  return rows;
}

WordSums::Cache& WordSums::thread_cache() const {
  constexpr std::size_t kMaxCaches = 4;
  thread_local std::vector<std::unique_ptr<Cache>> caches;  // the one last used stands first
  for (std::size_t i = 0; i < caches.size(); ++i)
    if (caches[i]->model == number_) {
      std::swap(caches[i], caches[0]);
      return *caches[0];
    }
  if (caches.size() == kMaxCaches) caches.pop_back();
  auto made = std::make_unique<Cache>();
  const auto dim = static_cast<std::size_t>(file_.dim);
  made->model = number_;
  made->slots.resize(std::bit_floor(std::clamp<std::size_t>(kCacheBytes / (4 * dim + sizeof(Cache::Slot)), 256, 65536)));
  made->sums.resize(made->slots.size() * dim);
  caches.insert(caches.begin(), std::move(made));
  return *caches[0];
}

/// fastText hashes runs of words from 64-bit products of sign-extended 32-bit hashes.
void WordSums::take_hash(std::uint32_t hash, Total& total) const {
  if (file_.word_ngrams < 2) return;
  const auto wide = [](std::uint32_t h) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(h))); };
  total.recent.push_back(hash);
  for (std::size_t first = 0; first + 1 < total.recent.size(); ++first) {
    std::uint64_t run = wide(total.recent[first]);
    for (std::size_t i = first + 1; i < total.recent.size(); ++i) run = run * 116049371u + wide(total.recent[i]);
    const std::int64_t row = file_.bucket_row(static_cast<std::uint32_t>(run % static_cast<std::uint64_t>(file_.bucket)));
    if (row < 0) continue;
    file_.input.add_row(row, total.block.data());
    ++total.rows;
  }
  if (total.recent.size() >= static_cast<std::size_t>(file_.word_ngrams)) total.recent.erase(total.recent.begin());
}

void WordSums::take_word(std::string_view word, Cache& cache, Total& total) const {
  const auto dim = static_cast<std::size_t>(file_.dim);
  if (word.size() <= kKeyBytes) {
    Key key{};
    std::memcpy(key.data(), word.data(), word.size());
    const std::uint64_t mixed = (key[0] ^ std::rotl(key[1], 21) ^ std::rotl(key[2], 42)) * 0x9E3779B97F4A7C15u;
    const std::size_t at = (mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9u >> 40 & (cache.slots.size() - 1);
    Cache::Slot& slot = cache.slots[at];
    float* sums = cache.sums.data() + at * dim;
    if (slot.key != key) {
      slot.key = key;
      slot.hash = hash_of(word);
      std::fill_n(sums, dim, 0.0f);
      slot.rows = static_cast<std::uint32_t>(add_word(word, slot.hash, sums));
    }
    for (std::size_t i = 0; i < dim; ++i) total.block[i] += sums[i];
    total.rows += slot.rows;
    take_hash(slot.hash, total);
  } else {
    std::vector<float> sums(dim);  // as for short words: the order of additions is the same whoever computes
    const std::uint32_t hash = hash_of(word);
    total.rows += add_word(word, hash, sums.data());
    for (std::size_t i = 0; i < dim; ++i) total.block[i] += sums[i];
    take_hash(hash, total);
  }
  if (++total.words_in_block == kBlockWords) total.close_block();
}

std::vector<float> WordSums::mean(std::string_view text) const {
  Cache& cache = thread_cache();
  Total total;
  total.block.resize(static_cast<std::size_t>(file_.dim));
  total.sum.resize(total.block.size());
  for (std::size_t at = 0; at < text.size();) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at + 1;
    while (end < text.size() && !is_blank(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    at = end;
    if (word == kEndOfLine || word.starts_with(kLabel)) continue;
    take_word(word, cache, total);
  }
  take_word(kEndOfLine, cache, total);
  total.close_block();
  if (total.rows == 0) return {};
  std::vector<float> out(total.sum.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(total.sum[i] / static_cast<double>(total.rows));
  return out;
}

}  // namespace corollary
