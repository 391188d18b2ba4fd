#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

namespace corollary {

/// Ids written one after another, without the zeroing a vector does on growth: reserve(), write at end(), then set_end().
class TokenBuffer {
 public:
  /// Room for `count` more ids; end() may move.
  void reserve(std::size_t count) {
    if (capacity_ - size_ < count) grow(count);
  }
  std::int32_t* end() { return data_.get() + size_; }
  void set_end(const std::int32_t* end) { size_ = static_cast<std::size_t>(end - data_.get()); }
  void push_back(std::int32_t id) {
    reserve(1);
    data_[size_++] = id;
  }
  void append(std::span<const std::int32_t> ids) {
    for (const std::int32_t id : ids) push_back(id);
  }
  void resize(std::size_t size) { size_ = size; }  ///< only to shrink
  void clear() { size_ = 0; }
  std::size_t size() const { return size_; }
  std::span<std::int32_t> ids() { return {data_.get(), size_}; }
  std::span<const std::int32_t> ids() const { return {data_.get(), size_}; }

 private:
  void grow(std::size_t count) {
    std::size_t wanted = 2 * capacity_ + 64;
    if (wanted < size_ + count) wanted = size_ + count;
    auto* moved = static_cast<std::int32_t*>(std::realloc(data_.get(), wanted * sizeof(std::int32_t)));
    if (moved == nullptr) throw std::bad_alloc();
    (void)data_.release();
    data_.reset(moved);
    capacity_ = wanted;
  }
  struct Free {
    void operator()(std::int32_t* data) const { std::free(data); }
  };
  std::unique_ptr<std::int32_t[], Free> data_;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace corollary
