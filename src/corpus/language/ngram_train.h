#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json.h"

namespace corollary {

struct NgramTraining {
  std::int64_t order = 5;                          ///< 2 to 6
  std::int64_t memory_bytes = std::int64_t{1} << 30;  ///< for sorting; the vocabulary comes on top, about 60 bytes and its letters a word
  std::int64_t max_vocabulary = 50'000'000;        ///< words after that many different ones count as <unk>
  /// prune[n-1]: n-grams of order n seen at most so often are left out; the last number holds for all higher orders. Must not fall;
  /// words are never pruned, so the first is 0.
  std::vector<std::int64_t> prune = {0};
  bool is_quantized = false;  ///< of the binary: 8 bytes a cell instead of 16

  static void each(auto& config, auto&& visit) {
    visit("order", config.order);
    visit("memory_bytes", config.memory_bytes);
    visit("max_vocabulary", config.max_vocabulary);
    visit("prune", config.prune);
    visit("is_quantized", config.is_quantized);
  }
};

/// Interpolated modified Kneser-Ney (Chen and Goodman, TR-10-98, eq. 17 to 26) over whole sentences:
///   p(w|h) = max(a(hw) - D(a(hw)), 0) / sum_v a(hv) + gamma(h) p(w|h'),   p(w) = .. + gamma / vocabulary with <unk>
/// a is the count for the highest order and for n-grams that begin with <s>, else the number of different words seen before.
/// Everything larger than the vocabulary lies on disk in `scratch`, sorted in runs that fit the memory; the result depends neither on
/// the memory nor on the machine.
class NgramTrainer {
 public:
  NgramTrainer(const NgramTraining& config, const fs::path& scratch);
  ~NgramTrainer();
  /// One sentence, words parted by white space; "<s>", "</s>" and "<unk>" in it are ignored.
  void add(std::string_view sentence);
  /// Writes an ARPA file (.arpa, .arpa.gz, .arpa.zst) and our binary; either may be empty: not wanted. Returns the counts and
  /// discounts of each order. Error if there was no sentence.
  Json finish(const fs::path& arpa, const fs::path& binary);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace corollary
