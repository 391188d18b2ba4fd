#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/ngrams/words.h"

namespace corollary {

/// An n-gram of a test text found in a document.
struct NgramMatch {
  std::int32_t test = 0;  ///< which of the texts
  std::int32_t n = 0;
  std::int32_t test_word = 0;  ///< its first word there
  std::size_t word = 0;        ///< its first word in the document: Words::begin() is its byte
};

/// All n-grams of some texts, for several n at once, to be found in any number of documents in one pass over each. Found by hash,
/// then compared word by word: what is reported is there. Memory: about 32 bytes an n-gram; the table every word is held against
/// has 1.5 to 3 bytes for each of the shortest n. Immutable: any thread may search.
class NgramIndex {
 public:
  /// n-grams of texts shorter than n words do not exist. Each n must be at least 1. Within a text an n-gram counts once, where it
  /// is first.
  NgramIndex(std::span<const std::string> texts, std::vector<std::int32_t> ns, WordRule rule);

  WordRule rule() const { return rule_; }
  std::size_t size() const { return entries_.size(); }  ///< n-grams
  const std::vector<std::int32_t>& ns() const { return ns_; }
  /// found(match) for every occurrence, in the order of the document's words. `words` must be assigned under this index's rule.
  void search(const Words& words, const std::function<void(const NgramMatch&)>& found) const;
  /// Words of a text as compared.
  const Words& text(std::size_t test) const { return texts_[test]; }

 private:
  struct Entry {
    std::uint64_t hash;
    std::int32_t test, word, n;
  };
  /// Whether there was any.
  bool report(const Words& words, std::size_t word, std::int32_t n, std::uint64_t hash,
              const std::function<void(const NgramMatch&)>& found) const;

  WordRule rule_;
  std::vector<std::int32_t> ns_;
  std::vector<Words> texts_;
  std::vector<Entry> entries_;         ///< sorted by hash
  std::vector<std::uint32_t> starts_;  ///< open addressing: 1 + the first entry of a hash, 0 is free
  std::vector<std::uint64_t> bits_;    ///< of the shortest n-grams: one whose three bits are not set is in no text
  int bits_shift_ = 0;
};

}  // namespace corollary
