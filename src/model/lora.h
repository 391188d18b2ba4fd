#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "device/stream.h"
#include "device/tensor.h"
#include "model/config.h"

namespace corollary {

/// Low-rank adaptation (arXiv:2106.09685): beside a frozen matrix W [out, in] two small ones are trained, A [rank, in] and B [out, rank],
///   y = x W^T + s (x A^T) B^T,   s = alpha / rank,
/// so that W + s B A is the matrix that a merged model has. B begins at zero.
struct LoraConfig {
  std::int64_t rank = 0;  ///< 0: no adapters, the model itself is trained
  double alpha = 16;
  std::vector<std::string> targets = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
  static void each(auto& config, auto&& visit) {
    visit("rank", config.rank);
    visit("alpha", config.alpha);
    visit("targets", config.targets);
  }
  bool is_on() const { return rank > 0; }
  float scale() const { return static_cast<float>(alpha / static_cast<double>(rank)); }
  bool adapts(const std::string& target) const;
};
/// Error if a target is no matrix of a block, if none is named, or if rank or alpha make no sense.
void check_lora(const LoraConfig& lora);

/// The adapter of one matrix, which fills columns [begin, begin + b.dim(0)) of a fused product's output; empty if not adapted.
template <class T>
struct AdapterOf {
  T a;  // [rank, in]
  T b;  // [out, rank]
  std::int64_t begin = 0;
  float scale = 0;
  explicit operator bool() const { return static_cast<bool>(a); }
};

template <class T>
struct LoraBlockOf {
  std::array<AdapterOf<T>, 3> qkv;            // q, k, v
  std::array<AdapterOf<T>, 1> attention_out;
  std::array<AdapterOf<T>, 2> gate_up;        // gate, up
  std::array<AdapterOf<T>, 1> down;
};

/// All adapters of a model as one run of memory (adapter_layout, model/parameters.h): weights (ConstTensor) or gradients (Tensor).
template <class T>
class LoraOf {
 public:
  LoraOf() = default;
  LoraOf(const LlamaConfig& model, const LoraConfig& lora, T flat);
  LoraBlockOf<T> block(std::int64_t layer) const;  ///< without memory: a block of empty adapters
  explicit operator bool() const { return static_cast<bool>(flat_); }

 private:
  LlamaConfig model_;
  LoraConfig lora_;
  T flat_;
};

/// Memory of the functions below, shared by all adapters:  inner [T, rank],  outer [T, widest matrix]; dtype of the model.
struct LoraScratch {
  Tensor inner, outer;
};
/// Elements of a row of `outer`.
std::int64_t lora_outer_width(const LlamaConfig& model);

// Of the adapters of one fused product; nothing for those that are empty. Queued on `stream`.

/// y[:, adapter] += s (x a^T) b^T
template <std::size_t N>
void lora_forward(Stream& stream, Tensor y, ConstTensor x, const std::array<AdapterOf<ConstTensor>, N>& adapters,
                  const LoraScratch& scratch);
/// dx += s (dy[:, adapter] b) a
template <std::size_t N>
void lora_backward_input(Stream& stream, Tensor dx, ConstTensor dy, const std::array<AdapterOf<ConstTensor>, N>& adapters,
                         const LoraScratch& scratch);
/// db = dy[:, adapter]^T (s x a^T),   da = (s dy[:, adapter] b)^T x;  added if `accumulate`
template <std::size_t N>
void lora_backward_weight(Stream& stream, const std::array<AdapterOf<Tensor>, N>& gradients, ConstTensor dy, ConstTensor x,
                          const std::array<AdapterOf<ConstTensor>, N>& adapters, bool accumulate,
                          const LoraScratch& scratch);

/// Fresh adapters, f32: A uniform within 1 / sqrt(in), as its authors' library draws it, B zero. Element i depends on (seed, i) alone.
void initialize_lora(Tensor flat, const LlamaConfig& model, const LoraConfig& lora, std::uint64_t seed);

/// base += s B A, on the CPU.   base [parameters] f32     adapters [adapter_layout().count] f32
void merge_lora(Tensor base, ConstTensor adapters, const LlamaConfig& model, const LoraConfig& lora);

}  // namespace corollary
