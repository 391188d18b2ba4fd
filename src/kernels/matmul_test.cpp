#include "kernels/matmul.h"

#include "base/threads.h"
#include "kernels/reference/linear.h"
#include "kernels/testing.h"

namespace corollary {
namespace {

using namespace testing;

struct Size {
  std::int64_t tokens, in, out;
};
// Odd sizes, then whole tiles (multiples of 32 from 64 tokens on), short and wide, and sums longer than a pass (2,048; of tokens
// 1,024).
const Size kSizes[] = {{1, 1, 1},     {1, 64, 33},   {7, 16, 32},    {33, 31, 5},     {64, 80, 128},
                       {100, 33, 65}, {1, 256, 512}, {512, 64, 96},  {130, 256, 100}, {5, 1000, 3},
                       {64, 32, 32},  {96, 64, 160}, {64, 2080, 32}, {64, 32, 2080},  {1056, 32, 64}};

TEST(Linear, ReferenceGradientsAreTheSlopes) {
  auto x = normal(3 * 4, 1), w = normal(5 * 4, 2);
  const auto dy = normal(3 * 5, 3), dx = reference::linear_dx(dy, w, 4), dw = reference::linear_dw(dy, x, 4);
  const auto loss = [&] { return dot(dy, reference::linear(x, w, 4)); };
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(dx[i], central_difference(loss, x[i]), 1e-8) << "at " << i;
  for (std::size_t i = 0; i < w.size(); ++i) EXPECT_NEAR(dw[i], central_difference(loss, w[i]), 1e-8) << "at " << i;
}

/// Inputs f32 or bf16, outputs of that dtype or f32, rows packed or padded; on the CPU or the GPU.
class LinearOnDevice : public ::testing::TestWithParam<std::tuple<DType, DType, std::int64_t, Place>> {
 protected:
  void SetUp() override {
    if (in() == DType::bf16 && !stream.on_cuda() && !has_bf16_products()) GTEST_SKIP() << "no bf16 products on this CPU";
  }
  DType in() const { return std::get<0>(GetParam()); }
  DType out() const { return std::get<1>(GetParam()); }
  std::int64_t padding() const { return std::get<2>(GetParam()); }
  TestTensor input(const Values& values, std::int64_t rows, std::int64_t columns) const {
    return TestTensor(values, in(), {rows, columns}, padding());
  }
  TestTensor output(std::int64_t rows, std::int64_t columns) const { return TestTensor::blank(out(), {rows, columns}, padding()); }

 private:
  AtPlace at_place_{std::get<3>(GetParam())};

 protected:
  Stream& stream = at_place_.stream;
};
std::vector<std::tuple<DType, DType, std::int64_t, Place>> every_linear() {
  std::vector<std::tuple<DType, DType, std::int64_t, Place>> all;
  for (const Place& place : every_device())
    for (const auto& [in, out] : {std::pair(DType::f32, DType::f32), {DType::bf16, DType::bf16}, {DType::bf16, DType::f32}})
      for (const std::int64_t padding : {0, in == DType::f32 ? 5 : 6}) all.emplace_back(in, out, padding, place);
  return all;
}
std::string linear_name(const ::testing::TestParamInfo<std::tuple<DType, DType, std::int64_t, Place>>& info) {
  const auto& [in, out, padding, place] = info.param;
  return std::string(name_of(in)) + "_to_" + name_of(out) + "_padding_" + std::to_string(padding) + "_" + name_of(place.device);
}
INSTANTIATE_TEST_SUITE_P(Every, LinearOnDevice, ::testing::ValuesIn(every_linear()), linear_name);

TEST_P(LinearOnDevice, ForwardMatchesReference) {
  for (const auto& [tokens, inputs, outputs] : kSizes) {
    SCOPED_TRACE((Shape{tokens, inputs, outputs}));
    const auto x = rounded(normal(tokens * inputs, 1), in()), w = rounded(normal(outputs * inputs, 2), in());
    auto y = output(tokens, outputs);
    linear_forward(stream, y, input(x, tokens, inputs), input(w, outputs, inputs));
    expect_close(y.values(), reference::linear(x, w, inputs), unit_roundoff(out()), sum_error(inputs),
                 reference::linear(absolute(x), absolute(w), inputs));
    EXPECT_TRUE(y.padding_is_untouched());
  }
}

TEST_P(LinearOnDevice, BackwardInputMatchesReference) {
  for (const auto& [tokens, inputs, outputs] : kSizes) {
    SCOPED_TRACE((Shape{tokens, inputs, outputs}));
    const auto dy = rounded(normal(tokens * outputs, 1), in()), w = rounded(normal(outputs * inputs, 2), in());
    auto dx = output(tokens, inputs);
    linear_backward_input(stream, dx, input(dy, tokens, outputs), input(w, outputs, inputs));
    expect_close(dx.values(), reference::linear_dx(dy, w, inputs), unit_roundoff(out()), sum_error(outputs),
                 reference::linear_dx(absolute(dy), absolute(w), inputs));
    EXPECT_TRUE(dx.padding_is_untouched());
  }
}

TEST_P(LinearOnDevice, BackwardWeightMatchesReferenceAndAdds) {
  if (out() != DType::f32) GTEST_SKIP() << "dw is f32";
  for (const auto& [tokens, inputs, outputs] : kSizes) {
    SCOPED_TRACE((Shape{tokens, inputs, outputs}));
    const auto dy = rounded(normal(tokens * outputs, 1), in()), x = rounded(normal(tokens * inputs, 2), in());
    const Values want = reference::linear_dw(dy, x, inputs), size = reference::linear_dw(absolute(dy), absolute(x), inputs);
    auto dw = output(outputs, inputs);
    const TestTensor dy_tensor = input(dy, tokens, outputs), x_tensor = input(x, tokens, inputs);
    linear_backward_weight(stream, dw, dy_tensor, x_tensor, false);
    expect_close(dw.values(), want, 0, sum_error(tokens), size);
    linear_backward_weight(stream, dw, dy_tensor, x_tensor, true);
    Values twice = want, twice_size = size;
    for (std::size_t i = 0; i < twice.size(); ++i) twice[i] *= 2, twice_size[i] *= 2;
    expect_close(dw.values(), twice, 0, sum_error(tokens), twice_size);
    EXPECT_TRUE(dw.padding_is_untouched());
  }
}

// Cut among threads along rows or columns, never along a sum: large enough to be cut, small enough to check.
TEST_P(LinearOnDevice, ThreadsAgreeWithReference) {
  const std::int64_t tokens = 130, inputs = 96, outputs = 200;
  const auto x = rounded(normal(tokens * inputs, 1), in()), w = rounded(normal(outputs * inputs, 2), in());
  const int before = num_threads();
  for (const int threads : {1, 2, 3}) {
    set_num_threads(threads);
    for (const bool is_again : {false, true}) {  // the second time every primitive is cached
      SCOPED_TRACE(std::to_string(threads) + (is_again ? " again" : ""));
      auto y = output(tokens, outputs);
      linear_forward(stream, y, input(x, tokens, inputs), input(w, outputs, inputs));
      expect_close(y.values(), reference::linear(x, w, inputs), unit_roundoff(out()), sum_error(inputs),
                   reference::linear(absolute(x), absolute(w), inputs));
    }
  }
  set_num_threads(before);
}

// Larger than every block of the tiled products in all three sizes.
TEST(Linear, WideAndDeepMatchesReference) {
  const std::int64_t rows = 288, deep = 2080, columns = 288;
  const auto a = rounded(normal(rows * deep, 1), DType::bf16), b = rounded(normal(columns * deep, 2), DType::bf16);
  const Values want = reference::linear(a, b, deep), size = reference::linear(absolute(a), absolute(b), deep);
  for (const Place& place : every_device()) {
    SCOPED_TRACE(name_of(place));
    if (place.device == Device::cpu && !has_bf16_products()) continue;
    AtPlace at_place(place);
    Stream& stream = at_place.stream;
    auto c = TestTensor::blank(DType::f32, {rows, columns});
    linear_forward(stream, c, TestTensor(a, DType::bf16, {rows, deep}), TestTensor(b, DType::bf16, {columns, deep}));
    expect_close(c.values(), want, 0, sum_error(deep), size);
    const auto transposed = [&](const Values& x, std::int64_t n) {
      Values turned(x.size());
      for (std::size_t i = 0; i < x.size(); ++i)
        turned[i % static_cast<std::size_t>(deep) * static_cast<std::size_t>(n) + i / static_cast<std::size_t>(deep)] = x[i];
      return TestTensor(turned, DType::bf16, {deep, n});
    };
    c = TestTensor::blank(DType::f32, {rows, columns});
    linear_backward_input(stream, c, TestTensor(a, DType::bf16, {rows, deep}), transposed(b, columns));
    expect_close(c.values(), want, 0, sum_error(deep), size);
    c = TestTensor::blank(DType::f32, {rows, columns});
    linear_backward_weight(stream, c, transposed(a, rows), transposed(b, columns), false);
    expect_close(c.values(), want, 0, sum_error(deep), size);
  }
}

TEST(Linear, ErrorsNameTheShapes) {
  Stream stream;
  TestTensor x(normal(12, 1), DType::f32, {3, 4}), w(normal(20, 2), DType::f32, {5, 4}), w16(normal(20, 2), DType::bf16, {5, 4});
  auto y = TestTensor::blank(DType::f32, {3, 5}), y16 = TestTensor::blank(DType::bf16, {3, 5});
  expect_error([&] { linear_forward(stream, x, x, w); }, "[3,4]");
  expect_error([&] { linear_forward(stream, y, x, w16); }, "f32 and bf16");
  expect_error([&] { linear_forward(stream, y16, x, w); }, "output is bf16");
  expect_error([&] { linear_backward_input(stream, y, y, w); }, "linear");
  expect_error([&] { linear_backward_weight(stream, w16, y, x, false); }, "dw must be f32, is bf16");
}

}  // namespace
}  // namespace corollary
