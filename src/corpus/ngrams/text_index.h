#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace corollary {

/// Texts to be found whole, byte for byte, in documents: by a rolling hash of each text's first bytes, then compared. Texts of
/// fewer than kShortest bytes are looked for one by one; empty ones are nowhere. Immutable: any thread may search.
class TextIndex {
 public:
  static constexpr std::size_t kLong = 64, kShortest = 16;
  explicit TextIndex(std::span<const std::string> texts);
  /// found(text, byte) at the first place of every text that the document holds, texts in their order.
  void search(std::string_view document, const std::function<void(std::int32_t text, std::int64_t byte)>& found) const;

 private:
  /// The texts whose first `window` bytes are hashed.
  struct Windows {
    std::size_t window = 0;
    std::vector<std::pair<std::uint64_t, std::int32_t>> anchors;  ///< sorted (hash, text)
    std::vector<std::uint64_t> bits;
  };
  void search(const Windows& windows, std::string_view document, std::vector<std::int64_t>& places) const;

  std::vector<std::string> texts_;
  Windows long_, short_;
  std::vector<std::int32_t> tiny_;
};

}  // namespace corollary
