#include "train/sft_data.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/digest.h"
#include "base/error.h"
#include "base/random.h"

namespace corollary {
namespace {

constexpr std::size_t kOpenRows = 64;
constexpr std::uint64_t kSplitStream = 0;  // epochs draw from streams 1, 2, ...

void shuffle(std::vector<std::int64_t>& values, std::uint64_t seed, std::uint64_t stream) {
  Random random(seed, stream);
  for (std::size_t left = values.size(); left > 1; --left)
    std::swap(values[left - 1], values[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(left)))]);
}

const SftConfig& checked(const TrainConfig& config) {
  const SftConfig& sft = config.sft;
  check(sft.layout == "packed" || sft.layout == "padded", "train.sft.layout must be packed or padded, is ", sft.layout);
  check(sft.too_long == "truncate" || sft.too_long == "reject", "train.sft.too_long must be truncate or reject, is ", sft.too_long);
  check(sft.epochs >= 0 && sft.epochs <= 1000, "train.sft.epochs must be 0 to 1000, is ", sft.epochs);
  check(sft.validation_fraction >= 0 && sft.validation_fraction < 1, "train.sft.validation_fraction must be at least 0 and below 1, is ",
        sft.validation_fraction);
  check(config.seq_len > 1 && config.global_batch_size > 0, "train.seq_len must be above 1 and global_batch_size positive");
  return sft;
}

}  // namespace

SftData::SftData(const TrainConfig& config, const Tokenizer& tokenizer)
    : seq_len_(config.seq_len),
      is_packed_(checked(config).layout == "packed"),
      padding_(tokenizer.eos_id()),
      examples_(config.sft.data, config.sft, tokenizer, config.seq_len) {
  const SftConfig& sft = config.sft;
  const auto seed = static_cast<std::uint64_t>(config.seed);
  for (const std::string& path : {sft.data, sft.validation_data, sft.template_file, sft.template_with_input_file})
    if (!path.empty()) digests_["sft/" + fs::path(path).filename().string()] = sha256_file(path);

  std::vector<std::int64_t> all(static_cast<std::size_t>(examples_.size())), held_out;
  std::iota(all.begin(), all.end(), 0);
  if (!sft.validation_data.empty()) {
    validation_file_ = std::make_unique<SftExamples>(sft.validation_data, sft, tokenizer, config.seq_len);
    held_out.resize(static_cast<std::size_t>(validation_file_->size()));
    std::iota(held_out.begin(), held_out.end(), 0);
  } else {
    shuffle(all, seed, kSplitStream);
    const auto count = static_cast<std::size_t>(std::ceil(sft.validation_fraction * static_cast<double>(all.size())));
    held_out.assign(all.end() - static_cast<std::ptrdiff_t>(count), all.end());
    all.resize(all.size() - count);
    std::ranges::sort(all);
  }
  check(!all.empty(), "nothing to train on in ", sft.data, ": ", examples_.counts().dump(), "; raise seq_len if prompts are too long");

  add_rows(validation_, validation_file_ ? *validation_file_ : examples_, held_out);
  if (validation_.size() > 0 && config.eval_sequences > 0) validation_subsets_ = {"responses"};
  if (config.eval_sequences < validation_.size()) validation_.begins.resize(static_cast<std::size_t>(config.eval_sequences) + 1);

  const std::int64_t batch = config.global_batch_size;
  std::int64_t wanted = sft.epochs == 0 ? config.train_iters * batch : 0;
  for (std::int64_t epoch = 1; epoch <= sft.epochs || training_.size() < wanted; ++epoch) {
    std::vector<std::int64_t> order = all;
    shuffle(order, seed, static_cast<std::uint64_t>(epoch));
    add_rows(training_, examples_, order);
    if (epoch == 1) {
      std::int64_t positions = 0;
      for (const std::int64_t example : all) positions += examples_.example(example).length - 1;
      counts_ = {{"train", examples_.counts()},
                 {"validation", validation_file_ ? validation_file_->counts() : Json(held_out.size())},
                 {"rows_per_epoch", training_.size()},
                 {"fill", static_cast<double>(positions) / static_cast<double>(training_.size() * seq_len_)}};
    }
    if (epoch == sft.epochs) wanted = (training_.size() + batch - 1) / batch * batch;
  }
  steps_ = sft.epochs == 0 ? config.train_iters : wanted / batch;
}

void SftData::add_rows(Rows& rows, const SftExamples& from, const std::vector<std::int64_t>& order) const {
  struct Open {
    std::vector<std::int64_t> examples;
    std::int64_t room;
  };
  std::vector<Open> open;  // oldest first
  const auto close = [&](std::size_t i) {
    rows.examples.insert(rows.examples.end(), open[i].examples.begin(), open[i].examples.end());
    rows.begins.push_back(static_cast<std::int64_t>(rows.examples.size()));
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
  };
  for (const std::int64_t example : order) {
    const std::int64_t positions = from.example(example).length - 1;
    auto fitting = is_packed_ ? std::ranges::find_if(open, [&](const Open& row) { return row.room >= positions; }) : open.end();
    if (fitting == open.end()) {
      if (open.size() == (is_packed_ ? kOpenRows : 1)) {
        const auto fullest = std::ranges::min_element(open, {}, &Open::room);
        close(static_cast<std::size_t>(fullest - open.begin()));
      }
      open.push_back({{}, seq_len_});
      fitting = open.end() - 1;
    }
    fitting->examples.push_back(example);
    fitting->room -= positions;
  }
  while (!open.empty()) close(0);
}

void SftData::fill(const SftExamples& from, const Rows& rows, std::int64_t number, const SequenceRow& row) const {
  check(number >= 0 && number < rows.size(), "row ", number, " of ", rows.size());
  const auto first = static_cast<std::size_t>(rows.begins[static_cast<std::size_t>(number)]);
  const auto last = static_cast<std::size_t>(rows.begins[static_cast<std::size_t>(number) + 1]);
  std::size_t at = 0;
  const auto put = [&](std::int32_t token, std::int32_t target, std::size_t document) {
    row.tokens[at] = token;
    row.targets[at] = target;
    if (!row.positions.empty()) row.positions[at] = static_cast<std::int32_t>(at - document);
    if (!row.document_starts.empty()) row.document_starts[at] = static_cast<std::int32_t>(document);
    ++at;
  };
  for (std::size_t i = first; i < last; ++i) {
    const std::int64_t example = rows.examples[i];
    const auto ids = from.ids(example);
    const auto prompt = static_cast<std::size_t>(from.example(example).prompt);
    const std::size_t document = at;
    for (std::size_t t = 0; t + 1 < ids.size(); ++t) put(ids[t], t + 1 >= prompt ? ids[t + 1] : -1, document);
  }
  for (const std::size_t document = at; at < row.tokens.size();) put(padding_, -1, document);
}

void SftData::training_row(std::int64_t number, const SequenceRow& row) const { fill(examples_, training_, number, row); }

std::int64_t SftData::validation_windows(std::size_t) const { return validation_.size(); }

void SftData::validation_row(std::size_t, std::int64_t number, const SequenceRow& row) const {
  fill(validation_file_ ? *validation_file_ : examples_, validation_, number, row);
}

}  // namespace corollary
