#include "corpus/ngrams/words.h"

#include <bit>
#include <cstring>

#include "base/error.h"

namespace corollary {
namespace {

constexpr std::size_t kPadding = 16;
constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;

std::uint64_t load(const char* at) {
  std::uint64_t bytes;
  std::memcpy(&bytes, at, sizeof bytes);
  return bytes;
}

/// The high bit of every byte that is a blank; exact up to and including the first.
std::uint64_t blanks(std::uint64_t bytes) {
  const std::uint64_t zero_where_blank = bytes ^ (kOnes * ' ');
  return (zero_where_blank - kOnes) & ~zero_where_blank & kHighs;
}

__extension__ using Wide = unsigned __int128;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// Bytes of the white space character beyond ASCII that begins here; 0 if none does. The set is Python's.
std::size_t wide_blank(const char* at, std::size_t left) {
  const auto byte = [&](std::size_t i) { return i < left ? static_cast<unsigned char>(at[i]) : 0U; };
  if (byte(0) == 0xC2) return byte(1) == 0x85 || byte(1) == 0xA0 ? 2 : 0;  // U+0085, U+00A0
  if (byte(0) == 0xE1) return byte(1) == 0x9A && byte(2) == 0x80 ? 3 : 0;  // U+1680
  if (byte(0) == 0xE3) return byte(1) == 0x80 && byte(2) == 0x80 ? 3 : 0;  // U+3000
  if (byte(0) != 0xE2) return 0;
  if (byte(1) == 0x80) return (byte(2) >= 0x80 && byte(2) <= 0x8A) || byte(2) == 0xA8 || byte(2) == 0xA9 || byte(2) == 0xAF ? 3 : 0;
  return byte(1) == 0x81 && byte(2) == 0x9F ? 3 : 0;  // U+205F
}

}  // namespace

std::uint64_t Words::base_power(std::size_t n) {
  std::uint64_t power = 1;
  for (std::size_t i = 0; i < n; ++i) power *= kBase;
  return power;
}

/// One loop over the bytes without a branch, which the compiler turns into vector code; then the few characters of several bytes.
void Words::normalise(std::string_view text) {
  buffer_.resize(text.size() + kPadding);
  char* const out = buffer_.data();
  unsigned wide = 0;
  if (rule_ == WordRule::whitespace) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      const bool is_blank = static_cast<unsigned char>(c - 9) < 5 || static_cast<unsigned char>(c - 28) < 4;  // \t to \r, FS to US
      wide |= static_cast<unsigned>(c == 0xC2) | static_cast<unsigned>(static_cast<unsigned char>(c - 0xE1) < 3);
      out[i] = static_cast<char>(is_blank ? ' ' : c);
    }
  } else {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      const auto lower = static_cast<unsigned char>(c | 0x20);
      const bool is_letter = static_cast<unsigned char>(lower - 'a') < 26,
                 is_other = static_cast<unsigned char>(c - '0') < 10 || c >= 0x80;
      wide |= static_cast<unsigned>(c == 0xC2) | static_cast<unsigned>(static_cast<unsigned char>(c - 0xE1) < 3);
      out[i] = static_cast<char>(is_letter ? lower : is_other ? c : ' ');
    }
  }
  if (wide != 0)
    for (std::size_t i = 0; i < text.size(); ++i)
      if (const auto c = static_cast<unsigned char>(text[i]); c >= 0xC2 && c <= 0xE3)
        if (const std::size_t bytes = wide_blank(text.data() + i, text.size() - i); bytes > 0) std::memset(out + i, ' ', bytes);
  std::memset(out + text.size(), ' ', kPadding);
}

void Words::assign(std::string_view text) {
  check(text.size() < (std::size_t{1} << 32) - kPadding, "a text of ", text.size(),
        " bytes is longer than n-grams are looked for in (4 GiB)");
  normalise(text);
  begins_.clear();
  ends_.clear();
  prefix_.clear();
  prefix_.push_back(0);
  const char *const start = buffer_.data(), *const end = start + text.size();
  std::uint64_t prefix = 0;
  for (const char* at = start; at < end;) {
    if (*at == ' ') {
      ++at;
      continue;
    }
    const char* const begin = at;
    std::uint64_t hash = 0x243F6A8885A308D3, bytes = load(at), mask = blanks(bytes);
    while (mask == 0) {  // eight more bytes of the word
      hash = mix(hash ^ bytes, 0xA0761D6478BD642F);
      at += 8;
      bytes = load(at);
      mask = blanks(bytes);
    }
    const int length = std::countr_zero(mask) / 8;
    bytes = length > 0 ? bytes << (64 - 8 * length) : 0;  // what follows the word is cut off; its length is kept by the next line
    hash = mix(hash ^ bytes, 0xE7037ED1A0B428DB + static_cast<std::uint64_t>(length));
    at += length;
    begins_.push_back(static_cast<std::uint32_t>(begin - start));
    ends_.push_back(static_cast<std::uint32_t>(at - start));
    prefix = prefix * kBase + hash;
    prefix_.push_back(prefix);
  }
}

std::string Words::ngram(std::size_t i, std::size_t n) const {
  std::string joined;
  for (std::size_t k = i; k < i + n; ++k) {
    if (k > i) joined += ' ';
    joined += word(k);
  }
  return joined;
}

}  // namespace corollary
