#include "model/lora.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "base/threads.h"
#include "kernels/matmul.h"
#include "kernels/scaled_add.h"
#include "model/parameters.h"

namespace corollary {
namespace {

constexpr std::array kTargets = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};

/// What adapter_layout() writes for one matrix after another: offsets follow from the sizes alone.
struct Cursor {
  const LlamaConfig& model;
  const LoraConfig& lora;
  std::int64_t at = 0;

  std::int64_t next(const char* target, std::int64_t out, std::int64_t in) {
    const std::int64_t here = at;
    if (lora.adapts(target)) at += lora.rank * (in + out);
    return here;
  }
};

}  // namespace

bool LoraConfig::adapts(const std::string& target) const { return std::ranges::find(targets, target) != targets.end(); }

void check_lora(const LoraConfig& lora) {
  check(lora.rank >= 0 && lora.rank <= 4096, "train.lora.rank must be 0 to 4096, is ", lora.rank);
  if (!lora.is_on()) return;
  check(std::isfinite(lora.alpha) && lora.alpha > 0, "train.lora.alpha must be positive, is ", lora.alpha);
  check(!lora.targets.empty(), "train.lora.targets is empty: name matrices, as in q_proj, v_proj");
  for (const std::string& target : lora.targets)
    check(std::ranges::find(kTargets, target) != kTargets.end(), "train.lora.targets: ", target,
          " is no matrix of a block: there are q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj");
}

template <class T>
LoraOf<T>::LoraOf(const LlamaConfig& model, const LoraConfig& lora, T flat)
    : model_(model), lora_(lora), flat_(flat) {
  const std::int64_t count = adapter_layout(model, lora).count;
  check(flat.shape() == Shape{count}, "adapters: there are ", count, " parameters, given are ", flat.shape());
}

template <class T>
LoraBlockOf<T> LoraOf<T>::block(std::int64_t layer) const {
  LoraBlockOf<T> block;
  if (!flat_) return block;
  const std::int64_t hidden = model_.hidden_size, q = model_.q_size(), kv = model_.kv_size(), intermediate = model_.intermediate_size;
  const auto all = [&](Cursor& cursor) {
    const auto one = [&](AdapterOf<T>& adapter, const char* target, std::int64_t out, std::int64_t in, std::int64_t begin) {
      const std::int64_t at = cursor.next(target, out, in);
      if (!lora_.adapts(target)) return;
      adapter.a = flat_.rows(at, at + lora_.rank * in).reshaped({lora_.rank, in});
      adapter.b = flat_.rows(at + lora_.rank * in, cursor.at).reshaped({out, lora_.rank});
      adapter.begin = begin;
      adapter.scale = lora_.scale();
    };
    one(block.qkv[0], "q_proj", q, hidden, 0);
    one(block.qkv[1], "k_proj", kv, hidden, q);
    one(block.qkv[2], "v_proj", kv, hidden, q + kv);
    one(block.attention_out[0], "o_proj", hidden, q, 0);
    one(block.gate_up[0], "gate_proj", intermediate, hidden, 0);
    one(block.gate_up[1], "up_proj", intermediate, hidden, intermediate);
    one(block.down[0], "down_proj", hidden, intermediate, 0);
  };
  Cursor cursor{model_, lora_, layer * (flat_.dim(0) / model_.num_hidden_layers)};
  all(cursor);
  return block;
}

template class LoraOf<ConstTensor>;
template class LoraOf<Tensor>;

std::int64_t lora_outer_width(const LlamaConfig& model) {
  return std::max({model.hidden_size, model.q_size(), model.kv_size(), model.intermediate_size});
}

template <std::size_t N>
void lora_forward(Stream& stream, Tensor y, ConstTensor x, const std::array<AdapterOf<ConstTensor>, N>& adapters,
                  const LoraScratch& scratch) {
  for (const auto& adapter : adapters) {
    if (!adapter) continue;
    const std::int64_t out = adapter.b.dim(0);
    const Tensor delta = scratch.outer.columns(0, out);
    linear_forward(stream, scratch.inner, x, adapter.a);
    linear_forward(stream, delta, scratch.inner, adapter.b);
    scaled_add(stream, y.columns(adapter.begin, adapter.begin + out), delta, adapter.scale);
  }
}

template <std::size_t N>
void lora_backward_input(Stream& stream, Tensor dx, ConstTensor dy, const std::array<AdapterOf<ConstTensor>, N>& adapters,
                         const LoraScratch& scratch) {
  for (const auto& adapter : adapters) {
    if (!adapter) continue;
    const Tensor delta = scratch.outer.columns(0, dx.dim(1));
    linear_backward_input(stream, scratch.inner, dy.columns(adapter.begin, adapter.begin + adapter.b.dim(0)), adapter.b);
    linear_backward_input(stream, delta, scratch.inner, adapter.a);
    scaled_add(stream, dx, delta, adapter.scale);
  }
}

template <std::size_t N>
void lora_backward_weight(Stream& stream, const std::array<AdapterOf<Tensor>, N>& gradients, ConstTensor dy, ConstTensor x,
                          const std::array<AdapterOf<ConstTensor>, N>& adapters, bool accumulate,
                          const LoraScratch& scratch) {
  for (std::size_t i = 0; i < N; ++i) {
    const auto& adapter = adapters[i];
    if (!adapter) continue;
    const ConstTensor part = dy.columns(adapter.begin, adapter.begin + adapter.b.dim(0));
    linear_forward(stream, scratch.inner, x, adapter.a);
    scaled(stream, scratch.inner, adapter.scale);
    linear_backward_weight(stream, gradients[i].b, part, scratch.inner, accumulate);
    linear_backward_input(stream, scratch.inner, part, adapter.b);
    scaled(stream, scratch.inner, adapter.scale);
    linear_backward_weight(stream, gradients[i].a, scratch.inner, x, accumulate);
  }
}

#define COROLLARY_INSTANTIATE(N)                                                                                                      \
  template void lora_forward(Stream&, Tensor, ConstTensor, const std::array<AdapterOf<ConstTensor>, N>&, const LoraScratch&);  \
  template void lora_backward_input(Stream&, Tensor, ConstTensor, const std::array<AdapterOf<ConstTensor>, N>&,                       \
                                    const LoraScratch&);                                                                              \
  template void lora_backward_weight(Stream&, const std::array<AdapterOf<Tensor>, N>&, ConstTensor, ConstTensor,                      \
                                     const std::array<AdapterOf<ConstTensor>, N>&, bool, const LoraScratch&);
COROLLARY_INSTANTIATE(1)
COROLLARY_INSTANTIATE(2)
COROLLARY_INSTANTIATE(3)
#undef COROLLARY_INSTANTIATE

void initialize_lora(Tensor flat, const LlamaConfig& model, const LoraConfig& lora, std::uint64_t seed) {
  constexpr std::uint64_t kOfAdapters = 0x10A;  // other draws than those of fresh matrices of the same seed
  float* const values = flat.data<float>();
  for (const ParameterLayout::Entry& entry : adapter_layout(model, lora).entries) {
    const bool is_a = entry.name.ends_with("lora_A.weight");
    const double bound = is_a ? 1 / std::sqrt(static_cast<double>(entry.shape[1])) : 0;
    for (std::int64_t i = entry.offset; i < entry.offset + entry.shape.count(); ++i)
      values[i] = static_cast<float>(bound * (2 * Random(seed ^ kOfAdapters << 32, static_cast<std::uint64_t>(i)).uniform() - 1));
  }
}

void merge_lora(Tensor base, ConstTensor adapters, const LlamaConfig& model, const LoraConfig& lora) {
  const ParameterLayout all = parameter_layout(model), small = adapter_layout(model, lora);
  const std::string suffix = ".lora_A.weight";
  const float* const flat = adapters.data<float>();
  for (std::size_t i = 0; i < small.entries.size(); i += 2) {  // A, then its B
    const auto &a = small.entries[i], &b = small.entries[i + 1];
    const auto& w = all.find(a.name.substr(0, a.name.size() - suffix.size()) + ".weight");
    float* const to = base.data<float>() + w.offset;
    const std::int64_t in = a.shape[1], rank = lora.rank;
    parallel_pieces(b.shape[0], [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t row = begin; row < end; ++row)
        for (std::int64_t r = 0; r < rank; ++r) {
          const float factor = lora.scale() * flat[b.offset + row * rank + r];
          for (std::int64_t column = 0; column < in; ++column) to[row * in + column] += factor * flat[a.offset + r * in + column];
        }
    });
  }
}

}  // namespace corollary
