#pragma once
#include <immintrin.h>

#include <algorithm>
#include <cstdint>

#include "device/tensor.h"

// bf16 matrix products on AMX tiles. Included only by the sources compiled for AMX (CMakeLists.txt: AMX_SOURCES), whose functions
// are entered only where amx_available(). A tile is 16 rows of 64 bytes; one instruction adds 16 x 32 bf16 times 32 x 16 bf16 to 16
// x 16 f32 in 16 cycles, 1,024 flops a cycle. Sizes here are whole tiles: whoever has edges pads them with zeros.
namespace corollary::cpu {
namespace {

inline constexpr std::int64_t kTileElements = 512;  ///< bf16 of a tile

/// What LDTILECFG reads: all eight tiles 16 rows of 64 bytes.
struct TileConfig {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
// In memory for good: gcc 12 thinks the instruction reads eight bytes and would drop the stores to a local one.
alignas(64) constexpr TileConfig kTileConfig{};

/// The thread's tile registers, shaped for all below, from construction to destruction.
class TileScope {
 public:
  TileScope() { _tile_loadconfig(&kTileConfig); }
  ~TileScope() { _tile_release(); }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;
};

/// The left operand [m, k]: tile (m/16, k/32) begins at data + m/16 * row_tile_step + k/32 * k_tile_step, its rows row_bytes apart.
struct LeftTiles {
  const bf16* data;
  std::int64_t row_tile_step, k_tile_step, row_bytes;

  /// A row-major matrix as it lies, rows `step` elements apart.
  static LeftTiles row_major(const bf16* data, std::int64_t step) { return {data, 16 * step, 32, 2 * step}; }
  /// Tiles one after another, k_tiles a row of tiles (pack_left).
  static LeftTiles packed(const bf16* data, std::int64_t k_tiles) { return {data, k_tiles * kTileElements, kTileElements, 64}; }
};

/// The right operand [k, n] in tiles one after another, k_tiles a column of tiles: tile (k/32, n/16) begins at
/// data + (n/16 * k_tiles + k/32) * 512 and holds element (k, n) at k%32/2 * 32 + n%16 * 2 + k%2: pairs of k side by side.
struct RightTiles {
  const bf16* data;
  std::int64_t k_tiles;
  RightTiles from(std::int64_t k, std::int64_t n) const { return {data + (n / 16 * k_tiles + k / 32) * kTileElements, k_tiles}; }
};

/// Lines of memory to ask for while tiles multiply, a few a step: a core waits for 16 lines at most and L3 is 100 ns away, so
/// asking for all at once would stall it, and not asking would too.
class Ahead {
 public:
  Ahead() = default;
  /// Rows of `row_bytes`, `step_bytes` apart; all of them asked for within `steps` calls.
  Ahead(const void* first, std::int64_t rows, std::int64_t row_bytes, std::int64_t step_bytes, std::int64_t steps)
      : row_(static_cast<const char*>(first)), rows_(rows), row_bytes_(row_bytes), step_bytes_(step_bytes) {
    per_step_ = (rows * ((row_bytes + 63) / 64) + steps - 1) / std::max<std::int64_t>(1, steps);
  }
  void step() {
    for (std::int64_t i = 0; i < per_step_ && rows_ > 0; ++i) {
      _mm_prefetch(row_ + at_, _MM_HINT_T1);
      at_ += 64;
      if (at_ < row_bytes_) continue;
      at_ = 0;
      row_ += step_bytes_;
      --rows_;
    }
  }

 private:
  const char* row_ = nullptr;
  std::int64_t rows_ = 0, row_bytes_ = 0, step_bytes_ = 0, at_ = 0, per_step_ = 0;
};

/// c [32, 32] f32 = a b over k, or += if kAdds.
template <bool kAdds>
inline void tile_product_32x32(float* c, std::int64_t c_step, const LeftTiles& a, const RightTiles& b, std::int64_t k, Ahead& near,
                               Ahead& far) {
  const std::int64_t c_bytes = c_step * 4, b_step = b.k_tiles * kTileElements;
  float* const c1 = c + 16 * c_step;
  if constexpr (kAdds) {
    _tile_loadd(0, c, c_bytes);
    _tile_loadd(1, c + 16, c_bytes);
    _tile_loadd(2, c1, c_bytes);
    _tile_loadd(3, c1 + 16, c_bytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  const bf16 *a_at = a.data, *b_at = b.data;
  for (std::int64_t at = 0; at < k; at += 32, a_at += a.k_tile_step, b_at += kTileElements) {
    _tile_loadd(4, a_at, a.row_bytes);
    _tile_loadd(6, b_at, 64);
    _tile_loadd(7, b_at + b_step, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(5, a_at + a.row_tile_step, a.row_bytes);
    _tile_dpbf16ps(1, 4, 7);
    near.step();
    _tile_dpbf16ps(2, 5, 6);
    far.step();
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, c, c_bytes);
  _tile_stored(1, c + 16, c_bytes);
  _tile_stored(2, c1, c_bytes);
  _tile_stored(3, c1 + 16, c_bytes);
}

/// c [m, n] f32 = a b, or += if kAdds; m, n, k multiples of 32.
template <bool kAdds>
inline void tile_product(float* c, std::int64_t c_step, LeftTiles a, const RightTiles& b, std::int64_t m, std::int64_t n,
                         std::int64_t k, Ahead far = {}) {
  Ahead nothing;
  for (std::int64_t i = 0; i < m; i += 32, a.data += 2 * a.row_tile_step)
    for (std::int64_t j = 0; j < n; j += 32)
      tile_product_32x32<kAdds>(c + i * c_step + j, c_step, a, b.from(0, j), k, nothing, far);
}

// ---- bringing matrices into tiles ----

/// 16 x 16 elements of 32 bits, transposed in registers: 64 shuffles.
inline void transpose_16x16(__m512i (&r)[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

inline __m256i load_bf16x16(const bf16* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }
/// 16 pairs (even[i], odd[i]).
inline __m512i interleave(__m256i even, __m256i odd) {
  return _mm512_or_si512(_mm512_cvtepu16_epi32(even), _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16));
}

/// Two neighbouring right tiles from 32 rows k of 32 columns n: whole cache lines of x, each read once.
inline void pack_right_tiles(bf16* tile, bf16* next_tile, const bf16* x, std::int64_t step) {
  for (int pair = 0; pair < 16; ++pair, x += 2 * step) {
    _mm_prefetch(reinterpret_cast<const char*>(x + 32 * step),
                 _MM_HINT_T0);  // rows of the panel below, for hardware follows few streams
    _mm_prefetch(reinterpret_cast<const char*>(x + 33 * step), _MM_HINT_T0);
    const __m512i even = _mm512_loadu_si512(x), odd = _mm512_loadu_si512(x + step);
    _mm512_store_si512(tile + 32 * pair, interleave(_mm512_castsi512_si256(even), _mm512_castsi512_si256(odd)));
    _mm512_store_si512(next_tile + 32 * pair, interleave(_mm512_extracti64x4_epi64(even, 1), _mm512_extracti64x4_epi64(odd, 1)));
  }
}

/// One right tile of the transpose: from 16 rows n of 32 columns k.
inline void pack_right_tile_transposed(bf16* tile, const bf16* x, std::int64_t step) {
  __m512i r[16];
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(x + i * step);
  transpose_16x16(r);
  for (int i = 0; i < 16; ++i) _mm512_store_si512(tile + 32 * i, r[i]);
}

/// One left tile of the transpose: from 32 rows k of 16 columns m.
inline void pack_left_tile_transposed(bf16* tile, const bf16* x, std::int64_t step) {
  __m512i r[16];
  for (int pair = 0; pair < 16; ++pair, x += 2 * step) r[pair] = interleave(load_bf16x16(x), load_bf16x16(x + step));
  transpose_16x16(r);
  for (int i = 0; i < 16; ++i) _mm512_store_si512(tile + 32 * i, r[i]);
}

/// x [k, n] row-major into right tiles; k and n multiples of 32.
inline void pack_right(bf16* tiles, const bf16* x, std::int64_t step, std::int64_t k, std::int64_t n) {
  const std::int64_t column = k / 32 * kTileElements;
  for (std::int64_t i = 0; i < k; i += 32)
    for (std::int64_t j = 0; j < n; j += 32) {
      bf16* const tile = tiles + j / 16 * column + i / 32 * kTileElements;
      pack_right_tiles(tile, tile + column, x + i * step + j, step);
    }
}

/// x [n, k] row-major into the right tiles of its transpose [k, n].
inline void pack_right_transposed(bf16* tiles, const bf16* x, std::int64_t step, std::int64_t k, std::int64_t n) {
  for (std::int64_t j = 0; j < n; j += 16)
    for (std::int64_t i = 0; i < k; i += 32, tiles += kTileElements) pack_right_tile_transposed(tiles, x + j * step + i, step);
}

/// x [k, m] row-major into the left tiles of its transpose [m, k].
inline void pack_left_transposed(bf16* tiles, const bf16* x, std::int64_t step, std::int64_t k, std::int64_t m) {
  for (std::int64_t j = 0; j < k; j += 32)
    for (std::int64_t i = 0; i < m; i += 16)
      pack_left_tile_transposed(tiles + (i / 16 * (k / 32) + j / 32) * kTileElements, x + j * step + i, step);
}

inline __m256i to_bf16x16(__m512 x) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)); }
inline __m512 from_bf16x16(__m256i x) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16)); }
inline void store_bf16x16(bf16* y, __m512 x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), to_bf16x16(x)); }

}  // namespace
}  // namespace corollary::cpu
