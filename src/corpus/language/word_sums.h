#pragma once
#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

#include "corpus/language/fasttext_file.h"

namespace corollary {

/// What fastText's hidden layer is: the mean of the input rows of a text's words, of the runs of characters in them and of the runs
/// of words. Thread-safe.
class WordSums {
 public:
  /// `file` must outlive this and stay where it is.
  explicit WordSums(const FastTextFile& file);
  /// dim values; empty if no row of the model is in the text.
  std::vector<float> mean(std::string_view text) const;

 private:
  struct Cache;
  struct Total;
  std::int32_t find(std::string_view word, std::uint32_t hash) const;
  std::int64_t add_word(std::string_view word, std::uint32_t hash, float* sum) const;
  std::int64_t add_characters(std::string_view word, float* sum) const;
  void take_word(std::string_view word, Cache& cache, Total& total) const;
  void take_hash(std::uint32_t hash, Total& total) const;
  Cache& thread_cache() const;

  const FastTextFile& file_;
  std::uint64_t number_;                ///< of this model in this process: key of its caches
  std::vector<std::int32_t> table_;     ///< open addressing by fastText's hash: id, or -1
  std::vector<std::uint32_t> hashes_;   ///< of each word and label
};

}  // namespace corollary
