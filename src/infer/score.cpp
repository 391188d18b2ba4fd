#include "infer/score.h"

#include <algorithm>

#include "device/buffer.h"

namespace corollary {

/// inputs: sequence[begin .. begin + count); the targets are one further on, and those before `scored_from` were scored already.
struct Scorer::Window {
  std::size_t sequence = 0;
  std::int64_t begin = 0, count = 0, scored_from = 0;
};

namespace {

/// Windows are padded to lengths 32, 48, 64, 96, 128, 192, ... : few shapes, and a sixth of padding at most on average.
std::int64_t padded_length(std::int64_t count, std::int64_t longest) {
  std::int64_t length = 32;
  while (length < count) length = (length & (length - 1)) == 0 ? length / 2 * 3 : length / 3 * 4;
  return std::min(length, longest);
}

}  // namespace

Scorer::Scorer(const LlamaConfig& config, const Weights& weights, std::int64_t seq_len, std::int64_t batch_tokens)
    : config_(config),
      weights_(weights),
      seq_len_(seq_len ? seq_len : config.max_position_embeddings),
      batch_tokens_(batch_tokens) {
  check(seq_len_ > 0 && seq_len_ <= config.max_position_embeddings, "scoring: seq_len ", seq_len_, " is outside 1 to ",
        config.max_position_embeddings, ", the positions of the model");
  check(batch_tokens > 0, "scoring: batch_tokens is ", batch_tokens, ", must be positive");
}
Scorer::~Scorer() = default;

Llama& Scorer::llama_for(std::int64_t rows, std::int64_t length) {
  std::unique_ptr<Llama>& llama = llamas_[{rows, length}];
  if (!llama) llama = std::make_unique<Llama>(config_, weights_.flat().dtype(), rows, length, /*trains=*/false);
  return *llama;
}

std::vector<std::vector<float>> Scorer::losses(Stream& stream, std::span<const std::vector<std::int32_t>> sequences) {
  std::vector<std::vector<float>> out(sequences.size());
  std::map<std::int64_t, std::vector<Window>> by_length;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const std::int64_t inputs = static_cast<std::int64_t>(sequences[i].size()) - 1;
    out[i].resize(static_cast<std::size_t>(std::max<std::int64_t>(inputs, 0)));
    for (std::int64_t done = 0; done < inputs;) {
      const std::int64_t end = std::min(done + seq_len_, inputs), begin = std::max<std::int64_t>(0, end - seq_len_);
      by_length[padded_length(end - begin, seq_len_)].push_back({i, begin, end - begin, done});
      done = end;
    }
  }
  for (const auto& [length, windows] : by_length) {
    const auto at_once = static_cast<std::size_t>(std::max<std::int64_t>(1, batch_tokens_ / length));
    for (std::size_t first = 0; first < windows.size(); first += at_once)
      run(stream, std::span(windows).subspan(first, std::min(at_once, windows.size() - first)), sequences, out);
  }
  return out;
}

void Scorer::run(Stream& stream, std::span<const Window> windows, std::span<const std::vector<std::int32_t>> sequences,
                 std::vector<std::vector<float>>& out) {
  const std::int64_t length = padded_length(windows.front().count, seq_len_);
  auto rows = std::max<std::int64_t>(1, batch_tokens_ / length);
  while (rows / 2 >= static_cast<std::int64_t>(windows.size())) rows /= 2;  // the last batch of a length is seldom full
  OwnedTensor tokens(DType::i32, {rows * length}), targets(DType::i32, {rows * length}), losses(DType::f32, {rows * length});
  std::int32_t *const token = tokens.view().data<std::int32_t>(), *const target = targets.view().data<std::int32_t>();
  std::fill(target, target + rows * length, -1);  // padding: token 0, after all that is scored, and no loss
  for (std::size_t row = 0; row < windows.size(); ++row) {
    const Window& window = windows[row];
    const std::int64_t at = static_cast<std::int64_t>(row) * length;
    const std::int32_t* const from = sequences[window.sequence].data() + window.begin;
    std::copy(from, from + window.count, token + at);
    for (std::int64_t t = window.scored_from - window.begin; t < window.count; ++t) target[at + t] = from[t + 1];
  }
  llama_for(rows, length).losses(stream, losses, weights_, {tokens, targets});
  for (std::size_t row = 0; row < windows.size(); ++row) {
    const Window& window = windows[row];
    const float* const from = losses.view().data<float>() + static_cast<std::int64_t>(row) * length - window.begin;
    std::copy(from + window.scored_from, from + window.begin + window.count,
              out[window.sequence].begin() + static_cast<std::ptrdiff_t>(window.scored_from));
  }
}

}  // namespace corollary
