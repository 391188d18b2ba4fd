#include "corpus/web/html_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <unordered_set>
#include <utility>

#include "corpus/text.h"
#include "corpus/web/asciimath.h"
#include "corpus/web/html_boilerplate.h"
#include "corpus/web/html_code.h"
#include "corpus/web/html_delimiters.h"
#include "corpus/web/html_table.h"
#include "corpus/web/html_tree.h"
#include "corpus/web/text_writer.h"

namespace corollary {
namespace {

using T = HtmlTag;

/// Elements that stand on lines of their own.
constexpr HtmlTags kBlocks(T::P, T::Div, T::Section, T::Article, T::Main, T::Blockquote, T::Figure, T::Figcaption, T::Dl, T::Dt,
                           T::Address, T::Fieldset, T::Form, T::Center, T::Details, T::Summary, T::Header, T::Hgroup, T::Caption,
                           T::Tbody, T::Thead, T::Tfoot, T::Table, T::Tr, T::Td, T::Th, T::Ul, T::Ol, T::Body, T::Html, T::Template,
                           T::Frameset, T::Menu, T::Dir, T::Li, T::Legend, T::Search);

/// A line break inside a run of text; no other text holds it, since it is turned into a blank where a page has it.
constexpr char kBreak = '\v';

class Extraction {
 public:
  Extraction(const PageFacts& facts, const MathDelimiters& delimiters, std::uint32_t page_bytes, const HtmlOptions& options)
      : facts_(facts), delimiters_(delimiters), page_bytes_(page_bytes), options_(options) {}

  void children(HtmlNode node, TextWriter& to) {
    for (HtmlNode child = node.first_child(); child && !is_over_;) {
      if (child.is_text()) {
        child = text_run(child, to);
      } else {
        visit(child, to);
        child = child.next();
      }
    }
  }

  HtmlText result;

 private:
  void visit(HtmlNode node, TextWriter& to) {
    const T tag = node.tag();
    if (tag == T::Br) return to.block(1);
    const std::string_view classes = node.attribute("class");
    if (auto found = formula_of(node, classes)) return formula(*found, to);
    if (is_dropped(node, classes)) return;
    if (!classes.empty()) {
      if (has_token(classes, "math")) return marked_formula(node, to);
      if (has_token(classes, "math-container")) return marked_formula(node, to);
      if (has_token(classes, "classifier")) to.words(" : ");  // drawn by the style sheet
      if (has_token(classes, "label") && is_footnote(node.parent())) return label(node, to);
      for (const std::string& ignored : delimiters_.ignored_classes) {
        if (!has_token(classes, ignored)) continue;
        ++without_delimiters_;
        element(node, tag, to);
        --without_delimiters_;
        return;
      }
    }
    element(node, tag, to);
  }

  bool is_dropped(HtmlNode node, std::string_view classes) {
    if (!options_.removes_boilerplate) {
      constexpr HtmlTags kUnseen(T::Script, T::Style, T::Noscript, T::Head, T::Textarea, T::Iframe, T::Noembed, T::Noframes);
      return kUnseen(node.tag()) || has_token(classes, "katex-html");
    }
    if (has_token(classes, "katex-html")) return true;
    if (is_boilerplate(node, classes, facts_, page_bytes_)) return true;
    return is_link_cluster(node, facts_) &&
           (nested_ == 0 || node.tag() != T::Span);  // in a heading, term or cell links are its words
  }

  void element(HtmlNode node, T tag, TextWriter& to) {
    switch (tag) {
      case T::Hr:
        return to.block(2);
      case T::Pre:
      case T::Listing:
      case T::Xmp:
      case T::Plaintext:
        return preformatted(node, to);
      case T::Code:
      case T::Tt:
      case T::Kbd:
      case T::Samp:
        return inline_code(node, to);
      case T::Dd:
        return indented(node, to);
      case T::A:
        return link(node, to);
      case T::Mathjax:
        return mathjax_element(node, to);
      default:
        break;
    }
    if (nested_ < kMaxNested) {
      if (const int level = heading_level(tag)) return heading(node, level, to);
      if ((tag == T::Ul || tag == T::Ol) && !is_layout_list(node)) return list(node, tag == T::Ol, to);
      if (tag == T::Table) return table(node, to);
      if (tag == T::Dt) return term(node, to);
      if (tag == T::Sup || tag == T::Sub) return script(node, tag == T::Sup, to);
    }
    if (nested_ < kMaxNested && is_quotation(node, tag)) return quotation(node, to);
    const bool is_block = kBlocks(tag);
    if (is_block) to.block(2);
    children(node, to);
    if (is_block) to.block(2);
  }

  static bool is_quotation(HtmlNode node, T tag) {
    if (tag != T::Div && tag != T::Blockquote) return false;
    const std::string_view classes = node.attribute("class");
    if (tag == T::Blockquote &&
        (classes.find("quote") != std::string_view::npos || classes.find("bbCode") != std::string_view::npos))
      return true;
    if (tag == T::Blockquote)  // phpBB: <blockquote><div><cite>Ann wrote:</cite>
      return node.first_child().first_child().tag() == T::Cite || node.first_child().tag() == T::Cite;
    return classes.find("quote") != std::string_view::npos &&
           (has_token(classes, "bbcode_quote") || has_token(classes, "bbcode_container") || has_token(classes, "quote") ||
            has_token(classes, "bbCodeBlock--quote"));
  }
  /// A quotation of what stands earlier on the page (a forum's) is left out, with the line that says whose it is.
  void quotation(HtmlNode node, TextWriter& to) {
    const std::int64_t formulas = result.formulas;
    const MathCounts by_source = result.formulas_by_source;
    remember_lines(to);
    TextWriter inside(false);
    ++nested_;
    children(node, inside);
    --nested_;
    const std::string_view body = trim(inside.text());
    if (body.empty()) return;
    std::size_t known = 0, all = 0;
    each_line(body, [&](std::string_view line) {
      if (line.starts_with("Originally Posted by") || line.ends_with(" said:") || line.ends_with(" wrote:")) return;
      all += line.size();
      if (lines_.contains(std::hash<std::string_view>()(line))) known += line.size();
    });
    if (options_.removes_boilerplate && 10 * known >= 8 * all) {
      result.formulas = formulas;
      result.formulas_by_source = by_source;
      return;
    }
    to.block(2);
    to.verbatim(body);
    to.block(2);
  }
  template <class F>
  static void each_line(std::string_view text, const F& f) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      if (const std::string_view line = trim(text.substr(at, end - at)); !line.empty()) f(line);
      at = end + 1;
    }
  }
  /// The lines that `to` has held since it was last asked: each is hashed once.
  void remember_lines(const TextWriter& to) {
    if (nested_ > 0) return;
    const std::string_view text = to.text();
    each_line(text.substr(std::min(remembered_, text.size())),
              [&](std::string_view line) { lines_.insert(std::hash<std::string_view>()(line)); });
    remembered_ = text.size();
  }

  static bool is_footnote(HtmlNode node) { return has_class(node, "footnote") || has_class(node, "citation"); }
  /// A footnote's mark, its text behind it.
  void label(HtmlNode node, TextWriter& to) {
    to.block(2);
    to.words(line_of(node));
    to.glue(0);
  }

  void count(std::string_view text) {
    const auto visible =
        static_cast<std::int64_t>(std::count_if(text.begin(), text.end(), [](char c) { return !is_ascii_space(c); }));
    result.text_bytes += visible;
    if (in_link_ > 0) result.link_bytes += visible;
  }

  /// A run of text nodes and line breaks: what a formula between delimiters may stretch over. Returns the node behind it.
  HtmlNode text_run(HtmlNode first, TextWriter& to) {
    HtmlNode end = first.next();
    const auto continues = [](HtmlNode at) { return at.is_text() || at.tag() == T::Br || at.tag() == T::Wbr; };
    if (without_delimiters_ > 0 || !continues(end)) {
      text(first.text(), to);
      return end;
    }
    std::string run(first.text());
    for (; continues(end); end = end.next()) {
      if (end.is_text())
        run += end.text();
      else if (end.tag() == T::Br)
        run += kBreak;
    }
    text(run, to);
    return end;
  }

  void text(std::string_view text, TextWriter& to) {
    if (without_delimiters_ > 0 ||
        text.find_first_of(delimiters_.is_on ? std::string_view(delimiters_.openers) : "\\$[<") == std::string_view::npos) {
      count(text);
      return plain(text, to);
    }
    split_math(text, delimiters_.is_on ? delimiters_ : plain_delimiters(), [&](const MathPiece& piece) {
      if (piece.is_formula) return text_formula(piece, to);
      count(piece.text);
      if (piece.is_escaped_dollar) return to.words("\\$");
      plain(piece.text, to);
    });
  }
  /// Bulletin board marks, \begin{equation}, and $$ around what looks like mathematics need no renderer to be meant.
  static const MathDelimiters& plain_delimiters() {
    static const MathDelimiters marks = [] {
      MathDelimiters made = find_math_delimiters("");
      std::erase_if(made.pairs, [](const MathDelimiters::Pair& pair) { return pair.open[0] != '[' && pair.open != "$$"; });
      return made;
    }();
    return marks;
  }
  void plain(std::string_view text, TextWriter& to) {
    std::size_t at = 0;
    for (std::size_t i = text.find_first_of("$\v"); i != std::string_view::npos; i = text.find_first_of("$\v", at)) {
      to.words(text.substr(at, i - at));
      if (text[i] == '$')
        to.words("\\$");
      else
        to.block(1);
      at = i + 1;
    }
    to.words(text.substr(at));
  }
  void text_formula(const MathPiece& piece, TextWriter& to) {
    std::string latex(piece.text);
    std::replace(latex.begin(), latex.end(), kBreak, '\n');
    HtmlFormula found{std::move(latex), piece.is_display, piece.source};
    if (piece.source == MathSource::AsciiMath) {
      auto converted = asciimath_to_latex(found.latex);
      if (!converted) return plain("`" + found.latex + "`", to);
      found.latex = std::move(*converted);
    } else if (piece.source == MathSource::MathMl) {
      const HtmlTree tree(found.latex);
      const HtmlNode math = find_first(tree.root(), [](HtmlNode at) { return at.tag() == T::Math; });
      if (auto read = math ? formula_of(math, {}) : std::nullopt) found = std::move(*read);
    }
    formula(found, to);
  }

  void formula(const HtmlFormula& found, TextWriter& to) {
    bool is_block = false;
    const std::string text = delimited(found.latex, found.is_display, is_block);
    if (text.empty()) return;
    if (is_block) to.block(2);
    to.formula(text);
    if (is_block) to.block(2);
    ++result.formulas;
    ++result.formulas_by_source[static_cast<std::size_t>(found.source)];
    count(text);
  }

  /// An element of class math or math-container that holds \( \), \[ \], $ or an environment as text: Sphinx, pandoc, Stack
  /// Exchange.
  void marked_formula(HtmlNode node, TextWriter& to) {
    const bool is_container = has_class(node, "math-container");
    bool has_element = false;
    for (HtmlNode child = node.first_child(); child; child = child.next())
      has_element = has_element || (child.is_element() && child.tag() != T::Br);
    std::string latex;
    if (!has_element) raw_text(node, latex);
    const std::string_view inside = trim(latex);
    if (inside.empty()) return element(node, node.tag(), to);
    const bool is_marked =
        inside.starts_with("\\(") || inside.starts_with("\\[") || inside.starts_with("$") || inside.starts_with("\\begin{");
    if (!is_marked && !delimiters_.has_renderer) return element(node, node.tag(), to);
    const bool is_display =
        is_container ? inside.starts_with("$$") || !is_marked : has_class(node, "display") || node.tag() == T::Div;
    formula({latex, is_display, is_container ? MathSource::MathContainer : MathSource::ClassMath}, to);
  }

  /// <mathjax>: text with AsciiMath between "#".
  void mathjax_element(HtmlNode node, TextWriter& to) {
    std::string text;
    raw_text(node, text);
    for (std::size_t at = 0, part = 0; at <= text.size(); ++part) {
      const std::size_t end = std::min(text.find('#', at), text.size());
      const std::string piece = text.substr(at, end - at);
      at = end + 1;
      const bool is_formula = part % 2 == 1 && end < text.size();
      if (!is_formula) {
        this->text(piece, to);
        continue;
      }
      if (auto latex = asciimath_to_latex(piece))
        formula({std::move(*latex), false, MathSource::MathjaxElement}, to);
      else
        plain("`" + piece + "`", to);
    }
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
    if (options_.removes_boilerplate && ends_article(node)) {
      is_over_ = true;
      return;
    }
    const std::string title = line_of(node);
    if (title.empty()) return;
    to.block(2);
    to.words(std::string(static_cast<std::size_t>(level), '#') + " " + title);
    to.block(2);
  }
  /// MediaWiki: links to elsewhere are all that follows.
  static bool ends_article(HtmlNode heading) {
    const auto is_end = [](HtmlNode at) { return at.attribute("id") == "External_links"; };
    return is_end(heading) || bool(find_first(heading, is_end));
  }

  /// Text without markup of its own, blanks kept.
  void raw_text(HtmlNode node, std::string& out) {
    for (HtmlNode child = node.first_child(); child; child = child.next()) {
      if (child.is_text())
        out += child.text();
      else if (child.tag() == T::Br)
        out += '\n';
      else if (child.is_element() && !is_unseen_code(child))
        raw_text(child, out);
    }
  }

  void preformatted(HtmlNode node, TextWriter& to) {
    if (find_first(node, [](HtmlNode at) { return at.tag() == T::Math || at.tag() == T::Img; })) return element(node, T::Div, to);
    std::string code;
    raw_text(node, code);
    code = tidy_code(code);
    if (code.empty()) return;
    std::size_t longest = 2, run = 0;  // of the backticks in it
    for (const char c : code) longest = std::max(longest, run = c == '`' ? run + 1 : 0);
    const std::string fence(longest + 1, '`');
    to.block(2);
    to.verbatim(fence + code_language(node) + "\n" + code + "\n" + fence);
    to.block(2);
    count(code);
  }

  void inline_code(HtmlNode node, TextWriter& to) {
    std::string code;
    raw_text(node, code);
    const std::string_view inside = trim(code);
    if (facts_[node].has_formula && find_first(node, [](HtmlNode at) { return bool(formula_of(at, at.attribute("class"))); }))
      return children(node, to);
    if (inside.empty()) return;
    constexpr HtmlTags kLines(T::P, T::Li, T::Dd, T::Span, T::A, T::Em, T::Strong);
    if (std::count(inside.begin(), inside.end(), '\n') > 1 && nested_ == 0 && !kLines(node.parent().tag()))
      return preformatted(node, to);
    if (is_ascii_space(code.front())) to.blank();
    const bool is_marked = inside.find('`') == std::string_view::npos;
    to.words(is_marked ? fmt::format("`{}`", inside) : std::string(inside));
    if (is_ascii_space(code.back())) to.blank();
    count(inside);
  }

  /// Posts of a forum, cards of a page: items with headings.
  bool is_layout_list(HtmlNode list) const { return facts_[list].has_heading; }

  void list(HtmlNode node, bool is_numbered, TextWriter& to) {
    to.block(depth_of_lists_ == 0 ? 2 : 1);
    ++depth_of_lists_, ++nested_;
    std::int64_t number = 0;
    if (const std::string_view start = node.attribute("start"); is_numbered && !start.empty() && start.size() < 6)
      number = std::atoi(std::string(start).c_str()) - 1;
    for (HtmlNode item = node.first_child(); item && !is_over_; item = item.next()) {
      if (item.tag() != T::Li) {
        if (item.is_text())
          text(item.text(), to);
        else
          visit(item, to);
        continue;
      }
      if (is_dropped(item, item.attribute("class"))) continue;
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
                         has_class(list, "function") || has_class(list, "footnote") || has_class(list, "citation") ||
                         !facts_[list].has_term;  // MediaWiki writes an indented formula as a definition without a term
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
    const bool is_single = inside.size() == 1 || (static_cast<unsigned char>(inside[0]) >= 0xC0 && inside.size() <= 3);
    to.words(is_single ? fmt::format("{}{}", mark, inside) : fmt::format("{}{{{}}}", mark, inside));
  }

  void link(HtmlNode node, TextWriter& to) {
    const bool is_footnote = has_class(node, "brackets") || has_class(node, "footnote-reference");
    if (facts_[node].text_bytes < 64) {
      std::string raw;
      raw_text(node, raw);
      const std::string_view line = trim(raw);
      if (line == "[source]" || line == "[docs]" || line == "\xC2\xB6" || line == "[edit]" || line == "edit" || line == "#") return;
      if (is_footnote && !line.starts_with("[")) return to.words(fmt::format("[{}]", line));
    }
    ++in_link_;
    children(node, to);
    --in_link_;
  }

  /// One line a row, cells between " | ". A table that holds blocks is layout: its cells are blocks.
  void table(HtmlNode node, TextWriter& to) {
    to.block(2);
    constexpr std::uint32_t kLongCell = 400;
    if (depth_of_tables_ > 0 || facts_[node].has_block || facts_[node].text_bytes > kLongCell * cells(node)) {
      children(node, to);
    } else {
      ++depth_of_tables_;
      TableGrid grid;
      rows(node, to, grid);
      for (const std::string& row : grid.lines()) {
        to.block(1);
        to.words(row);
      }
      --depth_of_tables_;
    }
    to.block(2);
  }
  static std::uint32_t cells(HtmlNode node) {
    std::uint32_t sum = 0;
    for (HtmlNode child = node.first_child(); child; child = child.next())
      sum += child.tag() == T::Td || child.tag() == T::Th ? 1 : child.is_element() ? cells(child) : 0;
    return sum;
  }
  void rows(HtmlNode node, TextWriter& to, TableGrid& grid) {
    for (HtmlNode child = node.first_child(); child; child = child.next()) {
      if (!child.is_element() || (child.tag() != T::Tr && is_dropped(child, child.attribute("class")))) continue;
      if (child.tag() == T::Caption) {
        visit(child, to);
      } else if (child.tag() != T::Tr) {
        rows(child, to, grid);
      } else {
        if (is_boilerplate(child, child.attribute("class"), facts_, page_bytes_)) continue;
        grid.begin_row();
        for (HtmlNode cell = child.first_child(); cell; cell = cell.next()) {
          if ((cell.tag() != T::Td && cell.tag() != T::Th) || is_dropped(cell, cell.attribute("class"))) continue;
          grid.add_cell(line_of(cell), cell.attribute("colspan"), cell.attribute("rowspan"));
        }
      }
    }
  }

  /// What is written apart and then copied in: each level copies its text again, so deeper ones are plain containers.
  static constexpr int kMaxNested = 10;

  const PageFacts& facts_;
  const MathDelimiters& delimiters_;
  std::uint32_t page_bytes_;
  const HtmlOptions& options_;
  bool is_over_ = false;
  std::unordered_set<std::size_t> lines_;
  std::size_t remembered_ = 0;
  int nested_ = 0, in_link_ = 0, depth_of_lists_ = 0, depth_of_tables_ = 0, without_delimiters_ = 0;
};

/// What the page itself calls its main part; no node if it does not say, or if that is hardly any of its text.
HtmlNode main_part(HtmlNode body, const PageFacts& facts) {
  const auto prose = [&](HtmlNode node) { return facts[node].text_bytes - facts[node].link_bytes; };
  const auto is_enough = [&](HtmlNode node) { return node && prose(node) >= 200 && 5 * std::uint64_t{prose(node)} >= prose(body); };
  const auto by = [&](const auto& mark) {
    const HtmlNode found = find_first(body, mark);
    return is_enough(found) ? found : HtmlNode();
  };
  if (HtmlNode found = by([](HtmlNode at) { return at.tag() == T::Main || at.attribute("role") == "main"; })) {
    // Its article, if that is nearly all of it.
    return found;
  }
  for (const char* id : {"mw-content-text", "mainbar"})
    if (HtmlNode found = by([&](HtmlNode at) { return at.attribute("id") == id; })) return found;
  if (HtmlNode found = by([](HtmlNode at) { return at.tag() == T::Div && has_class(at, "body"); })) return found;
  if (HtmlNode found = by([](HtmlNode at) { return at.tag() == T::Article; })) {
    for (HtmlNode at = found.next(); at; at = at.next())
      if (at.tag() == T::Article) return found.parent();  // posts side by side
    return found;
  }
  if (HtmlNode found = by([](HtmlNode at) { return at.attribute("itemprop") == "articleBody"; })) return found;
  return {};
}

/// The page's <h1>, if its title has it too: pages that mark their main part leave it outside now and then.
std::string outer_heading(HtmlNode root, HtmlNode body) {
  const auto line = [](HtmlNode node) {
    TextWriter words(true);
    const auto add = [&](HtmlNode at, auto& self) -> void {
      for (HtmlNode child = at.first_child(); child; child = child.next()) {
        if (child.is_text())
          words.words(child.text());
        else
          self(child, self);
      }
    };
    add(node, add);
    return std::string(trim(words.text()));
  };
  const HtmlNode h1 = find_first(body, [](HtmlNode at) { return at.tag() == T::H1; });
  const HtmlNode title = find_first(root, [](HtmlNode at) { return at.tag() == T::Title; });
  if (!h1 || !title) return "";
  const std::string heading = line(h1), of_page = line(title);
  constexpr std::size_t kMaxHeading = 300;
  return heading.size() >= 8 && heading.size() <= kMaxHeading && of_page.find(heading) != std::string::npos && of_page != heading
             ? heading
             : "";
}

}  // namespace

HtmlText html_to_text(std::string_view html, const HtmlOptions& options) {
  HtmlText page;
  if (html.size() >= HtmlTree::kMaxBytes / 4) {  // a charset may need four bytes for one
    page.was_cut = true;
    return page;
  }
  const std::string utf8 = html_to_utf8(html, options.http_charset);
  const HtmlTree tree(utf8);
  const HtmlNode root = tree.root(), body = tree.body() ? tree.body() : root;
  const PageFacts facts(tree);
  MathDelimiters delimiters = find_math_delimiters(utf8);
  delimiters.is_on = delimiters.has_renderer || facts[body].has_latex;
  const auto extract = [&](HtmlNode node) {
    Extraction extraction(facts, delimiters, facts[node].text_bytes - facts[node].link_bytes, options);
    TextWriter writer(false);
    extraction.children(node, writer);
    extraction.result.text =
        options.removes_boilerplate ? apply_line_rules(writer.text(), options.lines) : tidy_lines(writer.text());
    return std::move(extraction.result);
  };
  if (const HtmlNode main = options.removes_boilerplate ? main_part(body, facts) : HtmlNode()) page = extract(main);
  if (constexpr std::int64_t kTooLittle = 200; page.text_bytes < kTooLittle) {
    HtmlText whole = extract(body);
    if (whole.text_bytes > 2 * page.text_bytes) page = std::move(whole);  // the mark was on the wrong element
  }
  if (options.removes_boilerplate && !page.text.empty() && page.text.find("# ") > 2) {
    const std::string heading = outer_heading(root, body);
    if (!heading.empty() && page.text.find(heading) == std::string::npos) page.text = "# " + heading + "\n\n" + page.text;
  }
  if (const HtmlNode title = find_first(root, [](HtmlNode at) { return at.tag() == T::Title; })) {
    TextWriter line(true);
    for (HtmlNode child = title.first_child(); child; child = child.next()) line.words(child.text());
    page.title = trim(line.text());
  }
  for (std::string* text : {&page.text, &page.title})
    if (invalid_utf8_at(*text)) *text = replace_invalid_utf8(*text);
  page.links = facts.links;
  page.has_latex = facts[body].has_latex;
  page.was_cut = tree.was_cut();
  return page;
}

}  // namespace corollary
