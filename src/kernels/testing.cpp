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

std::vector<PaddedSize> every_size(std::span<const std::int64_t> sizes) {
  std::vector<PaddedSize> all;
  for (const std::int64_t n : sizes) all.push_back({n, 0}), all.push_back({n, 1});
  return all;
}
std::vector<PaddedSize> every_size(std::initializer_list<std::int64_t> sizes) {
  return every_size(std::span(sizes.begin(), sizes.size()));
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

namespace {
Stream* gpu_stream = nullptr;  // of the test that runs on the GPU

void wait_for_gpu() {
  if (gpu_stream) gpu_stream->synchronize();
}
}  // namespace

TestTensor::TestTensor(DType dtype, Shape shape, std::int64_t padding) {
  const std::int64_t columns = shape.rank() ? shape[-1] : 1, rows = columns ? shape.count() / columns : 0,
                     stride = columns + padding;
  memory_count_ = rows * stride;
  const std::int64_t bytes = memory_count_ * size_of(dtype);
  memory_ = gpu_stream ? Buffer::pinned(bytes) : Buffer(bytes);
  view_ = Tensor(memory_.data(), dtype, shape, stride);
}

TestTensor::TestTensor(const Values& values, DType dtype, Shape shape, std::int64_t padding) : TestTensor(dtype, shape, padding) {
  const std::int64_t stride = view_.row_stride(), columns = stride - padding;
  for (std::int64_t i = 0; i < memory_count_; ++i) {
    const bool is_padding = i % stride >= columns;
    const auto value = is_padding ? std::numeric_limits<float>::quiet_NaN()
                                  : static_cast<float>(values.at(static_cast<std::size_t>(i / stride * columns + i % stride)));
    if (dtype == DType::bf16)
      view_.data<bf16>()[i] = to_bf16(value);
    else
      view_.data<float>()[i] = value;
  }
}

TestTensor::TestTensor(const Ints& values) : TestTensor(DType::i32, Shape{static_cast<std::int64_t>(values.size())}, 0) {
  if (!values.empty()) std::memcpy(view_.raw(), values.data(), values.size() * sizeof(values[0]));
}

TestTensor TestTensor::zeros(DType dtype, Shape shape) {
  TestTensor tensor(dtype, shape, 0);
  std::memset(tensor.view_.raw(), 0, static_cast<std::size_t>(tensor.view_.size_bytes()));
  return tensor;
}

TestTensor::~TestTensor() {
  try {
    if (memory_.data()) wait_for_gpu();
  } catch (const Error& error) {
    ADD_FAILURE() << error.what();
  }
}

Values TestTensor::values() const {
  wait_for_gpu();
  const std::int64_t columns = view_.shape().rank() ? view_.dim(-1) : 1;
  Values out(static_cast<std::size_t>(view_.count()));
  for (std::int64_t i = 0; i < view_.count(); ++i) {
    const std::int64_t at = i / columns * view_.row_stride() + i % columns;
    out[static_cast<std::size_t>(i)] = view_.dtype() == DType::bf16 ? to_float(view_.data<bf16>()[at]) : view_.data<float>()[at];
  }
  return out;
}

std::vector<std::uint8_t> TestTensor::bytes() const {
  wait_for_gpu();
  const auto* begin = static_cast<const std::uint8_t*>(memory_.data());
  return {begin, begin + memory_count_ * size_of(view_.dtype())};
}

bool TestTensor::padding_is_untouched() const {
  wait_for_gpu();
  const std::int64_t columns = view_.dim(-1), stride = view_.row_stride();
  for (std::int64_t i = 0; i < memory_count_; ++i)
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

std::vector<Place> every_place() {
  std::vector<Place> all;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) all.push_back({Device::cpu, target});
  if (find_gpu().gpu) all.push_back({Device::cuda});
  return all;
}

std::vector<Place> every_device() {
  std::vector<Place> all = {every_place().front()};
  if (find_gpu().gpu) all.push_back({Device::cuda});
  return all;
}

std::string name_of(const Place& place) { return place.device == Device::cuda ? "cuda" : hwy::TargetName(place.cpu_target); }

AtPlace::AtPlace(const Place& place) : stream(place.device) {
  if (place.device == Device::cuda)
    gpu_stream = &stream;
  else
    hwy::GetChosenTarget().Update(place.cpu_target);
}
AtPlace::~AtPlace() {
  gpu_stream = nullptr;
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

std::vector<DTypeAndPlace> every_dtype_and_place() {
  std::vector<DTypeAndPlace> all;
  for (const Place& place : every_place())
    for (const DType dtype : {DType::f32, DType::bf16}) all.emplace_back(dtype, place);
  return all;
}

std::string test_name(const ::testing::TestParamInfo<DTypeAndPlace>& info) {
  return std::string(name_of(std::get<0>(info.param))) + "_" + name_of(std::get<1>(info.param));
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
