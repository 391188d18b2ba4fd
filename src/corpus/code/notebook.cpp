#include "corpus/code/notebook.h"

#include "base/error.h"
#include "base/json.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kNone = std::string::npos;

const Json& member(const Json& object, const char* name) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto at = object.find(name);
  return at != object.end() ? *at : nothing;
}
bool is_text(const Json& value, std::string_view text) { return value.is_string() && value.get_ref<const std::string&>() == text; }

/// A string, or a list of them: the format allows both.
std::string joined(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  std::string text;
  if (value.is_array())
    for (const Json& line : value)
      if (line.is_string()) text += line.get_ref<const std::string&>();
  return text;
}

/// Removes each piece from `open` to the next `close`; one that never closes stays.
void remove_between(std::string& text, std::string_view open, std::string_view close) {
  std::string out;
  std::size_t at = 0;
  for (;;) {
    const std::size_t begin = text.find(open, at);
    const std::size_t end = begin == kNone ? kNone : text.find(close, begin + open.size());
    if (end == kNone) break;
    out.append(text, at, begin - at);
    at = end + close.size();
  }
  text = out.append(text, at, kNone);
}

/// ![alt](target): the brackets must follow one another.
void remove_images(std::string& text) {
  std::string out;
  std::size_t at = 0;
  for (std::size_t begin = text.find("!["); begin != kNone; begin = text.find("![", begin)) {
    const std::size_t middle = text.find(']', begin), line = std::min(text.find('\n', begin), text.size());
    const std::size_t end = middle < line && text.compare(middle, 2, "](") == 0 ? text.find(')', middle) : kNone;
    if (end == kNone) {
      begin += 2;
      continue;
    }
    out.append(text, at, begin - at);
    at = begin = end + 1;
  }
  text = out.append(text, at, kNone);
}

std::string of_outputs(const Json& outputs) {
  if (!outputs.is_array()) return "";
  std::string text;
  for (const Json& output : outputs) {
    const Json& data = member(output, "data");
    const bool is_error = is_text(member(output, "output_type"), "error") ||
                          (member(output, "ename").is_string() && !member(output, "traceback").is_null());
    if (is_error || !joined(member(data, "image/png")).empty()) return "";
    std::string shown = joined(member(output, "text"));
    if (shown.empty()) shown = joined(member(data, "text/latex"));
    if (shown.empty()) shown = joined(member(data, "text/plain"));
    if (!shown.empty() && shown.back() != '\n') shown += '\n';
    text += shown;
  }
  std::string indented;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    indented += "    " + text.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return indented;
}

}  // namespace

std::optional<std::string> notebook_to_markdown(std::string_view bytes) {
  Json notebook;
  try {
    notebook = parse_json(bytes, "notebook");
  } catch (const Error&) {
    return std::nullopt;
  }
  const Json &format = member(notebook, "nbformat"), &cells = member(notebook, "cells");
  if (!format.is_number_integer() || format.get<std::int64_t>() != 4 || !cells.is_array()) return std::nullopt;
  std::string language = joined(member(member(member(notebook, "metadata"), "kernelspec"), "language"));
  if (language.empty()) language = joined(member(member(member(notebook, "metadata"), "language_info"), "name"));
  std::string out;
  for (const Json& cell : cells) {
    std::string source = joined(member(cell, "source"));
    if (is_text(member(cell, "cell_type"), "code")) {
      out += "```" + language + "\n" + source + "\n```\n\n" + of_outputs(member(cell, "outputs")) + "\n";
    } else {
      remove_images(source);
      for (const auto& [open, close] :
           {std::pair{"<img", ">"}, {"<video", "</video>"}, {"<script", "</script>"}, {"<iframe", "</iframe>"}})
        remove_between(source, open, close);
      out += source + "\n\n";
    }
  }
  return tidy_lines(normalize_newlines(out));
}

}  // namespace corollary
