#include "model/parameters.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/random.h"
#include "base/threads.h"
#include "device/buffer.h"

namespace corollary {
namespace {

// The run of memory: embedding; per block q, k, v, attention_out, gate, up, down; head; then per block its two norms; final norm.

std::int64_t qkv_size(const LlamaConfig& c) { return c.q_size() + 2 * c.kv_size(); }
std::int64_t block_matrices(const LlamaConfig& c) { return c.hidden_size * (qkv_size(c) + c.q_size() + 3 * c.intermediate_size); }

}  // namespace

const ParameterLayout::Entry& ParameterLayout::find(const std::string& name) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.name == name; });
  if (found != entries.end()) return *found;
  std::string known;
  for (const Entry& entry : entries) known += " " + entry.name;
  fail("no parameter is called ", name, "; there are:", known);
}

ParameterLayout parameter_layout(const LlamaConfig& config) {
  const std::int64_t hidden = config.hidden_size, intermediate = config.intermediate_size;
  ParameterLayout layout;
  const auto add = [&](std::string name, Shape shape) {
    layout.entries.push_back({std::move(name), shape, layout.count});
    layout.count += shape.count();
  };
  const auto prefix = [](std::int64_t layer) { return "model.layers." + std::to_string(layer) + "."; };
  add("model.embed_tokens.weight", {config.vocab_size, hidden});
  for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    add(prefix(layer) + "self_attn.q_proj.weight", {config.q_size(), hidden});
    add(prefix(layer) + "self_attn.k_proj.weight", {config.kv_size(), hidden});
    add(prefix(layer) + "self_attn.v_proj.weight", {config.kv_size(), hidden});
    add(prefix(layer) + "self_attn.o_proj.weight", {hidden, config.q_size()});
    add(prefix(layer) + "mlp.gate_proj.weight", {intermediate, hidden});
    add(prefix(layer) + "mlp.up_proj.weight", {intermediate, hidden});
    add(prefix(layer) + "mlp.down_proj.weight", {hidden, intermediate});
  }
  add("lm_head.weight", {config.vocab_size, hidden});
  layout.decayed_count = layout.count;
  for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    add(prefix(layer) + "input_layernorm.weight", {hidden});
    add(prefix(layer) + "post_attention_layernorm.weight", {hidden});
  }
  add("model.norm.weight", {hidden});
  return layout;
}

std::vector<ParameterRange> parameter_parts(const LlamaConfig& config) {
  const std::int64_t table = config.vocab_size * config.hidden_size, block = block_matrices(config);
  std::vector<ParameterRange> parts;
  const auto add = [&](std::int64_t count) {
    const std::int64_t begin = parts.empty() ? 0 : parts.back().end;
    parts.push_back({begin, begin + count});
  };
  add(table);
  for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) add(block);
  add(table);
  add((2 * config.num_hidden_layers + 1) * config.hidden_size);
  return parts;
}

ParameterLayout adapter_layout(const LlamaConfig& config, const LoraConfig& lora) {
  const std::int64_t hidden = config.hidden_size, intermediate = config.intermediate_size;
  ParameterLayout layout;
  for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const auto add = [&](const char* part, const char* target, std::int64_t out, std::int64_t in) {
      if (!lora.adapts(target)) return;
      const std::string prefix = "model.layers." + std::to_string(layer) + "." + part + "." + target;
      for (const auto& [name, shape] : {std::pair{".lora_A.weight", Shape{lora.rank, in}}, {".lora_B.weight", Shape{out, lora.rank}}}) {
        layout.entries.push_back({prefix + name, shape, layout.count});
        layout.count += shape.count();
      }
    };
    add("self_attn", "q_proj", config.q_size(), hidden);
    add("self_attn", "k_proj", config.kv_size(), hidden);
    add("self_attn", "v_proj", config.kv_size(), hidden);
    add("self_attn", "o_proj", hidden, config.q_size());
    add("mlp", "gate_proj", intermediate, hidden);
    add("mlp", "up_proj", intermediate, hidden);
    add("mlp", "down_proj", hidden, intermediate);
  }
  layout.decayed_count = layout.count;
  return layout;
}

template <class T>
ParametersOf<T>::ParametersOf(const LlamaConfig& config, T flat, LoraOf<T> adapters)
    : config_(config),
      block_size_(block_matrices(config)),
      norms_(2 * config.vocab_size * config.hidden_size + config.num_hidden_layers * block_size_),
      flat_(flat),
      adapters_(std::move(adapters)) {
  check(flat.shape() == Shape{parameter_count(config)} , "parameters: the model has ", parameter_count(config), ", given are ",
        flat.shape());
}

template <class T>
ParametersOf<T> ParametersOf<T>::frozen(const LlamaConfig& config, LoraOf<T> adapters, T unwanted) {
  ParametersOf parameters;
  parameters.config_ = config;
  parameters.unwanted_ = unwanted;
  parameters.adapters_ = std::move(adapters);
  return parameters;
}

template <class T>
T ParametersOf<T>::slice(std::int64_t offset, Shape shape) const {
  return flat_ ? flat_.rows(offset, offset + shape.count()).reshaped(shape) : T();
}

template <class T>
T ParametersOf<T>::embedding() const {
  return slice(0, {config_.vocab_size, config_.hidden_size});
}

template <class T>
BlockOf<T> ParametersOf<T>::block(std::int64_t layer) const {
  check(0 <= layer && layer < config_.num_hidden_layers, "no block ", layer, " among ", config_.num_hidden_layers);
  const std::int64_t hidden = config_.hidden_size, intermediate = config_.intermediate_size;
  std::int64_t at = config_.vocab_size * hidden + layer * block_size_;
  const auto next = [&](Shape shape) {
    T view = slice(at, shape);
    at += shape.count();
    return view;
  };
  BlockOf<T> block;
  block.qkv = next({qkv_size(config_), hidden});
  block.attention_out = next({hidden, config_.q_size()});
  block.gate_up = next({2 * intermediate, hidden});
  block.down = next({hidden, intermediate});
  block.input_norm = is_frozen() ? unwanted_ : slice(norms_ + 2 * layer * hidden, {hidden});
  block.post_attention_norm = is_frozen() ? unwanted_ : slice(norms_ + (2 * layer + 1) * hidden, {hidden});
  block.lora = adapters_.block(layer);
  return block;
}

template <class T>
T ParametersOf<T>::head() const {
  return slice(norms_ - config_.vocab_size * config_.hidden_size, {config_.vocab_size, config_.hidden_size});
}

template <class T>
T ParametersOf<T>::final_norm() const {
  return is_frozen() ? unwanted_ : slice(norms_ + 2 * config_.num_hidden_layers * config_.hidden_size, {config_.hidden_size});
}

template <class T>
T ParametersOf<T>::norms() const {
  return flat_ ? flat_.rows(norms_, flat_.dim(0)) : T();
}

template class ParametersOf<ConstTensor>;
template class ParametersOf<Tensor>;

FreshWeights::FreshWeights(const LlamaConfig& config, std::uint64_t seed)
    : deviation_(config.initializer_range),
      into_residual_(config.initializer_range / std::sqrt(2.0 * static_cast<double>(config.num_hidden_layers))),
      decayed_count_(parameter_layout(config).decayed_count),
      seed_(seed) {}

void FreshWeights::write(float* values, const ParameterLayout::Entry& entry, std::int64_t first, std::int64_t count) const {
  const bool writes_residual = entry.name.ends_with("o_proj.weight") || entry.name.ends_with("down_proj.weight");
  const double deviation = writes_residual ? into_residual_ : deviation_;
  // Element i of the layout is the first normal of stream i: no draw depends on where a piece of the work begins.
  parallel_pieces(count, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i)
      values[i] = entry.offset >= decayed_count_
                      ? 1.0f
                      : static_cast<float>(deviation * Random(seed_, static_cast<std::uint64_t>(entry.offset + first + i)).normal());
  });
}

void initialize(Stream& stream, Tensor flat, const LlamaConfig& config, std::uint64_t seed) {
  const ParameterLayout layout = parameter_layout(config);
  check(flat.shape() == Shape{layout.count}, "initialize: the model has ", layout.count, " parameters, given are ", flat.shape());
  const FreshWeights fresh(config, seed);
  constexpr std::int64_t kPiece = std::int64_t{1} << 26;
  OwnedTensor staging;
  for (const ParameterLayout::Entry& entry : layout.entries) {
    for (std::int64_t first = 0; first < entry.shape.count(); first += kPiece) {
      const std::int64_t count = std::min(kPiece, entry.shape.count() - first);
      const Tensor there = flat.rows(entry.offset + first, entry.offset + first + count);
      Tensor here = there;
      if (stream.on_cuda()) {
        if (staging.view().count() < count) staging = OwnedTensor(DType::f32, there.shape());
        here = staging.view().rows(0, count);
      }
      fresh.write(here.data<float>(), entry, first, count);
      if (!stream.on_cuda()) continue;
      copy(stream, there, here);
      stream.synchronize();
    }
  }
}

void initialize(Tensor flat, const LlamaConfig& config, std::uint64_t seed) {
  Stream stream;
  initialize(stream, flat, config, seed);
}

}  // namespace corollary
