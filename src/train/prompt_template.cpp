#include "train/prompt_template.h"

#include "base/error.h"
#include "base/files.h"

namespace corollary {
namespace {

constexpr std::string_view kInstruction = "{instruction}", kInput = "{input}";

/// In one pass from the left: what is put in is not looked at again.
std::string filled(std::string_view text, std::string_view instruction, std::string_view input) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.substr(at).starts_with(kInstruction)) {
      out += instruction, at += kInstruction.size();
    } else if (text.substr(at).starts_with(kInput)) {
      out += input, at += kInput.size();
    } else {
      out += text[at++];
    }
  }
  return out;
}

std::string template_text(const std::string& path) {
  std::string text = read_file(path);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

PromptTemplate::PromptTemplate(std::string without_input, std::string with_input)
    : without_input_(std::move(without_input)), with_input_(std::move(with_input)) {
  check(without_input_.find(kInstruction) != std::string::npos, "the prompt template has no ", std::string(kInstruction),
        ": write it where the query belongs");
  check(with_input_.find(kInstruction) != std::string::npos && with_input_.find(kInput) != std::string::npos,
        "the prompt template with input must have both ", std::string(kInstruction), " and ", std::string(kInput));
}

PromptTemplate PromptTemplate::from_files(const SftConfig& config) {
  const PromptTemplate built_in;
  return {config.template_file.empty() ? built_in.without_input_ : template_text(config.template_file),
          config.template_with_input_file.empty() ? built_in.with_input_ : template_text(config.template_with_input_file)};
}

std::string PromptTemplate::prompt(std::string_view instruction, std::string_view input) const {
  return filled(input.empty() ? without_input_ : with_input_, instruction, input);
}

SplitQuery split_query(std::string_view query) {
  const std::size_t newline = query.find('\n');
  if (newline == std::string_view::npos) return {query, {}};
  return {query.substr(0, newline), query.substr(newline + 1)};
}

}  // namespace corollary
