#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "tokenizer/token_buffer.h"

namespace corollary {

/// Word bytes -> ids, in three tables of fixed size by the length of the word: up to 8 bytes (19 of 20 words of mathematical text),
/// up to 16, longer. Each bucket holds two words, the newer first; a third pushes the older out, so the cache never grows and never
/// fills. Up to three ids lie in the entry itself, more in a side array that is emptied, with the tables, when it has grown too
/// long.
///
/// A value packs 4 bits of count over three 20-bit ids (kMaxVocabularySize); count 15 instead means length and place in the side
/// array.
class WordCache {
 public:
  static constexpr std::size_t kMaxWordBytes = 256;  ///< longer ones are not kept
  static constexpr std::size_t kMaxInlineIds = 3;

  explicit WordCache(std::span<const std::int32_t> ids_of_zero_byte);

  static constexpr std::uint64_t kMiss = 0;  ///< no value: a word has at least one id

  /// The first `length` (1 to 8; if more, nothing sensible) bytes at `data`, rest zero. Reads 8 bytes. A zero byte only ever
  /// begins a word (no piece has one, so words are cut before it), hence the key tells words apart, and an empty entry, whose key
  /// is zero, holds the ids of "\0".
  static std::uint64_t short_key(const char* data, std::size_t length) {
    std::uint64_t key;
    std::memcpy(&key, data, 8);
    return key & (~std::uint64_t{0} >> ((64 - 8 * length) & 63));
  }
  /// For a word of 1 to 8 bytes. Without a branch on which of the two entries has it: that is not to be predicted.
  std::uint64_t find_short(std::uint64_t key) const {
    const auto& [newer, older] = short_[short_slot(key)];
    const std::uint64_t is_newer = -static_cast<std::uint64_t>(newer.key == key),
                        is_older = -static_cast<std::uint64_t>(older.key == key);
    return (newer.value & is_newer) | (older.value & is_older & ~is_newer);
  }
  void prefetch_short(std::uint64_t key) const { __builtin_prefetch(&short_[short_slot(key)]); }
  /// Value for a word of 9 or more bytes.
  std::uint64_t find(std::string_view word) const {
    if (word.size() > 16) return find_long(word);
    const MiddleKey key(word);
    const auto& [newer, older] = middle_[middle_slot(key)];
    return newer.key == key ? newer.value : older.key == key ? older.value : kMiss;
  }
  void insert(std::string_view word, std::span<const std::int32_t> ids);

  /// Writes the ids of a value at `out`, which has room for them and, in any case, for kMaxInlineIds; returns their end.
  std::int32_t* write(std::uint64_t value, std::int32_t* out) const {
    const std::uint64_t count = value >> 60;
    out[0] = static_cast<std::int32_t>(value & kIdMask);
    out[1] = static_cast<std::int32_t>(value >> 20 & kIdMask);
    out[2] = static_cast<std::int32_t>(value >> 40 & kIdMask);
    return out + count;
  }
  /// Neither a miss nor in the side array.
  static bool is_inline(std::uint64_t value) { return (value >> 60) - 1 < kMaxInlineIds; }
  std::span<const std::int32_t> side_ids(std::uint64_t value) const {
    return {side_ids_.data() + static_cast<std::uint32_t>(value), static_cast<std::size_t>(value >> 32 & 0xFFFFF)};
  }

 private:
  static constexpr std::uint64_t kIdMask = (1 << 20) - 1, kFactor = 0x9E3779B97F4A7C15;
  static constexpr int kShortBits = 16, kMiddleBits = 14, kLongBits = 12;  // buckets
  static constexpr std::size_t kMaxSideIds = 1 << 21, kMaxLongBytes = 1 << 23;

  struct ShortEntry {
    std::uint64_t key = 0, value = 0;
  };
  struct MiddleKey {
    std::uint64_t head = 0, tail = 0, length = 0;
    MiddleKey() = default;
    explicit MiddleKey(std::string_view word)
        : head(short_key(word.data(), 8)), tail(short_key(word.data() + word.size() - 8, 8)), length(word.size()) {}
    bool operator==(const MiddleKey&) const = default;
  };
  struct MiddleEntry {
    MiddleKey key;
    std::uint64_t value = 0;
  };
  struct LongEntry {
    std::uint64_t hash = 0;
    std::uint32_t place = 0, length = 0;
    std::uint64_t value = 0;
  };

  template <class Entry>
  struct Bucket {
    Entry newer, older;
    void put(const Entry& entry) { older = newer, newer = entry; }
  };

  static std::size_t short_slot(std::uint64_t key) { return (key ^ key >> 32) * kFactor >> (64 - kShortBits); }
  static std::size_t middle_slot(const MiddleKey& key) {
    return (key.head * kFactor ^ (key.tail + key.length)) * kFactor >> (64 - kMiddleBits);
  }
  std::uint64_t find_long(std::string_view word) const;
  std::uint64_t pack(std::span<const std::int32_t> ids);
  void clear();

  std::uint64_t zero_byte_value_ = 0;
  std::vector<Bucket<ShortEntry>> short_;
  std::vector<Bucket<MiddleEntry>> middle_;
  std::vector<Bucket<LongEntry>> long_;
  std::vector<std::int32_t> side_ids_;
  std::string long_bytes_;
};

}  // namespace corollary
