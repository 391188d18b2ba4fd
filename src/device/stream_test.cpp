#include "device/stream.h"

#include <gtest/gtest.h>

#include <vector>

#include "device/buffer.h"

namespace corollary {
namespace {

OwnedTensor counting_up(std::int64_t n) {
  OwnedTensor x(DType::f32, {n});
  for (std::int64_t i = 0; i < n; ++i) x.view().data<float>()[i] = static_cast<float>(i);
  return x;
}

TEST(Stream, OfTheCpuCopiesAndClearsAtOnce) {
  Stream stream;
  EXPECT_FALSE(stream.on_cuda());
  const OwnedTensor from = counting_up(5);
  OwnedTensor to(DType::f32, {5});
  copy(stream, to, from);
  EXPECT_EQ(to.view().data<float>()[4], 4);
  zero(stream, to);
  EXPECT_EQ(to.view().data<float>()[4], 0);
  EXPECT_THROW(copy(stream, to, counting_up(4)), Error);
  EXPECT_THROW(stream.workspace(1), Error);
  EXPECT_THROW(stream.native(), Error);
}

TEST(Device, AutoIsTheCpuWithoutAGpuAndCudaSaysWhy) {
  EXPECT_EQ(resolve_device("cpu"), Device::cpu);
  EXPECT_THROW(resolve_device("gpu"), Error);
  const GpuSearch search = find_gpu();
  EXPECT_EQ(search.gpu.has_value(), search.why_not.empty());
  if (search.gpu) {
    EXPECT_EQ(resolve_device("auto"), Device::cuda);
    return;
  }
  EXPECT_EQ(resolve_device("auto"), Device::cpu);
  try {
    resolve_device("cuda");
    ADD_FAILURE() << "no Error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(search.why_not), std::string::npos) << error.what();
  }
  EXPECT_THROW(use_gpu(99), Error);
}

TEST(Stream, OfAGpuCopiesThereAndBack) {
  if (!find_gpu().gpu) GTEST_SKIP() << find_gpu().why_not;
  Stream stream(Device::cuda);
  const OwnedTensor from = counting_up(1000);
  OwnedTensor there(DType::f32, {1000}, Device::cuda), back(DType::f32, {1000});
  copy(stream, there, from);
  copy(stream, back, there);
  stream.synchronize();
  EXPECT_EQ(back.view().data<float>()[999], 999);
  zero(stream, there);
  copy(stream, back, there);
  stream.synchronize();
  EXPECT_EQ(back.view().data<float>()[999], 0);
  void* const small = stream.workspace(10);
  EXPECT_EQ(stream.workspace(5), small);
  EXPECT_GE(stream.workspace_bytes(), 10);
  Stream moved = std::move(stream);
  EXPECT_TRUE(moved.on_cuda());
  EXPECT_FALSE(stream.on_cuda());
}

TEST(Event, TimesAndOrders) {
  for (const Device device : {Device::cpu, Device::cuda}) {
    if (device == Device::cuda && !find_gpu().gpu) continue;
    Stream a(device), b(device);
    Event from(device), to(device);
    from.record(a);
    OwnedTensor x(DType::f32, {1 << 20}, device);
    zero(a, x);
    to.record(a);
    to.hold(b);
    EXPECT_GE(Event::seconds_between(from, to), 0);
  }
}

TEST(Buffer, PinnedIsPlainMemoryForTheHost) {
  Buffer buffer = Buffer::pinned(100);
  static_cast<char*>(buffer.data())[99] = 1;
  EXPECT_EQ(buffer.size_bytes(), 100);
}

}  // namespace
}  // namespace corollary
