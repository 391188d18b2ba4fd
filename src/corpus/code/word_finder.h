#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace corollary {

/// Finds many words in a text in one pass (or one for each of five classes of length): the first 16, 8, 4, 2 or 1 bytes of a word
/// are hashed into a bit table small enough for the first-level cache, and only where a bit is set are words compared. Thousands of
/// words cost little more than one. Words are bytes, case counts, they may overlap. Immutable after construction, so thread-safe.
class WordFinder {
 public:
  struct Hit {
    std::size_t offset;
    std::size_t word;  ///< index into the words given; of equal words the first
  };

  WordFinder() = default;
  explicit WordFinder(std::vector<std::string> words);  ///< empty words are never found

  /// The earliest hit at or after `from`; of several at one place the longest word.
  std::optional<Hit> first(std::string_view text, std::size_t from = 0) const;
  /// All hits, by offset, then longest first; max_hits of them if there are more, so that a hostile text cannot fill the memory.
  std::vector<Hit> all(std::string_view text, std::size_t max_hits = std::size_t{1} << 20) const;
  const std::vector<std::string>& words() const { return words_; }

 private:
  struct Class {
    std::vector<std::uint64_t> bits;   ///< a power of two of them
    std::vector<std::uint32_t> table;  ///< open addressing by the same hash: 1 + index into order_, 0 for none
    int shift = 0;                     ///< of the hash, for `bits`
    std::size_t mask = 0;              ///< of `table`
  };
  template <std::size_t kWindow>
  void scan(const Class& words, std::string_view text, std::size_t from, std::size_t end, auto&& found) const;
  template <std::size_t kWindow>
  static Class build(const std::vector<std::string>& words, const std::vector<std::uint32_t>& order,
                     std::vector<std::uint32_t>& next);

  std::vector<std::string> words_;
  std::vector<std::uint32_t> next_;  ///< of the same window, longest first: 1 + index, 0 at the end
  Class sixteen_, eight_, four_, two_, one_;
};

}  // namespace corollary
