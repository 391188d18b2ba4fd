#include "model/checkpoint_folder.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/test_error.h"
#include "base/test_folder.h"
#include "model/safetensors.h"

namespace corollary {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const fs::path kTiny = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/models/tiny_llama_hf";

LlamaConfig small() {
  LlamaConfig c;
  c.vocab_size = 10, c.hidden_size = 8, c.intermediate_size = 12, c.num_hidden_layers = 2, c.num_attention_heads = 2;
  c.num_key_value_heads = 1;
  return resolve(c);
}
OwnedTensor fresh(const LlamaConfig& config) {
  OwnedTensor flat(DType::f32, {parameter_count(config)});
  initialize(flat, config, 3);
  return flat;
}
bool same_bytes(ConstTensor a, ConstTensor b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.size_bytes())) == 0;
}
/// The tensors of a folder's single file, rewritten without some and with another shape or name for others.
void rewrite(const fs::path& folder, auto&& change) {
  const SafetensorsFile old(folder / "model.safetensors");
  std::vector<SafetensorsDeclaration> declarations;
  std::vector<OwnedTensor> tensors;
  for (const SafetensorsEntry& entry : old.entries()) {
    SafetensorsDeclaration declaration{entry.name, DType::f32, Shape(entry.shape)};
    OwnedTensor tensor(DType::f32, {entry.count()});
    old.read(entry, tensor);
    if (!change(declaration, tensor.view())) continue;
    tensors.push_back(std::move(tensor));
    declarations.push_back(std::move(declaration));
  }
  SafetensorsWriter writer(folder / "model.safetensors", declarations);
  for (OwnedTensor& tensor : tensors) writer.write(tensor);
  writer.commit();
}

TEST(CheckpointFolder, LoadsWhatItSaved) {
  const TestFolder folder;
  const LlamaConfig config = small();
  const OwnedTensor flat = fresh(config);
  save_checkpoint_folder(folder / "m", config, flat, {});
  const LoadedModel back = load_checkpoint_folder(folder / "m", DType::f32);
  EXPECT_EQ(back.config.num_key_value_heads, 1);
  EXPECT_TRUE(same_bytes(back.parameters, flat));
  EXPECT_EQ(read_json_file(folder / "m/generation_config.json")["eos_token_id"], 2);
  EXPECT_EQ(read_json_file(folder / "m/config.json")["torch_dtype"], "float32");
  EXPECT_FALSE(fs::exists(folder / "m/model.safetensors.index.json"));
}

TEST(CheckpointFolder, RoundsOnSaveAndOnLoadAlike) {
  const TestFolder folder;
  const LlamaConfig config = small();
  const OwnedTensor flat = fresh(config);
  save_checkpoint_folder(folder / "f32", config, flat, {});
  save_checkpoint_folder(folder / "bf16", config, flat, {.dtype = DType::bf16});
  const LoadedModel a = load_checkpoint_folder(folder / "f32", DType::bf16),
                    b = load_checkpoint_folder(folder / "bf16", DType::bf16);
  EXPECT_TRUE(same_bytes(a.parameters, b.parameters));
  EXPECT_EQ(read_json_file(folder / "bf16/config.json")["torch_dtype"], "bfloat16");
}

TEST(CheckpointFolder, ShardsAboveASize) {
  const TestFolder folder;
  const LlamaConfig config = small();
  const OwnedTensor flat = fresh(config);
  save_checkpoint_folder(folder / "m", config, flat, {.max_shard_bytes = 2000});
  EXPECT_FALSE(fs::exists(folder / "m/model.safetensors"));
  const Json index = read_json_file(folder / "m/model.safetensors.index.json");
  EXPECT_EQ(index["metadata"]["total_size"], parameter_count(config) * 4);
  for (const auto& [tensor, file] : index["weight_map"].items()) {
    const SafetensorsFile shard(folder / ("m/" + file.get<std::string>()));
    EXPECT_NE(shard.find(tensor), nullptr);
  }
  EXPECT_TRUE(same_bytes(load_checkpoint_folder(folder / "m", DType::f32).parameters, flat));

  // Invariant 2: a later save leaves nothing of the shards.
  save_checkpoint_folder(folder / "m", config, flat, {});
  std::vector<std::string> names;
  for (const auto& item : fs::directory_iterator(folder / "m")) names.push_back(item.path().filename().string());
  EXPECT_THAT(names, testing::UnorderedElementsAre("config.json", "generation_config.json", "model.safetensors"));
}

TEST(CheckpointFolder, ListsWhatIsMissingUnknownAndMisshapen) {
  const TestFolder folder;
  save_checkpoint_folder(folder.path(), small(), fresh(small()), {});
  rewrite(folder.path(), [](SafetensorsDeclaration& tensor, Tensor) {
    if (tensor.name == "model.layers.1.mlp.down_proj.weight") tensor.shape = {12, 8};
    if (tensor.name == "model.layers.0.self_attn.q_proj.weight") tensor.name = "model.layers.0.self_attn.q_proj.qweight";
    return tensor.name != "lm_head.weight";
  });
  EXPECT_THAT(error_of([&] { load_checkpoint_folder(folder.path(), DType::f32); }),
              AllOf(HasSubstr(folder.path().string()), HasSubstr("2 missing: "), HasSubstr("lm_head.weight"),
                    HasSubstr("1 unknown: "), HasSubstr("qweight"), HasSubstr("down_proj.weight [12,8] instead of [8,12]")));
}

TEST(CheckpointFolder, TiedEmbeddingsBecomeTwo) {
  const TestFolder folder;
  save_checkpoint_folder(folder.path(), small(), fresh(small()), {});
  Json config = read_json_file(folder / "config.json");
  config["tie_word_embeddings"] = true;
  write_json_file(folder / "config.json", config);
  EXPECT_THAT(error_of([&] { load_checkpoint_folder(folder.path(), DType::f32); }), HasSubstr("tie_word_embeddings"));
  rewrite(folder.path(), [](SafetensorsDeclaration& tensor, Tensor) { return tensor.name != "lm_head.weight"; });
  const LoadedModel model = load_checkpoint_folder(folder.path(), DType::f32);
  EXPECT_TRUE(same_bytes(model.weights().head(), model.weights().embedding()));
}

TEST(CheckpointFolder, SkipsTheRotaryBuffersOfOldReleases) {
  const TestFolder folder;
  save_checkpoint_folder(folder.path(), small(), fresh(small()), {});
  const SafetensorsFile old(folder / "model.safetensors");
  std::vector<SafetensorsDeclaration> declarations;
  for (const SafetensorsEntry& entry : old.entries()) declarations.push_back({entry.name, DType::f32, Shape(entry.shape)});
  declarations.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", DType::f32, {2}});
  SafetensorsWriter writer(folder / "model.safetensors", declarations);
  for (const SafetensorsDeclaration& declaration : declarations) writer.write(OwnedTensor(DType::f32, declaration.shape));
  writer.commit();
  EXPECT_NO_THROW(load_checkpoint_folder(folder.path(), DType::f32));
}

TEST(CheckpointFolder, NotFiniteIsRefusedOnSaveAndOnLoad) {
  const TestFolder folder;
  OwnedTensor flat = fresh(small());
  save_checkpoint_folder(folder / "m", small(), flat, {});
  rewrite(folder / "m", [](SafetensorsDeclaration& tensor, Tensor values) {
    if (tensor.name == "model.norm.weight") values.data<float>()[5] = std::numeric_limits<float>::infinity();
    return true;
  });
  EXPECT_THAT(error_of([&] { load_checkpoint_folder(folder / "m", DType::f32); }), HasSubstr("element 5 of model.norm.weight"));
  EXPECT_THAT(error_of([&] { load_checkpoint_folder(folder / "m", DType::bf16); }), HasSubstr("element 5 of model.norm.weight"));
  flat.view().data<float>()[2] = std::nanf("");
  EXPECT_THAT(error_of([&] { save_checkpoint_folder(folder / "n", small(), flat, {}); }),
              HasSubstr("element 2 of model.embed_tokens"));
  EXPECT_FALSE(fs::exists(folder / "n"));  // invariant 3
}

TEST(CheckpointFolder, WithoutConfigItIsNotComplete) {  // invariant 1, seen by a reader
  const TestFolder folder;
  save_checkpoint_folder(folder.path(), small(), fresh(small()), {});
  fs::remove(folder / "config.json");
  EXPECT_THAT(error_of([&] { load_checkpoint_folder(folder.path(), DType::f32); }), HasSubstr("completely written"));
}

TEST(CheckpointFolder, HostileFoldersAreNamed) {
  const TestFolder folder;
  EXPECT_THAT(error_of([&] { load_checkpoint_folder(folder / "none", DType::f32); }), HasSubstr("no model folder"));
  save_checkpoint_folder(folder.path(), small(), fresh(small()), {});
  Json config = read_json_file(folder / "config.json");
  config["num_hidden_layers"] = 1'000'000'000;
  write_json_file(folder / "config.json", config);
  EXPECT_THAT(error_of([&] { load_checkpoint_folder(folder.path(), DType::f32); }), HasSubstr("1000000000 layers"));
  config["num_hidden_layers"] = 1;
  write_json_file(folder / "config.json", config);
  EXPECT_THAT(error_of([&] { load_checkpoint_folder(folder.path(), DType::f32); }),
              AllOf(HasSubstr("9 unknown"), Not(HasSubstr("missing"))));
  fs::resize_file(folder / "model.safetensors", fs::file_size(folder / "model.safetensors") - 1);
  EXPECT_THAT(error_of([&] { load_checkpoint_folder(folder.path(), DType::f32); }), HasSubstr("truncated"));
  fs::remove(folder / "model.safetensors");
  EXPECT_THAT(error_of([&] { load_checkpoint_folder(folder.path(), DType::f32); }), HasSubstr("no weights"));
  write_file(folder / "model.safetensors.index.json", R"({"weight_map":{"lm_head.weight":"model-00001-of-00001.safetensors"}})");
  EXPECT_THAT(error_of([&] { load_checkpoint_folder(folder.path(), DType::f32); }), HasSubstr("model-00001-of-00001.safetensors"));
}

TEST(CheckpointFolder, CopiesTheTokenizer) {
  const TestFolder folder;
  write_file(folder / "t/tokenizer.model", "pieces");
  write_file(folder / "t/unrelated.bin", "no");
  save_checkpoint_folder(folder / "m", small(), fresh(small()), {.tokenizer = folder / "t"});
  EXPECT_EQ(read_file(folder / "m/tokenizer.model"), "pieces");
  EXPECT_FALSE(fs::exists(folder / "m/unrelated.bin"));
}

TEST(CheckpointFolder, ReadsARealFolderAndWritesItBackBitForBit) {
  if (!fs::exists(kTiny)) GTEST_SKIP() << kTiny << " is absent";
  const TestFolder folder;
  const LoadedModel model = load_checkpoint_folder(kTiny, DType::bf16);
  save_checkpoint_folder(folder.path(), model.config, model.parameters, {.dtype = DType::bf16});
  const SafetensorsFile ours(folder / "model.safetensors"), theirs(kTiny / "model.safetensors");
  ASSERT_EQ(ours.entries().size(), theirs.entries().size());
  for (const SafetensorsEntry& entry : theirs.entries()) {
    const SafetensorsEntry* mine = ours.find(entry.name);
    ASSERT_NE(mine, nullptr) << entry.name;
    EXPECT_EQ(mine->dtype, entry.dtype);
    EXPECT_EQ(mine->shape, entry.shape);
    EXPECT_TRUE(std::ranges::equal(ours.bytes(*mine), theirs.bytes(entry))) << entry.name;
  }
}

}  // namespace
}  // namespace corollary
