#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "device/stream.h"
#include "device/tensor.h"
#include "model/config.h"
#include "model/lora.h"

namespace corollary {

/// All parameters of a Llama as one run of memory, in the order of a Hugging Face checkpoint: q, k, v of a block stand one after another,
/// so do gate and up, hence the fused matrices [q;k;v] and [gate;up] are views of the same bytes and nothing is ever repacked.
/// Norm scales stand last, so that weight decay covers [0, decayed_count) and nothing else.
struct ParameterLayout {
  struct Entry {
    std::string name;  ///< "model.layers.0.self_attn.q_proj.weight"
    Shape shape;
    std::int64_t offset = 0;  ///< elements from the start
  };
  std::vector<Entry> entries;
  std::int64_t count = 0;          ///< elements in all
  std::int64_t decayed_count = 0;  ///< of these, the matrices

  const Entry& find(const std::string& name) const;  ///< Error naming the parameters that exist
};
ParameterLayout parameter_layout(const LlamaConfig& config);
/// Of adapters beside it: for each adapted matrix, in the order above, A and then B ("model.layers.0.self_attn.q_proj.lora_A.weight").
/// All of them decay.
ParameterLayout adapter_layout(const LlamaConfig& config, const LoraConfig& lora);

/// The run of memory cut where gradients are ready together, ascending and without gaps: part 0 is the embedding, part 1 + i the matrices
/// of block i, part 1 + num_hidden_layers the head, the last part all norms.
struct ParameterRange {
  std::int64_t begin = 0, end = 0;  ///< elements
  std::int64_t count() const { return end - begin; }
  bool operator==(const ParameterRange&) const = default;
};
std::vector<ParameterRange> parameter_parts(const LlamaConfig& config);

/// One block's parameters (or gradients): views, shapes at right.
template <class T>
struct BlockOf {
  T input_norm;           // [hidden]
  T qkv;                  // [q_size + 2 kv_size, hidden]
  T attention_out;        // [hidden, q_size]
  T post_attention_norm;  // [hidden]
  T gate_up;              // [2 intermediate, hidden]
  T down;                 // [hidden, intermediate]
  LoraBlockOf<T> lora;    // adapters of these matrices; empty if there are none
};

/// Views into one run of parameters of one dtype: weights (ConstTensor) or gradients (Tensor). The model asks for a block and hands it
/// back; whoever owns the memory may gather and release it meanwhile.
template <class T>
class ParametersOf {
 public:
  ParametersOf() = default;
  ParametersOf(const LlamaConfig& config, T flat, LoraOf<T> adapters = {});  ///< flat [count]
  /// Gradients of a frozen model: only its adapters' are wanted. Matrices have none; those of norms, which their kernel makes anyway, all
  /// go to `unwanted` [hidden], f32.
  static ParametersOf frozen(const LlamaConfig& config, LoraOf<T> adapters, T unwanted);
  bool is_frozen() const { return !flat_; }
  T embedding() const;                              // [vocab, hidden]
  BlockOf<T> block(std::int64_t layer) const;
  T final_norm() const;  // [hidden]
  T head() const;        // [vocab, hidden]
  T norms() const;       // [all norm scales, one after another]
  T flat() const { return flat_; }
  const LoraOf<T>& adapters() const { return adapters_; }  ///< none unless given

 private:
  T slice(std::int64_t offset, Shape shape) const;
  LlamaConfig config_;
  std::int64_t block_size_ = 0, norms_ = 0;
  T flat_;
  T unwanted_;
  LoraOf<T> adapters_;
};
using Weights = ParametersOf<ConstTensor>;
using Gradients = ParametersOf<Tensor>;

/// An element of a fresh parameter: a function of (seed, its place in the run of memory of the whole model) alone.
class FreshWeights {
 public:
  FreshWeights(const LlamaConfig& config, std::uint64_t seed);
  /// values[i] = element first + i of `entry` (of the whole model's layout), as `initialize` writes them.
  void write(float* values, const ParameterLayout::Entry& entry, std::int64_t first, std::int64_t count) const;

 private:
  double deviation_, into_residual_;
  std::int64_t decayed_count_;
  std::uint64_t seed_;
};

/// Fresh weights, f32: matrices normal(0, initializer_range), attention_out and down scaled by 1 / sqrt(2 num_hidden_layers), norms 1.
/// Element i of the layout depends on (seed, i) alone. `flat` lies where the stream is; a GPU's is drawn on the CPU and copied in pieces.
void initialize(Stream& stream, Tensor flat, const LlamaConfig& config, std::uint64_t seed);
void initialize(Tensor flat, const LlamaConfig& config, std::uint64_t seed);  ///< on the CPU

}  // namespace corollary
