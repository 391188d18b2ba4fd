#pragma once
#include <cstdint>
#include <string>

namespace corollary {

/// Supervised finetuning: queries with responses instead of packed text, and a loss on the responses alone. Defaults are MetaMath's
/// where it has any (recipes/metamath_7b).
struct SftConfig {
  std::string data = "";                 ///< .jsonl[.gz|.zst] of queries and responses; empty: no finetuning, the mixture is trained on
  std::string validation_data = "";      ///< the same, held out; empty: validation_fraction of data is
  double validation_fraction = 0.02;
  std::string query_field = "query";
  std::string response_field = "response";
  std::string input_field = "";               ///< where the input stands if it has a field of its own; empty: what follows the query's first line
  std::string template_file = "";             ///< text around {instruction}; empty: the built-in one (train/prompt_template.h)
  std::string template_with_input_file = "";  ///< text around {instruction} and {input}, for examples that have one
  std::string layout = "packed";         ///< packed: many examples a row, each blind to the others | padded: one a row, as the original
  std::string too_long = "truncate";     ///< examples of more than seq_len tokens: truncate | reject; counted either way
  std::int64_t epochs = 3;               ///< over the training examples, shuffled anew each time: decides train_iters; 0: train_iters does
  static void each(auto& config, auto&& visit) {
    visit("data", config.data);
    visit("validation_data", config.validation_data);
    visit("validation_fraction", config.validation_fraction);
    visit("query_field", config.query_field);
    visit("response_field", config.response_field);
    visit("input_field", config.input_field);
    visit("template_file", config.template_file);
    visit("template_with_input_file", config.template_with_input_file);
    visit("layout", config.layout);
    visit("too_long", config.too_long);
    visit("epochs", config.epochs);
  }
  bool is_on() const { return !data.empty(); }
};

}  // namespace corollary
