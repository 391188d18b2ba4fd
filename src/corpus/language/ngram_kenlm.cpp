// KenLM's binary files with probing tables, format version 5, as its build_binary writes them on 64-bit little-endian machines.
#include <cmath>

#include "base/error.h"
#include "corpus/language/ngram_tables.h"

namespace corollary {
namespace {

constexpr std::string_view kMagic = "mmap lm http://kheafield.com/code format version 5\n";
constexpr std::string_view kAnyMagic = "mmap lm http://kheafield.com/code";

template <class T>
T at(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace

bool is_kenlm_binary(std::string_view bytes) { return bytes.starts_with(kAnyMagic); }

/// Austin Appleby's MurmurHash64A with seed 0.
std::uint64_t murmur64a(std::string_view bytes) {
  constexpr std::uint64_t kFactor = 0xC6A4A7935BD1E995u;
  std::uint64_t hash = bytes.size() * kFactor;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    auto k = at<std::uint64_t>(bytes, i) * kFactor;
    k = (k ^ k >> 47) * kFactor;
    hash = (hash ^ k) * kFactor;
  }
  if (i < bytes.size()) {
    std::uint64_t rest = 0;
    std::memcpy(&rest, bytes.data() + i, bytes.size() - i);
    hash = (hash ^ rest) * kFactor;
  }
  hash = (hash ^ hash >> 47) * kFactor;
  return hash ^ hash >> 47;
}

void NgramModel::Tables::read_kenlm(std::string_view bytes, const std::string& where) {
  const auto expect = [&](bool ok, const char* what) {
    check(ok, "", where, ": KenLM's binary is not one we read: ", what, ": give the ARPA file it was made from");
  };
  expect(bytes.starts_with(kMagic), "its format version is not 5");
  // 56 bytes of magic, floats 0, 1, -0.5, words 1 and 2^32 - 1, 4 of padding, 64-bit 1; then order, multiplier, kind, vocabulary flag,
  // version of the search; then the counts.
  expect(bytes.size() >= 108, "it is too short");
  expect(at<float>(bytes, 56) == 0 && at<float>(bytes, 60) == 1 && at<float>(bytes, 64) == -0.5f && at<std::uint32_t>(bytes, 68) == 1 &&
             at<std::uint32_t>(bytes, 72) == 0xFFFFFFFFu && at<std::uint64_t>(bytes, 80) == 1,
         "it was written on another kind of machine");
  order = at<unsigned char>(bytes, 88);
  const auto multiplier = at<float>(bytes, 92);
  expect(order >= 1 && order <= kMaxNgramOrder, "its order is not 1 to 6");
  expect(multiplier > 1 && multiplier < 1000, "its tables have no room");
  expect(at<std::uint32_t>(bytes, 96) == 0, "it holds a trie or rest costs, not probing tables");
  std::size_t offset = 108;
  expect(bytes.size() >= offset + 8 * static_cast<std::size_t>(order), "it is too short");
  std::vector<std::uint64_t> counts;
  for (int n = 0; n < order; ++n, offset += 8) counts.push_back(at<std::uint64_t>(bytes, offset));
  offset = (offset + 7) / 8 * 8;
  for (const std::uint64_t count : counts) expect(count <= bytes.size(), "it is shorter than its counts say");
  const auto buckets = [&](std::uint64_t count) {
    return std::max(count + 1, static_cast<std::uint64_t>(multiplier * static_cast<float>(count)));
  };
  const auto take = [&](std::uint64_t count, std::uint64_t size) {
    expect(count <= (bytes.size() - offset) / size, "it is shorter than its counts say");
    const char* here = bytes.data() + offset;
    offset += count * size;
    return here;
  };
  layout = Layout::kenlm;
  is_closed = true;  // KenLM fills gaps with n-grams of its own
  expect(bytes.size() - offset >= 8, "it is too short");
  take(8, 1);  // the vocabulary's version and bound; the counts say the same
  kenlm_words.slots = kenlm_words.count = buckets(counts[0]);
  kenlm_words.stride = 12;
  kenlm_words.cells = take(kenlm_words.count, kenlm_words.stride);
  kenlm_bound = static_cast<std::uint32_t>(std::min<std::uint64_t>(counts[0] + 1, 0xFFFFFFFFu));
  kenlm_unigrams = take(counts[0] + 1, 8);
  tables[0].ngrams = counts[0];
  for (int n = 2; n <= order; ++n) {
    Table& table = tables[static_cast<std::size_t>(n - 1)];
    table.ngrams = counts[static_cast<std::size_t>(n - 1)];
    table.slots = table.count = buckets(table.ngrams);
    table.stride = n == order ? 12 : 16;
    table.cells = take(table.count, table.stride);
  }
  longest_probe = 1 << 16;
  resolve_special_words();
}

}  // namespace corollary
