#include "kernels/embedding.h"

#include "base/threads.h"
#include "kernels/reference/embedding.h"
#include "kernels/testing.h"

namespace corollary {
namespace {

using namespace testing;

const std::int64_t kSizes[] = {1, 15, 16, 31, 32, 33, 100, 256, 4096};

TEST(Embedding, ReferenceGradientIsTheSlope) {
  const Ints tokens = {2, 0, 2};
  auto table = normal(4 * 3, 1);
  const auto dx = normal(3 * 3, 2), gradient = reference::embedding_backward(tokens, dx, 4);
  const auto loss = [&] { return dot(dx, reference::embedding(tokens, table, 3)); };
  for (std::size_t i = 0; i < table.size(); ++i) EXPECT_NEAR(gradient[i], central_difference(loss, table[i]), 1e-8) << "at " << i;
}

class EmbeddingOnDevice : public OnDevice {};
INSTANTIATE_TEST_SUITE_P(Every, EmbeddingOnDevice, ::testing::ValuesIn(every_dtype_and_place()), test_name);

TEST_P(EmbeddingOnDevice, ForwardCopiesRows) {
  for (const auto& [n, pad] : every_size(kSizes)) {
    SCOPED_TRACE(std::to_string(n) + (pad ? " padded" : ""));
    const auto table = rounded(normal(11 * n, 1), dtype());
    const Ints tokens = {10, 0, 3, 3, 7};
    auto x = TestTensor::blank(dtype(), {5, n}, pad * 2);
    embedding_forward(stream, x, TestTensor(tokens), TestTensor(table, dtype(), {11, n}, pad));
    EXPECT_EQ(x.values(), reference::embedding(tokens, table, n));
    EXPECT_TRUE(x.padding_is_untouched());
  }
}

TEST_P(EmbeddingOnDevice, BackwardAddsRowsToWhatIsThere) {
  for (const auto& [n, pad] : every_size(kSizes)) {
    SCOPED_TRACE(std::to_string(n) + (pad ? " padded" : ""));
    const std::int64_t count = 300, vocab_size = 7;
    const Ints tokens = uniform_ints(count, vocab_size, 9);
    const auto dx = rounded(normal(count * n, 1), dtype()), before = rounded(normal(vocab_size * n, 2), DType::f32);
    TestTensor d_table(before, DType::f32, {vocab_size, n}, pad * 3);
    embedding_backward(stream, d_table, TestTensor(tokens), TestTensor(dx, dtype(), {count, n}, pad));
    Values want = reference::embedding_backward(tokens, dx, vocab_size);
    Values size = reference::embedding_backward(tokens, absolute(dx), vocab_size);
    for (std::size_t i = 0; i < want.size(); ++i) want[i] += before[i], size[i] += std::abs(before[i]);
    expect_close(d_table.values(), want, 0, sum_error(count), size);
    EXPECT_TRUE(d_table.padding_is_untouched());
  }
}

// The promise of the header: in order of t, so the bits are those of a plain loop, on any thread count.
TEST_P(EmbeddingOnDevice, BackwardIsThePlainLoopOnAnyThreadCount) {
  const std::int64_t count = 3000, n = 200, vocab_size = 50;
  const Ints tokens = uniform_ints(count, vocab_size, 9);
  const TestTensor dx(normal(count * n, 1), dtype(), {count, n});
  std::vector<float> want(static_cast<std::size_t>(vocab_size * n));
  const Values added = dx.values();
  for (std::int64_t t = 0; t < count; ++t)
    for (std::int64_t i = 0; i < n; ++i)
      want[static_cast<std::size_t>(tokens[static_cast<std::size_t>(t)] * n + i)] +=
          static_cast<float>(added[static_cast<std::size_t>(t * n + i)]);
  const int before = num_threads();
  for (const int threads : {1, 2, 7}) {
    set_num_threads(threads);
    auto d_table = TestTensor::zeros(DType::f32, {vocab_size, n});
    embedding_backward(stream, d_table, TestTensor(tokens), dx);
    EXPECT_EQ(d_table.values(), Values(want.begin(), want.end())) << threads;
  }
  set_num_threads(before);
}

TEST(Embedding, GpuSkipsTokensOutsideTheTable) {  // which the CPU refuses
  if (!find_gpu().gpu) GTEST_SKIP() << find_gpu().why_not;
  AtPlace gpu({Device::cuda});
  const Ints tokens = {2, -1, 3, 2};
  const Values table = rounded(normal(3 * 8, 1), DType::bf16), dx = rounded(normal(4 * 8, 2), DType::bf16);
  auto x = TestTensor::blank(DType::bf16, {4, 8});
  embedding_forward(gpu.stream, x, TestTensor(tokens), TestTensor(table, DType::bf16, {3, 8}));
  auto d_table = TestTensor::zeros(DType::f32, {3, 8});
  embedding_backward(gpu.stream, d_table, TestTensor(tokens), TestTensor(dx, DType::bf16, {4, 8}));
  const Values got = x.values(), gradient = d_table.values();
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(got[i], table[16 + i]);
    EXPECT_EQ(got[8 + i], 0);
    EXPECT_EQ(got[16 + i], 0);
    EXPECT_EQ(gradient[i], 0);
    EXPECT_EQ(gradient[16 + i], static_cast<float>(dx[i]) + static_cast<float>(dx[24 + i]));
  }
}

TEST(Embedding, ErrorsNameTheArgument) {
  Stream stream;
  TestTensor table(normal(12, 1), DType::f32, {3, 4});
  auto x = TestTensor::blank(DType::f32, {2, 4}), narrow = TestTensor::blank(DType::f32, {2, 3});
  expect_error([&] { embedding_forward(stream, x, TestTensor(Ints{0, 3}), table); }, "tokens[1] is 3, must lie in -1 to 2");
  expect_error([&] { embedding_forward(stream, x, TestTensor(Ints{-5, 1}), table); }, "tokens[0] is -5");
  expect_error([&] { embedding_forward(stream, narrow, TestTensor(Ints{0, 1}), table); }, "x must be [2,4], is [2,3]");
  expect_error([&] { embedding_backward(stream, table, TestTensor(Ints{0, 3}), x); }, "embedding_backward: tokens[1] is 3");
  expect_error([&] { embedding_backward(stream, table, TestTensor(Ints{0, 1}), narrow); }, "dx must be [2,4], is [2,3]");
}

}  // namespace
}  // namespace corollary
