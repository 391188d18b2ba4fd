#include "model/parameters.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/threads.h"
#include "device/buffer.h"

namespace corollary {
namespace {

LlamaConfig small() {
  LlamaConfig c;
  c.vocab_size = 10, c.hidden_size = 8, c.intermediate_size = 12, c.num_hidden_layers = 3, c.num_attention_heads = 4;
  c.num_key_value_heads = 2, c.head_dim = 6;
  return resolve(c);
}

TEST(Parameters, LayoutCoversEveryElementOnce) {
  const ParameterLayout layout = parameter_layout(small());
  std::int64_t next = 0;
  for (const ParameterLayout::Entry& entry : layout.entries) {
    EXPECT_EQ(entry.offset, next) << entry.name;
    next += entry.shape.count();
  }
  EXPECT_EQ(next, layout.count);
  EXPECT_EQ(layout.count, parameter_count(small()));
  EXPECT_EQ(layout.count - layout.decayed_count, (2 * 3 + 1) * 8);
  EXPECT_EQ(layout.entries.size(), 3u + 9u * 3u);
}

TEST(Parameters, DecayCoversMatricesOnly) {
  const ParameterLayout layout = parameter_layout(small());
  for (const ParameterLayout::Entry& entry : layout.entries)
    EXPECT_EQ(entry.offset < layout.decayed_count, entry.shape.rank() == 2) << entry.name;
}

TEST(Parameters, ViewsStandWhereTheLayoutSays) {
  const LlamaConfig config = small();
  const ParameterLayout layout = parameter_layout(config);
  OwnedTensor flat(DType::f32, {layout.count});
  float* values = flat.view().data<float>();
  for (std::int64_t i = 0; i < layout.count; ++i) values[i] = static_cast<float>(i);
  const Weights weights(config, flat);
  const auto starts = [&](ConstTensor view, const std::string& name) {
    EXPECT_EQ(view.data<float>()[0], static_cast<float>(layout.find(name).offset)) << name;
  };
  starts(weights.embedding(), "model.embed_tokens.weight");
  starts(weights.head(), "lm_head.weight");
  starts(weights.final_norm(), "model.norm.weight");
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    const BlockOf<ConstTensor> block = weights.block(layer);
    starts(block.input_norm, prefix + "input_layernorm.weight");
    starts(block.post_attention_norm, prefix + "post_attention_layernorm.weight");
    starts(block.qkv, prefix + "self_attn.q_proj.weight");
    starts(block.qkv.rows(24, 36), prefix + "self_attn.k_proj.weight");
    starts(block.qkv.rows(36, 48), prefix + "self_attn.v_proj.weight");
    starts(block.attention_out, prefix + "self_attn.o_proj.weight");
    starts(block.gate_up, prefix + "mlp.gate_proj.weight");
    starts(block.gate_up.rows(12, 24), prefix + "mlp.up_proj.weight");
    starts(block.down, prefix + "mlp.down_proj.weight");
  }
  EXPECT_EQ(weights.block(1).qkv.shape(), (Shape{48, 8}));
  EXPECT_EQ(weights.block(1).down.shape(), (Shape{8, 12}));
}

TEST(Parameters, RefusesAnotherSizeAndUnknownNames) {
  OwnedTensor flat(DType::f32, {parameter_count(small()) - 1});
  EXPECT_THROW(Weights(small(), flat), Error);
  EXPECT_THROW(parameter_layout(small()).find("lm_head.bias"), Error);
  OwnedTensor whole(DType::f32, {parameter_count(small())});
  EXPECT_THROW(Weights(small(), whole).block(3), Error);
}

TEST(Parameters, FreshWeightsHaveTheirDeviations) {
  LlamaConfig config = small();
  config.vocab_size = 4000, config.hidden_size = 64, config.intermediate_size = 256;
  config = resolve(config);
  const ParameterLayout layout = parameter_layout(config);
  OwnedTensor flat(DType::f32, {layout.count});
  initialize(flat, config, 7);
  const float* values = flat.view().data<float>();
  const auto deviation = [&](const std::string& name) {
    const ParameterLayout::Entry& entry = layout.find(name);
    double sum = 0;
    for (std::int64_t i = 0; i < entry.shape.count(); ++i) sum += std::pow(values[entry.offset + i], 2);
    return std::sqrt(sum / static_cast<double>(entry.shape.count()));
  };
  EXPECT_NEAR(deviation("model.embed_tokens.weight"), 0.02, 2e-4);
  EXPECT_NEAR(deviation("model.layers.1.mlp.up_proj.weight"), 0.02, 5e-4);
  EXPECT_NEAR(deviation("model.layers.1.mlp.down_proj.weight"), 0.02 / std::sqrt(6.0), 2e-4);
  EXPECT_EQ(deviation("model.layers.2.post_attention_layernorm.weight"), 1.0);
}

TEST(Parameters, FreshWeightsDoNotDependOnThreads) {
  const LlamaConfig config = small();
  OwnedTensor one(DType::f32, {parameter_count(config)}), three(DType::f32, {parameter_count(config)});
  const int threads = num_threads();
  set_num_threads(1);
  initialize(one, config, 7);
  set_num_threads(3);
  initialize(three, config, 7);
  set_num_threads(threads);
  for (std::int64_t i = 0; i < parameter_count(config); ++i) ASSERT_EQ(one.view().data<float>()[i], three.view().data<float>()[i]);
}

}  // namespace
}  // namespace corollary
