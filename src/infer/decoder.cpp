#include "infer/decoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/attention.h"
#include "kernels/embedding.h"
#include "kernels/matmul.h"
#include "kernels/matvec.h"
#include "kernels/rmsnorm.h"
#include "kernels/rope.h"
#include "kernels/swiglu.h"

namespace corollary {
namespace {

AttentionShape attention_shape(const LlamaConfig& c, std::int64_t seq_len) {
  return {1, seq_len, c.num_attention_heads, c.num_key_value_heads, c.head_dim, 1.0f / std::sqrt(static_cast<float>(c.head_dim))};
}

/// y = x w^T: one token is bound by memory, many by arithmetic.
void linear(Stream& stream, Tensor y, ConstTensor x, ConstTensor w) {
  if (x.dim(0) == 1)
    matvec(stream, y.reshaped({w.dim(0)}), w, x.reshaped({w.dim(1)}));
  else
    linear_forward(stream, y, x, w);
}

/// The cache of one layer, [max_tokens, kv_size].
Tensor layer_of(OwnedTensor& cache, std::int64_t layer) {
  const Tensor all = cache;
  return all.rows(layer, layer + 1).reshaped({all.dim(1), all.dim(2)});
}

/// Columns of packed rows into rows of a cache.
void copy_columns(Tensor to, ConstTensor from) {
  const std::int64_t bytes = size_of(from.dtype());
  for (std::int64_t t = 0; t < from.dim(0); ++t)
    std::memcpy(static_cast<std::byte*>(to.raw()) + t * to.row_stride() * bytes,
                static_cast<const std::byte*>(from.raw()) + t * from.row_stride() * bytes,
                static_cast<std::size_t>(from.dim(1) * bytes));
}

}  // namespace

Decoder::Decoder(const LlamaConfig& config, const Weights& weights, std::int64_t max_tokens)
    : config_(config), weights_(weights), max_tokens_(max_tokens), dtype_(weights.flat().dtype()) {
  check(0 < max_tokens && max_tokens <= config.max_position_embeddings, "decoder: a sequence of ", max_tokens,
        " tokens, the model was made for up to ", config.max_position_embeddings);
  check(dtype_ == DType::f32 || dtype_ == DType::bf16, "decoder: weights must be f32 or bf16, are ", dtype_);
  keys_ = OwnedTensor(dtype_, {config.num_hidden_layers, max_tokens, config.kv_size()});
  values_ = OwnedTensor(dtype_, {config.num_hidden_layers, max_tokens, config.kv_size()});
  rope_table_ = OwnedTensor(DType::f32, {2, max_tokens, config.head_dim / 2});
  rope_table(rope_table_, config.rope_theta);
  logits_ = OwnedTensor(DType::f32, {1, config.vocab_size});
  reserve(1);
}

void Decoder::reserve(std::int64_t tokens) {
  if (scratch_.tokens >= tokens) return;
  const LlamaConfig& c = config_;
  const auto rows = [&](std::int64_t columns) { return OwnedTensor(dtype_, {tokens, columns}); };
  scratch_ = Scratch{tokens,
                     OwnedTensor(DType::i32, {tokens}),
                     OwnedTensor(DType::i32, {tokens}),
                     rows(c.hidden_size),
                     rows(c.hidden_size),
                     rows(c.hidden_size),
                     rows(c.q_size() + 2 * c.kv_size()),
                     rows(c.q_size()),
                     rows(2 * c.intermediate_size),
                     rows(c.intermediate_size),
                     OwnedTensor(DType::f32, {tokens}),
                     OwnedTensor(DType::f32, {1, c.num_attention_heads, tokens})};
}

void Decoder::truncate(std::int64_t length) {
  check(0 <= length && length <= length_, "decoder: cannot go back to ", length, " tokens from ", length_);
  length_ = length;
}

std::span<const float> Decoder::append(Stream& stream, std::span<const std::int32_t> tokens) {
  const auto n = static_cast<std::int64_t>(tokens.size());
  check(n > 0 && n <= max_tokens_ - length_, "decoder: no room for ", n, " tokens after ", length_, " of ", max_tokens_);
  for (const std::int32_t token : tokens)
    check(0 <= token && token < config_.vocab_size, "decoder: token ", token, " lies outside the vocabulary of ",
          config_.vocab_size);
  reserve(n);
  Scratch& s = scratch_;
  std::copy(tokens.begin(), tokens.end(), s.ids.view().data<std::int32_t>());
  for (std::int64_t t = 0; t < n; ++t) s.positions.view().data<std::int32_t>()[t] = static_cast<std::int32_t>(length_ + t);

  const auto eps = static_cast<float>(config_.rms_norm_eps);
  const Tensor x = s.x.view().rows(0, n), y = s.y.view().rows(0, n), rstd = s.rstd.view().rows(0, n);
  embedding_forward(stream, x, s.ids.view().rows(0, n), weights_.embedding());
  rmsnorm_forward(stream, y, rstd, x, weights_.block(0).input_norm, eps);
  for (std::int64_t layer = 0; layer < config_.num_hidden_layers; ++layer) block(stream, layer, n);
  length_ += n;

  // Only the last token's next is asked for. The block before left its norm in y.
  linear(stream, logits_, ConstTensor(y).rows(n - 1, n), weights_.head());
  return {logits_.view().data<float>(), static_cast<std::size_t>(config_.vocab_size)};
}

// h = x + attention(norm(x));  x' = h + mlp(norm(h)).  y enters as norm(x) and leaves as the norm that follows the block.
void Decoder::block(Stream& stream, std::int64_t layer, std::int64_t n) {
  Scratch& s = scratch_;
  const LlamaConfig& c = config_;
  const auto eps = static_cast<float>(c.rms_norm_eps);
  const BlockOf<ConstTensor> w = weights_.block(layer);
  const bool is_last = layer + 1 == c.num_hidden_layers;
  const ConstTensor next_norm = is_last ? weights_.final_norm() : weights_.block(layer + 1).input_norm;
  const auto rows = [&](OwnedTensor& tensor) { return tensor.view().rows(0, n); };
  linear(stream, rows(s.qkv), rows(s.y), w.qkv);  // [n, q + 2 kv]
  rope(stream, rows(s.qkv), rows(s.positions), rope_table_, c.num_attention_heads + c.num_key_value_heads, /*inverse=*/false);
  attend(stream, layer, n);                                   // [n, q]
  linear(stream, rows(s.delta), rows(s.o), w.attention_out);  // [n, hidden]
  add_rmsnorm_forward(stream, rows(s.x), rows(s.y), rows(s.rstd), rows(s.x), rows(s.delta), w.post_attention_norm,
                      eps);                                                                                   // [n, hidden]
  linear(stream, rows(s.gate_up), rows(s.y), w.gate_up);                                                      // [n, 2 inter]
  swiglu_forward(stream, rows(s.activation), rows(s.gate_up));                                                // [n, inter]
  linear(stream, rows(s.delta), rows(s.activation), w.down);                                                  // [n, hidden]
  add_rmsnorm_forward(stream, rows(s.x), rows(s.y), rows(s.rstd), rows(s.x), rows(s.delta), next_norm, eps);  // [n, hidden]
}

/// Puts the new keys and values into the cache, then o = attention of the new queries over all of it.
void Decoder::attend(Stream& stream, std::int64_t layer, std::int64_t n) {
  const LlamaConfig& c = config_;
  const Tensor qkv = scratch_.qkv.view().rows(0, n), o = scratch_.o.view().rows(0, n);
  const Tensor keys = layer_of(keys_, layer), values = layer_of(values_, layer);
  copy_columns(keys.rows(length_, length_ + n), qkv.columns(c.q_size(), c.q_size() + c.kv_size()));
  copy_columns(values.rows(length_, length_ + n), qkv.columns(c.q_size() + c.kv_size(), c.q_size() + 2 * c.kv_size()));
  if (length_ == 0 && n > 1) {
    const Tensor lse(scratch_.lse.view().raw(), DType::f32, {1, c.num_attention_heads, n});
    attention_forward(stream, o, lse, qkv, attention_shape(c, n));
    return;
  }
  for (std::int64_t t = 0; t < n; ++t) {
    const ConstTensor q = ConstTensor(qkv).rows(t, t + 1).columns(0, c.q_size());
    const std::int64_t known = length_ + t + 1;
    attention_decode(stream, o.rows(t, t + 1).reshaped({c.q_size()}), ConstTensor(q.raw(), dtype_, {c.q_size()}),
                     keys.rows(0, known), values.rows(0, known), attention_shape(c, 1));
  }
}

}  // namespace corollary
