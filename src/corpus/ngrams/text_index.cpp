#include "corpus/ngrams/text_index.h"

#include <algorithm>
#include <limits>

namespace corollary {
namespace {

constexpr std::uint64_t kBase = 0x9E3779B97F4A7C15;
constexpr int kBitsLog = 20;  // 128 KiB: stays in the second-level cache

std::uint64_t hash_of(std::string_view bytes) {
  std::uint64_t hash = 0;
  for (const char c : bytes) hash = hash * kBase + static_cast<unsigned char>(c) + 1;
  return hash;
}

}  // namespace

TextIndex::TextIndex(std::span<const std::string> texts) : texts_(texts.begin(), texts.end()) {
  long_.window = kLong, short_.window = kShortest;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    const std::string_view text = texts_[i];
    const auto number = static_cast<std::int32_t>(i);
    if (text.size() >= kShortest) {
      Windows& windows = text.size() >= kLong ? long_ : short_;
      windows.anchors.emplace_back(hash_of(text.substr(0, windows.window)), number);
    } else if (!text.empty()) {
      tiny_.push_back(number);
    }
  }
  for (Windows* windows : {&long_, &short_}) {
    std::sort(windows->anchors.begin(), windows->anchors.end());
    if (windows->anchors.empty()) continue;
    windows->bits.assign((std::size_t{1} << kBitsLog) / 64, 0);
    for (const auto& [hash, text] : windows->anchors) {
      const std::uint64_t bit = hash >> (64 - kBitsLog);
      windows->bits[bit / 64] |= std::uint64_t{1} << (bit % 64);
    }
  }
}

void TextIndex::search(const Windows& windows, std::string_view document, std::vector<std::int64_t>& places) const {
  const std::size_t window = windows.window;
  if (windows.anchors.empty() || document.size() < window) return;
  std::uint64_t power = 1;  // of the byte that leaves
  for (std::size_t i = 0; i < window; ++i) power *= kBase;
  std::uint64_t hash = hash_of(document.substr(0, window));
  for (std::size_t begin = 0;; ++begin) {
    const std::uint64_t bit = hash >> (64 - kBitsLog);
    if ((windows.bits[bit / 64] >> (bit % 64) & 1) != 0)
      for (auto at = std::lower_bound(windows.anchors.begin(), windows.anchors.end(),
                                      std::pair{hash, std::numeric_limits<std::int32_t>::min()});
           at != windows.anchors.end() && at->first == hash; ++at) {
        std::int64_t& place = places[static_cast<std::size_t>(at->second)];
        const std::string& text = texts_[static_cast<std::size_t>(at->second)];
        if (place < 0 && document.substr(begin).starts_with(text)) place = static_cast<std::int64_t>(begin);
      }
    if (begin + window == document.size()) return;
    hash = hash * kBase + static_cast<unsigned char>(document[begin + window]) + 1 -
           (static_cast<std::uint64_t>(static_cast<unsigned char>(document[begin])) + 1) * power;
  }
}

void TextIndex::search(std::string_view document, const std::function<void(std::int32_t, std::int64_t)>& found) const {
  std::vector<std::int64_t> places(texts_.size(), -1);
  search(long_, document, places);
  search(short_, document, places);
  for (const std::int32_t text : tiny_)
    if (const auto at = document.find(texts_[static_cast<std::size_t>(text)]); at != std::string_view::npos)
      places[static_cast<std::size_t>(text)] = static_cast<std::int64_t>(at);
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i] >= 0) found(static_cast<std::int32_t>(i), places[i]);
}

}  // namespace corollary
