#pragma once
#include <cstdint>

#include "device/tensor.h"

// bf16 matrix products on AMX tiles, for the translation units compiled for it (CMakeLists.txt: AMX_SOURCES) and entered only where
// amx_available(). A tile is 16 rows of 64 bytes; one instruction multiplies 16 x 32 by 32 x 16 bf16 into 16 x 16 f32 in 16 cycles.
// Operands stand in whole tiles, padded with zeros: no edges here.
namespace corollary::cpu {

/// The CPU has AMX bf16 and the kernel lets this process use it (asked once); false if COROLLARY_NO_AMX is set.
bool amx_available();

inline std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

#ifdef __AMX_BF16__
}  // namespace corollary::cpu
#include <immintrin.h>
namespace corollary::cpu {

/// What LDTILECFG reads: all eight tiles 16 rows of 64 bytes.
struct TileConfig {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
// In memory for good: gcc 12 thinks the instruction reads eight bytes and would drop the stores to a local one.
alignas(64) inline constexpr TileConfig kTileConfig{};

/// The thread's tile registers, shaped for all below, from construction to destruction.
class TileScope {
 public:
  TileScope() { _tile_loadconfig(&kTileConfig); }
  ~TileScope() { _tile_release(); }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;
};

/// The right operand of a product [k, n] in tiles of 32 x 16, pairs of k beside one another: tile (k/32, n/16) is 512 elements at
/// (n/16 * k_tiles + k/32) * 512, element (k, n) of it at k%32/2 * 32 + n%16 * 2 + k%2.
inline constexpr std::int64_t kTileElements = 512;

/// c [m, n] f32 = a b, or += if kAdds.   a [m, k] row-major      b: tiles as above, k_tiles a column of tiles      m, n, k
/// multiples of 32
template <bool kAdds>
inline void tile_product(float* c, std::int64_t c_step, const bf16* a, std::int64_t a_step, const bf16* b, std::int64_t b_k_tiles,
                         std::int64_t m, std::int64_t n, std::int64_t k) {
  const std::int64_t c_bytes = c_step * 4, a_bytes = a_step * 2;
  for (std::int64_t j = 0; j < n; j += 32) {
    const bf16* b0 = b + j / 16 * b_k_tiles * kTileElements;
    const bf16* b1 = b0 + b_k_tiles * kTileElements;
    for (std::int64_t i = 0; i < m; i += 32) {
      float* c0 = c + i * c_step + j;
      float* c1 = c0 + 16 * c_step;
      if constexpr (kAdds) {
        _tile_loadd(0, c0, c_bytes);
        _tile_loadd(1, c0 + 16, c_bytes);
        _tile_loadd(2, c1, c_bytes);
        _tile_loadd(3, c1 + 16, c_bytes);
      } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
      }
      const bf16* a0 = a + i * a_step;
      const bf16* a1 = a0 + 16 * a_step;
      for (std::int64_t at = 0; at < k; at += 32) {
        _tile_loadd(4, a0 + at, a_bytes);
        _tile_loadd(6, b0 + at * 16, 64);
        _tile_loadd(7, b1 + at * 16, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, a1 + at, a_bytes);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
      _tile_stored(0, c0, c_bytes);
      _tile_stored(1, c0 + 16, c_bytes);
      _tile_stored(2, c1, c_bytes);
      _tile_stored(3, c1 + 16, c_bytes);
    }
  }
}
#endif

}  // namespace corollary::cpu
