#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace corollary {

struct NgramScore {
  double log10 = 0;          ///< of the words and the end, given the beginning
  std::int64_t words = 0;    ///< parted by white space, without <s> and </s>
  std::int64_t unknown = 0;  ///< of them, those the model does not know

  /// 10^(-log10 / words), as OpenWebMath has it; infinity for no words.
  double perplexity() const;
};

/// A backoff n-gram model, read from our binary (mapped), from an ARPA file (plain, .gz, .zst; SRILM's, KenLM's or ours) or from
/// KenLM's binary with probing tables (mapped; format version 5): by content, not by name. docs/formats/language_models.md describes
/// all three. Thread-safe.
///
///   p(w | h) = p(longest n-gram of the model that ends with w) plus the backoffs of the longer ends of h, all log10
///
/// Words not in the model are <unk>; a model without one gives them log10 -100, as KenLM does.
class NgramModel {
 public:
  /// Error naming file and line or byte if the file is none of these or is damaged.
  explicit NgramModel(const fs::path& path);
  /// The same from memory; `where` names it in messages. ARPA text must be uncompressed.
  NgramModel(std::string bytes, const std::string& where);
  ~NgramModel();
  NgramModel(NgramModel&&) noexcept;
  NgramModel& operator=(NgramModel&&) noexcept;

  int order() const;
  std::int64_t ngrams(int order) const;
  /// Every word of the text in turn after <s>, then </s>.
  NgramScore score(std::string_view text) const;
  /// log10 of p(word | context), the last order-1 words of which count; "<s>" may be its first. For tests and tools.
  double log10_probability(std::span<const std::string> context, std::string_view word) const;

  struct Tables;

 private:
  std::unique_ptr<const Tables> tables_;
};

}  // namespace corollary
