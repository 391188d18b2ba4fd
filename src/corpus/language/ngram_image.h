#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "corpus/language/ngram_counts.h"

namespace corollary {

/// The bytes of a model as they lie in a file and in memory (docs/formats/language_models.md): for each order a table with linear
/// probing from the 64-bit key of an n-gram to its probability and backoff, both log10.

/// Key of a word: its 64-bit hash, never 0. Of an n-gram: extend_ngram_key(key of its last n-1 words, word before them).
std::uint64_t ngram_word_key(std::string_view word);
inline std::uint64_t extend_ngram_key(std::uint64_t key, std::uint64_t word_key) {
  std::uint64_t mixed = (key ^ key >> 29) * 0xBF58476D1CE4E5B9u + word_key;
  mixed = (mixed ^ mixed >> 32) * 0x94D049BB133111EBu;
  mixed ^= mixed >> 31;
  return mixed == 0 ? 1 : mixed;
}

/// key * slots / 2^64: where a search for a key begins.
inline std::uint64_t ngram_slot(std::uint64_t key, std::uint64_t slots) {
  __extension__ typedef unsigned __int128 Wide;
  return static_cast<std::uint64_t>(static_cast<Wide>(key) * slots >> 64);
}

struct NgramImageHeader {
  std::array<char, 8> magic{'c', 'o', 'r', 'n', 'g', 'r', 'a', 'm'};
  std::uint32_t version = 1;
  std::uint32_t order = 0;
  std::uint32_t is_quantized = 0;
  std::uint32_t is_closed = 0;   ///< 1: with each n-gram the one without its first word is there too, so a miss ends a search
  std::uint32_t longest_probe = 0;
  std::uint32_t reserved = 0;
  std::array<std::uint64_t, kMaxNgramOrder> ngrams{};  ///< of each order
  std::array<std::uint64_t, kMaxNgramOrder> slots{};   ///< see ngram_slot
  std::array<std::uint64_t, kMaxNgramOrder> cells{};   ///< in the file: slots, and what ran over their end
};
static_assert(sizeof(NgramImageHeader) == 176);

/// Full: key, probability, backoff; an empty cell has key 0.
struct NgramCell {
  std::uint64_t key;
  float probability, backoff;
};
/// Quantised: the low 48 bits of the key with 8 bits each for probability and backoff; an empty cell is 0, so no such key is 0.
using PackedNgramCell = std::uint64_t;
constexpr int kNgramLevels = 256;

/// Takes the n-grams of each order in any sequence and writes the image, sorting with `memory_bytes` for one order at a time.
class NgramImageBuilder {
 public:
  NgramImageBuilder(int order, bool is_quantized, bool is_closed, std::int64_t memory_bytes, fs::path scratch);
  void add(int order, std::uint64_t key, float probability, float backoff);
  /// Calls write with the pieces in order. Error if two n-grams have the same key.
  void finish(const std::function<void(const void*, std::size_t)>& write);

 private:
  NgramImageHeader header_;
  fs::path scratch_;
  std::vector<NgramSorter> sorters_;
  std::vector<std::vector<float>> probabilities_, backoffs_;  ///< samples, for the levels of quantised models
};

}  // namespace corollary
