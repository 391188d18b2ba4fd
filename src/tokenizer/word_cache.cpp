#include "tokenizer/word_cache.h"

namespace corollary {

WordCache::WordCache(std::span<const std::int32_t> ids_of_zero_byte)
    : short_(std::size_t{2} << kShortBits), middle_(std::size_t{2} << kMiddleBits), long_(std::size_t{2} << kLongBits) {
  zero_byte_value_ = pack(ids_of_zero_byte);
  for (ShortEntry& entry : short_) entry.value = zero_byte_value_;
}

std::uint64_t WordCache::find_long(std::string_view word) const {
  const std::uint64_t hash = hash64(word);
  const LongEntry* entry = &long_[2 * (hash >> (64 - kLongBits))];
  for (int way = 0; way < 2; ++way)
    if (entry[way].hash == hash && word == std::string_view(long_bytes_).substr(entry[way].place, entry[way].length))
      return entry[way].value;
  return kMiss;
}

std::uint64_t WordCache::pack(std::span<const std::int32_t> ids) {
  if (ids.size() <= kMaxInlineIds) {
    std::uint64_t value = static_cast<std::uint64_t>(ids.size()) << 60;
    for (std::size_t i = 0; i < ids.size(); ++i) value |= static_cast<std::uint64_t>(ids[i]) << 20 * i;
    return value;
  }
  const std::uint64_t value = std::uint64_t{15} << 60 | static_cast<std::uint64_t>(ids.size()) << 32 | side_ids_.size();
  side_ids_.insert(side_ids_.end(), ids.begin(), ids.end());
  return value;
}

void WordCache::clear() {
  // The zero byte's ids may lie in the side array: they were its first.
  side_ids_.resize(zero_byte_value_ >> 60 > kMaxInlineIds ? side_ids(zero_byte_value_).size() : 0);
  short_.assign(short_.size(), ShortEntry{0, zero_byte_value_});
  middle_.assign(middle_.size(), {});
  long_.assign(long_.size(), {});
  long_bytes_.clear();
}

void WordCache::insert(std::string_view word, std::span<const std::int32_t> ids) {
  if (word.empty() || word.size() > kMaxWordBytes || word == std::string_view("\0", 1)) return;
  if (side_ids_.size() > kMaxSideIds || long_bytes_.size() > kMaxLongBytes) clear();
  const std::uint64_t value = pack(ids);
  const auto put = [](auto* entry, auto fresh) {
    entry[1] = entry[0];
    entry[0] = fresh;
  };
  if (word.size() <= 8) {
    char bytes[8] = {};
    std::memcpy(bytes, word.data(), word.size());
    const std::uint64_t key = short_key(bytes, 8);
    put(const_cast<ShortEntry*>(short_slot(key)), ShortEntry{key, value});
  } else if (word.size() <= 16) {
    const MiddleKey key(word);
    put(const_cast<MiddleEntry*>(middle_slot(key)), MiddleEntry{key, value});
  } else {
    const std::uint64_t hash = hash64(word);
    LongEntry fresh{hash, static_cast<std::uint32_t>(long_bytes_.size()), static_cast<std::uint32_t>(word.size()), value};
    long_bytes_ += word;
    put(&long_[2 * (hash >> (64 - kLongBits))], fresh);
  }
}

}  // namespace corollary
