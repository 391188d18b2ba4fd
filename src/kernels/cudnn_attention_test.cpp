#include "kernels/cuda/cudnn_attention.h"

#include <dlfcn.h>

#include <cmath>

#include "kernels/cuda/cudnn_attention_graph.h"
#include "kernels/reference/attention.h"
#include "kernels/testing.h"

// Two proofs. Without a GPU: cuDNN takes our graphs for attention, compiles them for an H200 it is told of, and asks for the
// scratch that we say it will. With one: the numbers.
/// cuDNN never frees what its compiler allocates.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace corollary {
namespace {

using namespace testing;

AttentionShape shape_of(std::int64_t batch, std::int64_t seq_len, std::int64_t heads, std::int64_t kv_heads, std::int64_t dim) {
  return {batch, seq_len, heads, kv_heads, dim, static_cast<float>(1 / std::sqrt(static_cast<double>(dim)))};
}
std::string name(const AttentionShape& s) {
  std::ostringstream out;
  out << "batch " << s.batch << ", " << s.seq_len << " tokens, heads " << s.num_heads << "/" << s.num_kv_heads << " of "
      << s.head_dim;
  return out.str();
}
Shape qkv_shape(const AttentionShape& s) { return {s.batch * s.seq_len, s.qkv_width()}; }
Shape out_shape(const AttentionShape& s) { return {s.batch * s.seq_len, s.num_heads * s.head_dim}; }
Shape lse_shape(const AttentionShape& s) { return {s.batch, s.num_heads, s.seq_len}; }

// ---- planning for a GPU that is absent

/// An H200 as cuDNN writes down a GPU's properties.
constexpr const char* kH200 = R"({
  "deviceVer": 900, "driverVer": 13000, "cudaDeviceId": 0, "deviceName": "NVIDIA H200", "multiProcessorCount": 132, "warpSize": 32,
  "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048,
  "maxCtasPerSM": 32, "regsPerBlock": 65536, "maxRegistersPerSM": 65536, "maxSharedMemoryPerBlock": 49152,
  "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024, "l2CacheSize": 62914560, "totalGlobalMem": 150754820096,
  "smClockRateKHz": 1980000, "memClockRateKHz": 3201000, "pciDeviceId": 0, "isTccDriver": 0, "supportCoopLaunch": 1})";

class CudnnPlans : public ::testing::Test {
 protected:
  void SetUp() override {
    // A real driver loads what was compiled, so it must be Hopper's. Where there is none, cudnn_planning_driver.cpp takes anything.
    if (dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL) == nullptr &&
        dlopen(COROLLARY_PLANNING_DRIVER, RTLD_NOW | RTLD_GLOBAL) == nullptr)
      GTEST_SKIP() << "no CUDA driver, and no pretended one: " << dlerror();
    const GpuSearch search = find_gpu();
    if (search.gpu && search.gpu->major != 9)
      GTEST_SKIP() << "the driver of this " << search.gpu->name << " loads no kernel of Hopper's";
    if (cuda::find_cudnn().library == nullptr) GTEST_SKIP() << cuda::find_cudnn().why_not;
  }
};

std::int64_t scratch_rows(const AttentionShape& s) { return Arena::padded(s.batch * s.num_heads * s.seq_len * 4); }

TEST_F(CudnnPlans, AreHoppersKernelsWithTheScratchWeSay) {
  const auto target = cuda::CudnnTarget::described_by(kH200);
  for (const AttentionShape& s : {shape_of(1, 4096, 32, 32, 128), shape_of(1, 4096, 64, 8, 128), shape_of(2, 37, 4, 2, 64),
                                  shape_of(1, 1000, 4, 4, 128), shape_of(1, 64, 2, 1, 8), shape_of(1, 2, 2, 1, 64)}) {
    SCOPED_TRACE(name(s));
    const auto forward = cuda::attention_forward_graph(s).plan(target);
    EXPECT_EQ(forward.engine(), 2);
    EXPECT_EQ(forward.workspace_bytes(), cuda::cudnn_attention_workspace_bytes(s, false));
    AttentionShape one = s;
    one.batch = 1;
    const auto backward = cuda::attention_backward_graph(one, true).plan(target);
    EXPECT_EQ(backward.engine(), 6);
    EXPECT_EQ(backward.workspace_bytes() + scratch_rows(one), cuda::cudnn_attention_workspace_bytes(s, true));
    const auto in_any_order = cuda::attention_backward_graph(s, false).plan(target);
    EXPECT_EQ(in_any_order.engine(), 6);
    EXPECT_EQ(in_any_order.workspace_bytes() + scratch_rows(s) + Arena::padded(s.batch * s.num_heads * s.seq_len * s.head_dim * 4),
              cuda::cudnn_attention_workspace_bytes(s, true, {.is_deterministic = false}));
  }
}

TEST_F(CudnnPlans, RefuseWhatCudnnDoesNotServe) {
  const AttentionShape odd = shape_of(1, 64, 2, 2, 100);
  EXPECT_FALSE(cuda::cudnn_attention_serves(odd, DType::bf16));
  EXPECT_FALSE(cuda::cudnn_attention_serves(shape_of(1, 64, 2, 2, 64), DType::f32));
  EXPECT_TRUE(cuda::cudnn_attention_serves(shape_of(1, 64, 2, 2, 64), DType::bf16));
  const auto target = cuda::CudnnTarget::described_by(kH200);
  expect_error([&] { cuda::attention_forward_graph(odd).plan(target); }, "knows no kernel");
}

TEST(CudnnAttention, WorkspaceOfALlamaLayer) {
  // 32 heads of 4,096 x 4,096 values of ds, and a row of sums each; the batch does not matter.
  const std::int64_t want = 32 * 4096 * std::int64_t{4096} * 2 + 32 * 4096 * 4 + 256;
  EXPECT_EQ(cuda::cudnn_attention_workspace_bytes(shape_of(1, 4096, 32, 32, 128), true), want);
  EXPECT_EQ(cuda::cudnn_attention_workspace_bytes(shape_of(8, 4096, 32, 32, 128), true), want);
}

// ---- numbers, on a GPU

constexpr double kRounding = 1.0 / 256;  // unit_roundoff(bf16)

/// Scores are sums of head_dim f32 products, exponentials are to 2 ulp of f32 at twice; so each probability errs relatively.
double probability_error(const Values& qkv, const AttentionShape& s) {
  const double q_k = std::pow(largest(qkv), 2) * static_cast<double>(s.head_dim) * s.scale / 2;
  return 2 * sum_error(s.head_dim) * q_k + sum_error(s.seq_len) + 1e-6;
}

/// What rounding may do to each element of o and of d_qkv. bf16 rounds: p and ds before their products; o, which the backward pass
/// reads again; with grouped queries, each head's dk and dv before they are added. Sizes are the sums of absolute values that an
/// element is added up from.
struct Allowance {
  Values o, d_qkv;
};
Allowance allowance(const Values& d_o, const Values& qkv, const AttentionShape& s) {
  const reference::AttentionOutput want = reference::attention(qkv, s);
  const double p_error = kRounding + probability_error(qkv, s);
  const auto dim = static_cast<std::size_t>(s.head_dim);
  Allowance allowed{Values(want.o.size()), Values(qkv.size())};
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t h = 0; h < s.num_heads; ++h) {
      const std::int64_t kv = h / (s.num_heads / s.num_kv_heads);
      const bool is_grouped = s.num_heads != s.num_kv_heads;
      const auto at = [&](std::int64_t t, std::int64_t slot) {
        return static_cast<std::size_t>((b * s.seq_len + t) * s.qkv_width() + slot * s.head_dim);
      };
      for (std::int64_t t = 0; t < s.seq_len; ++t) {
        const std::size_t q = at(t, h), out = static_cast<std::size_t>(((b * s.seq_len + t) * s.num_heads + h) * s.head_dim);
        Values p(static_cast<std::size_t>(t + 1));
        for (std::int64_t u = 0; u <= t; ++u) {
          const std::size_t k = at(u, s.num_heads + kv), v = at(u, s.num_heads + s.num_kv_heads + kv);
          double score = 0;
          for (std::size_t d = 0; d < dim; ++d) score += s.scale * qkv[q + d] * qkv[k + d];
          p[static_cast<std::size_t>(u)] =
              std::exp(score - want.lse[static_cast<std::size_t>((b * s.num_heads + h) * s.seq_len + t)]);
          for (std::size_t d = 0; d < dim; ++d)
            allowed.o[out + d] += (kRounding + p_error) * p[static_cast<std::size_t>(u)] * std::abs(qkv[v + d]);
        }
        double mean = 0, mean_error = 0;  // of sum d_o o, which dp loses
        for (std::size_t d = 0; d < dim; ++d) {
          mean += d_o[out + d] * want.o[out + d];
          mean_error += std::abs(d_o[out + d]) * (kRounding * std::abs(want.o[out + d]) + allowed.o[out + d]);
        }
        for (std::int64_t u = 0; u <= t; ++u) {
          const std::size_t k = at(u, s.num_heads + kv), v = at(u, s.num_heads + s.num_kv_heads + kv);
          const double p_u = p[static_cast<std::size_t>(u)];
          double dp = 0, dp_size = 0;
          for (std::size_t d = 0; d < dim; ++d) dp += d_o[out + d] * qkv[v + d], dp_size += std::abs(d_o[out + d] * qkv[v + d]);
          const double ds = s.scale * p_u * std::abs(dp - mean);
          const double ds_error = (kRounding + p_error) * ds + s.scale * p_u * (mean_error + sum_error(s.head_dim) * dp_size);
          const double again = is_grouped ? kRounding : 0;
          for (std::size_t d = 0; d < dim; ++d) {
            allowed.d_qkv[v + d] += (p_error + again) * p_u * std::abs(d_o[out + d]);
            allowed.d_qkv[q + d] += ds_error * std::abs(qkv[k + d]);
            allowed.d_qkv[k + d] += (ds_error + again * ds) * std::abs(qkv[q + d]);
          }
        }
      }
    }
  return allowed;
}

class CudnnOnGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    const GpuSearch search = find_gpu();
    if (!search.gpu) GTEST_SKIP() << search.why_not;
    if (cuda::find_cudnn().library == nullptr) GTEST_SKIP() << cuda::find_cudnn().why_not;
    stream = Stream(Device::cuda);
  }
  /// The GPU's copy of a host tensor, NaN and all.
  OwnedTensor on_gpu(ConstTensor host) {
    OwnedTensor copied(host.dtype(), host.shape(), Device::cuda);
    copy(stream, copied, host);
    stream.synchronize();
    return copied;
  }
  void fetch(TestTensor& host, ConstTensor from) {
    copy(stream, host, from);
    stream.synchronize();
  }

  struct Results {
    TestTensor o, lse, d_qkv;
  };
  Results both_ways(const Values& qkv, const Values& d_o, const AttentionShape& s, cuda::CudnnAttentionOptions options) {
    Results host{TestTensor::blank(DType::bf16, out_shape(s)), TestTensor::blank(DType::f32, lse_shape(s)),
                 TestTensor::blank(DType::bf16, qkv_shape(s))};
    const OwnedTensor qkv_gpu = on_gpu(TestTensor(qkv, DType::bf16, qkv_shape(s)).view());
    const OwnedTensor d_o_gpu = on_gpu(TestTensor(d_o, DType::bf16, out_shape(s)).view());
    OwnedTensor o = on_gpu(host.o.view()), lse = on_gpu(host.lse.view()), d_qkv = on_gpu(host.d_qkv.view());
    cuda::cudnn_attention_forward(stream, o, lse, qkv_gpu, s);
    cuda::cudnn_attention_backward(stream, d_qkv, d_o_gpu, o, lse, qkv_gpu, s, options);
    fetch(host.o, o.view());
    fetch(host.lse, lse.view());
    fetch(host.d_qkv, d_qkv.view());
    return host;
  }
  Stream stream;
};

TEST_F(CudnnOnGpu, MatchesReference) {
  for (const AttentionShape& s : {shape_of(2, 37, 4, 2, 64), shape_of(1, 64, 2, 2, 128), shape_of(2, 200, 4, 1, 64),
                                  shape_of(2, 129, 2, 2, 80), shape_of(1, 1, 2, 1, 64)})
    for (const bool is_deterministic : {true, false}) {
      SCOPED_TRACE(name(s) + (is_deterministic ? ", deterministic" : ", in any order"));
      const auto qkv = rounded(normal(qkv_shape(s).count(), 1), DType::bf16),
                 d_o = rounded(normal(out_shape(s).count(), 2), DType::bf16);
      const Results got = both_ways(qkv, d_o, s, {.is_deterministic = is_deterministic});
      const auto want = reference::attention(qkv, s);
      const Allowance allowed = allowance(d_o, qkv, s);
      expect_close(got.o.values(), want.o, kRounding, 1, allowed.o);
      expect_close(got.lse.values(), want.lse, 1e-6, probability_error(qkv, s), Values(want.lse.size(), 1.0));
      expect_close(got.d_qkv.values(), reference::attention_backward(d_o, qkv, s), kRounding, 1, allowed.d_qkv);
    }
}

TEST_F(CudnnOnGpu, DeterministicMeansTheSameBits) {
  const AttentionShape s = shape_of(2, 1000, 8, 2, 128);  // several tiles of queries add to each row of dk, dv and dq
  const auto qkv = normal(qkv_shape(s).count(), 1), d_o = normal(out_shape(s).count(), 2);
  const Results first = both_ways(qkv, d_o, s, {});
  for (int run = 1; run < 10; ++run) {
    const Results again = both_ways(qkv, d_o, s, {});
    ASSERT_EQ(first.o.bytes(), again.o.bytes()) << "run " << run;
    ASSERT_EQ(first.lse.bytes(), again.lse.bytes()) << "run " << run;
    ASSERT_EQ(first.d_qkv.bytes(), again.d_qkv.bytes()) << "run " << run;
  }
}

}  // namespace
}  // namespace corollary
