#include "kernels/matvec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "base/threads.h"
#include "device/buffer.h"

namespace corollary {
namespace {

double element(ConstTensor t, std::int64_t i) {
  return t.dtype() == DType::f32 ? t.data<float>()[i] : static_cast<double>(to_float(t.data<bf16>()[i]));
}
OwnedTensor normal(DType dtype, Shape shape, std::uint64_t seed) {
  OwnedTensor tensor(dtype, shape);
  Random random(seed);
  for (std::int64_t i = 0; i < shape.count(); ++i) {
    const auto value = static_cast<float>(random.normal());
    if (dtype == DType::f32)
      tensor.view().data<float>()[i] = value;
    else
      tensor.view().data<bf16>()[i] = to_bf16(value);
  }
  return tensor;
}

/// w's dtype, x's, y's.
class Matvec : public testing::TestWithParam<std::tuple<DType, DType, DType>> {};

TEST_P(Matvec, IsTheProductInDouble) {
  const auto [w_type, x_type, y_type] = GetParam();
  Stream stream;
  for (const std::int64_t rows : {1, 3, 4, 5, 67})
    for (const std::int64_t columns : {1, 15, 16, 17, 64, 100, 1037}) {
      const std::int64_t stride = columns + 3;
      const OwnedTensor w = normal(w_type, {rows, stride}, 1), x = normal(x_type, {columns}, 2);
      OwnedTensor y(y_type, {rows});
      matvec(stream, y, ConstTensor(w.view()).columns(0, columns), x);
      for (std::int64_t r = 0; r < rows; ++r) {
        double want = 0, magnitude = 0;
        for (std::int64_t i = 0; i < columns; ++i) {
          const double product = element(w, r * stride + i) * element(x, i);
          want += product, magnitude += std::abs(product);
        }
        // n products and additions in f32 lose at most n units of 2^-24 of the sum of magnitudes; then y is rounded.
        const double tolerance =
            magnitude * static_cast<double>(columns) * 6e-8 + (y_type == DType::bf16 ? std::abs(want) / 256 : 0);
        EXPECT_NEAR(element(y, r), want, tolerance) << rows << "x" << columns << " at " << r;
      }
    }
}

INSTANTIATE_TEST_SUITE_P(DTypes, Matvec,
                         testing::Combine(testing::Values(DType::f32, DType::bf16), testing::Values(DType::f32, DType::bf16),
                                          testing::Values(DType::f32, DType::bf16)));

TEST(Matvec, SameBitsForAnyThreadCount) {
  Stream stream;
  const OwnedTensor w = normal(DType::bf16, {1030, 517}, 1), x = normal(DType::f32, {517}, 2);
  OwnedTensor one(DType::f32, {1030}), three(DType::f32, {1030});
  const int threads = num_threads();
  set_num_threads(1);
  matvec(stream, one, w, x);
  set_num_threads(3);
  matvec(stream, three, w, x);
  set_num_threads(threads);
  for (std::int64_t r = 0; r < 1030; ++r) ASSERT_EQ(one.view().data<float>()[r], three.view().data<float>()[r]) << r;
}

TEST(Matvec, RefusesShapesThatDoNotFit) {
  Stream stream;
  const OwnedTensor w(DType::f32, {4, 6}), x(DType::f32, {5}), integers(DType::i32, {6}), good(DType::f32, {6});
  OwnedTensor y(DType::f32, {4}), wrong(DType::f32, {5});
  EXPECT_THROW(matvec(stream, y, w, x), Error);
  EXPECT_THROW(matvec(stream, y, w, integers), Error);
  EXPECT_THROW(matvec(stream, wrong, w, good), Error);
}

}  // namespace
}  // namespace corollary
