#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace corollary {

struct MinhashConfig {
  std::int64_t num_bands = 14;
  std::int64_t rows_per_band = 8;
  std::int64_t ngram_size = 5;      ///< words or characters
  std::string ngram_unit = "word";  ///< or "character" (with 24 of them and 20 x 13 rows: Nemotron-CC-Math)
  std::string hash = "corollary";   ///< or "datatrove"
  std::int64_t seed = 1;            ///< datatrove's is 1
};

/// MinHash (Broder 1997): the share of rows in which two signatures agree estimates the Jaccard similarity s of the sets of
/// n-grams, with variance s (1 - s) / rows; cut into bands, all rows of at least one band agree with probability 1 - (1 -
/// s^rows)^bands (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4). The n-grams are those of simplify_text()
/// (simplify.h), words being what lies between blanks.
///   "corollary": an n-gram becomes two numbers u, v of 32 bits; row i is min over n-grams of a_i u + v mod 2^32. Over random u and
///   v
///     two rows are independent but for common low bits, so the variance is the one above.
///   "datatrove": x is xxh64 of the n-gram's words with one blank between; row i is min of ((a_i x + b_i) mod 2^64) mod (2^61 - 1)
///     with a and b drawn as numpy.random.RandomState(seed) does: datatrove's numbers with its defaults (64 bits, xxhash). Its
///     words are spaCy's, which also splits contractions and units ("dont" is "do", "nt"): there n-grams differ.
/// Immutable, so thread-safe.
class MinHasher {
 public:
  explicit MinHasher(const MinhashConfig& config);  ///< Error for sizes out of range and unknown names
  std::int64_t num_rows() const { return num_rows_; }
  std::int64_t num_bands() const { return config_.num_bands; }

  /// num_rows() values into `rows`; false and no rows if the text has fewer than ngram_size words: such texts resemble nothing.
  /// Memory: four bytes for one of text.
  bool signature(std::string_view text, std::vector<std::uint64_t>& rows) const;
  /// One hash a band of a signature, of its rows and the band's number.
  void band_hashes(const std::vector<std::uint64_t>& rows, std::vector<std::uint64_t>& bands) const;

 private:
  template <class Update>
  bool each_batch(const std::string& simplified, const Update& update) const;

  MinhashConfig config_;
  std::int64_t num_rows_ = 0;
  bool is_datatrove_ = false, is_words_ = true;
  std::uint64_t power_ = 1;  ///< of the rolling hash, to the n-th
  // Padded to kRowPadding rows.
  std::vector<std::uint32_t> narrow_factors_;
  std::vector<std::uint64_t> factors_, terms_;
};

/// The share of equal rows.
double estimated_jaccard(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b);

namespace minhash {

constexpr std::int64_t kRowPadding = 64;  ///< the arrays below have room for `rows` rounded up to a multiple of this

/// minima[i] = min(minima[i], factors[i] * low(x) + high(x) mod 2^32) for each x: low and high are its halves.
void update_narrow(std::uint32_t* minima, const std::uint32_t* factors, std::int64_t rows, const std::uint64_t* x, std::int64_t n);
/// minima[i] = min(minima[i], ((factors[i] * x + terms[i]) mod 2^64) mod (2^61 - 1)) for each x.
void update_mersenne(std::uint64_t* minima, const std::uint64_t* factors, const std::uint64_t* terms, std::int64_t rows,
                     const std::uint64_t* x, std::int64_t n);
/// What numpy.random.RandomState(seed).randint(low, 2^61 - 1, dtype=uint64) gives: first `n` factors (low = 1), then `n` terms (0).
void numpy_parameters(std::uint32_t seed, std::int64_t n, std::vector<std::uint64_t>& factors, std::vector<std::uint64_t>& terms);

}  // namespace minhash
}  // namespace corollary
