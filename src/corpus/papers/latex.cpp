#include "corpus/papers/latex.h"

#include <algorithm>
#include <cstring>

#include "corpus/papers/latex_expander.h"
#include "corpus/text.h"

namespace corollary {
namespace {

/// A title on one line, without its footnotes and breaks.
std::string one_line(std::string_view title) {
  std::string out;
  for (std::size_t at = 0; at < title.size();) {
    if (title[at] == '\\') {
      const std::size_t end = latex::name_end(title, at + 1);
      const std::string_view name = title.substr(at + 1, end - at - 1);
      if (name == "thanks" || name == "footnote" || name == "tnoteref" || name == "thanksref") {
        if (const auto close = latex::skip_arguments(title, end, "om", false)) {
          at = *close;
          continue;
        }
      }
      if (title.compare(at, 2, "\\\\") == 0 || name == "newline" || name == "linebreak") {
        out += ' ';
        at = std::max(end, at + 2);
        continue;
      }
      const std::size_t next = std::min(std::max(end, at + 2), title.size());
      out.append(title, at, next - at);
      at = next;
    } else {
      out += title[at++];
    }
  }
  std::string line;
  for (const char c : out) {
    if (!is_ascii_space(c))
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  return std::string(trim(line));
}

/// What tidy_lines does, in place: a fresh buffer of a paper's size costs more than the work, in page faults.
void tidy_in_place(std::string& text) {
  char* const bytes = text.data();
  std::size_t to = 0;
  bool had_empty = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = latex::line_end(text, at);
    std::size_t last = end;
    while (last > at && is_ascii_space(bytes[last - 1])) --last;
    if (last == at) {
      had_empty = true;
    } else {
      if (had_empty && to > 0) bytes[to++] = '\n';
      had_empty = false;
      if (to != at) std::memmove(bytes + to, bytes + at, last - at);
      to += last - at;
      if (to < text.size())
        bytes[to++] = '\n';
      else
        return text.push_back('\n');
    }
    at = end + 1;
  }
  text.resize(to);
}

CleanLatex finish(latex::Body body, const LatexOptions& options) {
  CleanLatex clean;
  clean.title = one_line(body.title);
  clean.missing = std::move(body.missing);
  clean.repeated = std::move(body.repeated);
  clean.text = std::move(body.text);
  tidy_in_place(clean.text);
  std::string front;
  if (options.keep_title && !clean.title.empty()) front = "\\title{" + clean.title + "}\n\n";
  if (const std::string abstract = tidy_lines(body.abstract); !abstract.empty())
    front += "\\begin{abstract}\n" + abstract + "\\end{abstract}\n\n";
  if (!clean.text.empty() && !front.empty()) clean.text.insert(0, front);
  return clean;
}

}  // namespace

std::string clean_latex(std::string_view tex, const LatexOptions& options) {
  return finish(latex::Expander(options, nullptr).run(tex, ""), options).text;
}

CleanLatex clean_latex(const LatexFiles& files, std::string_view main, const LatexOptions& options) {
  const auto file = files.find(main);
  return file == files.end() ? CleanLatex{} : finish(latex::Expander(options, &files).run(file->second, file->first), options);
}

double tex_program_density(std::string_view tex) {
  std::size_t bytes = 0;
  for (const std::string_view word :
       {"\\def", "\\edef", "\\gdef", "\\xdef", "\\let", "\\expandafter", "\\csname", "\\catcode", "\\else", "\\fi", "\\futurelet",
        "\\newif", "\\begingroup", "\\endgroup", "\\setbox", "\\relax"})
    for (std::size_t at = tex.find(word); at != std::string_view::npos; at = tex.find(word, at + word.size())) {
      const std::size_t end = at + word.size();
      if (end >= tex.size() || !is_ascii_letter(tex[end])) bytes += word.size();
    }
  return tex.empty() ? 0 : static_cast<double>(bytes) / static_cast<double>(tex.size());
}

}  // namespace corollary
