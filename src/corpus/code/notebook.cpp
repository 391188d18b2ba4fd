#include "corpus/code/notebook.h"

#include <algorithm>
#include <array>
#include <map>

#include "corpus/code/code_filters.h"
#include "corpus/code/markup_removal.h"
#include "corpus/code/notebook_model.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kNone = std::string::npos;
using Kind = NotebookOutput::Kind;

const std::string* text_of(const NotebookOutput& output, std::string_view type) {
  for (const auto& [name, text] : output.texts)
    if (name == type) return &text;
  return nullptr;
}

void append_indented(std::string& out, std::string_view text) {
  for (std::size_t at = 0;;) {
    const std::size_t end = text.find('\n', at);
    out += "    ";
    if (end == kNone) {
      out += text.substr(at);
      return;
    }
    out += text.substr(at, end + 1 - at);
    at = end + 1;
    if (at == text.size()) return;
  }
}

/// One stream's consecutive pieces become one; what a carriage return overwrote goes: .*\r(?=[^\n])
void join_streams(std::vector<NotebookOutput>& outputs) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const bool joins = kept > 0 && outputs[i].kind == Kind::kStream && outputs[kept - 1].kind == Kind::kStream &&
                       outputs[i].name == outputs[kept - 1].name;
    if (joins) {
      outputs[kept - 1].text += outputs[i].text;
    } else {
      if (kept != i) outputs[kept] = std::move(outputs[i]);
      ++kept;
    }
  }
  outputs.resize(kept);
  for (NotebookOutput& output : outputs) {
    if (output.kind != Kind::kStream || output.text.find('\r') == kNone) continue;
    std::string shown;
    for (std::size_t at = 0; at < output.text.size();) {
      const std::size_t end = std::min(output.text.find('\n', at), output.text.size());
      std::size_t begin = at;
      for (std::size_t i = end; i > at; --i)
        if (output.text[i - 1] == '\r' && i < output.text.size() && output.text[i] != '\n') {
          begin = i;
          break;
        }
      shown.append(output.text, begin, end + 1 - begin);
      at = end + 1;
    }
    output.text = std::move(shown);
  }
}

/// "%%R" and the like in the first line of a cell, followed by a blank.
std::string_view magic_language(std::string_view source) {
  constexpr std::pair<std::string_view, std::string_view> kMagics[] = {
      {"%%R", "r"},         {"%%bash", "bash"},   {"%%cython", "cython"}, {"%%javascript", "javascript"},
      {"%%julia", "julia"}, {"%%latex", "latex"}, {"%%octave", "octave"}, {"%%perl", "perl"},
      {"%%ruby", "ruby"},   {"%%sh", "sh"},       {"%%sql", "sql"}};
  const auto is_blank = [](char c) { return is_ascii_space(c) || (c >= 0x1C && c <= 0x1F); };
  while (!source.empty() && is_blank(source.front())) source.remove_prefix(1);
  for (const auto& [magic, language] : kMagics)
    if (source.starts_with(magic) && source.size() > magic.size() && is_blank(source[magic.size()])) return language;
  return {};
}

/// Python's textwrap.dedent().
std::string dedented(std::string_view text) {
  const auto each_line = [&](auto&& visit) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view line = text.substr(at, end - at);
      visit(line, std::min(line.find_first_not_of(" \t"), line.size()), end < text.size());
      at = end + 1;
    }
  };
  std::optional<std::string_view> margin;
  each_line([&](std::string_view line, std::size_t blanks, bool) {
    if (blanks == line.size()) return;
    const std::string_view indent = line.substr(0, blanks);
    if (!margin) margin = indent;
    const auto [differ, unused] = std::mismatch(margin->begin(), margin->end(), indent.begin(), indent.end());
    margin = margin->substr(0, static_cast<std::size_t>(differ - margin->begin()));
  });
  const std::size_t cut = margin ? margin->size() : 0;
  std::string out;
  each_line([&](std::string_view line, std::size_t blanks, bool has_newline) {
    if (blanks < line.size()) out += line.substr(cut);
    if (has_newline) out += '\n';
  });
  return out;
}

std::string published_language(const Notebook& notebook, const NotebookCell& cell) {
  const std::string_view magic = magic_language(cell.source);
  if (!magic.empty()) return std::string(magic);
  return cell.has_magics_language ? cell.language : notebook.language.value_or("");
}

/// The form nbconvert's Markdown exporter prefers; an image's line is deleted afterwards, so any will do.
void print_published_data(std::string& out, const NotebookOutput& output, std::string& fault) {
  for (const std::string_view type :
       {"text/html", "text/markdown", "image/svg+xml", "text/latex", "image/png", "image/jpeg", "text/plain"}) {
    if (!output.has_data(type)) continue;
    const std::string* text = text_of(output, type);
    if (type.starts_with("image/")) {
      out += "\n    \n![" + std::string(type == "image/svg+xml" ? "svg" : type.substr(6)) + "](output)\n    \n";
    } else if (text == nullptr) {
      fault = "output.data";
    } else if (type == "text/plain") {
      out += '\n';
      append_indented(out, *text);
      out += '\n';
    } else {
      out += '\n' + (type == "text/html" ? dedented(*text) : *text) + '\n';
    }
    return;
  }
}

/// The blocks of nbconvert's template with their newlines.
std::string print_published(const Notebook& notebook, std::string& fault) {
  std::string out;
  for (const NotebookCell& cell : notebook.cells) {
    switch (cell.kind) {
      case NotebookCell::Kind::kMarkdown:
        out += '\n' + cell.source + '\n';
        break;
      case NotebookCell::Kind::kRaw:
        if (cell.raw_type.empty() || cell.raw_type == "text/markdown" || cell.raw_type == "text/html") out += cell.source;
        break;
      case NotebookCell::Kind::kOther:
        out += "\nunknown type  \n";
        break;
      case NotebookCell::Kind::kCode:
        out += "\n\n```" + published_language(notebook, cell) + '\n' + cell.source + "\n```\n";
        for (const NotebookOutput& output : cell.outputs) {
          if (output.kind == Kind::kStream) {
            out += '\n';
            append_indented(out, output.text);
            out += '\n';
          } else if (output.kind == Kind::kResult || output.kind == Kind::kDisplay) {
            out += output.kind == Kind::kResult ? "\n\n\n" : "\n";
            print_published_data(out, output, fault);
            out += output.kind == Kind::kResult ? "\n\n" : "\n";
          }
        }
    }
  }
  out.erase(0, std::min(out.find_first_not_of("\r\n"), out.size()));
  return out;
}

/// Blank line, then the part; nothing for a part without text.
void append_part(std::string& out, std::string_view part) {
  while (!part.empty() && is_ascii_space(part.back())) part.remove_suffix(1);
  if (trim(part).empty()) return;
  if (!out.empty()) out += '\n';
  out += part;
  out += '\n';
}

void print_code(std::string& out, const std::string& language, std::string_view source) {
  std::string code = normalize_newlines(source);
  code.erase(code.find_last_not_of(" \t\n") + 1);
  code.erase(0, std::min(code.find_first_not_of('\n'), code.size()));
  if (code.empty()) return;
  std::string fence = "```";  // longer than any in the code
  while (code.find(fence) != kNone && fence.size() < 64) fence += '`';
  append_part(out, fence + language + '\n' + code + '\n' + fence);
}

void print_output(std::string& out, const NotebookOutput& output) {
  const auto as_block = [&](std::string_view text) {
    std::string shown = tidy_lines(normalize_newlines(remove_terminal_codes(text))), block;
    if (shown.empty()) return;
    append_indented(block, shown);
    append_part(out, block);
  };
  if (output.kind == Kind::kStream) return as_block(output.text);
  if (output.has_data("application/vnd.jupyter.widget-view+json")) return;  // its text is but the widget's name
  for (const std::string_view type : {"text/latex", "text/markdown", "text/plain", "text/html"}) {
    const std::string* text = text_of(output, type);
    if (text == nullptr || trim(*text).empty()) continue;
    if (type == "text/plain") return as_block(*text);
    if (type == "text/html") return as_block(html_fragment_text(*text));
    return append_part(out, tidy_lines(normalize_newlines(remove_markup(*text))));
  }
}

std::string print_clean(const Notebook& notebook) {
  std::string out;
  for (const NotebookCell& cell : notebook.cells) {
    if (cell.kind == NotebookCell::Kind::kCode) {
      const std::string_view magic = magic_language(cell.source);
      const std::string language = !magic.empty()           ? std::string(magic)
                                   : !cell.language.empty() ? cell.language
                                                            : notebook.language.value_or(notebook.kernel_language);
      print_code(out, language, cell.source);
      for (const NotebookOutput& output : cell.outputs) print_output(out, output);
    } else if (cell.kind == NotebookCell::Kind::kMarkdown ||
               (cell.kind == NotebookCell::Kind::kRaw &&
                (cell.raw_type.empty() || cell.raw_type == "text/markdown" || cell.raw_type == "text/html"))) {
      append_part(out, tidy_lines(normalize_newlines(remove_markup(cell.source))));
    }
  }
  return out;
}

}  // namespace

NotebookText convert_notebook(std::string_view bytes, const NotebookOptions& options) {
  NotebookText result;
  if (options.as_published && !has_notebook_mathematics(bytes)) {
    result.rejection = Rejection{"no_required_word"};
    return result;
  }
  Notebook notebook;
  result.rejection = read_notebook(bytes, options.as_published, notebook);
  if (result.rejection) return result;
  result.cells = static_cast<std::int64_t>(notebook.cells.size());
  result.language = notebook.language.value_or(notebook.kernel_language);
  for (NotebookCell& cell : notebook.cells) {
    if (cell.has_exception || cell.has_png || (!options.as_published && cell.has_image_or_error)) {
      cell.outputs.clear();
      ++result.cleared_cells;
    }
    join_streams(cell.outputs);
  }
  if (options.as_published) {
    std::string body = print_published(notebook, notebook.fault);
    if (notebook.fault.empty()) {
      result.markdown = remove_markup(body);
    } else {
      result.rejection = Rejection{"invalid_notebook", 0, notebook.fault};
    }
  } else {
    result.markdown = print_clean(notebook);
  }
  return result;
}

std::optional<std::string> notebook_to_markdown(std::string_view bytes) {
  NotebookText result = convert_notebook(bytes);
  if (result.rejection) return std::nullopt;
  return std::move(result.markdown);
}

}  // namespace corollary
