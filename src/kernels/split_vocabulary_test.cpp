#include "kernels/split_vocabulary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "device/buffer.h"
#include "kernels/cross_entropy.h"
#include "kernels/embedding.h"

namespace corollary {
namespace {

constexpr std::int64_t kTokens = 7, kVocab = 75;

OwnedTensor normal(Shape shape, DType dtype, std::uint64_t seed) {
  OwnedTensor x(dtype, shape);
  Random random(seed);
  for (std::int64_t i = 0; i < shape.count(); ++i) {
    const auto value = static_cast<float>(random.normal());
    if (dtype == DType::f32) {
      x.view().data<float>()[i] = value;
    } else {
      x.view().data<bf16>()[i] = to_bf16(value);
    }
  }
  return x;
}
OwnedTensor ids(std::initializer_list<std::int32_t> values) {
  OwnedTensor x(DType::i32, {static_cast<std::int64_t>(values.size())});
  std::copy(values.begin(), values.end(), x.view().data<std::int32_t>());
  return x;
}
float at(Tensor x, std::int64_t row, std::int64_t column) {
  const std::int64_t i = row * x.row_stride() + column;
  return x.dtype() == DType::f32 ? x.data<float>()[i] : to_float(x.data<bf16>()[i]);
}

class SplitVocabulary : public ::testing::TestWithParam<DType> {};

// The whole kernel is the judge: parts exchanged as ranks would exchange them give what it gives.
TEST_P(SplitVocabulary, PartsTogetherAreCrossEntropy) {
  Stream stream;
  const DType dtype = GetParam();
  OwnedTensor whole = normal({kTokens, kVocab}, dtype, 3);
  const OwnedTensor logits = normal({kTokens, kVocab}, dtype, 3), targets = ids({0, 74, 31, -1, 32, 50, 8});
  OwnedTensor expected(DType::f32, {kTokens}), losses(DType::f32, {kTokens});
  cross_entropy_backward(stream, whole, expected, targets, 0.25f);

  const std::vector<std::int64_t> cuts = {0, 32, 33, kVocab};
  OwnedTensor maxima(DType::f32, {kTokens}), sums(DType::f32, {2, kTokens});
  std::vector<OwnedTensor> parts, part_targets;
  std::fill_n(maxima.view().data<float>(), kTokens, -1e30f);
  for (std::size_t r = 0; r + 1 < cuts.size(); ++r) {
    parts.emplace_back(dtype, Shape{kTokens, cuts[r + 1] - cuts[r]});
    for (std::int64_t t = 0; t < kTokens; ++t)
      std::copy_n(static_cast<const std::byte*>(logits.view().raw()) + (t * kVocab + cuts[r]) * size_of(dtype),
                  (cuts[r + 1] - cuts[r]) * size_of(dtype),
                  static_cast<std::byte*>(parts[r].view().raw()) + t * parts[r].view().row_stride() * size_of(dtype));
    part_targets.emplace_back(DType::i32, Shape{kTokens});
    ids_within(stream, part_targets[r], targets, cuts[r], cuts[r + 1]);
    OwnedTensor own(DType::f32, {kTokens});
    split_maxima(stream, own, parts[r]);
    for (std::int64_t t = 0; t < kTokens; ++t)
      maxima.view().data<float>()[t] = std::max(maxima.view().data<float>()[t], own.view().data<float>()[t]);
  }
  for (std::size_t r = 0; r < parts.size(); ++r) {
    OwnedTensor own(DType::f32, {2, kTokens});
    split_sums(stream, own, parts[r], maxima, part_targets[r]);
    for (std::int64_t i = 0; i < 2 * kTokens; ++i) sums.view().data<float>()[i] += own.view().data<float>()[i];
  }
  split_losses(stream, losses, sums, targets);
  const double unit = dtype == DType::f32 ? 1e-6 : 4e-3;
  for (std::int64_t t = 0; t < kTokens; ++t) EXPECT_NEAR(losses.view().data<float>()[t], expected.view().data<float>()[t], 1e-5);
  for (std::size_t r = 0; r < parts.size(); ++r) {
    split_gradient(stream, parts[r], maxima, sums, targets, part_targets[r], 0.25f);
    for (std::int64_t t = 0; t < kTokens; ++t)
      for (std::int64_t v = cuts[r]; v < cuts[r + 1]; ++v)
        EXPECT_NEAR(at(parts[r], t, v - cuts[r]), at(whole, t, v), unit * 0.25) << "token " << t << ", column " << v;
  }
}
INSTANTIATE_TEST_SUITE_P(DTypes, SplitVocabulary, ::testing::Values(DType::f32, DType::bf16));

TEST(SplitVocabularyEmbedding, ATokenOfAnotherRankIsARowOfZerosAndHasNoGradient) {
  Stream stream;
  const OwnedTensor table = normal({5, 16}, DType::f32, 1), tokens = ids({4, -1, 0}), dx = normal({3, 16}, DType::f32, 2);
  OwnedTensor x = normal({3, 16}, DType::f32, 9), d_table(DType::f32, {5, 16});
  embedding_forward(stream, x, tokens, table);
  embedding_backward(stream, d_table, tokens, dx);
  for (std::int64_t i = 0; i < 16; ++i) {
    EXPECT_EQ(at(x, 0, i), table.view().data<float>()[4 * 16 + i]);
    EXPECT_EQ(at(x, 1, i), 0);
    EXPECT_EQ(at(d_table, 4, i), dx.view().data<float>()[i]);
    EXPECT_EQ(at(d_table, 0, i), dx.view().data<float>()[2 * 16 + i]);
    EXPECT_EQ(at(d_table, 1, i), 0);
  }
}

}  // namespace
}  // namespace corollary
