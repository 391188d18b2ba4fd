#include "train/master_weights.h"

#include "base/error.h"
#include "kernels/weight_bits.h"

namespace corollary {

MasterWeights::Kind MasterWeights::kind_of(const std::string& name) {
  if (name == "fp32") return Kind::fp32;
  if (name == "split") return Kind::split;
  check(name == "stochastic", "train.master_weights must be fp32, split or stochastic, is ", name);
  return Kind::stochastic;
}

std::int64_t MasterWeights::bytes_per_parameter(Kind kind) { return kind == Kind::fp32 ? 4 : kind == Kind::split ? 2 : 0; }

MasterWeights::MasterWeights(Kind kind, std::int64_t count, Device device) : kind_(kind) {
  if (kind == Kind::fp32) f32_ = OwnedTensor(DType::f32, {count}, device);
  if (kind == Kind::split) remainder_ = OwnedTensor(DType::u16, {count}, device);
}

Tensor MasterWeights::f32() {
  check(kind_ == Kind::fp32, "these master weights are not kept in f32");
  return f32_.view();
}

void MasterWeights::read(Stream& stream, Tensor values, ConstTensor weights, std::int64_t begin) const {
  const std::int64_t end = begin + values.count();
  if (kind_ == Kind::fp32) return copy(stream, values, f32_.view().rows(begin, end));
  if (kind_ == Kind::split) return join_master(stream, values, weights, remainder_.view().rows(begin, end));
  cast(stream, values, weights);
}

void MasterWeights::write(Stream& stream, ConstTensor values, Tensor weights, std::int64_t begin) {
  const std::int64_t end = begin + values.count();
  if (kind_ == Kind::split) return split_master(stream, weights, remainder_.view().rows(begin, end), values);
  if (kind_ == Kind::fp32) copy(stream, f32_.view().rows(begin, end), values);
  if (weights && weights.dtype() == DType::bf16) cast(stream, weights, values);
}

void MasterWeights::update(Stream& stream, Tensor weights, std::int64_t begin, Tensor m, Tensor v, ConstTensor gradient,
                           const AdamWStep& step, std::uint64_t seed, std::int64_t first_index) {
  const std::int64_t end = begin + gradient.count();
  if (kind_ == Kind::fp32) return adamw(stream, weights, f32_.view().rows(begin, end), m, v, gradient, step);
  if (kind_ == Kind::split) return adamw_split(stream, weights, remainder_.view().rows(begin, end), m, v, gradient, step);
  adamw_stochastic(stream, weights, m, v, gradient, step, seed, first_index);
}

}  // namespace corollary
