#include "device/buffer.h"

#include <gtest/gtest.h>

#include <cstring>

/// Asked by AddressSanitizer, where it is: let the allocator refuse as it does elsewhere, instead of ending the program.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

namespace corollary {
namespace {

bool is_aligned(const void* p, std::uintptr_t to) { return reinterpret_cast<std::uintptr_t>(p) % to == 0; }

TEST(Buffer, IsAlignedAndZeroAtBirth) {
  for (const std::int64_t bytes : {0L, 1L, 63L, 64L, 65L, 1L << 20, (2L << 20) + 1}) {
    const Buffer buffer(bytes);
    EXPECT_EQ(buffer.size_bytes(), bytes);
    ASSERT_NE(buffer.data(), nullptr);
    EXPECT_TRUE(is_aligned(buffer.data(), bytes >= 2 << 20 ? 2 << 20 : 256));
    for (std::int64_t i = 0; i < bytes; ++i) ASSERT_EQ(static_cast<const char*>(buffer.data())[i], 0);
  }
}

TEST(Buffer, Moves) {
  Buffer a(10);
  void* const memory = a.data();
  Buffer b = std::move(a);
  EXPECT_EQ(b.data(), memory);
  EXPECT_EQ(a.data(), nullptr);
  EXPECT_EQ(a.size_bytes(), 0);
  Buffer c(20);
  c = std::move(b);
  EXPECT_EQ(c.data(), memory);
  EXPECT_EQ(c.size_bytes(), 10);
}

TEST(OwnedTensor, ViewsItsMemory) {
  OwnedTensor x(DType::bf16, {3, 4});
  EXPECT_EQ(x.view().shape(), (Shape{3, 4}));
  EXPECT_TRUE(x.view().is_contiguous());
  EXPECT_EQ(x.view().data<bf16>()[11].bits, 0);
  const OwnedTensor moved = std::move(x);
  EXPECT_EQ(moved.view().count(), 12);
}

TEST(Arena, HandsOutPiecesThatDoNotOverlap) {
  Arena arena(Arena::padded(12) + Arena::padded(200));
  const Tensor a = arena.take(DType::f32, {3}), b = arena.take(DType::bf16, {10, 10});
  EXPECT_TRUE(is_aligned(a.raw(), 256));
  EXPECT_TRUE(is_aligned(b.raw(), 256));
  EXPECT_EQ(static_cast<std::byte*>(b.raw()) - static_cast<std::byte*>(a.raw()), 256);
  EXPECT_EQ(arena.used_bytes(), 256 + 256);
  std::memset(b.raw(), 1, 200);
  EXPECT_EQ(a.data<float>()[2], 0);
  arena.reset();
  EXPECT_EQ(arena.take(DType::u8, {1}).raw(), a.raw());
}

TEST(Arena, CountsWhatItWouldTake) {
  Arena plan = Arena::counting();
  const Tensor a = plan.take(DType::f32, {3});
  EXPECT_FALSE(a);
  EXPECT_EQ(a.shape(), (Shape{3}));
  plan.take(DType::bf16, {std::int64_t{1} << 30, 100});
  EXPECT_EQ(plan.used_bytes(), 256 + (std::int64_t{200} << 30));
  Arena exact(256);
  EXPECT_NO_THROW(exact.take(DType::f32, {3}));
}

TEST(Arena, SaysWhatIsMissing) {
  Arena arena(512);
  arena.take(DType::f32, {16});
  try {
    arena.take(DType::f32, {65});
    ADD_FAILURE() << "took more than there is";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("need 512 bytes, 256 left of 512"), std::string::npos) << error.what();
  }
  EXPECT_NO_THROW(arena.take(DType::f32, {16}));  // a refusal takes nothing
  EXPECT_THROW(Arena().take(DType::u8, {1}), Error);
}

TEST(Buffer, ErrorsInsteadOfImpossibleSizes) {
  EXPECT_THROW(Buffer(std::int64_t{1} << 62), Error);
  EXPECT_THROW(Buffer(-1), Error);
  EXPECT_THROW(OwnedTensor(DType::f32, Shape{-3}), Error);
}

}  // namespace
}  // namespace corollary
