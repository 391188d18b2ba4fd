#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "device/buffer.h"
#include "device/stream.h"
#include "kernels/reference/values.h"

// What the tests of this folder share. The order of proof: differences in double prove the reference's gradients; the reference
// then judges the kernels, for every dtype, every instruction set this machine has and its GPU, within tolerances derived from the
// arithmetic.
namespace corollary::testing {

using reference::Values;
using Ints = std::vector<std::int32_t>;

Values normal(std::int64_t n, std::uint64_t seed);                          ///< n draws of mean 0, variance 1
Ints uniform_ints(std::int64_t n, std::int64_t below, std::uint64_t seed);  ///< in [0, below)
Values rounded(Values values, DType dtype);                                 ///< each to the nearest of that dtype
Values absolute(Values values);
double dot(const Values& a, const Values& b);
double largest(const Values& values);  ///< of the absolute values

/// Each size without padding between rows, where vectors may be taken whole, and with some (`pad` 1, to be multiplied), where not.
struct PaddedSize {
  std::int64_t n, pad;
};
std::vector<PaddedSize> every_size(std::span<const std::int64_t> sizes);
std::vector<PaddedSize> every_size(std::initializer_list<std::int64_t> sizes);

/// (f(x + h) - f(x - h)) / 2h at the present value of `x`, which f reads; the error is of order h^2 f''' + 1e-16 f / h: 1e-9 and
/// less for the functions here.
double central_difference(const std::function<double()>& f, double& x);

/// The largest relative error of rounding to this dtype.
double unit_roundoff(DType dtype);
/// The error of a sum of n f32 terms relative to the sum of their sizes: a few roundings a term, and additions that err at random.
double sum_error(std::int64_t n);

/// A tensor under test: `values` rounded to the dtype; rows `padding` elements further apart than they are long, the padding NaN.
/// Within a test on the GPU (OnDevice below) its memory is the host's, pinned: kernels read and write it by the same pointer, and
/// whatever reads or frees it here waits for the stream first.
class TestTensor {
 public:
  TestTensor(const Values& values, DType dtype, Shape shape, std::int64_t padding = 0);
  explicit TestTensor(const Ints& values);
  ~TestTensor();
  TestTensor(TestTensor&&) noexcept = default;
  TestTensor& operator=(TestTensor&&) noexcept = default;
  static TestTensor zeros(DType dtype, Shape shape);                            ///< of any dtype
  static TestTensor blank(DType dtype, Shape shape, std::int64_t padding = 0);  ///< NaN throughout: what a kernel must overwrite
  Tensor view() { return view_; }
  ConstTensor view() const { return view_; }
  operator Tensor() { return view_; }
  operator ConstTensor() const { return view_; }
  Values values() const;                    ///< as they stand now
  std::vector<std::uint8_t> bytes() const;  ///< all of them, padding too: for bit by bit comparisons
  bool padding_is_untouched() const;

 private:
  TestTensor(DType dtype, Shape shape, std::int64_t padding);
  Buffer memory_;
  Tensor view_;
  std::int64_t memory_count_ = 0;  // elements, padding too
};

/// EXPECTs |got[i] - want[i]| <= relative * |want[i]| + error * size[i] + 1e-35: `relative` for the last rounding, `size` the sum
/// of the absolute values of what was added up to make element i.
void expect_close(const Values& got, const Values& want, double relative, double error, const Values& size);
/// The same where nothing cancels: size = |want|.
void expect_close(const Values& got, const Values& want, double relative);

/// Where a kernel is tested: one of the instruction sets compiled in, or the GPU.
struct Place {
  Device device = Device::cpu;
  std::int64_t cpu_target = 0;  ///< Highway's
  bool operator==(const Place&) const = default;
};
std::vector<Place> every_place();   ///< that this machine has, the best CPU first
std::vector<Place> every_device();  ///< the CPU at its best, and the GPU
std::string name_of(const Place& place);
inline std::ostream& operator<<(std::ostream& out, const Place& place) { return out << name_of(place); }

/// Puts a test at a place: chooses the instruction set, or makes a CUDA stream that TestTensors then wait for.
class AtPlace {
 public:
  explicit AtPlace(const Place& place);
  ~AtPlace();
  AtPlace(const AtPlace&) = delete;
  Stream stream;
};

/// A test of one dtype at one place.
using DTypeAndPlace = std::tuple<DType, Place>;
class OnDevice : public ::testing::TestWithParam<DTypeAndPlace> {
 protected:
  DType dtype() const { return std::get<0>(GetParam()); }
  Place place() const { return std::get<1>(GetParam()); }
  bool on_cuda() const { return place().device == Device::cuda; }

 private:
  AtPlace at_place_{std::get<1>(GetParam())};

 protected:
  Stream& stream = at_place_.stream;
};
std::vector<DTypeAndPlace> every_dtype_and_place();  ///< f32 and bf16 at each
std::string test_name(const ::testing::TestParamInfo<DTypeAndPlace>& info);

/// This CPU multiplies bf16 matrices (oneDNN needs AVX-512 for them); where it does not, training is in f32.
bool has_bf16_products();

/// EXPECTs an Error whose text contains `part`.
void expect_error(const std::function<void()>& f, const std::string& part);

}  // namespace corollary::testing
