#include "tokenizer/word_cache.h"

namespace corollary {

WordCache::WordCache(std::span<const std::int32_t> ids_of_zero_byte)
    : middle_(std::size_t{1} << kMiddleBits), long_(std::size_t{1} << kLongBits) {
  zero_byte_value_ = pack(ids_of_zero_byte);
  short_.assign(std::size_t{1} << kShortBits, {{0, zero_byte_value_}, {0, zero_byte_value_}});
}

std::uint64_t WordCache::find_long(std::string_view word) const {
  const std::uint64_t hash = hash64(word);
  const auto holds = [&](const LongEntry& entry) {
    return entry.hash == hash && word == std::string_view(long_bytes_).substr(entry.place, entry.length);
  };
  const auto& [newer, older] = long_[hash >> (64 - kLongBits)];
  return holds(newer) ? newer.value : holds(older) ? older.value : kMiss;
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
  short_.assign(short_.size(), {{0, zero_byte_value_}, {0, zero_byte_value_}});
  middle_.assign(middle_.size(), {});
  long_.assign(long_.size(), {});
  long_bytes_.clear();
}

void WordCache::insert(std::string_view word, std::span<const std::int32_t> ids) {
  if (word.empty() || word.size() > kMaxWordBytes || word == std::string_view("\0", 1)) return;
  if (side_ids_.size() > kMaxSideIds || long_bytes_.size() > kMaxLongBytes) clear();
  const std::uint64_t value = pack(ids);
  if (word.size() <= 8) {
    char bytes[8] = {};
    std::memcpy(bytes, word.data(), word.size());
    const std::uint64_t key = short_key(bytes, 8);
    short_[short_slot(key)].put({key, value});
  } else if (word.size() <= 16) {
    const MiddleKey key(word);
    middle_[middle_slot(key)].put({key, value});
  } else {
    const std::uint64_t hash = hash64(word);
    long_[hash >> (64 - kLongBits)].put(
        {hash, static_cast<std::uint32_t>(long_bytes_.size()), static_cast<std::uint32_t>(word.size()), value});
    long_bytes_ += word;
  }
}

}  // namespace corollary
