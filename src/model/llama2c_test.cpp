#include "model/llama2c.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/test_error.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

using testing::HasSubstr;

const fs::path kStories = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/models/stories260K/stories260K.bin";

/// dim 8, hidden 12, 2 layers, 2 heads of 4, 1 key-value head, 10 pieces, 6 positions; f32 number i of the file is i.
std::string small_file(std::int32_t vocab_size) {
  const std::int32_t header[7] = {8, 12, 2, 2, 1, vocab_size, 6};
  const std::int64_t shared = 80 + 2 * (8 + 64 + 32 + 32 + 64 + 8 + 3 * 96) + 8 + 6 * 4;
  std::vector<float> values(static_cast<std::size_t>(shared + (vocab_size < 0 ? 80 : 0)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  std::string file(28 + values.size() * 4, '\0');
  std::memcpy(file.data(), header, 28);
  std::memcpy(file.data() + 28, values.data(), values.size() * 4);
  return file;
}
LoadedModel parse(const std::string& file) { return parse_llama2c(std::as_bytes(std::span(file)), DType::f32, "m.bin"); }
float value(const LoadedModel& model, const std::string& name, std::int64_t row) {
  const ParameterLayout::Entry entry = parameter_layout(model.config).find(name);
  return model.parameters.view().data<float>()[entry.offset + row * entry.shape[-1]];
}

TEST(Llama2c, PlacesEveryTensor) {
  const LoadedModel model = parse(small_file(10));
  EXPECT_EQ(model.config.num_key_value_heads, 1);
  EXPECT_EQ(model.config.max_position_embeddings, 6);
  EXPECT_EQ(value(model, "model.embed_tokens.weight", 3), 24);
  EXPECT_EQ(value(model, "lm_head.weight", 3), 24);  // shared
  EXPECT_EQ(value(model, "model.layers.1.input_layernorm.weight", 0), 80 + 8);
  const std::int64_t q = 80 + 16, k = q + 2 * 64, v = k + 2 * 32, o = v + 2 * 32, ffn = o + 2 * 64, gate = ffn + 16;
  EXPECT_EQ(value(model, "model.layers.1.self_attn.v_proj.weight", 2), static_cast<float>(v + 32 + 16));
  EXPECT_EQ(value(model, "model.layers.0.self_attn.o_proj.weight", 1), static_cast<float>(o + 8));
  EXPECT_EQ(value(model, "model.layers.0.post_attention_layernorm.weight", 0), static_cast<float>(ffn));
  EXPECT_EQ(value(model, "model.layers.1.mlp.gate_proj.weight", 0), static_cast<float>(gate + 96));
  EXPECT_EQ(value(model, "model.layers.0.mlp.down_proj.weight", 0), static_cast<float>(gate + 192));
  EXPECT_EQ(value(model, "model.layers.0.mlp.up_proj.weight", 0), static_cast<float>(gate + 384));
  EXPECT_EQ(value(model, "model.norm.weight", 0), static_cast<float>(gate + 576));
}

TEST(Llama2c, PutsRotaryPairsIntoHalves) {
  const LoadedModel model = parse(small_file(10));
  const auto row = [&](std::int64_t r) { return (value(model, "model.layers.0.self_attn.q_proj.weight", r) - 96) / 8; };
  const std::int64_t expected[8] = {0, 2, 1, 3, 4, 6, 5, 7};  // two heads of four rows
  for (std::int64_t r = 0; r < 8; ++r) EXPECT_EQ(row(r), static_cast<float>(expected[r])) << r;
}

TEST(Llama2c, NegativeVocabularyMeansAHeadOfItsOwn) {
  const LoadedModel model = parse(small_file(-10));
  EXPECT_EQ(model.config.vocab_size, 10);
  EXPECT_NE(value(model, "lm_head.weight", 3), value(model, "model.embed_tokens.weight", 3));
}

TEST(Llama2c, NamesWhatIsWrongWithAHostileFile) {
  const auto error = [](const std::string& file) { return error_of([&] { parse(file); }); };
  const std::string good = small_file(10);
  EXPECT_EQ(error(good), "no error");
  EXPECT_THAT(error(""), HasSubstr("m.bin has 0 bytes"));
  EXPECT_THAT(error(good.substr(0, 400)), HasSubstr("it has 400"));
  EXPECT_THAT(error(good + "x"), HasSubstr("damaged m.bin"));
  for (std::size_t field = 0; field < 7; ++field)
    for (const std::int32_t bad : {0, -1, 3, 0x7fffffff, static_cast<std::int32_t>(0x80000000)}) {
      std::string file = good;
      std::memcpy(file.data() + 4 * field, &bad, 4);
      EXPECT_THAT(error(file), HasSubstr("m.bin")) << field << " " << bad;
    }
  std::string nan = good;
  const float bad = std::nanf("");
  std::memcpy(nan.data() + 28 + 5 * 4, &bad, 4);
  EXPECT_THAT(error(nan), HasSubstr("element 5 of model.embed_tokens.weight"));
}

TEST(Llama2c, ReadsARealFile) {
  if (!fs::exists(kStories)) GTEST_SKIP() << kStories << " is absent";
  EXPECT_TRUE(is_llama2c(kStories));
  EXPECT_FALSE(is_llama2c(fs::path(COROLLARY_SOURCE_DIR) / "CMakeLists.txt"));
  const LoadedModel model = load_llama2c(kStories, DType::bf16);
  EXPECT_EQ(model.config.hidden_size, 64);
  EXPECT_EQ(model.config.vocab_size, 512);
  EXPECT_EQ(model.config.num_key_value_heads, 4);
}

}  // namespace
}  // namespace corollary
