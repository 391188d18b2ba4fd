#include "train/shrink.h"

#include <algorithm>

namespace corollary {

LlamaConfig shrunken(const LlamaConfig& given, std::int64_t tensor_parallel) {
  constexpr std::int64_t kVocabSize = 256, kRound = 16, kManyHeads = 32;
  const LlamaConfig model = resolve(given);
  LlamaConfig small = model;
  small.num_hidden_layers = std::min<std::int64_t>(model.num_hidden_layers, 2);
  small.num_key_value_heads = std::min(model.num_key_value_heads, std::max<std::int64_t>(tensor_parallel, 2));
  small.num_attention_heads = small.num_key_value_heads * (model.num_attention_heads / model.num_key_value_heads);
  small.head_dim = small.num_attention_heads > kManyHeads ? 8 : 16;
  small.hidden_size = small.num_attention_heads * small.head_dim;
  const std::int64_t proportional = small.hidden_size * model.intermediate_size / model.hidden_size, step = kRound * tensor_parallel;
  small.intermediate_size = (proportional + step - 1) / step * step;
  small.vocab_size = kVocabSize;
  small.max_position_embeddings = 64;
  return resolve(small);
}

TrainConfig shrunken(const TrainConfig& given, std::int64_t steps) {
  TrainConfig config = given;
  if (config.lr_decay_iters == 0) config.lr_decay_iters = config.train_iters;  // the rates of the first steps of the whole run
  config.seq_len = 64;
  config.train_iters = std::min(config.train_iters, steps);
  config.eval_interval = 0;
  config.save_interval = 0;
  return config;
}

}  // namespace corollary
