#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace corollary {

/// The rows of one matrix of a fastText file where they lie: floats, or codes of a product quantiser. Unaligned.
struct FastTextMatrix {
  std::int64_t rows = 0, columns = 0;
  const char* floats = nullptr;  ///< rows x columns, or nullptr: quantised
  const unsigned char* codes = nullptr;  ///< rows x parts
  const unsigned char* norm_codes = nullptr;  ///< rows, or nullptr: norms are 1
  std::vector<float> centroids;   ///< 256 for each part
  std::vector<float> norms;       ///< 256
  std::int64_t parts = 0, part_size = 0;

  void add_row(std::int64_t row, float* sum) const;              ///< sum[i] += row[i]
  void prefetch_row(std::int64_t row) const {
    if (!floats) return __builtin_prefetch(codes + row * parts);
    const char* begin = floats + 4 * row * columns;
    const std::int64_t size = std::min<std::int64_t>(4 * columns, 256);
    for (std::int64_t at = 0; at < size; at += 64) __builtin_prefetch(begin + at);
    __builtin_prefetch(begin + size - 1);  // rows are not aligned: most end a line later
  }
  double dot_row(std::int64_t row, const float* vector) const;
};

/// A supervised fastText model as its file has it (docs/formats/language_models.md); everything checked, see TextClassifier.
class FastTextFile {
 public:
  explicit FastTextFile(const fs::path& path);
  FastTextFile(std::string bytes, const std::string& where);
  FastTextFile(FastTextFile&&) noexcept = default;

  std::int32_t dim = 0, word_ngrams = 0, min_chars = 0, max_chars = 0, bucket = 0;
  std::int32_t words = 0;
  std::int64_t pruned_rows = -1;  ///< -1: every bucket has its row
  FastTextMatrix input, output;

  std::string_view word(std::int32_t id) const;  ///< of words, then labels
  std::string_view label(std::size_t index) const;  ///< without "__label__"
  std::size_t label_count() const { return entries_.size() - static_cast<std::size_t>(words); }
  /// Row of the input matrix for a bucket, or -1: pruned away.
  std::int64_t bucket_row(std::uint32_t bucket_index) const;
  std::string_view bytes() const;
  const std::string& where() const { return where_; }

  /// Of each label, from the mean of the rows: softmax, hierarchical softmax, or a sigmoid for each label, as the model was trained.
  /// The library reads the last from a table: ours are the exact values, up to 0.008 away from its.
  std::vector<double> label_probabilities(std::span<const float> hidden) const;

 private:
  struct Entry {
    std::size_t offset;
    std::uint32_t length;
    std::int64_t count;
  };
  struct Node {
    std::int32_t parent = -1, left = -1, right = -1;
    std::int64_t count = 0;
  };
  void read();
  void build_tree();

  MappedFile mapped_;
  std::string owned_, where_;
  bool is_owned_ = false;
  std::vector<Entry> entries_;
  std::vector<std::pair<std::uint32_t, std::int32_t>> pruned_;  ///< open addressing: bucket + 1 (0: empty), row
  enum class Loss { hierarchical = 1, negative = 2, softmax = 3, one_versus_all = 4 } loss_ = Loss::softmax;
  std::vector<Node> tree_;
};

}  // namespace corollary
