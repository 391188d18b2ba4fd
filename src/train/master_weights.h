#pragma once
#include <cstdint>
#include <string>

#include "device/buffer.h"
#include "device/stream.h"
#include "kernels/adamw.h"

namespace corollary {

/// The precise weights that AdamW updates, of the part of the parameters that a rank owns, beside the bf16 weights that the model computes
/// with. Three ways to keep them (docs/math/memory.md):
///   fp32        an f32 copy: 4 bytes a parameter, as NeoX does it
///   split       the same numbers, exactly, as the bf16 weight and the 16 bits it lacks: 2 bytes (kernels/weight_bits.h). The bf16
///               weight is the master rounded to nearest with ties away from zero instead of to even
///   stochastic  nothing: the bf16 weights are all there is, rounded up or down at random
class MasterWeights {
 public:
  enum class Kind : std::uint8_t { fp32, split, stochastic };
  static Kind kind_of(const std::string& name);  ///< Error unless fp32, split or stochastic
  static std::int64_t bytes_per_parameter(Kind kind);

  MasterWeights() = default;
  MasterWeights(Kind kind, std::int64_t count, Device device);

  Kind kind() const { return kind_; }
  /// [count] f32; of kind fp32 alone.
  Tensor f32();

  // `weights`: the bf16 weights of elements [begin, begin + weights.count()); unused, and may be empty, where the kind is fp32 and the
  // model computes in f32.
  /// values [n] f32 = the master weights from `begin` on.
  void read(Stream& stream, Tensor values, ConstTensor weights, std::int64_t begin) const;
  /// And back; the bf16 weights too, rounded as the kind does it (stochastic: to nearest).
  void write(Stream& stream, ConstTensor values, Tensor weights, std::int64_t begin);
  /// One step of AdamW. m, v, gradient: of the same elements. `first_index`: where they begin among all parameters, for stochastic
  /// rounding, whose draws follow from (seed, step, index) alone.
  void update(Stream& stream, Tensor weights, std::int64_t begin, Tensor m, Tensor v, ConstTensor gradient, const AdamWStep& step,
              std::uint64_t seed, std::int64_t first_index);

 private:
  Kind kind_ = Kind::fp32;
  OwnedTensor f32_, remainder_;
};

}  // namespace corollary
