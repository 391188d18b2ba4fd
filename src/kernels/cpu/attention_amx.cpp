#include "kernels/cpu/attention_amx.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "base/threads.h"
#include "device/buffer.h"
#include "kernels/cpu/amx.h"
#include "kernels/cpu/amx_tiles-inl.h"

// As cpu/attention.cpp, for AMX: one work item is a sequence and a key/value head with its query heads; keys and values are brought
// into tiles once for all of them. Query rows go in blocks of 64 whose scores (64 * seq_len * 4 bytes: 128 KB at 512) stay in L2.
//   forward, a block:  s = q k^T;  p = exp(scale s - max);  o = p v / sum p
//   backward, a block: s = q k^T;  p = exp(scale s - lse);  dp = do v^T;  ds = scale p (dp - do.o);
//                      dq = ds k;  dk^T += q^T ds;  dv^T += do^T p        (transposed, so that ds and p are written as tiles at
//                      once)
// Sequences are padded with zero rows to whole blocks; keys past the diagonal get p = 0, and so do those of other documents, of
// which whole blocks before the first a block of queries sees are left out.
namespace corollary::cpu {
namespace {

constexpr std::int64_t kBlock = 64;

/// exp(x) for x <= 0 or a little above, 1e-7 relative: 2^n times a polynomial on [-ln2/2, ln2/2].
inline __m512 exp_ps(__m512 x) {
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504088896341f)), _MM_FROUND_TO_NEAREST_INT);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
  __m512 p = _mm512_set1_ps(1.0f / 720);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, n);
}

inline __mmask16 first_lanes(std::int64_t n) { return n >= 16 ? 0xffff : n <= 0 ? 0 : static_cast<__mmask16>((1u << n) - 1); }
/// One head of one sequence in a packed tensor: rows of head_dim elements, `step` apart.
struct Rows {
  bf16* at;
  std::int64_t step;
};

/// Padded sizes and the pieces of scratch an item uses, cut from one buffer a thread.
struct Work {
  std::int64_t rows, dim, rows_step, score_step;  // padded seq_len, padded head_dim; steps keep rows off one another's cache sets
  bf16 *q, *d_o;                                  // [rows, dim] row-major
  bf16 *k_by_dim, *v_by_dim;                      // k^T, v^T as right operands: k = dim, n = rows
  bf16 *k_by_row, *v_by_row;                      // k, v as right operands: k = rows, n = dim
  bf16 *q_t, *d_o_t;                              // q^T, do^T as left operands: m = dim, k = rows
  float *s, *dp;                                  // [block, score_step]
  bf16* p;                                        // [block, rows_step] row-major
  bf16 *p_tiles, *ds_tiles;                       // right operands: k = block, n = rows
  float* out;                                     // [block, dim]
  float *dk_t, *dv_t;                             // [dim, score_step]

  explicit Work(const AttentionShape& shape)
      : rows(round_up(shape.seq_len, kBlock)), dim(round_up(shape.head_dim, 32)), rows_step(rows + 32), score_step(rows + 16) {
    thread_local Buffer buffer;
    for (std::byte* base = nullptr;; base = static_cast<std::byte*>(buffer.data())) {  // first to count, then to cut
      std::int64_t used = 0;
      const auto cut = [&](auto*& piece, std::int64_t elements) {
        if (base != nullptr) piece = reinterpret_cast<std::remove_reference_t<decltype(piece)>>(base + used);
        used += round_up(elements * static_cast<std::int64_t>(sizeof *piece), 64);
      };
      for (bf16** matrix : {&q, &d_o, &k_by_dim, &v_by_dim, &k_by_row, &v_by_row, &q_t, &d_o_t}) cut(*matrix, rows * dim);
      for (float** matrix : {&s, &dp}) cut(*matrix, kBlock * score_step);
      cut(p, kBlock * rows_step);
      for (bf16** matrix : {&p_tiles, &ds_tiles}) cut(*matrix, kBlock * rows);
      cut(out, kBlock * dim);
      for (float** matrix : {&dk_t, &dv_t}) cut(*matrix, dim * score_step);
      if (base != nullptr) break;
      if (buffer.size_bytes() < used) buffer = Buffer(used);
    }
  }
};

/// x [n, head_dim] to [rows, dim], zeros around.
void copy_padded(bf16* to, const Rows& x, std::int64_t n, std::int64_t head_dim, const Work& w) {
  for (std::int64_t t = 0; t < w.rows; ++t, to += w.dim) {
    const std::int64_t have = t < n ? head_dim : 0;
    if (have > 0) std::memcpy(to, x.at + t * x.step, static_cast<std::size_t>(have) * 2);
    if (have < w.dim) std::memset(static_cast<void*>(to + have), 0, static_cast<std::size_t>(w.dim - have) * 2);
  }
}

/// to [n, head_dim] bf16 = from^T, from [dim, score_step] f32.
void store_transposed(const Rows& to, const float* from, std::int64_t n, std::int64_t head_dim, const Work& w) {
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i steps = _mm512_mullo_epi32(lanes, _mm512_set1_epi32(static_cast<int>(w.score_step)));
  for (std::int64_t t = 0; t < n; ++t)
    for (std::int64_t d = 0; d < head_dim; d += 16)
      _mm256_mask_storeu_epi16(to.at + t * to.step + d, first_lanes(head_dim - d),
                               to_bf16x16(_mm512_i32gather_ps(steps, from + d * w.score_step + t, 4)));
}

/// Whose columns [begin, end) hold scores, of which a row sees [from, seen); begin and end are whole blocks.
struct Columns {
  std::int64_t begin, end, from, seen;
  __mmask16 lanes(std::int64_t u) const { return first_lanes(seen - u) & static_cast<__mmask16>(~first_lanes(from - u)); }
};

/// p = exp(scale s - max) of the columns seen, 0 of the others; returns the sum, *most = scale max.
float softmax_row(bf16* p, const float* s, const Columns& columns, float scale, float* most) {
  const std::int64_t whole = columns.seen / 16 * 16;  // vectors without a mask: all but one or two of a long row
  __m512 maxima = _mm512_set1_ps(-INFINITY);
  const auto compare = [&](std::int64_t u) {
    maxima = _mm512_mask_max_ps(maxima, columns.lanes(u), maxima, _mm512_loadu_ps(s + u));
  };
  std::int64_t at = columns.begin;
  for (; at < columns.from; at += 16) compare(at);
  for (; at < whole; at += 16) maxima = _mm512_max_ps(maxima, _mm512_loadu_ps(s + at));
  if (at < columns.end) compare(at);
  *most = _mm512_reduce_max_ps(maxima) * scale;
  const __m512 factor = _mm512_set1_ps(scale), shift = _mm512_set1_ps(-*most);
  __m512 sums = _mm512_setzero_ps();
  const auto weigh = [&](std::int64_t u, __mmask16 lanes) {
    const __m512 e = _mm512_maskz_mov_ps(lanes, exp_ps(_mm512_fmadd_ps(_mm512_loadu_ps(s + u), factor, shift)));
    sums = _mm512_add_ps(sums, e);
    store_bf16x16(p + u, e);
  };
  for (at = columns.begin; at < columns.from; at += 16) weigh(at, columns.lanes(at));
  for (; at < whole; at += 16) weigh(at, 0xffff);
  if (at < columns.end) weigh(at, columns.lanes(at));
  for (at += 16; at < columns.end; at += 16) store_bf16x16(p + at, _mm512_setzero_ps());
  return _mm512_reduce_add_ps(sums);
}

/// sum_i a[i] b[i], n a multiple of 32 (padded rows).
float dot_row(const bf16* a, const bf16* b, std::int64_t n) {
  __m512 sums = _mm512_setzero_ps();
  for (std::int64_t i = 0; i < n; i += 16)
    sums = _mm512_fmadd_ps(from_bf16x16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(a + i))),
                           from_bf16x16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + i))), sums);
  return _mm512_reduce_add_ps(sums);
}

/// Two rows r, r + 1 of the backward block: p and ds as pairs into their tiles, ds also row-major into w.p.
void backward_rows(const Work& w, std::int64_t r, const Columns& row0, const Columns& row1, float scale, const float* lse,
                   const float* dots) {
  const __m512 factor = _mm512_set1_ps(scale);
  const float *s0 = w.s + r * w.score_step, *dp0 = w.dp + r * w.score_step;
  bf16* ds0 = w.p + r * w.rows_step;
  const __m512 row_lse[2] = {_mm512_set1_ps(lse[0]), _mm512_set1_ps(lse[1])};
  const __m512 row_dot[2] = {_mm512_set1_ps(dots[0]), _mm512_set1_ps(dots[1])};
  const auto column = [&](std::int64_t u, __mmask16 lanes0, __mmask16 lanes1) {
    __m256i p[2], ds[2];
    for (int i = 0; i < 2; ++i) {
      const __m512 s = _mm512_loadu_ps(s0 + i * w.score_step + u), dp = _mm512_loadu_ps(dp0 + i * w.score_step + u);
      const __m512 weight = _mm512_maskz_mov_ps(i == 0 ? lanes0 : lanes1, exp_ps(_mm512_fmsub_ps(s, factor, row_lse[i])));
      p[i] = to_bf16x16(weight);
      ds[i] = to_bf16x16(_mm512_mul_ps(_mm512_mul_ps(weight, factor), _mm512_sub_ps(dp, row_dot[i])));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(ds0 + i * w.rows_step + u), ds[i]);
    }
    const std::int64_t at = (u / 16 * (kBlock / 32) + r / 32) * kTileElements + r % 32 / 2 * 32;
    _mm512_storeu_si512(w.p_tiles + at, interleave(p[0], p[1]));
    _mm512_storeu_si512(w.ds_tiles + at, interleave(ds[0], ds[1]));
  };
  const std::int64_t whole = row0.seen / 16 * 16;
  std::int64_t at = row0.begin;
  for (; at < row1.from; at += 16) column(at, row0.lanes(at), row1.lanes(at));
  for (; at < whole; at += 16) column(at, 0xffff, 0xffff);
  for (; at < row0.end; at += 16) column(at, row0.lanes(at), row1.lanes(at));
}

/// Of the query at `first` + r in the block of queries from `first` on; rows of padding see what the block does.
class BlockColumns {
 public:
  BlockColumns(ConstTensor document_starts, const AttentionShape& s, std::int64_t sequence, std::int64_t first)
      : first_(first), rows_(std::min(kBlock, s.seq_len - first)) {
    if (document_starts) starts_ = document_starts.data<std::int32_t>() + sequence * s.seq_len + first;
  }
  std::int64_t begin() const { return starts_ == nullptr ? 0 : starts_[0] / kBlock * kBlock; }
  std::int64_t end() const { return first_ + kBlock; }
  Columns row(std::int64_t r) const {
    const std::int64_t from = starts_ == nullptr ? 0 : starts_[std::min(r, rows_ - 1)];
    return {begin(), end(), from, first_ + r + 1};
  }

 private:
  std::int64_t first_, rows_;
  const std::int32_t* starts_ = nullptr;
};

/// A head of sequence b in a packed [tokens, width] tensor; heads are counted from the row's start.
Rows head(ConstTensor packed, const AttentionShape& s, std::int64_t b, std::int64_t slot) {
  return {static_cast<bf16*>(const_cast<void*>(packed.raw())) + b * s.seq_len * packed.row_stride() + slot * s.head_dim,
          packed.row_stride()};
}

template <class F>
void each_item(const AttentionShape& s, F f) {
  parallel_pieces(s.batch * s.num_kv_heads, [&](std::int64_t begin, std::int64_t end, int) {
    const TileScope tiles;
    Work work(s);
    for (std::int64_t item = begin; item < end; ++item) f(work, item / s.num_kv_heads, item % s.num_kv_heads);
  });
}

}  // namespace

void attention_forward_amx(Tensor o, Tensor lse, ConstTensor qkv, const AttentionShape& s, ConstTensor document_starts) {
  const std::int64_t group = s.num_heads / s.num_kv_heads;
  each_item(s, [&](Work& w, std::int64_t b, std::int64_t kv) {
    copy_padded(w.q, head(qkv, s, b, s.num_heads + kv), s.seq_len, s.head_dim, w);
    pack_right_transposed(w.k_by_dim, w.q, w.dim, w.dim, w.rows);
    copy_padded(w.q, head(qkv, s, b, s.num_heads + s.num_kv_heads + kv), s.seq_len, s.head_dim, w);
    pack_right(w.v_by_row, w.q, w.dim, w.rows, w.dim);
    const RightTiles k_by_dim{w.k_by_dim, w.dim / 32}, v_by_row{w.v_by_row, w.rows / 32};
    for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
      copy_padded(w.q, head(qkv, s, b, h), s.seq_len, s.head_dim, w);
      const Rows out = head(o, s, b, h);
      float* row_lse = lse.data<float>() + (b * s.num_heads + h) * s.seq_len;
      for (std::int64_t t = 0; t < s.seq_len; t += kBlock) {
        const BlockColumns columns(document_starts, s, b, t);
        const std::int64_t begin = columns.begin(), keys = columns.end() - begin, rows = std::min(kBlock, s.seq_len - t);
        tile_product<false>(w.s + begin, w.score_step, LeftTiles::row_major(w.q + t * w.dim, w.dim), k_by_dim.from(0, begin),
                            kBlock, keys, w.dim);
        float sums[kBlock];
        for (std::int64_t r = 0; r < kBlock; ++r) {
          float most = 0;
          sums[r] = softmax_row(w.p + r * w.rows_step, w.s + r * w.score_step, columns.row(r), s.scale, &most);
          if (r < rows) row_lse[t + r] = most + std::log(sums[r]);
        }
        tile_product<false>(w.out, w.dim, LeftTiles::row_major(w.p + begin, w.rows_step), v_by_row.from(begin, 0), kBlock, w.dim,
                            keys);
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t d = 0; d < s.head_dim; d += 16)
            _mm256_mask_storeu_epi16(
                out.at + (t + r) * out.step + d, first_lanes(s.head_dim - d),
                to_bf16x16(_mm512_mul_ps(_mm512_loadu_ps(w.out + r * w.dim + d), _mm512_set1_ps(1.0f / sums[r]))));
      }
    }
  });
}

void attention_backward_amx(Tensor d_qkv, ConstTensor d_o, ConstTensor o, ConstTensor lse, ConstTensor qkv, const AttentionShape& s,
                            ConstTensor document_starts) {
  const std::int64_t group = s.num_heads / s.num_kv_heads;
  each_item(s, [&](Work& w, std::int64_t b, std::int64_t kv) {
    copy_padded(w.q, head(qkv, s, b, s.num_heads + kv), s.seq_len, s.head_dim, w);
    pack_right_transposed(w.k_by_dim, w.q, w.dim, w.dim, w.rows);
    pack_right(w.k_by_row, w.q, w.dim, w.rows, w.dim);
    copy_padded(w.q, head(qkv, s, b, s.num_heads + s.num_kv_heads + kv), s.seq_len, s.head_dim, w);
    pack_right_transposed(w.v_by_dim, w.q, w.dim, w.dim, w.rows);
    const RightTiles k_by_dim{w.k_by_dim, w.dim / 32}, v_by_dim{w.v_by_dim, w.dim / 32}, k_by_row{w.k_by_row, w.rows / 32};
    const RightTiles p_tiles{w.p_tiles, kBlock / 32}, ds_tiles{w.ds_tiles, kBlock / 32};
    std::memset(w.dk_t, 0, static_cast<std::size_t>(w.dim * w.score_step) * 4);
    std::memset(w.dv_t, 0, static_cast<std::size_t>(w.dim * w.score_step) * 4);
    for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
      copy_padded(w.q, head(o, s, b, h), s.seq_len, s.head_dim, w);
      copy_padded(w.d_o, head(d_o, s, b, h), s.seq_len, s.head_dim, w);
      thread_local std::vector<float> dots, row_lse;
      dots.assign(static_cast<std::size_t>(w.rows), 0.0f);
      row_lse.assign(static_cast<std::size_t>(w.rows), 0.0f);
      for (std::int64_t t = 0; t < s.seq_len; ++t)
        dots[static_cast<std::size_t>(t)] = dot_row(w.q + t * w.dim, w.d_o + t * w.dim, w.dim);
      std::memcpy(row_lse.data(), lse.data<float>() + (b * s.num_heads + h) * s.seq_len, static_cast<std::size_t>(s.seq_len) * 4);
      copy_padded(w.q, head(qkv, s, b, h), s.seq_len, s.head_dim, w);
      pack_left_transposed(w.q_t, w.q, w.dim, w.rows, w.dim);
      pack_left_transposed(w.d_o_t, w.d_o, w.dim, w.rows, w.dim);
      const Rows dq = head(d_qkv, s, b, h);
      const auto left = [&](const bf16* packed, std::int64_t t) {  // columns of k from t on
        return LeftTiles::packed(packed + t / 32 * kTileElements, w.rows / 32);
      };
      for (std::int64_t t = 0; t < s.seq_len; t += kBlock) {
        const BlockColumns columns(document_starts, s, b, t);
        const std::int64_t begin = columns.begin(), keys = columns.end() - begin, rows = std::min(kBlock, s.seq_len - t);
        tile_product<false>(w.s + begin, w.score_step, LeftTiles::row_major(w.q + t * w.dim, w.dim), k_by_dim.from(0, begin),
                            kBlock, keys, w.dim);
        tile_product<false>(w.dp + begin, w.score_step, LeftTiles::row_major(w.d_o + t * w.dim, w.dim), v_by_dim.from(0, begin),
                            kBlock, keys, w.dim);
        for (std::int64_t r = 0; r < kBlock; r += 2)
          backward_rows(w, r, columns.row(r), columns.row(r + 1), s.scale, row_lse.data() + t + r, dots.data() + t + r);
        tile_product<true>(w.dv_t + begin, w.score_step, left(w.d_o_t, t), p_tiles.from(0, begin), w.dim, keys, kBlock);
        tile_product<true>(w.dk_t + begin, w.score_step, left(w.q_t, t), ds_tiles.from(0, begin), w.dim, keys, kBlock);
        tile_product<false>(w.out, w.dim, LeftTiles::row_major(w.p + begin, w.rows_step), k_by_row.from(begin, 0), kBlock, w.dim,
                            keys);
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t d = 0; d < s.head_dim; d += 16)
            _mm256_mask_storeu_epi16(dq.at + (t + r) * dq.step + d, first_lanes(s.head_dim - d),
                                     to_bf16x16(_mm512_loadu_ps(w.out + r * w.dim + d)));
      }
    }
    store_transposed(head(d_qkv, s, b, s.num_heads + kv), w.dk_t, s.seq_len, s.head_dim, w);
    store_transposed(head(d_qkv, s, b, s.num_heads + s.num_kv_heads + kv), w.dv_t, s.seq_len, s.head_dim, w);
  });
}

}  // namespace corollary::cpu
