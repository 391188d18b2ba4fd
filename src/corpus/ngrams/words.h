#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace corollary {

/// What a word is to an n-gram.
enum class WordRule {
  whitespace,  ///< what stands between white space (Unicode's, as Python's str.split() has it), as it is: Llemma's overlap study
  normalised,  ///< runs of letters and digits, ASCII letters in lower case; characters above ASCII are letters: decontamination
};

/// A text as words, each with a 64-bit hash, and prefix hashes so that any n-gram's hash costs one multiplication:
/// prefix[i + 1] = prefix[i] * kBase + hash(word i), ngram(i, n) = prefix[i + n] - prefix[i] * kBase^n, modulo 2^64.
/// Reused from text to text: no memory is taken once it has seen the longest.
class Words {
 public:
  explicit Words(WordRule rule) : rule_(rule) {}
  void assign(std::string_view text);

  std::size_t size() const { return begins_.size(); }
  /// The word as compared: lower case under `normalised`.
  std::string_view word(std::size_t i) const { return {buffer_.data() + begins_[i], ends_[i] - begins_[i]}; }
  std::size_t begin(std::size_t i) const { return begins_[i]; }  ///< byte in the text
  std::size_t end(std::size_t i) const { return ends_[i]; }
  const std::vector<std::uint64_t>& prefix() const { return prefix_; }
  /// Words i to i + n - 1 joined by single blanks.
  std::string ngram(std::size_t i, std::size_t n) const;

  static constexpr std::uint64_t kBase = 0x9E3779B97F4A7C15;
  static std::uint64_t base_power(std::size_t n);

 private:
  void normalise(std::string_view text);

  WordRule rule_;
  std::string buffer_;  ///< as long as the text, every byte that separates a blank; then blanks
  std::vector<std::uint32_t> begins_, ends_;
  std::vector<std::uint64_t> prefix_;
};

}  // namespace corollary
