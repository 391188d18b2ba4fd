#include "kernels/attention.h"

#include <cmath>
#include <cstring>

#include "base/threads.h"
#include "device/buffer.h"
#include "kernels/cpu/amx.h"
#include "kernels/cpu/attention_amx.h"
#include "kernels/cpu/attention_rows.h"
#include "kernels/cpu/product.h"

// One work item is a sequence and a key/value head with its group of query heads. Query rows go in blocks of kBlock: their scores
// against all keys they may see stand in cache (kBlock * seq_len * 4 bytes: 256 KB at 512), never the [seq_len, seq_len] whole. The
// two products of the forward pass and the five of the backward are oneDNN's; the rows between them are attention_rows.h. Of the
// causal square the blocks touch (1 + kBlock / seq_len) / 2, less the blocks of keys before the first document a query block sees.
namespace corollary::cpu {
namespace {

constexpr std::int64_t kBlock = 128;

/// Where the heads of one sequence lie in a packed [tokens, qkv_width] tensor.
struct Heads {
  std::byte* base;
  std::int64_t width, head_dim, num_heads, num_kv_heads, element;
  Heads(ConstTensor packed, const AttentionShape& s, std::int64_t sequence)
      : width(packed.row_stride()),
        head_dim(s.head_dim),
        num_heads(s.num_heads),
        num_kv_heads(s.num_kv_heads),
        element(size_of(packed.dtype())) {
    base = static_cast<std::byte*>(const_cast<void*>(packed.raw())) + sequence * s.seq_len * width * element;
  }
  void* at(std::int64_t row, std::int64_t head_slot) const { return base + (row * width + head_slot * head_dim) * element; }
  void* q(std::int64_t row, std::int64_t head) const { return at(row, head); }
  void* k(std::int64_t row, std::int64_t head) const { return at(row, num_heads + head); }
  void* v(std::int64_t row, std::int64_t head) const { return at(row, num_heads + num_kv_heads + head); }
  Operand rows(const void* from, std::int64_t n) const { return {from, n, head_dim, width, 1}; }
};

struct Scratch {
  Buffer s, p, dp, ds, dk, dv, dots;
  void reserve(Buffer& buffer, std::int64_t bytes) {
    if (buffer.size_bytes() < bytes) buffer = Buffer(bytes);
  }
};

Scratch& scratch() {
  thread_local Scratch instance;
  return instance;
}

/// The keys that the queries [begin, end) of a sequence see: from a whole block on, so that few shapes meet oneDNN.
struct Keys {
  std::int64_t begin, count;
  const std::int32_t* starts;  // of these queries, or null
  Keys(ConstTensor document_starts, std::int64_t row, std::int64_t first, std::int64_t end)
      : begin(0), starts(document_starts ? document_starts.data<std::int32_t>() + row + first : nullptr) {
    if (starts != nullptr) begin = starts[0] / kBlock * kBlock;
    count = end - begin;
  }
};

/// f(sequence, kv_head) for all, each thread taking a contiguous run.
template <class F>
void each_item(const AttentionShape& s, F f) {
  parallel_pieces(s.batch * s.num_kv_heads, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t item = begin; item < end; ++item) f(item / s.num_kv_heads, item % s.num_kv_heads);
  });
}

}  // namespace

void attention_forward(Stream&, Tensor o, Tensor lse, ConstTensor qkv, const AttentionShape& s, ConstTensor document_starts) {
  const DType dtype = qkv.dtype();
  if (dtype == DType::bf16 && amx_available()) return attention_forward_amx(o, lse, qkv, s, document_starts);
  const std::int64_t group = s.num_heads / s.num_kv_heads, out_width = s.num_heads * s.head_dim;
  each_item(s, [&](std::int64_t b, std::int64_t kv) {
    Scratch& mine = scratch();
    mine.reserve(mine.s, kBlock * s.seq_len * 4);
    mine.reserve(mine.p, kBlock * s.seq_len * size_of(dtype));
    auto* scores = static_cast<float*>(mine.s.data());
    const Heads heads(qkv, s, b);
    for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h)
      for (std::int64_t t = 0; t < s.seq_len; t += kBlock) {
        const std::int64_t rows = std::min(kBlock, s.seq_len - t);
        const Keys keys(document_starts, b * s.seq_len, t, t + rows);
        const std::int64_t seen = keys.count;
        const ScoreBlock block{rows, seen, seen, t, s.scale, dtype, keys.begin, keys.starts};
        product(scores, DType::f32, seen, heads.rows(heads.q(t, h), rows), heads.rows(heads.k(keys.begin, kv), seen).transposed(),
                dtype, false);
        softmax_rows(mine.p.data(), lse.data<float>() + (b * s.num_heads + h) * s.seq_len + t, scores, block);
        auto* out = static_cast<std::byte*>(o.raw()) + ((b * s.seq_len + t) * out_width + h * s.head_dim) * size_of(dtype);
        product(out, dtype, out_width, {mine.p.data(), rows, seen, seen, 1}, heads.rows(heads.v(keys.begin, kv), seen), dtype,
                false);
      }
  });
}

void attention_backward(Stream&, Tensor d_qkv, ConstTensor d_o, ConstTensor o, ConstTensor lse, ConstTensor qkv,
                        const AttentionShape& s, ConstTensor document_starts) {
  const DType dtype = qkv.dtype();
  if (dtype == DType::bf16 && amx_available()) return attention_backward_amx(d_qkv, d_o, o, lse, qkv, s, document_starts);
  const std::int64_t group = s.num_heads / s.num_kv_heads, out_width = s.num_heads * s.head_dim, head_dim = s.head_dim;
  each_item(s, [&](std::int64_t b, std::int64_t kv) {
    Scratch& mine = scratch();
    mine.reserve(mine.s, kBlock * s.seq_len * 4);
    mine.reserve(mine.dp, kBlock * s.seq_len * 4);
    mine.reserve(mine.p, kBlock * s.seq_len * size_of(dtype));
    mine.reserve(mine.ds, kBlock * s.seq_len * size_of(dtype));
    mine.reserve(mine.dk, s.seq_len * head_dim * 4);
    mine.reserve(mine.dv, s.seq_len * head_dim * 4);
    mine.reserve(mine.dots, kBlock * 4);
    auto* scores = static_cast<float*>(mine.s.data());
    auto* dp = static_cast<float*>(mine.dp.data());
    auto* dots = static_cast<float*>(mine.dots.data());
    const Heads heads(qkv, s, b), gradients(d_qkv, s, b);
    auto* dk = static_cast<float*>(mine.dk.data());
    auto* dv = static_cast<float*>(mine.dv.data());
    bool is_first = true;
    if (document_starts) {  // no block need see every key
      for (float* sums : {dk, dv}) std::memset(sums, 0, static_cast<std::size_t>(s.seq_len * head_dim) * 4);
      is_first = false;
    }
    for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h)
      // From the last block, which sees every key, to the first: the first product then writes all of dk and dv, later ones add.
      for (std::int64_t t = (s.seq_len - 1) / kBlock * kBlock; t >= 0; t -= kBlock, is_first = false) {
        const std::int64_t rows = std::min(kBlock, s.seq_len - t);
        const Keys keys(document_starts, b * s.seq_len, t, t + rows);
        const std::int64_t seen = keys.count, at = keys.begin * head_dim;
        const ScoreBlock block{rows, seen, seen, t, s.scale, dtype, keys.begin, keys.starts};
        const std::int64_t out_at = ((b * s.seq_len + t) * out_width + h * head_dim) * size_of(dtype);
        const auto* out = static_cast<const std::byte*>(o.raw()) + out_at;
        const auto* d_out = static_cast<const std::byte*>(d_o.raw()) + out_at;
        const Operand q = heads.rows(heads.q(t, h), rows), k = heads.rows(heads.k(keys.begin, kv), seen),
                      v = heads.rows(heads.v(keys.begin, kv), seen);
        const Operand d_out_rows{d_out, rows, head_dim, out_width, 1};
        const Operand p{mine.p.data(), rows, seen, seen, 1}, ds{mine.ds.data(), rows, seen, seen, 1};
        for (std::int64_t r = 0; r < rows; ++r)
          dots[r] = dot(out + r * out_width * size_of(dtype), d_out + r * out_width * size_of(dtype), head_dim, dtype);
        product(scores, DType::f32, seen, q, k.transposed(), dtype, false);
        softmax_rows_again(mine.p.data(), lse.data<float>() + (b * s.num_heads + h) * s.seq_len + t, scores, block);
        product(dv + at, DType::f32, head_dim, p.transposed(), d_out_rows, dtype, !is_first);  // dv += p^T do
        product(dp, DType::f32, seen, d_out_rows, v.transposed(), dtype, false);               // dp = do v^T
        softmax_rows_backward(mine.ds.data(), mine.p.data(), dp, dots, block);
        product(gradients.q(t, h), dtype, gradients.width, ds, k, dtype, false);       // dq = ds k
        product(dk + at, DType::f32, head_dim, ds.transposed(), q, dtype, !is_first);  // dk += ds^T q
      }
    for (std::int64_t u = 0; u < s.seq_len; ++u) {
      store_rounded(gradients.k(u, kv), dk + u * head_dim, head_dim, dtype);
      store_rounded(gradients.v(u, kv), dv + u * head_dim, head_dim, dtype);
    }
  });
}

}  // namespace corollary::cpu
