#include "train/sft_examples.h"

#include <string>

#include "base/compress.h"
#include "base/error.h"

namespace corollary {
namespace {

/// A text field of a record; Error if it is not there or is no text.
const std::string& text_of(const Json& record, const std::string& field, const std::string& where) {
  check(record.contains(field) && record[field].is_string(), "no text \"", field, "\" in ", where,
        ": name the right fields with sft.query_field and sft.response_field");
  return record[field].get_ref<const std::string&>();
}

}  // namespace

SftExamples::SftExamples(const fs::path& file, const SftConfig& config, const Tokenizer& tokenizer, std::int64_t max_length) {
  const PromptTemplate format = PromptTemplate::from_files(config);
  const EncodeOptions options{.add_bos = tokenizer.bos_id() >= 0};
  const std::int32_t end = tokenizer.eos_id();
  check(end >= 0, "the tokenizer has no end-of-text id: a model could not learn where a response ends");
  std::int64_t read = 0, truncated = 0, without_response = 0, too_long = 0, without_room = 0, response_tokens = 0;
  LineReader lines(file);
  while (const auto line = lines.next()) {
    if (line->find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = file.string() + ":" + std::to_string(lines.line_number());
    const Json record = parse_json(*line, where);
    check(record.is_object(), "no JSON object: ", where);
    ++read;
    const std::string& query = text_of(record, config.query_field, where);
    const std::string& response = text_of(record, config.response_field, where);
    if (response.empty()) {
      ++without_response;
      continue;
    }
    SplitQuery parts = split_query(query);
    if (!config.input_field.empty()) parts = {query, text_of(record, config.input_field, where)};
    const std::string prompt = format.prompt(parts.instruction, parts.input);
    std::vector<std::int32_t> ids = tokenizer.encode(prompt + response, options);
    ids.push_back(end);
    const auto prompt_length = static_cast<std::int64_t>(tokenizer.encode(prompt, options).size());
    const auto length = static_cast<std::int64_t>(ids.size());
    if (prompt_length >= std::min(length, max_length)) {
      ++without_room;
      continue;
    }
    if (length > max_length) {
      if (config.too_long == "reject") {
        ++too_long;
        continue;
      }
      ++truncated;
      ids.resize(static_cast<std::size_t>(max_length));
    }
    examples_.push_back({static_cast<std::int64_t>(tokens_.size()), static_cast<std::int64_t>(ids.size()), std::max<std::int64_t>(prompt_length, 1)});
    response_tokens += examples_.back().length - examples_.back().prompt;
    tokens_.insert(tokens_.end(), ids.begin(), ids.end());
  }
  counts_ = {{"read", read},
             {"kept", size()},
             {"truncated", truncated},
             {"rejected", {{"no response", without_response}, {"too long", too_long}, {"no room after the prompt", without_room}}},
             {"tokens", tokens_.size()},
             {"response_tokens", response_tokens}};
}

std::span<const std::int32_t> SftExamples::ids(std::int64_t i) const {
  const Example& e = example(i);
  return std::span(tokens_).subspan(static_cast<std::size_t>(e.begin), static_cast<std::size_t>(e.length));
}

}  // namespace corollary
