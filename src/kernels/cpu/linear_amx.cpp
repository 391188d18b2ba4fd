#include "kernels/cpu/linear_amx.h"

#include <algorithm>

#include "base/threads.h"
#include "device/buffer.h"
#include "kernels/cpu/amx.h"
#include "kernels/cpu/amx_tiles-inl.h"

// oneDNN repacks both operands of every call and, for gradients of weights, transposes the wide one: inside a training step, with
// operands coming from L3, it kept 0.4 to 0.9 of a possible 2.6 TFLOP/s a core. Here
//   forward, backward_input: weights go into tiles once a call, shared by all threads (0.2 cycles an element against tokens / 512
//   of use);
//                            activations are read as they lie.
//   backward_weight:         of dy and x the narrower is transposed into left tiles, the wider only paired into right tiles, 1,024
//   tokens
//                            at a time so that both stay in L2.
namespace corollary::cpu {
namespace {

constexpr std::int64_t kDepth = 512;           // of k a pass: 32 rows of a are then 32 KB and stay in L1
constexpr std::int64_t kRightBytes = 1 << 20;  // of right tiles used at a time: half of L2

std::int64_t whole_pieces(std::int64_t n) { return n / 32; }

/// The right operand of a product, packed by all threads into memory that the calling thread keeps; pack(tiles, j) makes columns
/// [j, j + 32).
template <class Pack>
RightTiles pack_shared(std::int64_t k, std::int64_t n, Pack pack) {
  thread_local Buffer buffer;
  if (buffer.size_bytes() < k * n * 2) buffer = Buffer(k * n * 2);
  auto* const tiles = static_cast<bf16*>(buffer.data());
  parallel_pieces(whole_pieces(n), [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t j = 32 * begin; j < 32 * end; j += 32) pack(tiles + j * k, j);
  });
  return {tiles, k / 32};
}

/// 32 x 32 of f32 to y in its dtype.
void store_block(Tensor y, std::int64_t row, std::int64_t column, const float* c, std::int64_t c_step) {
  if (y.dtype() == DType::f32) {
    float* to = y.data<float>() + row * y.row_stride() + column;
    for (int i = 0; i < 32; ++i, to += y.row_stride(), c += c_step)
      for (int j = 0; j < 32; j += 16) _mm512_storeu_ps(to + j, _mm512_loadu_ps(c + j));
  } else {
    bf16* to = y.data<bf16>() + row * y.row_stride() + column;
    for (int i = 0; i < 32; ++i, to += y.row_stride(), c += c_step)
      for (int j = 0; j < 32; j += 16) store_bf16x16(to + j, _mm512_loadu_ps(c + j));
  }
}

/// The lines of y that store_block writes at (row, column), to be asked for within `steps`.
Ahead block_ahead(Tensor y, std::int64_t row, std::int64_t column, std::int64_t steps) {
  const std::int64_t bytes = size_of(y.dtype()), step = y.row_stride() * bytes;
  return Ahead(static_cast<const std::byte*>(y.raw()) + row * step + column * bytes, 32, 32 * bytes, step, steps);
}

/// Rows [begin, end) of y = a b. A panel of kPanel rows of a stays in L1 while b streams past it from L2, each of its tiles used
/// for the whole panel. Where k is deeper than kDepth, sums stand in f32 between passes over k. Meanwhile the memory of the next
/// block of y and of the next panel of a is asked for.
void product_rows(Tensor y, const bf16* a, std::int64_t a_step, const RightTiles& b, std::int64_t n, std::int64_t k,
                  std::int64_t begin, std::int64_t end) {
  const TileScope tiles;
  if (k <= kDepth) {
    constexpr std::int64_t kPanel = 64;
    const std::int64_t columns = std::max<std::int64_t>(32, kRightBytes / (2 * k) / 32 * 32), k_steps = k / 32;
    for (std::int64_t j0 = 0; j0 < n; j0 += columns)
      for (std::int64_t i0 = begin; i0 < end; i0 += kPanel) {
        const std::int64_t j_end = std::min(n, j0 + columns), i_end = std::min(end, i0 + kPanel);
        const std::int64_t blocks = (j_end - j0) / 32 * ((i_end - i0) / 32);
        Ahead panel(a + i_end * a_step, std::min(kPanel, end - i_end), 2 * k, 2 * a_step, blocks * k_steps);
        for (std::int64_t j = j0; j < j_end; j += 32)
          for (std::int64_t i = i0; i < i_end; i += 32) {
            Ahead next = i + 32 < i_end   ? block_ahead(y, i + 32, j, k_steps)
                         : j + 32 < j_end ? block_ahead(y, i0, j + 32, k_steps)
                         : i_end < end    ? block_ahead(y, i_end, j0, k_steps)
                                          : Ahead();
            alignas(64) float c[32 * 32];
            tile_product_32x32<false>(c, 32, LeftTiles::row_major(a + i * a_step, a_step), b.from(0, j), k, next, panel);
            store_block(y, i, j, c, 32);
          }
      }
    return;
  }
  constexpr std::int64_t kRows = 128, kColumns = 512;
  thread_local Buffer sums(kRows * kColumns * 4);
  auto* const c = static_cast<float*>(sums.data());
  const std::int64_t passes = (k + kDepth - 1) / kDepth, depth = round_up((k + passes - 1) / passes, 32);
  for (std::int64_t i0 = begin; i0 < end; i0 += kRows)
    for (std::int64_t j0 = 0; j0 < n; j0 += kColumns) {
      const std::int64_t rows = std::min(kRows, end - i0), wide = std::min(kColumns, n - j0);
      for (std::int64_t at = 0; at < k; at += depth) {
        const LeftTiles left = LeftTiles::row_major(a + i0 * a_step + at, a_step);
        const std::int64_t deep = std::min(depth, k - at), steps = rows / 32 * (wide / 32) * (deep / 32);
        const bool is_last = at + deep >= k;  // then what comes next is the panel below
        const std::int64_t next_deep = is_last ? depth : std::min(depth, k - at - deep);
        const Ahead next(is_last ? a + (i0 + rows) * a_step : left.data + deep, is_last ? std::min(kRows, end - i0 - rows) : rows,
                         2 * next_deep, 2 * a_step, steps);
        at == 0 ? tile_product<false>(c, kColumns, left, b.from(at, j0), rows, wide, deep, next)
                : tile_product<true>(c, kColumns, left, b.from(at, j0), rows, wide, deep, next);
      }
      for (std::int64_t i = 0; i < rows; i += 32)
        for (std::int64_t j = 0; j < wide; j += 32) store_block(y, i0 + i, j0 + j, c + i * kColumns + j, kColumns);
    }
}

void product(Tensor y, ConstTensor a, const RightTiles& b, std::int64_t k) {
  parallel_pieces(whole_pieces(y.dim(0)), [&](std::int64_t begin, std::int64_t end, int) {
    product_rows(y, a.data<bf16>(), a.row_stride(), b, y.dim(1), k, 32 * begin, 32 * end);
  });
}

/// to [16, 16] = (or +=) from [16, 16] transposed, f32.
void store_transposed_16(float* to, std::int64_t to_step, const float* from, std::int64_t from_step, bool accumulate) {
  __m512i r[16];
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(from + i * from_step);
  transpose_16x16(r);
  for (int i = 0; i < 16; ++i) {
    float* const row = to + i * to_step;
    const __m512 v = _mm512_castsi512_ps(r[i]);
    _mm512_storeu_ps(row, accumulate ? _mm512_add_ps(_mm512_loadu_ps(row), v) : v);
  }
}

/// Sums c [m, columns] to columns [first, first + columns) of dw, or, if they are dw^T, to these rows.
void store_weight_gradient(Tensor dw, const float* c, std::int64_t c_step, std::int64_t m, std::int64_t first, std::int64_t columns,
                           bool is_transposed, bool accumulate) {
  const std::int64_t step = dw.row_stride();
  float* const out = dw.data<float>() + first * (is_transposed ? step : 1);
  for (std::int64_t i = 0; i < m; i += 16)
    for (std::int64_t j = 0; j < columns; j += 16) {
      if (is_transposed) {
        store_transposed_16(out + j * step + i, step, c + i * c_step + j, c_step, accumulate);
        continue;
      }
      for (std::int64_t r = i; r < i + 16; ++r) {
        float* const to = out + r * step + j;
        const __m512 v = _mm512_loadu_ps(c + r * c_step + j);
        _mm512_storeu_ps(to, accumulate ? _mm512_add_ps(_mm512_loadu_ps(to), v) : v);
      }
    }
}

}  // namespace

bool linear_amx_takes(ConstTensor x, ConstTensor y) {
  const auto whole = [](std::int64_t n) { return n % 32 == 0; };
  return amx_available() && x.dtype() == DType::bf16 && x.dim(0) >= 64 && whole(x.dim(0)) && whole(x.dim(1)) && whole(y.dim(1));
}

void linear_forward_amx(Tensor y, ConstTensor x, ConstTensor w) {
  const std::int64_t k = x.dim(1), n = y.dim(1);
  const RightTiles tiles = pack_shared(k, n, [&](bf16* column, std::int64_t j) {
    pack_right_transposed(column, w.data<bf16>() + j * w.row_stride(), w.row_stride(), k, 32);
  });
  product(y, x, tiles, k);
}

void linear_backward_input_amx(Tensor dx, ConstTensor dy, ConstTensor w) {
  const std::int64_t k = dy.dim(1), n = dx.dim(1);
  const RightTiles tiles =
      pack_shared(k, n, [&](bf16* column, std::int64_t j) { pack_right(column, w.data<bf16>() + j, w.row_stride(), k, 32); });
  product(dx, dy, tiles, k);
}

void linear_backward_weight_amx(Tensor dw, ConstTensor dy, ConstTensor x, bool accumulate) {
  const bool transposes_x = x.dim(1) < dy.dim(1);  // then the sums below are dw^T
  const ConstTensor narrow = transposes_x ? x : dy, wide = transposes_x ? dy : x;
  const std::int64_t tokens = x.dim(0), m = narrow.dim(1);
  const auto packed_left = [&] {  // shared by all threads: [m, tokens]
    thread_local Buffer buffer;
    if (buffer.size_bytes() < m * tokens * 2) buffer = Buffer(m * tokens * 2);
    auto* const tiles = static_cast<bf16*>(buffer.data());
    parallel_pieces(tokens / 32, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t t = begin; t < end; ++t)
        for (std::int64_t i = 0; i < m; i += 16)
          pack_left_tile_transposed(tiles + (i / 16 * (tokens / 32) + t) * kTileElements,
                                    narrow.data<bf16>() + 32 * t * narrow.row_stride() + i, narrow.row_stride());
    });
    return LeftTiles::packed(tiles, tokens / 32);
  }();
  parallel_pieces(whole_pieces(wide.dim(1)), [&](std::int64_t begin, std::int64_t end, int) {
    const TileScope tile_scope;
    constexpr std::int64_t kColumns = 256;  // of the wide operand at a time
    thread_local Buffer sums, right_buffer(kColumns * kDepth * 2);
    if (sums.size_bytes() < m * kColumns * 4) sums = Buffer(m * kColumns * 4);
    auto* const c = static_cast<float*>(sums.data());  // [m, kColumns]
    auto* const right = static_cast<bf16*>(right_buffer.data());
    for (std::int64_t j0 = 32 * begin; j0 < 32 * end; j0 += kColumns) {
      const std::int64_t columns = std::min(kColumns, 32 * end - j0);
      for (std::int64_t at = 0; at < tokens; at += kDepth) {
        const std::int64_t deep = std::min(kDepth, tokens - at);
        pack_right(right, wide.data<bf16>() + at * wide.row_stride() + j0, wide.row_stride(), deep, columns);
        LeftTiles a = packed_left;
        a.data += at / 32 * kTileElements;
        const RightTiles b{right, deep / 32};
        at == 0 ? tile_product<false>(c, kColumns, a, b, m, columns, deep)
                : tile_product<true>(c, kColumns, a, b, m, columns, deep);
      }
      store_weight_gradient(dw, c, kColumns, m, j0, columns, transposes_x, accumulate);
    }
  });
}

}  // namespace corollary::cpu
