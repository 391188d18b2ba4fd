#include "train/owned_slice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/test_error.h"
#include "model/parameters.h"
#include "train/shards.h"
#include "train/test_corpus.h"

namespace corollary {
namespace {

TEST(OwnedSlice, OneRankOwnsTheRunOfMemory) {
  const LlamaConfig model = resolve(TestCorpus::model());
  const ParameterLayout layout = parameter_layout(model);
  const auto slices = owned_slices(model, {});
  ASSERT_EQ(slices.size(), layout.entries.size());
  for (std::size_t i = 0; i < slices.size(); ++i) {
    EXPECT_EQ(slices[i].name, layout.entries[i].name);
    EXPECT_EQ(slices[i].local_offset, layout.entries[i].offset);
    EXPECT_EQ(slices[i].begin, 0);
    EXPECT_EQ(slices[i].end, layout.entries[i].shape.count());
  }
}

TEST(OwnedSlice, EveryElementHasOneOwner) {
  const LlamaConfig model = resolve(TestCorpus::model());
  for (const int tensor_size : {1, 2})
    for (const int data_size : {1, 2, 3, 4, 7}) {
      std::map<std::string, std::vector<int>> owners;
      for (const auto& entry : parameter_layout(model).entries)
        owners[entry.name].resize(static_cast<std::size_t>(entry.shape.count()));
      for (int rank = 0; rank < tensor_size * data_size; ++rank) {
        const RankLayout layout = rank_layout(tensor_size * data_size, rank, tensor_size);
        std::int64_t next = 0;
        for (const OwnedSlice& slice : owned_slices(model, layout)) {
          EXPECT_EQ(slice.local_offset, next) << slice.name;
          next += slice.end - slice.begin;
          std::int64_t local = slice.local_offset;
          each_run(slice, [&](std::int64_t at, std::int64_t in_shard, std::int64_t count) {
            EXPECT_EQ(in_shard, local);
            local += count;
            for (std::int64_t i = at; i < at + count; ++i) ++owners[slice.name][static_cast<std::size_t>(i)];
          });
          EXPECT_EQ(local, next);
        }
        const Shards shards(tensor_parallel_part(model, tensor_size), data_size);
        EXPECT_EQ(next, shards.shard_count(layout.data_rank));
      }
      for (const auto& [name, counts] : owners)
        EXPECT_THAT(counts, testing::Each(name.find("norm") == std::string::npos ? 1 : tensor_size)) << name;
    }
}

TEST(OwnedSlice, SaysWhatDoesNotDivide) {
  const LlamaConfig model = resolve(TestCorpus::model());
  EXPECT_THAT(error_of([&] { tensor_parallel_part(model, 4); }), testing::HasSubstr("num_key_value_heads 2"));
  EXPECT_THAT(error_of([&] { rank_layout(6, 0, 4); }), testing::HasSubstr("does not divide the 6 ranks"));
}

}  // namespace
}  // namespace corollary
