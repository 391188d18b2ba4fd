#include "corpus/dedup/minhash.h"

#define XXH_INLINE_ALL  // most words have less than 16 bytes: the call would cost more than the hash
#include <xxhash.h>

#include <array>
#include <cstring>
#include <limits>
#include <random>

#include "base/digest.h"
#include "base/error.h"
#include "base/random.h"
#include "corpus/dedup/simplify.h"

namespace corollary {
namespace {

constexpr std::int64_t kBatch = 256;                 // n-grams between two calls of the vector code: 2 KiB
constexpr std::uint64_t kBase = 0x9e3779b97f4a7c15;  // of the rolling hash; odd
constexpr std::uint64_t kKey1 = 0xa0761d6478bd642f, kKey2 = 0xe7037ed1a0b428db;
constexpr std::uint64_t kMersenne = (std::uint64_t{1} << 61) - 1;
constexpr std::size_t kReadAhead = 8;  // bytes behind the text that may be read

__extension__ using Wide = unsigned __int128;

/// Both halves of the product folded: one multiplication that spreads every bit.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t load8(const char* p) {
  std::uint64_t value;
  std::memcpy(&value, p, 8);
  return value;
}

std::uint64_t hash_unit(const char* p, std::size_t length) {
  if (length <= 8) {
    const std::uint64_t mask = length == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * length)) - 1;
    return mix((load8(p) & mask) ^ kKey1, kKey2 + length);
  }
  if (length <= 16) return mix(load8(p) ^ kKey1, mix(load8(p + length - 8) ^ kKey2, kKey1 + length));
  return XXH3_64bits(p, length);
}

/// Where the word or character that begins at `at` ends.
std::size_t end_of_word(const std::string& text, std::size_t at, std::size_t size) {
  while (at < size && text[at] != ' ') ++at;
  return at;
}
std::size_t end_of_character(const std::string& text, std::size_t at, std::size_t size) {
  ++at;
  while (at < size && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
  return at;
}

}  // namespace

MinHasher::MinHasher(const MinhashConfig& config) : config_(config) {
  check(config.num_bands >= 1 && config.num_bands <= 1024 && config.rows_per_band >= 1 && config.rows_per_band <= 1024,
        "num_bands and rows_per_band must lie in [1, 1024], are ", config.num_bands, " and ", config.rows_per_band);
  check(config.ngram_size >= 1 && config.ngram_size <= 1024, "ngram_size must lie in [1, 1024], is ", config.ngram_size);
  check(config.ngram_unit == "word" || config.ngram_unit == "character", "ngram_unit must be word or character, is ",
        config.ngram_unit);
  check(config.hash == "corollary" || config.hash == "datatrove", "hash must be corollary or datatrove, is ", config.hash);
  check(config.seed >= 0 && config.seed <= std::numeric_limits<std::uint32_t>::max(), "seed must lie in [0, 2^32), is ",
        config.seed);
  num_rows_ = config.num_bands * config.rows_per_band;
  check(num_rows_ <= 65536, "num_bands * rows_per_band must be at most 65536, is ", num_rows_);
  is_datatrove_ = config.hash == "datatrove";
  is_words_ = config.ngram_unit == "word";
  for (std::int64_t i = 0; i < config.ngram_size; ++i) power_ *= kBase;
  const auto padded =
      static_cast<std::size_t>((num_rows_ + minhash::kRowPadding - 1) / minhash::kRowPadding * minhash::kRowPadding);
  if (is_datatrove_) {
    minhash::numpy_parameters(static_cast<std::uint32_t>(config.seed), num_rows_, factors_, terms_);
    factors_.resize(padded), terms_.resize(padded);
  } else {
    Random random(static_cast<std::uint64_t>(config.seed));
    for (std::size_t i = 0; i < padded; ++i) narrow_factors_.push_back(random.next_u32());
  }
}

template <class Update>
bool MinHasher::each_batch(const std::string& text, const Update& update) const {
  const std::size_t size = text.size() - kReadAhead;
  const auto n = static_cast<std::size_t>(config_.ngram_size);
  std::vector<std::size_t> begins(n);       // of the last n units
  std::vector<std::uint64_t> hashes(n, 0);  // likewise
  std::array<std::uint64_t, kBatch> batch;
  std::int64_t filled = 0;
  std::size_t units = 0, slot = 0;
  std::uint64_t rolling = 0;
  const std::uint64_t key = kKey2 ^ static_cast<std::uint64_t>(config_.seed) * kBase;
  for (std::size_t at = 0; at < size; ++units) {
    const std::size_t end = is_words_ ? end_of_word(text, at, size) : end_of_character(text, at, size);
    begins[slot] = at;
    if (!is_datatrove_) {
      const std::uint64_t hash = hash_unit(text.data() + at, end - at);
      rolling = rolling * kBase + hash - hashes[slot] * power_;
      hashes[slot] = hash;
    }
    slot = slot + 1 == n ? 0 : slot + 1;
    if (units + 1 >= n) {
      batch[static_cast<std::size_t>(filled++)] =
          is_datatrove_ ? XXH64(text.data() + begins[slot], end - begins[slot], 0) : mix(rolling ^ key, kKey1);
      if (filled == kBatch) update(batch.data(), filled), filled = 0;
    }
    at = is_words_ ? end + 1 : end;
  }
  if (filled > 0) update(batch.data(), filled);
  return units >= n;
}

bool MinHasher::signature(std::string_view text, std::vector<std::uint64_t>& rows) const {
  std::string simplified;
  simplify_text(text, simplified);
  simplified.append(kReadAhead, '\0');
  const auto num_rows = static_cast<std::size_t>(num_rows_);
  rows.clear();
  if (is_datatrove_) {
    std::vector<std::uint64_t> minima(factors_.size(), kMersenne);
    if (!each_batch(simplified, [&](const std::uint64_t* x, std::int64_t n) {
          minhash::update_mersenne(minima.data(), factors_.data(), terms_.data(), num_rows_, x, n);
        }))
      return false;
    rows.assign(minima.begin(), minima.begin() + num_rows_);
  } else {
    std::vector<std::uint32_t> minima(narrow_factors_.size(), std::numeric_limits<std::uint32_t>::max());
    if (!each_batch(simplified, [&](const std::uint64_t* x, std::int64_t n) {
          minhash::update_narrow(minima.data(), narrow_factors_.data(), num_rows_, x, n);
        }))
      return false;
    rows.assign(minima.begin(), minima.begin() + static_cast<std::ptrdiff_t>(num_rows));
  }
  return true;
}

void MinHasher::band_hashes(const std::vector<std::uint64_t>& rows, std::vector<std::uint64_t>& bands) const {
  bands.clear();
  if (rows.empty()) return;
  const auto per_band = static_cast<std::size_t>(config_.rows_per_band);
  for (std::size_t band = 0; band < static_cast<std::size_t>(config_.num_bands); ++band)
    bands.push_back(hash64({reinterpret_cast<const char*>(rows.data() + band * per_band), per_band * 8}, band));
}

double estimated_jaccard(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  check(a.size() == b.size() && !a.empty(), "signatures of ", a.size(), " and ", b.size(), " rows");
  std::size_t equal = 0;
  for (std::size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i];
  return static_cast<double>(equal) / static_cast<double>(a.size());
}

void minhash::numpy_parameters(std::uint32_t seed, std::int64_t n, std::vector<std::uint64_t>& factors,
                               std::vector<std::uint64_t>& terms) {
  std::mt19937 twister(seed);                 // numpy seeds by a whole number as this does
  const auto draw = [&](std::uint64_t low) {  // masked rejection over [low, 2^61 - 1)
    for (;;) {
      const std::uint64_t high_half = twister();
      const std::uint64_t value = (high_half << 32 | twister()) & kMersenne;
      if (value <= kMersenne - 1 - low) return low + value;
    }
  };
  factors.clear(), terms.clear();
  for (std::int64_t i = 0; i < n; ++i) factors.push_back(draw(1));
  for (std::int64_t i = 0; i < n; ++i) terms.push_back(draw(0));
}

}  // namespace corollary
