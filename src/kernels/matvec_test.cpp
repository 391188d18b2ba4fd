#include "kernels/matvec.h"

#include <cmath>

#include "base/threads.h"
#include "kernels/reference/linear.h"
#include "kernels/testing.h"

namespace corollary {
namespace {

using namespace testing;

/// w's dtype, x's, y's, and where.
class MatvecOnDevice : public ::testing::TestWithParam<std::tuple<DType, DType, DType, Place>> {};
std::string matvec_name(const ::testing::TestParamInfo<std::tuple<DType, DType, DType, Place>>& info) {
  const auto& [w, x, y, place] = info.param;
  return std::string(name_of(w)) + "_" + name_of(x) + "_to_" + name_of(y) + "_" + name_of(place.device);
}
INSTANTIATE_TEST_SUITE_P(Every, MatvecOnDevice,
                         ::testing::Combine(::testing::Values(DType::f32, DType::bf16), ::testing::Values(DType::f32, DType::bf16),
                                            ::testing::Values(DType::f32, DType::bf16), ::testing::ValuesIn(every_device())),
                         matvec_name);

TEST_P(MatvecOnDevice, IsTheProductInDouble) {
  const auto [w_type, x_type, y_type, place] = GetParam();
  AtPlace at_place(place);
  for (const std::int64_t rows : {1, 3, 4, 5, 67})
    for (const auto& [columns, pad] : every_size({1, 15, 16, 17, 64, 100, 1037, 4096})) {
      SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(columns) + (pad ? " padded" : ""));
      const Values w = rounded(normal(rows * columns, 1), w_type), x = rounded(normal(columns, 2), x_type);
      auto y = TestTensor::blank(y_type, {rows});
      matvec(at_place.stream, y, TestTensor(w, w_type, {rows, columns}, pad * 3), TestTensor(x, x_type, {columns}));
      // n products and additions in f32 lose at most n units of 2^-24 of the sum of magnitudes; then y is rounded.
      expect_close(y.values(), reference::linear(x, w, columns), y_type == DType::bf16 ? 1.0 / 256 : 0,
                   static_cast<double>(columns) * 6e-8, reference::linear(absolute(x), absolute(w), columns));
    }
}

TEST(Matvec, SameBitsForAnyThreadCount) {
  Stream stream;
  const TestTensor w(normal(1030 * 517, 1), DType::bf16, {1030, 517}), x(normal(517, 2), DType::f32, {517});
  auto one = TestTensor::blank(DType::f32, {1030}), three = TestTensor::blank(DType::f32, {1030});
  const int threads = num_threads();
  set_num_threads(1);
  matvec(stream, one, w, x);
  set_num_threads(3);
  matvec(stream, three, w, x);
  set_num_threads(threads);
  EXPECT_EQ(one.bytes(), three.bytes());
}

TEST(Matvec, RefusesShapesThatDoNotFit) {
  Stream stream;
  const auto w = TestTensor::zeros(DType::f32, {4, 6}), x = TestTensor::zeros(DType::f32, {5}),
             good = TestTensor::zeros(DType::f32, {6});
  const TestTensor integers(Ints(6));
  auto y = TestTensor::zeros(DType::f32, {4}), wrong = TestTensor::zeros(DType::f32, {5});
  EXPECT_THROW(matvec(stream, y, w, x), Error);
  EXPECT_THROW(matvec(stream, y, w, integers), Error);
  EXPECT_THROW(matvec(stream, wrong, w, good), Error);
}

}  // namespace
}  // namespace corollary
