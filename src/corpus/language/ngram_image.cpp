#include "corpus/language/ngram_image.h"

#include <algorithm>
#include <cmath>

#include "base/digest.h"
#include "base/error.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxSamples = std::size_t{1} << 16;

/// Levels that part the sample into equal shares, each the mean of its share; the first is kept for 0, which most backoffs are.
std::array<float, kNgramLevels> levels_of(std::vector<float> sample) {
  std::array<float, kNgramLevels> out{};
  std::erase(sample, 0.0f);
  if (sample.empty()) return out;
  std::ranges::sort(sample);
  for (std::size_t level = 1; level < kNgramLevels; ++level) {
    const std::size_t begin = (level - 1) * sample.size() / (kNgramLevels - 1), end = std::max(level * sample.size() / (kNgramLevels - 1), begin + 1);
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += double{sample[i]};
    out[level] = static_cast<float>(sum / static_cast<double>(end - begin));
  }
  return out;
}

std::uint64_t nearest(const std::array<float, kNgramLevels>& levels, float value) {
  if (value == 0) return 0;
  const auto at = std::lower_bound(levels.begin() + 1, levels.end(), value);
  if (at == levels.end()) return kNgramLevels - 1;
  const auto index = static_cast<std::uint64_t>(at - levels.begin());
  return index > 1 && value - levels[index - 1] < levels[index] - value ? index - 1 : index;
}

NgramRecord record_of(std::uint64_t key, float probability, float backoff) {
  NgramRecord record;
  record.words[0] = static_cast<std::uint32_t>(key >> 32), record.words[1] = static_cast<std::uint32_t>(key);
  record.set_weights({probability, backoff});
  return record;
}
std::uint64_t key_of(const NgramRecord& record) { return std::uint64_t{record.words[0]} << 32 | record.words[1]; }

}  // namespace

std::uint64_t ngram_word_key(std::string_view word) {
  const std::uint64_t key = hash64(word, 0x6e6772616dull);
  return key == 0 ? 1 : key;
}

NgramImageBuilder::NgramImageBuilder(int order, bool is_quantized, bool is_closed, std::int64_t memory_bytes, fs::path scratch)
    : scratch_(std::move(scratch)) {
  check(order >= 1 && order <= kMaxNgramOrder, "n-gram models have order 1 to ", kMaxNgramOrder, ", not ", order);
  header_.order = static_cast<std::uint32_t>(order);
  header_.is_quantized = is_quantized, header_.is_closed = is_closed;
  for (int n = 1; n <= order; ++n)
    sorters_.emplace_back(NgramOrdering{0, 2}, false, memory_bytes / order, scratch_, "image" + std::to_string(n));
  probabilities_.resize(static_cast<std::size_t>(order)), backoffs_.resize(static_cast<std::size_t>(order));
}

void NgramImageBuilder::add(int order, std::uint64_t key, float probability, float backoff) {
  const auto at = static_cast<std::size_t>(order - 1);
  std::uint64_t& count = header_.ngrams[at];
  // The first ones and then every so-many-th: a sample that depends on nothing but the sequence.
  if (header_.is_quantized && (count < kMaxSamples || count % 64 == 0)) probabilities_[at].push_back(probability), backoffs_[at].push_back(backoff);
  ++count;
  sorters_[at].add(record_of(key, probability, backoff));
}

void NgramImageBuilder::finish(const std::function<void(const void*, std::size_t)>& write) {
  // Sorted by key, n-grams fall into their cells from left to right: a cell never has to be written twice, and only the number of
  // cells that run over the end and the longest way from a slot to its cell must be known before, for the header.
  std::vector<fs::path> sorted;
  for (std::size_t at = 0; at < header_.order; ++at) {
    const std::uint64_t slots = header_.ngrams[at] + header_.ngrams[at] * 2 / 5 + 1;
    header_.slots[at] = slots;
    sorted.push_back(scratch_ / ("image" + std::to_string(at + 1) + ".sorted"));
    NgramFileWriter out(sorted.back());
    std::uint64_t next = 0, previous = 0;
    sorters_[at].drain([&](const NgramRecord& record) {
      const std::uint64_t key = key_of(record);
      check(key != previous, "two n-grams of order ", at + 1, " are the same or have the same key");
      previous = key;
      const auto slot = ngram_slot(key, slots), cell = std::max(slot, next);
      header_.longest_probe = static_cast<std::uint32_t>(std::max<std::uint64_t>(header_.longest_probe, cell - slot));
      next = cell + 1;
      out.add(record);
    });
    out.close();
    header_.cells[at] = std::max(slots, next) + 1;  // the last is empty, so that a search ends there
  }
  write(&header_, sizeof header_);
  for (std::size_t at = 0; at < header_.order; ++at) {
    std::array<float, kNgramLevels> probability_levels{}, backoff_levels{};
    if (header_.is_quantized) {
      probability_levels = levels_of(probabilities_[at]), backoff_levels = levels_of(backoffs_[at]);
      write(probability_levels.data(), sizeof probability_levels);
      write(backoff_levels.data(), sizeof backoff_levels);
    }
    NgramFileReader in(sorted[at]);
    std::uint64_t next = 0;
    const auto put = [&](std::uint64_t key, float probability, float backoff) {
      if (header_.is_quantized) {
        PackedNgramCell cell = key << 16;
        if (key != 0) {
          if (cell == 0) cell = 1 << 16;
          cell |= nearest(probability_levels, probability) << 8 | nearest(backoff_levels, backoff);
        }
        write(&cell, sizeof cell);
      } else {
        const NgramCell cell{key, probability, backoff};
        write(&cell, sizeof cell);
      }
      ++next;
    };
    while (const NgramRecord* record = in.next()) {
      const std::uint64_t key = key_of(*record);
      const auto slot = ngram_slot(key, header_.slots[at]);
      while (next < slot) put(0, 0, 0);
      put(key, record->weights().probability, record->weights().backoff);
    }
    while (next < header_.cells[at]) put(0, 0, 0);
    fs::remove(sorted[at]);
  }
}

}  // namespace corollary
