#include <cstdint>

#include "corpus/dedup/minhash.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "corpus/dedup/minhash_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace corollary::minhash::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Work per n-gram and vector of rows: one product, one sum, one minimum. Four vectors of minima stay in registers while a batch
// of n-grams passes, so memory is read once a batch.
void narrow(std::uint32_t* minima, const std::uint32_t* factors, std::int64_t rows, const std::uint64_t* x, std::int64_t n) {
  const hn::CappedTag<std::uint32_t, kRowPadding / 4> tag;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(tag));
  for (std::int64_t row = 0; row < rows; row += 4 * lanes) {
    const auto f0 = hn::LoadU(tag, factors + row), f1 = hn::LoadU(tag, factors + row + lanes),
               f2 = hn::LoadU(tag, factors + row + 2 * lanes), f3 = hn::LoadU(tag, factors + row + 3 * lanes);
    auto m0 = hn::LoadU(tag, minima + row), m1 = hn::LoadU(tag, minima + row + lanes),
         m2 = hn::LoadU(tag, minima + row + 2 * lanes), m3 = hn::LoadU(tag, minima + row + 3 * lanes);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto low = hn::Set(tag, static_cast<std::uint32_t>(x[i])), high = hn::Set(tag, static_cast<std::uint32_t>(x[i] >> 32));
      m0 = hn::Min(m0, hn::Add(hn::Mul(f0, low), high));
      m1 = hn::Min(m1, hn::Add(hn::Mul(f1, low), high));
      m2 = hn::Min(m2, hn::Add(hn::Mul(f2, low), high));
      m3 = hn::Min(m3, hn::Add(hn::Mul(f3, low), high));
    }
    hn::StoreU(m0, tag, minima + row);
    hn::StoreU(m1, tag, minima + row + lanes);
    hn::StoreU(m2, tag, minima + row + 2 * lanes);
    hn::StoreU(m3, tag, minima + row + 3 * lanes);
  }
}

void mersenne(std::uint64_t* minima, const std::uint64_t* factors, const std::uint64_t* terms, std::int64_t rows,
              const std::uint64_t* x, std::int64_t n) {
  const hn::CappedTag<std::uint64_t, kRowPadding / 2> tag;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(tag));
  const auto prime = hn::Set(tag, (std::uint64_t{1} << 61) - 1);
  const auto reduced = [&](auto y) HWY_ATTR {  // y = 8 q + r over 2^61 is r + q, less the prime if that is not below it
    const auto sum = hn::Add(hn::And(y, prime), hn::ShiftRight<61>(y));
    return hn::Min(sum, hn::Sub(sum, prime));  // below the prime the difference wraps to something huge
  };
  for (std::int64_t row = 0; row < rows; row += 2 * lanes) {
    const auto f0 = hn::LoadU(tag, factors + row), f1 = hn::LoadU(tag, factors + row + lanes);
    const auto t0 = hn::LoadU(tag, terms + row), t1 = hn::LoadU(tag, terms + row + lanes);
    auto m0 = hn::LoadU(tag, minima + row), m1 = hn::LoadU(tag, minima + row + lanes);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto value = hn::Set(tag, x[i]);
      m0 = hn::Min(m0, reduced(hn::Add(hn::Mul(f0, value), t0)));
      m1 = hn::Min(m1, reduced(hn::Add(hn::Mul(f1, value), t1)));
    }
    hn::StoreU(m0, tag, minima + row);
    hn::StoreU(m1, tag, minima + row + lanes);
  }
}

}  // namespace
}  // namespace corollary::minhash::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace corollary::minhash {

HWY_EXPORT(narrow);
HWY_EXPORT(mersenne);

void update_narrow(std::uint32_t* minima, const std::uint32_t* factors, std::int64_t rows, const std::uint64_t* x, std::int64_t n) {
  HWY_DYNAMIC_DISPATCH(narrow)(minima, factors, rows, x, n);
}
void update_mersenne(std::uint64_t* minima, const std::uint64_t* factors, const std::uint64_t* terms, std::int64_t rows,
                     const std::uint64_t* x, std::int64_t n) {
  HWY_DYNAMIC_DISPATCH(mersenne)(minima, factors, terms, rows, x, n);
}

}  // namespace corollary::minhash
#endif
