#include <algorithm>
#include <cmath>

#include "kernels/attention.h"
#include "kernels/reference/attention.h"
#include "kernels/testing.h"

// What attention_test.cpp has no time for or cannot say of every device: long sequences on a GPU, where tensor cores (bf16) are
// judged by plain arithmetic (f32), itself judged by the reference there.
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

/// Documents of a few up to some hundred tokens, so that blocks of keys and queries have all, some and none of their pairs seen.
Ints document_starts(const AttentionShape& s) {
  constexpr std::int64_t kLengths[] = {1, 700, 13, 64, 300, 3, 128};
  Ints starts;
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t t = 0, next = b; t < s.seq_len; ++next)
      for (const std::int64_t start = t, end = std::min(s.seq_len, t + kLengths[next % 7]); t < end; ++t)
        starts.push_back(static_cast<std::int32_t>(start));
  return starts;
}

/// sqrt(sum (a - b)^2 / sum b^2)
double distance(const Values& a, const Values& b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference += (a[i] - b[i]) * (a[i] - b[i]), size += b[i] * b[i];
  return std::sqrt(difference / size);
}

struct Results {
  Values o, lse, dq, dk, dv;
  std::vector<std::uint8_t> bytes;  // of all of them, as they were in memory
};

class AttentionOnGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    const GpuSearch search = find_gpu();
    if (!search.gpu) GTEST_SKIP() << search.why_not;
    stream = Stream(Device::cuda);
  }
  OwnedTensor upload(const Values& values, DType dtype, Shape shape) {
    const TestTensor host(values, dtype, shape);
    OwnedTensor device(dtype, shape, Device::cuda);
    copy(stream, device, host);
    stream.synchronize();
    return device;
  }
  TestTensor download(const OwnedTensor& device) {
    auto host = TestTensor::blank(device.view().dtype(), device.view().shape());
    copy(stream, host, device);
    stream.synchronize();
    return host;
  }

  /// Both passes with inputs of these seeds, rounded to bf16 whatever the dtype.
  Results run(const AttentionShape& s, DType dtype, const Ints& starts = {}) {
    const std::int64_t tokens = s.batch * s.seq_len, width = s.num_heads * s.head_dim;
    const auto qkv = upload(rounded(normal(tokens * s.qkv_width(), 1), DType::bf16), dtype, {tokens, s.qkv_width()});
    const auto d_o = upload(rounded(normal(tokens * width, 2), DType::bf16), dtype, {tokens, width});
    OwnedTensor o(dtype, {tokens, width}, Device::cuda), lse(DType::f32, {s.batch, s.num_heads, s.seq_len}, Device::cuda);
    OwnedTensor d_qkv(dtype, {tokens, s.qkv_width()}, Device::cuda), documents;
    if (!starts.empty()) {
      const TestTensor host(starts);
      documents = OwnedTensor(DType::i32, {tokens}, Device::cuda);
      copy(stream, documents, host);
      stream.synchronize();
    }
    attention_forward(stream, o, lse, qkv, s, documents);
    attention_backward(stream, d_qkv, d_o, o, lse, qkv, s, documents);
    Results results;
    for (const auto& [tensor, values] : {std::pair{&o, &results.o}, {&lse, &results.lse}}) {
      const TestTensor host = download(*tensor);
      *values = host.values();
      const auto bytes = host.bytes();
      results.bytes.insert(results.bytes.end(), bytes.begin(), bytes.end());
    }
    const TestTensor host = download(d_qkv);
    const auto bytes = host.bytes();
    results.bytes.insert(results.bytes.end(), bytes.begin(), bytes.end());
    const Values gradient = host.values();
    const std::int64_t kv_width = s.num_kv_heads * s.head_dim;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(gradient.size()); ++i) {
      const std::int64_t column = i % s.qkv_width();
      Values& part = column < width ? results.dq : column < width + kv_width ? results.dk : results.dv;
      part.push_back(gradient[static_cast<std::size_t>(i)]);
    }
    return results;
  }

  Stream stream;
};

// Roundings to bf16 between the two, each relative to what it rounds: p, ds, o where it enters delta, the result. They are
// independent, so norms stay within the square root of their number times the largest; twice that, for what cancels.
void expect_near(const Results& got, const Results& want) {
  const double allowed = 4 * unit_roundoff(DType::bf16);
  EXPECT_LT(distance(got.o, want.o), allowed);
  EXPECT_LT(distance(got.dq, want.dq), allowed);
  EXPECT_LT(distance(got.dk, want.dk), allowed);
  EXPECT_LT(distance(got.dv, want.dv), allowed);
  double worst = 0;
  for (std::size_t i = 0; i < got.lse.size(); ++i) worst = std::max(worst, std::abs(got.lse[i] - want.lse[i]));
  EXPECT_LT(worst, 1e-4);
}

TEST_F(AttentionOnGpu, TensorCoresMatchPlainArithmetic) {
  for (const AttentionShape& s : {shape_of(1, 2048, 2, 2, 128), shape_of(2, 1024, 4, 2, 128), shape_of(1, 1000, 4, 1, 64),
                                  shape_of(1, 2048, 3, 3, 64), shape_of(3, 1, 4, 2, 128)}) {
    SCOPED_TRACE(name(s));
    expect_near(run(s, DType::bf16), run(s, DType::f32));
  }
}

TEST_F(AttentionOnGpu, EveryHeadDim) {
  for (const std::int64_t dim : {8, 40, 56, 64, 72, 104, 120, 128, 136, 200, 256}) {
    const AttentionShape s = shape_of(2, 150, 4, 2, dim);
    SCOPED_TRACE(name(s));
    expect_near(run(s, DType::bf16), run(s, DType::f32));
  }
}

TEST_F(AttentionOnGpu, DocumentsMatchPlainArithmetic) {
  for (const AttentionShape& s : {shape_of(2, 2048, 2, 2, 128), shape_of(3, 1000, 4, 2, 64)}) {
    SCOPED_TRACE(name(s));
    expect_near(run(s, DType::bf16, document_starts(s)), run(s, DType::f32, document_starts(s)));
  }
}

// One row a key earlier or later changes its output: no norm over all of them would show it.
TEST_F(AttentionOnGpu, DocumentsMatchReference) {
  const AttentionShape s = shape_of(2, 900, 2, 1, 64);
  const Ints starts = document_starts(s);
  const auto qkv = rounded(normal(s.batch * s.seq_len * s.qkv_width(), 1), DType::bf16);
  const auto want = reference::attention(qkv, s, starts);
  const Results results[] = {run(s, DType::bf16, starts), run(s, DType::f32, starts)};
  for (const Results& got : results)
    for (std::size_t i = 0; i < want.lse.size(); ++i) ASSERT_NEAR(got.lse[i], want.lse[i], 1e-4) << "at " << i;
  EXPECT_LT(distance(results[0].o, want.o), 2 * unit_roundoff(DType::bf16));
  EXPECT_LT(distance(results[1].o, want.o), 1e-5);
}

TEST_F(AttentionOnGpu, SameBitsInEveryRun) {
  for (const DType dtype : {DType::bf16, DType::f32}) {
    const AttentionShape s = shape_of(2, 1500, 4, 2, 128);
    for (const Ints& starts : {Ints{}, document_starts(s)}) {
      const auto first = run(s, dtype, starts).bytes;
      for (int again = 0; again < 3; ++again) EXPECT_EQ(run(s, dtype, starts).bytes, first) << name_of(dtype);
    }
  }
}

TEST_F(AttentionOnGpu, DecodeOverLongCaches) {
  for (const DType dtype : {DType::bf16, DType::f32})
    for (const std::int64_t length : {1, 127, 128, 129, 5000}) {
      const AttentionShape s = shape_of(1, 1, 8, 2, 128);
      const std::int64_t width = s.num_heads * s.head_dim, kv_width = s.num_kv_heads * s.head_dim;
      const auto q = rounded(normal(width, 1), dtype), keys = rounded(normal(length * kv_width, 2), dtype),
                 values = rounded(normal(length * kv_width, 3), dtype);
      const OwnedTensor on_gpu[] = {upload(q, dtype, {width}), upload(keys, dtype, {length, kv_width}),
                                    upload(values, dtype, {length, kv_width})};
      OwnedTensor o(dtype, {width}, Device::cuda);
      attention_decode(stream, o, on_gpu[0], on_gpu[1], on_gpu[2], s);
      EXPECT_LT(distance(download(o).values(), reference::attention_decode(q, keys, values, s)),
                dtype == DType::bf16 ? unit_roundoff(dtype) : 1e-5)
          << name_of(dtype) << ", " << length << " keys";
    }
}

}  // namespace
}  // namespace corollary
