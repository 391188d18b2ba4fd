#include "infer/generate.h"

#include <algorithm>

#include "base/stop.h"
#include "infer/decoder.h"

namespace corollary {

const char* name_of(Finish finish) {
  switch (finish) {
    case Finish::end_of_text:
      return "end_of_text";
    case Finish::max_new_tokens:
      return "max_new_tokens";
    case Finish::context_full:
      return "context_full";
    case Finish::stopped:
      break;
  }
  return "stopped";
}

Generation generate(const LanguageModel& model, std::string_view prompt, std::int64_t max_new_tokens,
                    const SamplingConfig& sampling, std::uint64_t sample, const std::function<void(std::string_view)>& on_text) {
  check_sampling(sampling);
  check(max_new_tokens >= 0, "max_new_tokens is ", max_new_tokens, ", must be 0 or more");
  const LlamaConfig& config = model.config();
  const std::vector<std::int32_t> ids = model.encode_with_start(prompt);
  check(!ids.empty(), "an empty prompt needs a start token, and this model has none: give a prompt");
  Generation result;
  result.prompt_tokens = static_cast<std::int64_t>(ids.size());
  check(result.prompt_tokens <= config.max_position_embeddings, "the prompt has ", result.prompt_tokens,
        " tokens, the model reads ", config.max_position_embeddings, ": shorten it");

  // The decoder of text reads the prompt too: whether the first new piece begins with a space depends on what stands before it.
  StreamDecoder text = model.tokenizer.stream_decoder();
  std::string piece;
  for (const std::int32_t id : ids) text.push(id, piece);
  piece.clear();
  const auto emit = [&] {
    result.text += piece;
    if (on_text && !piece.empty()) on_text(piece);
    piece.clear();
  };

  // The last new token is drawn but never read. The headroom is compared without adding, so that no count overflows.
  const std::int64_t room = config.max_position_embeddings - result.prompt_tokens;
  Decoder decoder(config, model.model.weights(),
                  result.prompt_tokens + std::min(room, std::max<std::int64_t>(max_new_tokens - 1, 0)));
  Stream stream;
  const std::int32_t end =
      model.tokenizer.eos_id() >= 0 ? model.tokenizer.eos_id() : static_cast<std::int32_t>(config.eos_token_id);
  const auto known_ids = static_cast<std::size_t>(model.tokenizer.vocab_size());  // rows past the tokenizer are padding
  std::span<const float> logits = decoder.append(stream, ids);
  while (static_cast<std::int64_t>(result.tokens.size()) < max_new_tokens) {
    if (stop_requested()) {
      result.finish = Finish::stopped;
      break;
    }
    const std::int32_t token =
        sample_token(logits.first(known_ids), sampling, sample, static_cast<std::uint64_t>(decoder.length()));
    if (token == end) {
      result.finish = Finish::end_of_text;
      break;
    }
    result.tokens.push_back(token);
    text.push(token, piece);
    emit();
    if (static_cast<std::int64_t>(result.tokens.size()) == max_new_tokens) break;
    if (decoder.length() == config.max_position_embeddings) {
      result.finish = Finish::context_full;
      break;
    }
    logits = decoder.append(stream, std::span(&token, 1));
  }
  text.finish(piece);
  emit();
  return result;
}

}  // namespace corollary
