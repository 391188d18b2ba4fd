#include "train/state_shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "base/json.h"
#include "base/test_error.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

using ::testing::HasSubstr;

class StateShards : public ::testing::Test {
 protected:
  using Ranks = std::vector<RankLayout>;

  static Ranks world(int tensor_size, int data_size) {
    Ranks ranks;
    for (int rank = 0; rank < tensor_size * data_size; ++rank)
      ranks.push_back(rank_layout(tensor_size * data_size, rank, tensor_size));
    return ranks;
  }
  /// What element i of the whole model's parameters is.
  static float value(std::int64_t i) { return static_cast<float>(i) + 0.5f; }

  /// A rank's shard of a tensor whose element i is value(i), from the whole, element by element.
  OwnedTensor local(const std::vector<OwnedSlice>& slices) const {
    OwnedTensor flat(DType::f32, {std::max<std::int64_t>(count_of(slices), 1)});
    for (const OwnedSlice& slice : slices)
      for (std::int64_t i = slice.begin; i < slice.end; ++i) {
        const std::int64_t width = slice.col_end - slice.col_begin;
        const std::int64_t columns = slice.global_shape.rank() == 2 ? slice.global_shape[1] : 1;
        const std::int64_t at = (slice.row_begin + i / width) * columns + slice.col_begin + i % width;
        flat.view().data<float>()[slice.local_offset + i - slice.begin] = value(layout_.find(slice.name).offset + at);
      }
    return flat;
  }
  std::vector<fs::path> write(const std::string& name, const Ranks& ranks) {
    std::vector<fs::path> paths;
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
      const auto slices = owned_slices(model_, ranks[rank]);
      paths.push_back(folder_ / name / (std::to_string(rank) + ".safetensors"));
      write_shard(stream_, paths.back(), slices, local(slices));
    }
    return paths;
  }

  TestFolder folder_;
  Stream stream_;
  LlamaConfig model_ = resolve(LlamaConfig{.vocab_size = 24,
                                           .hidden_size = 20,
                                           .intermediate_size = 12,
                                           .num_hidden_layers = 2,
                                           .num_attention_heads = 4,
                                           .num_key_value_heads = 2,
                                           .head_dim = 6});
  ParameterLayout layout_ = parameter_layout(model_);
};

TEST_F(StateShards, AnyLayoutReadsAnyOther) {
  const std::vector<std::pair<int, int>> worlds = {{1, 1}, {2, 1}, {1, 2}, {1, 7}, {2, 4}, {2, 3}};
  for (const auto& [tensor_there, data_there] : worlds) {
    const std::string name = std::to_string(tensor_there) + "x" + std::to_string(data_there);
    const ShardReader reader(write(name, world(tensor_there, data_there)));
    reader.check_tensors(layout_);
    for (const auto& [tensor_here, data_here] : worlds)
      for (const RankLayout& rank : world(tensor_here, data_here)) {
        const auto slices = owned_slices(model_, rank);
        const OwnedTensor expected = local(slices);
        OwnedTensor read(DType::f32, expected.view().shape());
        for (const OwnedSlice& slice : slices)
          reader.read(slice, read.view().rows(slice.local_offset, slice.local_offset + slice.end - slice.begin));
        EXPECT_EQ(std::memcmp(read.view().raw(), expected.view().raw(), static_cast<std::size_t>(read.view().size_bytes())), 0)
            << name << " read as " << tensor_here << "x" << data_here;
      }
  }
}

TEST_F(StateShards, OneRanksShardIsAnOrdinaryFileOfWholeTensors) {
  const auto paths = write("one", world(1, 1));
  const SafetensorsFile file(paths.front());
  ASSERT_EQ(file.entries().size(), layout_.entries.size());
  for (const auto& entry : layout_.entries) {
    const SafetensorsEntry* found = file.find(entry.name);
    ASSERT_NE(found, nullptr) << entry.name;
    EXPECT_EQ(Shape(found->shape), entry.shape) << entry.name;
  }
}

TEST_F(StateShards, NamesWhatNoShardHolds) {
  auto paths = write("gone", world(2, 3));
  paths.erase(paths.begin() + 3);
  const ShardReader reader(paths);
  std::string error;
  for (const OwnedSlice& slice : owned_slices(model_, {})) {
    OwnedTensor read(DType::f32, {slice.end});
    if (error.empty() || error == "no error") error = error_of([&] { reader.read(slice, read); });
  }
  EXPECT_THAT(error, HasSubstr("no shard holds of tensor model.embed_tokens.weight rows [0, 24), columns [0, 20), elements [3"));
  EXPECT_THAT(error_of([&] { ShardReader({}).check_tensors(layout_); }), HasSubstr("holds 0 tensors"));
}

TEST_F(StateShards, RefusesRanksThatHadDiverged) {
  const Ranks ranks = world(2, 1);
  auto paths = write("apart", ranks);
  const auto slices = owned_slices(model_, ranks[1]);
  OwnedTensor flat = local(slices);
  flat.view().data<float>()[slices.back().local_offset] += 1;  // the final norm, which every tensor rank owns
  write_shard(stream_, paths[1], slices, flat);
  EXPECT_THAT(error_of([&] { ShardReader{paths}; }), HasSubstr("the ranks had diverged"));
}

TEST_F(StateShards, RefusesPlacesThatCannotBe) {
  const Json good = {{"t", {{"name", "a"}, {"shape", {4, 3}}, {"rows", {1, 4}}, {"columns", {0, 2}}, {"elements", {2, 6}}}}};
  EXPECT_EQ(parse_slices(good.dump(), "it").at("t").end, 6);
  const auto with = [&](const char* field, const Json& value) {
    Json bad = good;
    bad["t"][field] = value;
    return error_of([&] { parse_slices(bad.dump(), "it"); });
  };
  EXPECT_THAT(with("rows", {1, 5}), HasSubstr("rows [1, 5)"));
  EXPECT_THAT(with("rows", {-1, 2}), HasSubstr("rows"));
  EXPECT_THAT(with("columns", {2, 1}), HasSubstr("columns [2, 1)"));
  EXPECT_THAT(with("elements", {2, 7}), HasSubstr("elements [2, 7)"));
  EXPECT_THAT(with("shape", {std::int64_t{1} << 40, 3}), HasSubstr("extent"));
  EXPECT_THAT(with("shape", Json::array()), HasSubstr("three ranges"));
  EXPECT_THAT(with("rows", {1}), HasSubstr("three ranges"));
  EXPECT_THAT(error_of([&] { parse_slices("[]", "it"); }), HasSubstr("no object"));
}

}  // namespace
}  // namespace corollary
