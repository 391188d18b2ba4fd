#include "corpus/web/html_code.h"

#include <algorithm>

#include "corpus/text.h"

namespace corollary {
namespace {

bool is_language(std::string_view name) {
  if (name.empty() || name.size() > 20) return false;
  for (const std::string_view none :
       {"default", "none", "text", "plain", "plaintext", "notranslate", "nohighlight", "source", "code", "auto", "sh_source"})
    if (name == none) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_ascii_letter(c) || is_ascii_digit(c) || c == '+' || c == '#' || c == '-'; });
}

std::string language_of_classes(std::string_view classes) {
  std::string_view before;
  for (std::size_t at = 0; at < classes.size();) {
    const std::size_t end = std::min(classes.find_first_of(" \t\n;", at), classes.size());
    const std::string_view word = classes.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    for (const std::string_view prefix : {"language-", "lang-", "highlight-source-", "highlight-", "brush:", "prettyprint-"}) {
      if (!word.starts_with(prefix)) continue;
      const std::string name = ascii_lower(word.substr(prefix.size()));
      if (is_language(name)) return name;
    }
    if ((before == "brush:" || before == "sourceCode" || before == "hljs") && is_language(word)) return ascii_lower(word);
    before = word;
  }
  return "";
}

}  // namespace

std::string code_language(HtmlNode pre) {
  std::string name = language_of_classes(pre.attribute("class"));
  if (name.empty())
    if (const HtmlNode code = find_first(pre, [](HtmlNode at) { return at.tag() == HtmlTag::Code; }))
      name = language_of_classes(code.attribute("class"));
  HtmlNode at = pre.parent();
  for (int up = 0; up < 3 && name.empty() && at; ++up, at = at.parent()) {
    if (at.tag() != HtmlTag::Div && at.tag() != HtmlTag::Figure) break;
    name = language_of_classes(at.attribute("class"));
  }
  return name;
}

std::string tidy_code(std::string_view code) {
  std::string out;
  for (std::size_t at = 0; at < code.size();) {
    const std::size_t end = std::min(code.find('\n', at), code.size());
    std::string line(code.substr(at, end - at));
    at = end + 1;
    for (std::size_t i = line.find("\xC2\xA0"); i != std::string::npos; i = line.find("\xC2\xA0", i)) line.replace(i, 2, " ");
    while (!line.empty() && is_ascii_space(line.back())) line.pop_back();
    if (out.empty() && line.empty()) continue;
    out.append(line) += '\n';
  }
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

bool is_unseen_code(HtmlNode node) {
  constexpr HtmlTags kUnseen(HtmlTag::Script, HtmlTag::Style, HtmlTag::Button, HtmlTag::Noscript, HtmlTag::Textarea, HtmlTag::Svg);
  if (kUnseen(node.tag())) return true;
  const std::string_view classes = node.attribute("class");
  if (classes.empty()) return false;
  for (const char* name : {"headerlink", "linenos", "lineno", "gutter", "copybtn", "line-numbers", "linenodiv", "hljs-ln-numbers",
                           "katex-html", "viewcode-link", "anchor-link", "line-numbers-rows", "pre-numbering"})
    if (has_token(classes, name)) return true;
  return false;
}

}  // namespace corollary
