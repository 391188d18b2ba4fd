// NCCL on the one GPU that a test machine has: it is found, its functions are, and what it is given lies on the GPU. Several ranks need
// as many GPUs. Skipped where there is none; run by tools/gpu_check.sh.
#include "comm/nccl.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "comm/world.h"
#include "device/buffer.h"

namespace corollary {
namespace {

class NcclOnGpu : public ::testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    if (!kHasNccl) GTEST_SKIP() << "built without NCCL";
    if (const GpuSearch search = find_gpu(); !search.gpu) GTEST_SKIP() << search.why_not;
  }
};

TEST_P(NcclOnGpu, OneRankGetsBackWhatItGave) {
  if constexpr (kHasNccl) {
    auto host = make_single_rank();
    const auto ranks = make_nccl(host);
    ASSERT_EQ(ranks->world_size(), 1);
    constexpr std::int64_t kCount = 100'003;
    OwnedTensor given(GetParam(), {kCount}), got(GetParam(), {kCount}), x(GetParam(), {kCount}, Device::cuda);
    auto* const bytes = static_cast<unsigned char*>(given.view().raw());
    const std::int64_t size = given.view().size_bytes();
    for (std::int64_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(i * 31 % 127);  // no NaN among them
    Stream stream(Device::cuda);
    const auto gives_back = [&](const char* operation, const std::function<void()>& f) {
      copy(stream, x, given);
      f();
      std::fill_n(static_cast<unsigned char*>(got.view().raw()), size, static_cast<unsigned char>(0xff));
      copy(stream, got, x);
      stream.synchronize();
      EXPECT_TRUE(std::equal(bytes, bytes + size, static_cast<const unsigned char*>(got.view().raw()))) << operation;
    };
    gives_back("all_reduce_sum", [&] { ranks->all_reduce_sum(stream, x.view()); });
    gives_back("all_reduce_max", [&] { ranks->all_reduce_max(stream, x.view()); });
    gives_back("reduce_scatter_sum", [&] { ranks->reduce_scatter_sum(stream, x.view(), kCount); });
    gives_back("reduce_scatter_sum, a short piece", [&] { ranks->reduce_scatter_sum(stream, x.view(), kCount + 5); });
    gives_back("all_gather", [&] { ranks->all_gather(stream, x.view(), kCount); });
    gives_back("all_gather, a short piece", [&] { ranks->all_gather(stream, x.view(), kCount + 5); });
    gives_back("broadcast", [&] { ranks->broadcast(stream, x.view(), 0); });
    EXPECT_EQ(ranks->bytes_moved(), 0);
    const auto part = ranks->split(0, 0);
    gives_back("all_reduce_sum of a part", [&] { part->all_reduce_sum(stream, x.view()); });
  }
}
INSTANTIATE_TEST_SUITE_P(DTypes, NcclOnGpu, ::testing::Values(DType::f32, DType::bf16));

}  // namespace
}  // namespace corollary
