#include "model/config.h"

#include <gmock/gmock.h>

#include "base/fields.h"
#include "base/test_error.h"

namespace corollary {
namespace {

using testing::HasSubstr;

const fs::path kShared = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/models";

LlamaConfig llemma_7b() {
  LlamaConfig c;
  c.vocab_size = 32016, c.hidden_size = 4096, c.intermediate_size = 11008, c.num_hidden_layers = 32, c.num_attention_heads = 32;
  c.max_position_embeddings = 4096;
  return resolve(c);
}
LlamaConfig llemma_34b() {
  LlamaConfig c;
  c.vocab_size = 32000, c.hidden_size = 8192, c.intermediate_size = 22016, c.num_hidden_layers = 48, c.num_attention_heads = 64;
  c.num_key_value_heads = 8, c.max_position_embeddings = 4096, c.rope_theta = 1e6;
  return resolve(c);
}
Json small() {
  return Json::parse(R"({"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 24, "num_hidden_layers": 2,
                         "num_attention_heads": 2})");
}
std::string error_with(const char* key, const Json& value) {
  Json json = small();
  json[key] = value;
  return error_of([&] { parse_huggingface_config(json, "config.json"); });
}

TEST(Config, CountsTheParametersOfTheLlemmas) {
  EXPECT_EQ(parameter_count(llemma_7b()), 6'738'546'688);
  EXPECT_EQ(parameter_count(llemma_34b()), 33'743'970'304);
}

TEST(Config, CountsFlopsWithTheCausalHalf) {
  EXPECT_NEAR(flops_per_token(llemma_7b(), 4096) / 1e9, 42.86, 0.01);
  EXPECT_NEAR(flops_per_token(llemma_7b(), 0) / 1e9, 39.64, 0.01);
}

TEST(Config, FillsInWhatFollows) {
  LlamaConfig c;
  c.vocab_size = 100, c.hidden_size = 256, c.num_attention_heads = 4;
  c = resolve(c);
  EXPECT_EQ(c.intermediate_size, 704);  // int(8 * 256 / 3) = 682
  EXPECT_EQ(c.num_key_value_heads, 4);
  EXPECT_EQ(c.head_dim, 64);
}

TEST(Config, RefusesContradictionsWithTheNumbers) {
  const auto with = [](auto&& change) {
    LlamaConfig c;
    c.vocab_size = 100;
    change(c);
    return error_of([&] { resolve(c); });
  };
  EXPECT_THAT(with([](LlamaConfig& c) { c.vocab_size = 0; }), HasSubstr("tokenizer"));
  EXPECT_THAT(with([](LlamaConfig& c) { c.hidden_size = -8; }), HasSubstr("hidden_size is -8"));
  EXPECT_THAT(with([](LlamaConfig& c) { c.num_attention_heads = 3; }), HasSubstr("hidden_size 256"));
  EXPECT_THAT(with([](LlamaConfig& c) { c.num_key_value_heads = 3; }), HasSubstr("num_attention_heads 4"));
  EXPECT_THAT(with([](LlamaConfig& c) { c.head_dim = 7; }), HasSubstr("even"));
  EXPECT_THAT(with([](LlamaConfig& c) { c.rms_norm_eps = 0; }), HasSubstr("rms_norm_eps"));
  EXPECT_THAT(with([](LlamaConfig& c) { c.eos_token_id = 100; }), HasSubstr("vocabulary of 100"));
  EXPECT_THAT(with([](LlamaConfig& c) { c.hidden_size = c.intermediate_size = 1 << 30; }), HasSubstr("memory"));
}

TEST(Config, ReadsHuggingFaceDefaultsOfAbsentKeys) {
  const HuggingFaceConfig read = parse_huggingface_config(small(), "config.json");
  EXPECT_EQ(read.config.num_key_value_heads, 2);
  EXPECT_EQ(read.config.head_dim, 4);
  EXPECT_EQ(read.config.rms_norm_eps, 1e-6);
  EXPECT_EQ(read.config.max_position_embeddings, 2048);
  EXPECT_FALSE(read.ties_embeddings);
}

TEST(Config, ReadsIdsAndRopeInTheirSeveralSpellings) {
  Json json = small();
  json["eos_token_id"] = {7, 9};
  json["bos_token_id"] = nullptr;
  json["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 5e5}};
  json["tie_word_embeddings"] = true;
  const HuggingFaceConfig read = parse_huggingface_config(json, "config.json");
  EXPECT_EQ(read.config.eos_token_id, 7);
  EXPECT_EQ(read.config.bos_token_id, -1);
  EXPECT_EQ(read.config.rope_theta, 5e5);
  EXPECT_TRUE(read.ties_embeddings);
}

TEST(Config, NamesFileAndKeyOfWhatIsNotSupported) {
  EXPECT_THAT(error_with("model_type", "mistral"),
              testing::AllOf(HasSubstr("config.json"), HasSubstr("model_type"), HasSubstr("llama")));
  EXPECT_THAT(error_with("hidden_act", "gelu"), HasSubstr("hidden_act"));
  EXPECT_THAT(error_with("attention_bias", true), HasSubstr("attention_bias"));
  EXPECT_THAT(error_with("mlp_bias", true), HasSubstr("mlp_bias"));
  EXPECT_THAT(error_with("rope_scaling", {{"rope_type", "llama3"}, {"factor", 8.0}}), HasSubstr("rope_scaling"));
  EXPECT_THAT(error_with("rope_scaling", {{"factor", 8.0}}), HasSubstr("rope_scaling"));
  EXPECT_THAT(error_with("quantization_config", {{"bits", 4}}), HasSubstr("quantization_config"));
  EXPECT_THAT(error_with("hidden_size", "wide"), HasSubstr("hidden_size"));
  EXPECT_THAT(error_with("hidden_size", 9), HasSubstr("config.json"));
  EXPECT_THAT(error_with("vocab_size", nullptr), HasSubstr("vocab_size"));
  EXPECT_THAT(error_with("vocab_size", 18446744073709551615u), HasSubstr("vocab_size"));
  EXPECT_THAT(error_of([] { parse_huggingface_config(Json::array(), "config.json"); }), HasSubstr("config.json"));
}

TEST(Config, WritesWhatItReads) {
  LlamaConfig c = llemma_34b();
  c.bos_token_id = -1;
  const HuggingFaceConfig back = parse_huggingface_config(llama_config_to_huggingface(c, "bfloat16"), "config.json");
  EXPECT_EQ(fields_to_json(back.config), fields_to_json(c));
  EXPECT_EQ(back.torch_dtype, "bfloat16");
}

TEST(Config, ReadsARealFile) {
  const fs::path file = kShared / "tiny_llama_hf/config.json";
  if (!fs::exists(file)) GTEST_SKIP() << file << " is absent";
  const LlamaConfig c = read_llama_config(file);
  EXPECT_EQ(c.hidden_size, 128);
  EXPECT_EQ(c.rms_norm_eps, 1e-6);
  EXPECT_EQ(c.bos_token_id, -1);
  EXPECT_EQ(c.eos_token_id, 1);
}

}  // namespace
}  // namespace corollary
