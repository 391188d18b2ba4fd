#pragma once
#include <cstdint>

#include "device/tensor.h"

namespace corollary::cpu {

/// The element-wise half of attention on one block of query rows: row r stands at position first + r and sees keys up to there,
/// from starts[r] on, or from 0. Blocks are [rows, row_step] with `columns` used, column c for key first_key + c; p and ds hold
/// `dtype` (f32 or bf16).
struct ScoreBlock {
  std::int64_t rows = 0, columns = 0, row_step = 0, first = 0;
  float scale = 1;
  DType dtype = DType::f32;
  std::int64_t first_key = 0;
  const std::int32_t* starts = nullptr;
};

/// p[r,u] = exp(scale s[r,u] - lse[r]), 0 for keys not seen;   lse[r] = log sum_u exp(scale s[r,u]).   s is used as scratch.
void softmax_rows(void* p, float* lse, float* s, const ScoreBlock& block);
/// The same p from a known lse.
void softmax_rows_again(void* p, const float* lse, const float* s, const ScoreBlock& block);
/// ds[r,u] = scale p[r,u] (dp[r,u] - d[r])
void softmax_rows_backward(void* ds, const void* p, const float* dp, const float* d, const ScoreBlock& block);
/// sum_i a[i] b[i] in f32, n elements of dtype
float dot(const void* a, const void* b, std::int64_t n, DType dtype);
/// y[i] = x[i] rounded to dtype, n elements
void store_rounded(void* y, const float* x, std::int64_t n, DType dtype);

}  // namespace corollary::cpu
