#include "kernels/testing.h"

#include <hwy/targets.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/matmul.h"

namespace corollary::testing {

Values normal(std::int64_t n, std::uint64_t seed) {
  Random random(seed);
  Values values(static_cast<std::size_t>(n));
  for (double& value : values) value = random.normal();
  return values;
}

Ints uniform_ints(std::int64_t n, std::int64_t below, std::uint64_t seed) {
  Random random(seed);
  Ints values(static_cast<std::size_t>(n));
  for (auto& value : values) value = static_cast<std::int32_t>(random.below(below));
  return values;
}

Values rounded(Values values, DType dtype) {
  for (double& value : values) {
    value = static_cast<float>(value);
    if (dtype == DType::bf16) value = to_float(to_bf16(static_cast<float>(value)));
  }
  return values;
}

Values absolute(Values values) {
  for (double& value : values) value = std::abs(value);
  return values;
}

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double largest(const Values& values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
}

double central_difference(const std::function<double()>& f, double& x) {
  const double at = x, h = 1e-5;
  x = at + h;
  const double above = f();
  x = at - h;
  const double below = f();
  x = at;
  return (above - below) / (2 * h);
}

double unit_roundoff(DType dtype) { return dtype == DType::bf16 ? std::ldexp(1.0, -8) : std::ldexp(1.0, -24); }
double sum_error(std::int64_t n) { return std::ldexp(1.0, -24) * (8 + std::sqrt(static_cast<double>(n))); }

TestTensor TestTensor::blank(DType dtype, Shape shape, std::int64_t padding) {
  return TestTensor(Values(static_cast<std::size_t>(shape.count()), std::numeric_limits<double>::quiet_NaN()), dtype, shape,
                    padding);
}

TestTensor::TestTensor(const Values& values, DType dtype, Shape shape, std::int64_t padding) {
  const std::int64_t columns = shape.rank() ? shape[-1] : 1, rows = columns ? shape.count() / columns : 0,
                     stride = columns + padding;
  memory_ = OwnedTensor(dtype, Shape{rows * stride});
  view_ = Tensor(memory_.view().raw(), dtype, shape, stride);
  for (std::int64_t i = 0; i < rows * stride; ++i) {
    const bool is_padding = i % stride >= columns;
    const auto value = is_padding ? std::numeric_limits<float>::quiet_NaN()
                                  : static_cast<float>(values.at(static_cast<std::size_t>(i / stride * columns + i % stride)));
    if (dtype == DType::bf16)
      memory_.view().data<bf16>()[i] = to_bf16(value);
    else
      memory_.view().data<float>()[i] = value;
  }
}

TestTensor::TestTensor(const Ints& values)
    : memory_(DType::i32, Shape{static_cast<std::int64_t>(values.size())}), view_(memory_.view()) {
  if (!values.empty()) std::memcpy(view_.raw(), values.data(), values.size() * sizeof(values[0]));
}

Values TestTensor::values() const {
  const std::int64_t columns = view_.shape().rank() ? view_.dim(-1) : 1;
  Values out(static_cast<std::size_t>(view_.count()));
  for (std::int64_t i = 0; i < view_.count(); ++i) {
    const std::int64_t at = i / columns * view_.row_stride() + i % columns;
    out[static_cast<std::size_t>(i)] = view_.dtype() == DType::bf16 ? to_float(view_.data<bf16>()[at]) : view_.data<float>()[at];
  }
  return out;
}

std::vector<std::uint8_t> TestTensor::bytes() const {
  const auto* begin = static_cast<const std::uint8_t*>(memory_.view().raw());
  return {begin, begin + memory_.view().size_bytes()};
}

bool TestTensor::padding_is_untouched() const {
  const std::int64_t columns = view_.dim(-1), stride = view_.row_stride();
  for (std::int64_t i = 0; i < memory_.view().count(); ++i)
    if (i % stride >= columns &&
        !std::isnan(view_.dtype() == DType::bf16 ? to_float(view_.data<bf16>()[i]) : view_.data<float>()[i]))
      return false;
  return true;
}

void expect_close(const Values& got, const Values& want, double relative, double error, const Values& size) {
  ASSERT_EQ(got.size(), want.size());
  ASSERT_EQ(size.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double allowed = relative * std::abs(want[i]) + error * std::abs(size[i]) + 1e-35;
    ASSERT_TRUE(std::abs(got[i] - want[i]) <= allowed)  // false for NaN
        << "at " << i << " of " << got.size() << ": " << got[i] << " instead of " << want[i] << ", off by "
        << std::abs(got[i] - want[i]) / allowed << " times what rounding allows";
  }
}
void expect_close(const Values& got, const Values& want, double relative) { expect_close(got, want, relative, 0, want); }

void OnCpu::SetUp() { hwy::GetChosenTarget().Update(std::get<1>(GetParam())); }
void OnCpu::TearDown() { hwy::GetChosenTarget().Update(hwy::SupportedTargets()); }

std::vector<std::tuple<DType, std::int64_t>> every_cpu() {
  std::vector<std::tuple<DType, std::int64_t>> all;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets())
    for (const DType dtype : {DType::f32, DType::bf16}) all.emplace_back(dtype, target);
  return all;
}

std::string cpu_name(const ::testing::TestParamInfo<std::tuple<DType, std::int64_t>>& info) {
  return std::string(name_of(std::get<0>(info.param))) + "_" + hwy::TargetName(std::get<1>(info.param));
}

bool has_bf16_products() {
  TestTensor one({1}, DType::bf16, {1, 1});
  Stream stream;
  try {
    linear_forward(stream, one, one, one);
  } catch (const Error&) {
    return false;
  }
  return true;
}

void expect_error(const std::function<void()>& f, const std::string& part) {
  try {
    f();
    ADD_FAILURE() << "no Error, expected one with: " << part;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

}  // namespace corollary::testing
