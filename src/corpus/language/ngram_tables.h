#pragma once
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/files.h"
#include "corpus/language/ngram_image.h"
#include "corpus/language/ngram_model.h"

namespace corollary {

/// Where the tables of a model lie, whichever file they come from. Words have a code: in our models their key, in KenLM's their number.
struct NgramModel::Tables {
  enum class Layout { full, packed, kenlm } layout = Layout::full;
  struct Table {
    const char* cells = nullptr;
    std::uint64_t slots = 0, count = 0, ngrams = 0;  ///< count: of cells
    std::uint32_t stride = 16;
    const float *probabilities = nullptr, *backoffs = nullptr;  ///< levels of packed cells
  };
  MappedFile mapped;
  std::string owned;
  int order = 0;
  bool is_closed = false;
  std::uint64_t longest_probe = 0;
  std::array<Table, kMaxNgramOrder> tables;
  // KenLM's words: keys of 8 bytes with numbers of 4, and probability and backoff by number.
  Table kenlm_words;
  const char* kenlm_unigrams = nullptr;
  std::uint32_t kenlm_bound = 0;

  std::uint64_t begin = 0, end = 0, unknown = 0;  ///< codes of <s>, </s>, <unk>
  float unknown_probability = -100, unknown_backoff = 0;

  struct Found {
    bool is_found = false;
    float probability = 0, backoff = 0;
  };

  std::uint64_t word_hash(std::string_view word) const;
  std::uint64_t extend(std::uint64_t key, std::uint64_t code) const {
    if (layout == Layout::kenlm) return key * 8978948897894561157u ^ (1 + code) * 17894857484156487943u;
    return extend_ngram_key(key, code);
  }
  std::uint64_t slot_of(const Table& table, std::uint64_t key) const {
    if (layout == Layout::kenlm) return key % table.slots;
    return ngram_slot(key, table.slots);
  }
  void prefetch(const Table& table, std::uint64_t key) const {
    if (table.cells) __builtin_prefetch(table.cells + slot_of(table, key) * table.stride);
  }
  /// n-grams of `n` words by key; words by their hash, with *code set.
  Found find(int n, std::uint64_t key) const;
  Found find_word(std::uint64_t hash, std::uint64_t* code) const;
  void resolve_special_words();

  void read_image(std::string_view bytes, const std::string& where);
  void read_kenlm(std::string_view bytes, const std::string& where);
};

/// An image (ngram_image.h) of ARPA text, whose lines `next` hands out.
std::string image_of_arpa(const std::function<const std::string_view*()>& next, const std::string& where);

bool is_kenlm_binary(std::string_view bytes);
std::uint64_t murmur64a(std::string_view bytes);

}  // namespace corollary
