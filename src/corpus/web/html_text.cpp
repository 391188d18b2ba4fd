#include "corpus/web/html_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>
#include <vector>

#include "corpus/web/html_boilerplate.h"
#include "corpus/web/html_math.h"
#include "corpus/web/html_tree.h"
#include "corpus/text.h"
#include "corpus/web/text_writer.h"

namespace corollary {
namespace {

/// Elements that stand on lines of their own.
const std::unordered_set<std::string_view> kBlocks = {
    "p",       "div",      "section", "article", "main",    "blockquote", "figure", "figcaption", "dl",      "dt",
    "address", "fieldset", "form",    "center",  "details", "summary",    "header", "hgroup",     "caption", "tbody",
    "thead",   "tfoot",    "table",   "tr",      "td",      "th",         "ul",     "ol",         "body",    "html"};

class Extraction {
 public:
  explicit Extraction(bool has_math_delimiters) : has_math_delimiters_(has_math_delimiters) {}

  void children(HtmlNode node, TextWriter& to) {
    for (HtmlNode child = node.first_child(); child; child = child.next()) visit(child, to);
  }

  HtmlText result;

 private:
  void visit(HtmlNode node, TextWriter& to) {
    if (node.is_text()) return text(node.text(), to);
    if (!node.is_element()) return;
    if (is_formula(node)) return formula(node, to);
    if (is_boilerplate(node)) return;
    const std::string_view name = node.name(), classes = node.attribute("class");
    if (!classes.empty()) {
      if (has_token(classes, "math")) return marked_formula(node, to);
      if (has_token(classes, "classifier")) to.words(" : ");  // drawn by the style sheet
      if (has_token(classes, "label") && is_footnote(node.parent())) return label(node, to);
    }
    if (name == "br") return to.block(1);
    if (name == "hr") return to.block(2);
    if (name == "pre") return preformatted(node, to);
    if (name == "code" || name == "tt" || name == "kbd" || name == "samp") return inline_code(node, to);
    if (name == "dd") return indented(node, to);
    if (name == "a") return link(node, to);
    if (nested_ < kMaxNested) {
      if (const int level = heading_level(name)) return heading(node, level, to);
      if (name == "ul" || name == "ol") return list(node, name == "ol", to);
      if (name == "table") return table(node, to);
      if (name == "dt") return term(node, to);
      if (name == "sup" || name == "sub") return script(node, name == "sup", to);
    }
    const bool is_block = kBlocks.contains(name);
    if (is_block) to.block(2);
    children(node, to);
    if (is_block) to.block(2);
  }

  static bool is_footnote(HtmlNode node) { return has_class(node, "footnote") || has_class(node, "citation"); }
  /// A footnote's mark, its text behind it.
  void label(HtmlNode node, TextWriter& to) {
    to.block(2);
    to.words(line_of(node));
    to.glue(0);
  }

  void text(std::string_view text, TextWriter& to) {
    if (!has_math_delimiters_ || text.find_first_of("\\$") == std::string_view::npos)
      to.words(text);
    else
      to.words(with_dollar_delimiters(text, result.formulas));
    count(text);
  }
  void count(std::string_view text) {
    const auto visible =
        static_cast<std::int64_t>(std::count_if(text.begin(), text.end(), [](char c) { return !is_ascii_space(c); }));
    result.text_bytes += visible;
    if (in_link_ > 0) result.link_bytes += visible;
  }

  void formula(HtmlNode node, TextWriter& to) {
    const HtmlFormula found = read_formula(node);
    const std::string text = delimited(found);
    if (text.empty()) return;
    if (found.is_display) to.block(2);
    to.words(text);
    if (found.is_display) to.block(2);
    ++result.formulas;
    count(text);
  }

  /// Sphinx: an element of class math that holds \( \), \[ \] or an environment as text.
  void marked_formula(HtmlNode node, TextWriter& to) {
    HtmlFormula found;
    raw_text(node, found.latex);
    const bool is_block = node.name() == "div";
    if (find_first(node, is_formula) || found.latex.empty()) return children(node, to);
    if (is_block) to.block(2);
    if (const std::string_view inside = trim(found.latex); inside.starts_with("\\(") || inside.starts_with("\\[")) {
      to.words(delimited(found));
    } else {
      found.latex = without_comments(found.latex);
      to.words(found.latex);
    }
    if (is_block) to.block(2);
    ++result.formulas;
    count(found.latex);
  }

  /// The children's text on one line.
  std::string line_of(HtmlNode node) {
    TextWriter line(true);
    ++nested_;
    children(node, line);
    --nested_;
    return std::string(trim(line.text()));
  }

  void heading(HtmlNode node, int level, TextWriter& to) {
    const std::string title = line_of(node);
    if (title.empty()) return;
    to.block(2);
    to.words(std::string(static_cast<std::size_t>(level), '#') + " " + title);
    to.block(2);
  }

  /// Text without markup of its own, blanks kept.
  void raw_text(HtmlNode node, std::string& out) {
    for (HtmlNode child = node.first_child(); child; child = child.next()) {
      if (child.is_text())
        out += child.text();
      else if (child.name() == "br")
        out += '\n';
      else if (child.is_element() && !is_boilerplate(child))
        raw_text(child, out);
    }
  }

  void preformatted(HtmlNode node, TextWriter& to) {
    std::string code;
    raw_text(node, code);
    code = tidy_code(code);
    if (code.empty()) return;
    std::string fence = "```";
    while (code.find(fence) != std::string::npos) fence += '`';
    to.block(2);
    to.verbatim(fence + "\n" + code + "\n" + fence);
    to.block(2);
    count(code);
  }
  /// Without empty lines at its ends and blanks at line ends.
  static std::string tidy_code(std::string_view code) {
    std::string out;
    for (std::size_t at = 0; at < code.size();) {
      const std::size_t end = std::min(code.find('\n', at), code.size());
      std::string_view line = code.substr(at, end - at);
      at = end + 1;
      while (!line.empty() && is_ascii_space(line.back())) line.remove_suffix(1);
      if (out.empty() && line.empty()) continue;
      out.append(line) += '\n';
    }
    while (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
  }

  void inline_code(HtmlNode node, TextWriter& to) {
    std::string code;
    raw_text(node, code);
    if (find_first(node, is_formula)) return children(node, to);
    const std::string_view inside = trim(code);
    if (inside.empty()) return;
    if (is_ascii_space(code.front())) to.blank();
    const bool is_marked = inside.find('`') == std::string_view::npos;
    to.words(is_marked ? fmt::format("`{}`", inside) : std::string(inside));
    if (is_ascii_space(code.back())) to.blank();
    count(inside);
  }

  void list(HtmlNode node, bool is_numbered, TextWriter& to) {
    to.block(depth_of_lists_ == 0 ? 2 : 1);
    ++depth_of_lists_, ++nested_;
    int number = 0;
    for (HtmlNode item = node.first_child(); item; item = item.next()) {
      if (item.name() != "li") {
        visit(item, to);
        continue;
      }
      if (is_boilerplate(item)) continue;
      const std::string mark = is_numbered ? std::to_string(++number) + ". " : "- ";
      // Known only afterwards whether the item holds anything: an empty one leaves no mark.
      TextWriter inside(false);
      children(item, inside);
      const std::string_view body = trim(inside.text());
      if (body.empty()) continue;
      to.block(1);
      to.verbatim(mark);
      to.indent(static_cast<int>(mark.size()));
      to.verbatim(body);
      to.indent(-static_cast<int>(mark.size()));
    }
    --depth_of_lists_, --nested_;
    to.block(depth_of_lists_ == 0 ? 2 : 1);
  }

  /// A definition below its term. What a signature or a field's name heads is the page's text itself: not indented.
  void indented(HtmlNode node, TextWriter& to) {
    const HtmlNode list = node.parent();
    const bool is_flat = has_class(list, "field-list") || has_class(list, "py") || has_class(list, "class") ||
                         has_class(list, "function") || has_class(list, "footnote") || has_class(list, "citation");
    if (!is_flat) to.indent(4);
    children(node, to);
    if (!is_flat) to.indent(-4);
    to.unglue();
    to.block(1);
  }
  void term(HtmlNode node, TextWriter& to) {
    const std::string line = line_of(node);
    if (line.empty()) return;
    const bool is_signature = has_class(node, "sig") && line.find('`') == std::string::npos;
    to.unglue();
    to.block(is_signature ? 2 : 1);
    to.words(is_signature ? fmt::format("`{}`", line) : line);
    if (is_signature)
      to.block(2);
    else
      to.glue(1);
  }

  void script(HtmlNode node, bool is_raised, TextWriter& to) {
    const std::string inside = line_of(node);
    if (inside.empty()) return;
    if (inside.find(' ') != std::string::npos || inside.front() == '[' || inside.front() == '$') return to.words(inside);
    const char mark = is_raised ? '^' : '_';
    to.words(inside.size() == 1 ? fmt::format("{}{}", mark, inside) : fmt::format("{}{{{}}}", mark, inside));
  }

  void link(HtmlNode node, TextWriter& to) {
    const bool is_footnote = has_class(node, "brackets") || has_class(node, "footnote-reference");
    const std::string line = line_of_link(node);
    if (line == "[source]" || line == "[docs]" || line == "\xC2\xB6" || line == "[edit]") return;
    if (is_footnote && !line.starts_with("[")) return to.words(fmt::format("[{}]", line));
    ++in_link_;
    children(node, to);
    --in_link_;
  }
  /// Of a short link its text, to be compared; counts nothing.
  std::string line_of_link(HtmlNode node) {
    std::string raw;
    raw_text(node, raw);
    return std::string(trim(raw.substr(0, 64)));
  }

  /// One line a row, cells between " | ". A table that holds blocks is layout: its cells are blocks.
  void table(HtmlNode node, TextWriter& to) {
    const auto is_layout = [](HtmlNode at) {
      const std::string_view name = at.name();
      return name == "table" || name == "pre" || name == "ul" || name == "ol" || name == "blockquote" || heading_level(name) > 0;
    };
    to.block(2);
    if (depth_of_tables_ > 0 || find_first(node, is_layout)) {
      children(node, to);
    } else {
      ++depth_of_tables_;
      rows(node, to);
      --depth_of_tables_;
    }
    to.block(2);
  }
  void rows(HtmlNode node, TextWriter& to) {
    for (HtmlNode child = node.first_child(); child; child = child.next()) {
      if (child.name() != "tr") {
        if (child.is_element() && !is_boilerplate(child)) {
          if (child.name() == "caption") {
            visit(child, to);
          } else {
            rows(child, to);
          }
        }
        continue;
      }
      std::string row;
      bool has_text = false, is_first = true;
      for (HtmlNode cell = child.first_child(); cell; cell = cell.next()) {
        if ((cell.name() != "td" && cell.name() != "th") || is_boilerplate(cell)) continue;
        const std::string text = line_of(cell);
        if (!std::exchange(is_first, false)) row += " | ";
        row += text;
        has_text = has_text || !text.empty();
      }
      if (!has_text) continue;
      to.block(1);
      to.words(row);
    }
  }

  /// What is written apart and then copied in: each level copies its text again, so deeper ones are plain containers.
  static constexpr int kMaxNested = 10;

  bool has_math_delimiters_;
  int nested_ = 0, in_link_ = 0, depth_of_lists_ = 0, depth_of_tables_ = 0;
};

/// What the page itself calls its main part; no node if it does not say.
HtmlNode main_part(HtmlNode body) {
  const std::array<bool (*)(HtmlNode), 4> marks = {
      [](HtmlNode at) { return at.attribute("role") == "main" || at.name() == "main"; },
      [](HtmlNode at) { return at.attribute("id") == "mw-content-text"; },
      [](HtmlNode at) { return at.name() == "div" && has_class(at, "body"); },
      [](HtmlNode at) { return at.name() == "article"; },
  };
  for (const auto& mark : marks)
    if (HtmlNode found = find_first(body, mark)) return found;
  return {};
}

bool mentions_math_renderer(std::string_view html) {
  for (const std::string_view word : {"MathJax", "mathjax", "katex", "KaTeX", "class=\"math", "math-container", "class='math"})
    if (html.find(word) != std::string_view::npos) return true;
  return false;
}

}  // namespace

std::string html_charset(std::string_view html) {
  if (html.starts_with("\xEF\xBB\xBF")) return "utf-8";
  if (html.starts_with("\xFE\xFF")) return "utf-16be";
  if (html.starts_with("\xFF\xFE")) return "utf-16le";
  const std::string head = ascii_lower(html.substr(0, 2048));
  for (std::size_t at = head.find("charset"); at != std::string::npos; at = head.find("charset", at + 1)) {
    std::size_t i = at + 7;
    while (i < head.size() && (is_ascii_space(head[i]) || head[i] == '=' || head[i] == '"' || head[i] == '\'')) ++i;
    std::size_t end = i;
    while (end < head.size() && (is_ascii_letter(head[end]) || is_ascii_digit(head[end]) ||
                                 std::string_view("-_:.").find(head[end]) != std::string_view::npos))
      ++end;
    if (end > i && i > at + 7) return head.substr(i, end - i);
  }
  return "";
}

HtmlText html_to_text(std::string_view html) {
  std::string charset = html_charset(html);
  if (charset.empty() && invalid_utf8_at(html)) charset = "windows-1252";  // what an old page without a word about it mostly is
  std::string utf8 = to_utf8(html, charset);
  if (utf8.starts_with("\xEF\xBB\xBF")) utf8.erase(0, 3);  // the byte order mark
  const HtmlTree tree(utf8);
  const HtmlNode root = tree.root();
  const HtmlNode body = find_first(root, [](HtmlNode at) { return at.name() == "body"; });
  const bool has_math = mentions_math_renderer(utf8);
  const auto extract = [&](HtmlNode node) {
    Extraction extraction(has_math);
    TextWriter writer(false);
    extraction.children(node, writer);
    extraction.result.text = tidy_lines(writer.text());
    return std::move(extraction.result);
  };
  HtmlText page;
  const HtmlNode main = main_part(body);
  if (main) page = extract(main);
  if (constexpr std::int64_t kTooLittle = 200; page.text_bytes < kTooLittle) {
    HtmlText whole = extract(body ? body : root);
    if (whole.text_bytes > 2 * page.text_bytes) page = std::move(whole);  // the mark was on the wrong element
  }
  if (const HtmlNode title = find_first(root, [](HtmlNode at) { return at.name() == "title"; })) {
    TextWriter line(true);
    for (HtmlNode child = title.first_child(); child; child = child.next()) line.words(child.text());
    page.title = trim(line.text());
  }
  // Character references may name what no text holds: surrogates, for one.
  for (std::string* text : {&page.text, &page.title})
    if (invalid_utf8_at(*text)) *text = replace_invalid_utf8(*text);
  page.was_cut = tree.was_cut();
  return page;
}

}  // namespace corollary
