#include "corpus/web/html_tree_builder.h"

#include <algorithm>

#include "corpus/text.h"
#include "corpus/web/html_entities.h"

namespace corollary {
namespace {

using T = HtmlTag;
using Kind = HtmlToken::Kind;

constexpr HtmlTags kHeadings(T::H1, T::H2, T::H3, T::H4, T::H5, T::H6);
constexpr HtmlTags kSpecial(T::Address, T::Applet, T::Area, T::Article, T::Aside, T::Base, T::Basefont, T::Bgsound, T::Blockquote,
                            T::Body, T::Br, T::Button, T::Caption, T::Center, T::Col, T::Colgroup, T::Dd, T::Details, T::Dir,
                            T::Div, T::Dl, T::Dt, T::Embed, T::Fieldset, T::Figcaption, T::Figure, T::Footer, T::Form, T::Frame,
                            T::Frameset, T::H1, T::H2, T::H3, T::H4, T::H5, T::H6, T::Head, T::Header, T::Hgroup, T::Hr, T::Html,
                            T::Iframe, T::Img, T::Input, T::Keygen, T::Li, T::Link, T::Listing, T::Main, T::Marquee, T::Menu,
                            T::Meta, T::Nav, T::Noembed, T::Noframes, T::Noscript, T::Object, T::Ol, T::P, T::Param, T::Plaintext,
                            T::Pre, T::Script, T::Search, T::Section, T::Select, T::Source, T::Style, T::Summary, T::Table,
                            T::Tbody, T::Td, T::Template, T::Textarea, T::Tfoot, T::Th, T::Thead, T::Title, T::Tr, T::Track, T::Ul,
                            T::Wbr, T::Xmp);
constexpr HtmlTags kForeignSpecial(T::Mi, T::Mo, T::Mn, T::Ms, T::Mtext, T::AnnotationXml, T::ForeignObject, T::Desc, T::Title);
constexpr HtmlTags kScopes(T::Applet, T::Caption, T::Html, T::Table, T::Td, T::Th, T::Marquee, T::Object);
constexpr HtmlTags kTableScopes(T::Html, T::Table);
constexpr HtmlTags kImplied(T::Dd, T::Dt, T::Li, T::Optgroup, T::Option, T::P, T::Rb, T::Rp, T::Rt, T::Rtc);
constexpr HtmlTags kHeadContent(T::Base, T::Basefont, T::Bgsound, T::Link, T::Meta, T::Title, T::Noframes, T::Style, T::Script,
                                T::Noscript);
constexpr HtmlTags kBlocks(T::Address, T::Article, T::Aside, T::Blockquote, T::Center, T::Details, T::Dialog, T::Dir, T::Div, T::Dl,
                           T::Fieldset, T::Figcaption, T::Figure, T::Footer, T::Header, T::Hgroup, T::Main, T::Menu, T::Nav, T::Ol,
                           T::P, T::Search, T::Section, T::Summary, T::Ul, T::Template, T::Frameset);
constexpr HtmlTags kFormatting(T::A, T::B, T::Big, T::Code, T::Em, T::Font, T::I, T::Nobr, T::S, T::Small, T::Strike, T::Strong,
                               T::Tt, T::U);
constexpr HtmlTags kBreakout(T::B, T::Big, T::Blockquote, T::Body, T::Br, T::Center, T::Code, T::Dd, T::Div, T::Dl, T::Dt, T::Em,
                             T::Embed, T::H1, T::H2, T::H3, T::H4, T::H5, T::H6, T::Head, T::Hr, T::I, T::Img, T::Li, T::Listing,
                             T::Menu, T::Meta, T::Nobr, T::Ol, T::P, T::Pre, T::Ruby, T::S, T::Small, T::Span, T::Strong, T::Strike,
                             T::Sub, T::Sup, T::Table, T::Tt, T::U, T::Ul, T::Var);
constexpr HtmlTags kTableParts(T::Caption, T::Col, T::Colgroup, T::Tbody, T::Td, T::Tfoot, T::Th, T::Thead, T::Tr);
constexpr HtmlTags kSections(T::Tbody, T::Thead, T::Tfoot);
constexpr HtmlTags kCells(T::Td, T::Th);

std::size_t leading_blanks(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && (text[n] == ' ' || text[n] == '\n' || text[n] == '\t' || text[n] == '\f')) ++n;
  return n;
}

/// Quirks of old document types (13.2.6.4.1), of which one matters to a tree: a table does not end a paragraph.
bool is_quirky_doctype(std::string_view doctype) {
  const std::string text = ascii_lower(trim(doctype));
  if (!text.starts_with("html")) return true;
  const auto has = [&](std::string_view word) { return text.find(word) != std::string::npos; };
  const bool has_system = has("http://") || has("https://");
  if (has("\"-//w3c//dtd html 4.01 transitional//") || has("\"-//w3c//dtd html 4.01 frameset//")) return !has_system;
  for (const std::string_view old :
       {"\"-//w3c//dtd html 3", "\"-//w3c//dtd html 4.0 ", "\"-//w3c//dtd html 4.0//", "\"-//ietf//dtd html", "\"-//w3o//",
        "\"html\"", "\"-//netscape", "\"-//microsoft", "\"-//sun micro", "\"-//softquad"})
    if (has(old) && !has("\"-//w3c//dtd html 4.0//")) return true;
  return false;
}

}  // namespace

// ---------------------------------------------------------------- nodes

HtmlTreeBuilder::Id HtmlTreeBuilder::create(HtmlTag tag, Space space) {
  HtmlTree::Node made;
  made.tag = tag;
  made.space = space;
  tree_.nodes_.push_back(made);
  return static_cast<Id>(tree_.nodes_.size() - 1);
}

std::string_view HtmlTreeBuilder::unescaped(std::string_view text, bool is_attribute) {
  if (text.find('&') == std::string_view::npos) return text;
  tree_.decoded_.push_back(std::make_unique<std::string>());
  append_unescaped(*tree_.decoded_.back(), text, is_attribute);
  return *tree_.decoded_.back();
}

HtmlTreeBuilder::Id HtmlTreeBuilder::create(const HtmlToken& token, Space space) {
  const auto lower_case = [&](std::string_view name) -> std::string_view {
    if (std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) return name;
    tree_.decoded_.push_back(std::make_unique<std::string>(ascii_lower(name)));
    return *tree_.decoded_.back();
  };
  const Id id = create(token.tag, space);
  HtmlTree::Node& made = node(id);
  if (token.tag == T::Other) made.text = lower_case(token.name);
  made.first_attribute = static_cast<std::uint32_t>(tree_.attributes_.size());
  made.attributes = static_cast<std::uint32_t>(token.attributes.size());
  for (const HtmlAttribute& at : token.attributes) tree_.attributes_.push_back({lower_case(at.name), unescaped(at.value, true)});
  return id;
}

void HtmlTreeBuilder::append(Id parent, Id child) {
  HtmlTree::Node &above = node(parent), &below = node(child);
  below.parent = parent;
  below.previous = above.last_child;
  if (above.last_child != 0)
    node(above.last_child).next = child;
  else
    above.first_child = child;
  above.last_child = child;
}

void HtmlTreeBuilder::insert_before(Id sibling, Id child) {
  HtmlTree::Node &after = node(sibling), &made = node(child);
  made.parent = after.parent;
  made.previous = after.previous;
  made.next = sibling;
  if (after.previous != 0)
    node(after.previous).next = child;
  else
    node(after.parent).first_child = child;
  after.previous = child;
}

void HtmlTreeBuilder::detach(Id child) {
  HtmlTree::Node& gone = node(child);
  if (gone.parent == 0) return;
  HtmlTree::Node& above = node(gone.parent);
  (gone.previous != 0 ? node(gone.previous).next : above.first_child) = gone.next;
  (gone.next != 0 ? node(gone.next).previous : above.last_child) = gone.previous;
  gone.parent = gone.previous = gone.next = 0;
}

HtmlTreeBuilder::Id HtmlTreeBuilder::clone(Id id) {
  const HtmlTree::Node original = node(id);
  const Id copy = create(original.tag, original.space);
  node(copy).text = original.text;
  node(copy).first_attribute = original.first_attribute;
  node(copy).attributes = original.attributes;
  return copy;
}

void HtmlTreeBuilder::place(Id child) {
  constexpr HtmlTags kFostering(T::Table, T::Tbody, T::Tfoot, T::Thead, T::Tr);
  if (!fosters_ || !kFostering(current_tag())) return append(current(), child);
  std::size_t i = open_.size() - 1;
  while (i > 0 && !(is_html(open_[i]) && tag(open_[i]) == T::Table)) --i;
  if (i == 0) return append(open_[0], child);
  if (node(open_[i]).parent != 0) return insert_before(open_[i], child);
  append(open_[i - 1], child);
}

HtmlTreeBuilder::Id HtmlTreeBuilder::insert(const HtmlToken& token, Space space) {
  const Id id = create(token, space);
  place(id);
  open_.push_back(id);
  return id;
}

HtmlTreeBuilder::Id HtmlTreeBuilder::insert(HtmlTag tag) {
  const Id id = create(tag, Space::Html);
  place(id);
  open_.push_back(id);
  return id;
}

void HtmlTreeBuilder::insert_text(std::string_view text) {
  if (text.empty()) return;
  const Id id = create(T::Text, Space::Html);
  node(id).text = text;
  place(id);
}

// ---------------------------------------------------------------- the stack of open elements

bool HtmlTreeBuilder::has_in_scope(HtmlTags tags, Scope scope) const {
  for (std::size_t i = open_.size(); i-- > 0;) {
    const T at = tag(open_[i]);
    if (!is_html(open_[i])) {
      if (scope != Scope::Table && kForeignSpecial(at)) return false;
      continue;
    }
    if (tags(at)) return true;
    if (scope == Scope::Table ? kTableScopes(at) : kScopes(at)) return false;
    if (scope == Scope::ListItem && (at == T::Ol || at == T::Ul)) return false;
    if (scope == Scope::Button && at == T::Button) return false;
  }
  return false;
}

void HtmlTreeBuilder::pop_until(HtmlTags tags) {
  while (open_.size() > 1) {
    const Id popped = open_.back();
    open_.pop_back();
    if (is_html(popped) && tags(tag(popped))) return;
  }
}

void HtmlTreeBuilder::clear_stack_to(HtmlTags tags) {
  while (open_.size() > 1 && !tags(current_tag())) open_.pop_back();
}

void HtmlTreeBuilder::generate_implied_end_tags(HtmlTag except) {
  while (open_.size() > 1 && kImplied(current_tag()) && current_tag() != except) open_.pop_back();
}

void HtmlTreeBuilder::close_p() {
  if (!has_in_scope(T::P, Scope::Button)) return;
  generate_implied_end_tags(T::P);
  pop_until(T::P);
}

void HtmlTreeBuilder::close_cell() {
  generate_implied_end_tags();
  pop_until(kCells);
  clear_formatting_to_marker();
  mode_ = Mode::InRow;
}

void HtmlTreeBuilder::reset_mode() {
  for (std::size_t i = open_.size(); i-- > 0;) {
    if (!is_html(open_[i])) continue;
    const T at = tag(open_[i]);
    if (at == T::Select) return void(mode_ = Mode::InSelect);
    if (kCells(at) && i > 0) return void(mode_ = Mode::InCell);
    if (at == T::Tr) return void(mode_ = Mode::InRow);
    if (kSections(at)) return void(mode_ = Mode::InTableBody);
    if (at == T::Caption) return void(mode_ = Mode::InCaption);
    if (at == T::Colgroup) return void(mode_ = Mode::InColumnGroup);
    if (at == T::Table) return void(mode_ = Mode::InTable);
    if (at == T::Body) break;
  }
  mode_ = Mode::InBody;
}

// ---------------------------------------------------------------- formatting elements

void HtmlTreeBuilder::reconstruct_formatting() {
  if (formatting_.empty() || formatting_.back() == 0) return;
  const auto is_open = [&](Id id) { return std::find(open_.rbegin(), open_.rend(), id) != open_.rend(); };
  if (is_open(formatting_.back())) return;
  std::size_t i = formatting_.size() - 1;
  while (i > 0 && formatting_[i - 1] != 0 && !is_open(formatting_[i - 1])) --i;
  for (; i < formatting_.size(); ++i) {
    const Id copy = clone(formatting_[i]);
    place(copy);
    open_.push_back(copy);
    formatting_[i] = copy;
  }
}

void HtmlTreeBuilder::push_formatting(Id id) {
  // Noah's Ark: of equal elements the last three stay.
  const auto is_same = [&](Id other) {
    const HtmlTree::Node &a = node(id), &b = node(other);
    if (a.tag != b.tag || a.attributes != b.attributes) return false;
    for (std::uint32_t i = 0; i < a.attributes; ++i) {
      const HtmlAttribute &x = tree_.attributes_[a.first_attribute + i], &y = tree_.attributes_[b.first_attribute + i];
      if (x.name != y.name || x.value != y.value) return false;
    }
    return true;
  };
  int equal = 0;
  for (std::size_t i = formatting_.size(); i-- > 0 && formatting_[i] != 0;) {
    if (!is_same(formatting_[i]) || ++equal < 3) continue;
    formatting_.erase(formatting_.begin() + static_cast<std::ptrdiff_t>(i));
    break;
  }
  formatting_.push_back(id);
}

void HtmlTreeBuilder::clear_formatting_to_marker() {
  while (!formatting_.empty()) {
    const Id last = formatting_.back();
    formatting_.pop_back();
    if (last == 0) return;
  }
}

void HtmlTreeBuilder::run_adoption_agency(HtmlTag subject) {
  const auto find_in = [](std::vector<Id>& list, Id id) { return std::find(list.begin(), list.end(), id); };
  if (current_tag() == subject && find_in(formatting_, current()) == formatting_.end()) {
    open_.pop_back();
    return;
  }
  for (int outer = 0; outer < 8; ++outer) {
    std::size_t f = formatting_.size();
    while (f > 0 && formatting_[f - 1] != 0 && tag(formatting_[f - 1]) != subject) --f;
    if (f == 0 || formatting_[f - 1] == 0) return end_of_any_other(subject, html_tag_name(subject));
    const Id element = formatting_[--f];
    const auto in_stack = find_in(open_, element);
    if (in_stack == open_.end()) return void(formatting_.erase(formatting_.begin() + static_cast<std::ptrdiff_t>(f)));
    const std::size_t at = static_cast<std::size_t>(in_stack - open_.begin());
    for (std::size_t i = open_.size(); i-- > at + 1;) {  // in scope?
      const bool stops = is_html(open_[i]) ? kScopes(tag(open_[i])) : kForeignSpecial(tag(open_[i]));
      if (stops) return;
    }
    std::size_t furthest = at + 1;
    while (furthest < open_.size() &&
           !(is_html(open_[furthest]) ? kSpecial(tag(open_[furthest])) : kForeignSpecial(tag(open_[furthest]))))
      ++furthest;
    if (furthest == open_.size()) {
      open_.resize(at);
      formatting_.erase(formatting_.begin() + static_cast<std::ptrdiff_t>(f));
      return;
    }
    const Id block = open_[furthest], ancestor = open_[at - 1];
    std::size_t bookmark = f;
    Id last = block;
    std::size_t i = furthest;
    for (int inner = 1; open_[--i] != element; ++inner) {
      const Id here = open_[i];
      auto in_list = find_in(formatting_, here);
      if (inner > 3 && in_list != formatting_.end()) {
        const auto index = static_cast<std::size_t>(in_list - formatting_.begin());
        if (index < bookmark) --bookmark;
        formatting_.erase(in_list);
        in_list = formatting_.end();
      }
      if (in_list == formatting_.end()) {
        open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
        continue;
      }
      const Id copy = clone(here);
      *in_list = copy;
      open_[i] = copy;
      if (last == block) bookmark = static_cast<std::size_t>(in_list - formatting_.begin()) + 1;
      detach(last);
      append(copy, last);
      last = copy;
    }
    detach(last);
    constexpr HtmlTags kFostering(T::Table, T::Tbody, T::Tfoot, T::Thead, T::Tr);
    if (is_html(ancestor) && kFostering(tag(ancestor))) {
      std::size_t table = open_.size() - 1;
      while (table > 0 && !(is_html(open_[table]) && tag(open_[table]) == T::Table)) --table;
      if (table > 0 && node(open_[table]).parent != 0)
        insert_before(open_[table], last);
      else
        append(open_[table > 0 ? table - 1 : 0], last);
    } else {
      append(ancestor, last);
    }
    const Id copy = clone(element);
    for (Id child = node(block).first_child; child != 0;) {
      const Id next = node(child).next;
      detach(child);
      append(copy, child);
      child = next;
    }
    append(block, copy);
    const auto old = find_in(formatting_, element);
    const auto old_at = static_cast<std::size_t>(old - formatting_.begin());
    formatting_.erase(old);
    if (old_at < bookmark) --bookmark;
    formatting_.insert(formatting_.begin() + static_cast<std::ptrdiff_t>(std::min(bookmark, formatting_.size())), copy);
    open_.erase(find_in(open_, element));
    open_.insert(find_in(open_, block) + 1, copy);
  }
}

// ---------------------------------------------------------------- what all modes share

void HtmlTreeBuilder::text_element(const HtmlToken& token, HtmlTokenizer::Content content) {
  const std::string_view name = token.name;
  insert(token);
  tokens_.expect(content, html_tag_name(token.tag).empty() ? name : html_tag_name(token.tag));
  const HtmlToken& inside = tokens_.next();
  if (inside.kind == Kind::Text) {
    std::string_view text = inside.text;
    if (token.tag == T::Textarea && text.starts_with('\n')) text.remove_prefix(1);
    const Id id = create(T::Text, Space::Html);
    node(id).text = inside.is_raw ? text : unescaped(text, false);
    append(current(), id);
  }
  open_.pop_back();  // the end tag comes as one without a start, which every mode ignores
}

void HtmlTreeBuilder::run() {
  tree_.nodes_.emplace_back();  // the document
  open_.push_back(0);           // a floor, so that current() exists
  const std::size_t max_nodes = 1000 + tree_.source_.size();
  for (;;) {
    tokens_.allow_cdata(open_.size() > 1 && !is_html(current()));
    const HtmlToken& token = tokens_.next();
    if (token.kind == Kind::End) break;
    if (token.kind == Kind::Text) {
      std::string_view text = token.text;
      if (skips_newline_ && text.starts_with('\n')) text.remove_prefix(1);
      skips_newline_ = false;
      this->text(token.is_raw ? text : unescaped(text, false));
    } else {
      skips_newline_ = false;
      if (token.kind == Kind::Doctype) {
        if (mode_ == Mode::Initial) {
          is_quirky_ = is_quirky_doctype(token.text);
          mode_ = Mode::BeforeHtml;
        }
      } else if (token.kind == Kind::StartTag) {
        start_tag(token);
      } else {
        end_tag(token);
      }
    }
    if (open_.size() > HtmlTree::kMaxDepth || formatting_.size() > HtmlTree::kMaxFormatting || tree_.nodes_.size() > max_nodes) {
      tree_.was_cut_ = true;
      break;
    }
  }
  HtmlToken end;
  end.kind = Kind::End;
  leave_early_modes(end);
}

/// Opens html, head and body as far as `token` implies; false: it is used up or ignored.
bool HtmlTreeBuilder::leave_early_modes(const HtmlToken& token) {
  const bool is_start = token.kind == Kind::StartTag, is_end = token.kind == Kind::EndTag;
  constexpr HtmlTags kOpeningEnds(T::Head, T::Body, T::Html, T::Br);
  if (mode_ == Mode::Initial) mode_ = Mode::BeforeHtml;
  if (mode_ == Mode::BeforeHtml) {
    if (is_end && !kOpeningEnds(token.tag)) return false;
    const bool is_html_tag = is_start && token.tag == T::Html;
    const Id html = is_html_tag ? create(token, Space::Html) : create(T::Html, Space::Html);
    append(0, html);
    tree_.root_ = html;
    open_[0] = html;
    mode_ = Mode::BeforeHead;
    if (is_html_tag) return false;
  }
  if (is_start && token.tag == T::Html && mode_ <= Mode::AfterHead) return false;
  if (mode_ == Mode::BeforeHead) {
    if (is_end && !kOpeningEnds(token.tag)) return false;
    const bool is_head_tag = is_start && token.tag == T::Head;
    head_ = is_head_tag ? insert(token) : insert(T::Head);
    mode_ = Mode::InHead;
    if (is_head_tag) return false;
  }
  if (mode_ == Mode::InHead) {
    if (is_start && kHeadContent(token.tag)) return start_in_head(token), false;
    if (is_start && token.tag == T::Head) return false;
    if (is_end && !kOpeningEnds(token.tag)) return false;
    if (open_.size() > 1) open_.pop_back();
    mode_ = Mode::AfterHead;
    if (is_end && token.tag == T::Head) return false;
  }
  if (mode_ == Mode::AfterHead) {
    if (is_start && kHeadContent(token.tag) && token.tag != T::Noscript) {
      open_.push_back(head_);
      start_in_head(token);
      open_.pop_back();
      return false;
    }
    if (is_start && token.tag == T::Head) return false;
    if (is_end && !kOpeningEnds(token.tag)) return false;
    if (is_end && token.tag == T::Head) return false;
    const bool is_body_tag = is_start && token.tag == T::Body;
    tree_.body_ = is_body_tag ? insert(token) : insert(T::Body);
    mode_ = Mode::InBody;
    if (is_body_tag) return false;
  }
  return true;
}

void HtmlTreeBuilder::start_in_head(const HtmlToken& token) {
  switch (token.tag) {
    case T::Title:
      return text_element(token, HtmlTokenizer::Content::EscapableText);
    case T::Script:
      return text_element(token, HtmlTokenizer::Content::Script);
    case T::Noframes:
    case T::Noscript:
    case T::Style:
      return text_element(token, HtmlTokenizer::Content::RawText);
    default:
      return insert_void(token);
  }
}

void HtmlTreeBuilder::text(std::string_view text) {
  if (text.empty()) return;
  if (mode_ <= Mode::AfterHead) {
    const std::size_t blanks = leading_blanks(text);
    if (mode_ >= Mode::InHead && blanks > 0) insert_text(text.substr(0, blanks));
    text.remove_prefix(blanks);
    if (text.empty()) return;
    HtmlToken none;
    none.kind = Kind::Text;
    leave_early_modes(none);
  }
  if (!is_html(current())) return insert_text(text);
  constexpr HtmlTags kTableContext(T::Table, T::Tbody, T::Tfoot, T::Thead, T::Tr);
  const bool in_table = mode_ == Mode::InTable || mode_ == Mode::InTableBody || mode_ == Mode::InRow;
  if (mode_ == Mode::InColumnGroup) {
    const std::size_t blanks = leading_blanks(text);
    insert_text(text.substr(0, blanks));
    text.remove_prefix(blanks);
    if (text.empty()) return;
    if (current_tag() == T::Colgroup) open_.pop_back();
    mode_ = Mode::InTable;
    return this->text(text);
  }
  if (in_table && kTableContext(current_tag())) {
    if (leading_blanks(text) == text.size()) return insert_text(text);
    fosters_ = true;
    text_in_body(text);
    fosters_ = false;
    return;
  }
  if (mode_ == Mode::InSelect) return insert_text(text);
  text_in_body(text);
}

void HtmlTreeBuilder::text_in_body(std::string_view text) {
  reconstruct_formatting();
  insert_text(text);
  if (mode_ == Mode::AfterBody && leading_blanks(text) < text.size()) mode_ = Mode::InBody;
}

void HtmlTreeBuilder::start_tag(const HtmlToken& token) {
  if (mode_ <= Mode::AfterHead && !leave_early_modes(token)) return;
  if (mode_ == Mode::AfterBody && token.tag != T::Html) mode_ = Mode::InBody;
  if (is_foreign_now(token)) return start_in_foreign(token);
  if (mode_ == Mode::InSelect) return start_in_select(token);
  if (mode_ >= Mode::InTable && mode_ <= Mode::InCell && start_in_table_modes(token)) return;
  start_in_body(token);
}

void HtmlTreeBuilder::end_tag(const HtmlToken& token) {
  if (mode_ <= Mode::AfterHead && !leave_early_modes(token)) return;
  if (mode_ == Mode::AfterBody) {
    if (token.tag == T::Html || token.tag == T::Body) return;
    mode_ = Mode::InBody;
  }
  if (is_foreign_now(token)) return end_in_foreign(token);
  if (mode_ == Mode::InSelect) {
    constexpr HtmlTags kLeaving(T::Table, T::Caption, T::Tbody, T::Tfoot, T::Thead, T::Tr, T::Td, T::Th);
    if (token.tag == T::Optgroup || token.tag == T::Option) {
      if (token.tag == T::Optgroup && current_tag() == T::Option) open_.pop_back();
      if (current_tag() == token.tag) open_.pop_back();
      return;
    }
    const bool leaves = kLeaving(token.tag) && has_in_scope(token.tag, Scope::Table);
    if (token.tag != T::Select && !leaves) return;
    pop_until(T::Select);
    reset_mode();
    if (!leaves) return;
    return end_tag(token);
  }
  if (mode_ >= Mode::InTable && mode_ <= Mode::InCell && end_in_table_modes(token.tag, token.name)) return;
  end_in_body(token.tag, token.name);
}

void HtmlTreeBuilder::start_in_select(const HtmlToken& token) {
  constexpr HtmlTags kLeaving(T::Select, T::Input, T::Keygen, T::Textarea, T::Caption, T::Table, T::Tbody, T::Tfoot, T::Thead,
                              T::Tr, T::Td, T::Th);
  if (token.tag == T::Option || token.tag == T::Optgroup || token.tag == T::Hr) {
    if (current_tag() == T::Option) open_.pop_back();
    if (token.tag != T::Option && current_tag() == T::Optgroup) open_.pop_back();
    if (token.tag == T::Hr) return insert_void(token);
    insert(token);
  } else if (token.tag == T::Script) {
    start_in_head(token);
  } else if (kLeaving(token.tag)) {
    if ((token.tag == T::Table || kTableParts(token.tag)) && !has_in_scope(T::Table, Scope::Table)) return;
    pop_until(T::Select);
    reset_mode();
    if (token.tag != T::Select) start_tag(token);
  }
}

// ---------------------------------------------------------------- SVG and MathML

bool HtmlTreeBuilder::is_foreign_now(const HtmlToken& token) const {
  const Id here = open_.back();
  if (is_html(here)) return false;
  const bool is_start = token.kind == Kind::StartTag;
  const T at = tag(here);
  constexpr HtmlTags kTextPoints(T::Mi, T::Mo, T::Mn, T::Ms, T::Mtext);
  if (tree_.nodes_[here].space == Space::Math) {
    if (kTextPoints(at) && is_start && token.tag != T::Mglyph && token.tag != T::Malignmark) return false;
    if (at == T::AnnotationXml && is_start) {
      if (token.tag == T::Svg) return false;
      const std::string encoding = ascii_lower(tree_.at(here).attribute("encoding"));
      if (encoding == "text/html" || encoding == "application/xhtml+xml") return false;
    }
    return true;
  }
  return !(is_start && (at == T::ForeignObject || at == T::Desc || at == T::Title));
}

void HtmlTreeBuilder::start_in_foreign(const HtmlToken& token) {
  bool breaks_out = kBreakout(token.tag);
  if (token.tag == T::Font)
    breaks_out = std::any_of(token.attributes.begin(), token.attributes.end(), [](const HtmlAttribute& at) {
      const std::string name = ascii_lower(at.name);
      return name == "color" || name == "face" || name == "size";
    });
  if (breaks_out) {
    const auto is_point = [&](Id id) {
      const T at = tag(id);
      if (is_html(id)) return true;
      if (node(id).space == Space::Svg) return at == T::ForeignObject || at == T::Desc || at == T::Title;
      return at == T::Mi || at == T::Mo || at == T::Mn || at == T::Ms || at == T::Mtext;
    };
    while (open_.size() > 1 && !is_point(current())) open_.pop_back();
    return start_tag(token);
  }
  insert(token, node(current()).space);
  if (token.is_self_closing) open_.pop_back();
}

void HtmlTreeBuilder::end_in_foreign(const HtmlToken& token) {
  if (token.tag == T::Br || token.tag == T::P) {
    while (open_.size() > 1 && !is_html(current())) open_.pop_back();
    return end_in_body(token.tag, token.name);
  }
  const std::string name = ascii_lower(token.name);
  for (std::size_t i = open_.size(); i-- > 1;) {
    if (is_html(open_[i])) {
      if (mode_ >= Mode::InTable && mode_ <= Mode::InCell && end_in_table_modes(token.tag, token.name)) return;
      return end_in_body(token.tag, token.name);
    }
    if (tree_.at(open_[i]).name() == name) return open_.resize(i);
  }
}

// ---------------------------------------------------------------- in body

void HtmlTreeBuilder::start_in_body(const HtmlToken& token) {
  const T tag = token.tag;
  if (kBlocks(tag)) {
    close_p();
    insert(token);
    return;
  }
  if (kFormatting(tag)) {
    if (tag == T::A) {
      std::size_t i = formatting_.size();
      while (i > 0 && formatting_[i - 1] != 0 && this->tag(formatting_[i - 1]) != T::A) --i;
      if (i > 0 && formatting_[i - 1] != 0) {
        const Id earlier = formatting_[i - 1];
        run_adoption_agency(T::A);
        std::erase(formatting_, earlier);
        std::erase(open_, earlier);
      }
    }
    reconstruct_formatting();
    if (tag == T::Nobr && has_in_scope(T::Nobr)) {
      run_adoption_agency(T::Nobr);
      reconstruct_formatting();
    }
    return push_formatting(insert(token));
  }
  if (kHeadings(tag)) {
    close_p();
    if (kHeadings(current_tag())) open_.pop_back();
    insert(token);
    return;
  }
  switch (tag) {
    case T::Body:  // its attributes, if content had opened the body before
      if (HtmlTree::Node& body = node(tree_.body_); body.attributes == 0) {
        const Id attributes = create(token, Space::Html);
        node(tree_.body_).first_attribute = node(attributes).first_attribute;
        node(tree_.body_).attributes = node(attributes).attributes;
      }
      return;
    case T::Html:
    case T::Caption:
    case T::Col:
    case T::Colgroup:
    case T::Frame:
    case T::Head:
    case T::Tbody:
    case T::Td:
    case T::Tfoot:
    case T::Th:
    case T::Thead:
    case T::Tr:
      return;
    case T::Base:
    case T::Basefont:
    case T::Bgsound:
    case T::Link:
    case T::Meta:
    case T::Title:
    case T::Noframes:
    case T::Style:
    case T::Script:
      return start_in_head(token);
    case T::Pre:
    case T::Listing:
      close_p();
      insert(token);
      skips_newline_ = true;
      return;
    case T::Form:
      if (form_ != 0) return;
      close_p();
      form_ = insert(token);
      return;
    case T::Li:
    case T::Dd:
    case T::Dt:
      for (std::size_t i = open_.size(); i-- > 0;) {
        const T at = this->tag(open_[i]);
        const bool matches = is_html(open_[i]) && (tag == T::Li ? at == T::Li : at == T::Dd || at == T::Dt);
        if (matches) {
          generate_implied_end_tags(at);
          pop_until(at);
          break;
        }
        if ((is_html(open_[i]) ? kSpecial(at) : kForeignSpecial(at)) && at != T::Address && at != T::Div && at != T::P) break;
      }
      close_p();
      insert(token);
      return;
    case T::Plaintext:
      close_p();
      return text_element(token, HtmlTokenizer::Content::Plain);
    case T::Button:
      if (has_in_scope(T::Button)) {
        generate_implied_end_tags();
        pop_until(T::Button);
      }
      reconstruct_formatting();
      insert(token);
      return;
    case T::Applet:
    case T::Marquee:
    case T::Object:
      reconstruct_formatting();
      insert(token);
      formatting_.push_back(0);
      return;
    case T::Table:
      if (!is_quirky_) close_p();
      insert(token);
      mode_ = Mode::InTable;
      return;
    case T::Area:
    case T::Br:
    case T::Embed:
    case T::Img:
    case T::Image:
    case T::Keygen:
    case T::Wbr:
    case T::Input: {
      reconstruct_formatting();
      insert_void(token);
      if (tag == T::Image) node(static_cast<Id>(tree_.nodes_.size() - 1)).tag = T::Img;
      return;
    }
    case T::Param:
    case T::Source:
    case T::Track:
      return insert_void(token);
    case T::Hr:
      close_p();
      return insert_void(token);
    case T::Textarea:
      return text_element(token, HtmlTokenizer::Content::EscapableText);
    case T::Xmp:
      close_p();
      reconstruct_formatting();
      return text_element(token, HtmlTokenizer::Content::RawText);
    case T::Iframe:
    case T::Noembed:
    case T::Noscript:
      return text_element(token, HtmlTokenizer::Content::RawText);
    case T::Select:
      reconstruct_formatting();
      insert(token);
      mode_ = Mode::InSelect;
      return;
    case T::Optgroup:
    case T::Option:
      if (current_tag() == T::Option) open_.pop_back();
      break;
    case T::Rb:
    case T::Rtc:
    case T::Rp:
    case T::Rt:
      if (has_in_scope(T::Ruby)) generate_implied_end_tags(tag == T::Rp || tag == T::Rt ? T::Rtc : T::None);
      insert(token);
      return;
    case T::Math:
    case T::Svg:
      reconstruct_formatting();
      insert(token, tag == T::Math ? Space::Math : Space::Svg);
      if (token.is_self_closing) open_.pop_back();
      return;
    default:
      break;
  }
  reconstruct_formatting();
  insert(token);
}

void HtmlTreeBuilder::end_in_body(HtmlTag tag, std::string_view name) {
  if (kFormatting(tag)) return run_adoption_agency(tag);
  if (tag == T::Body || tag == T::Html) {
    if (has_in_scope(T::Body)) mode_ = Mode::AfterBody;
    return;
  } else if (tag == T::P) {
    if (!has_in_scope(T::P, Scope::Button)) insert(T::P);
    return close_p();
  } else if (tag == T::Form) {
    const Id form = form_;
    form_ = 0;
    const auto at = std::find(open_.begin(), open_.end(), form);
    if (form == 0 || at == open_.end() || !has_in_scope(T::Form)) return;
    generate_implied_end_tags();
    open_.erase(std::find(open_.begin(), open_.end(), form));
    return;
  } else if (kBlocks(tag) || tag == T::Button || tag == T::Listing || tag == T::Pre || tag == T::Dd || tag == T::Dt ||
             tag == T::Li) {
    if (!has_in_scope(tag, tag == T::Li ? Scope::ListItem : Scope::Plain)) return;
    generate_implied_end_tags(tag == T::Dd || tag == T::Dt || tag == T::Li ? tag : T::None);
    return pop_until(tag);
  } else if (kHeadings(tag)) {
    if (!has_in_scope(kHeadings, Scope::Plain)) return;
    generate_implied_end_tags();
    return pop_until(kHeadings);
  } else if (tag == T::Applet || tag == T::Marquee || tag == T::Object) {
    if (!has_in_scope(tag)) return;
    generate_implied_end_tags();
    pop_until(tag);
    return clear_formatting_to_marker();
  } else if (tag == T::Br) {
    reconstruct_formatting();
    insert(T::Br);
    return open_.pop_back();
  }
  end_of_any_other(tag, name);
}

void HtmlTreeBuilder::end_of_any_other(HtmlTag tag, std::string_view name) {
  const std::string lower = tag == T::Other ? ascii_lower(name) : std::string();
  for (std::size_t i = open_.size(); i-- > 1;) {
    const T at = this->tag(open_[i]);
    if (is_html(open_[i]) && at == tag && (tag != T::Other || node(open_[i]).text == lower)) {
      generate_implied_end_tags(tag);
      return open_.resize(std::min(i, open_.size()));
    }
    if (is_html(open_[i]) ? kSpecial(at) : kForeignSpecial(at)) return;
  }
}

// ---------------------------------------------------------------- tables

/// false: the rules of InBody apply to the token.
bool HtmlTreeBuilder::start_in_table_modes(const HtmlToken& token) {
  const T tag = token.tag;
  switch (mode_) {
    case Mode::InCell:
      if (!kTableParts(tag)) return false;
      if (!has_in_scope(kCells, Scope::Table)) return true;
      close_cell();
      return start_tag(token), true;
    case Mode::InCaption:
      if (!kTableParts(tag)) return false;
      if (!has_in_scope(T::Caption, Scope::Table)) return true;
      generate_implied_end_tags();
      pop_until(T::Caption);
      clear_formatting_to_marker();
      mode_ = Mode::InTable;
      return start_tag(token), true;
    case Mode::InColumnGroup:
      if (tag == T::Html) return false;
      if (tag == T::Col) return insert_void(token), true;
      if (current_tag() != T::Colgroup) return true;
      open_.pop_back();
      mode_ = Mode::InTable;
      return start_tag(token), true;
    case Mode::InRow:
      if (kCells(tag)) {
        clear_stack_to(HtmlTags(T::Tr, T::Html));
        insert(token);
        mode_ = Mode::InCell;
        formatting_.push_back(0);
        return true;
      }
      if (kTableParts(tag)) {
        if (!has_in_scope(T::Tr, Scope::Table)) return true;
        clear_stack_to(HtmlTags(T::Tr, T::Html));
        open_.pop_back();
        mode_ = Mode::InTableBody;
        return start_tag(token), true;
      }
      break;
    case Mode::InTableBody:
      if (tag == T::Tr || kCells(tag)) {
        clear_stack_to(HtmlTags(T::Tbody, T::Tfoot, T::Thead, T::Html));
        if (tag == T::Tr)
          insert(token);
        else
          insert(T::Tr);
        mode_ = Mode::InRow;
        if (tag != T::Tr) start_tag(token);
        return true;
      }
      if (kTableParts(tag)) {
        if (!has_in_scope(kSections, Scope::Table)) return true;
        clear_stack_to(HtmlTags(T::Tbody, T::Tfoot, T::Thead, T::Html));
        open_.pop_back();
        mode_ = Mode::InTable;
        return start_tag(token), true;
      }
      break;
    default:
      break;
  }
  // In table, and what the modes above leave to it.
  const HtmlTags table_context(T::Table, T::Html);
  if (mode_ == Mode::InTable && kTableParts(tag)) {
    clear_stack_to(table_context);
    if (tag == T::Caption) {
      formatting_.push_back(0);
      insert(token);
      mode_ = Mode::InCaption;
    } else if (tag == T::Colgroup) {
      insert(token);
      mode_ = Mode::InColumnGroup;
    } else if (tag == T::Col) {
      insert(T::Colgroup);
      mode_ = Mode::InColumnGroup;
      start_tag(token);
    } else if (kSections(tag)) {
      insert(token);
      mode_ = Mode::InTableBody;
    } else {
      insert(T::Tbody);
      mode_ = Mode::InTableBody;
      start_tag(token);
    }
    return true;
  }
  if (tag == T::Table) {
    if (!has_in_scope(T::Table, Scope::Table)) return true;
    pop_until(T::Table);
    reset_mode();
    return start_tag(token), true;
  }
  if (tag == T::Style || tag == T::Script) return start_in_head(token), true;
  if (tag == T::Input) {
    const bool is_hidden = std::any_of(token.attributes.begin(), token.attributes.end(), [](const HtmlAttribute& at) {
      return ascii_lower(at.name) == "type" && ascii_lower(at.value) == "hidden";
    });
    if (is_hidden) return insert_void(token), true;
  }
  if (tag == T::Form) {
    if (form_ == 0) {
      form_ = insert(token);
      open_.pop_back();
    }
    return true;
  }
  fosters_ = true;
  start_in_body(token);
  fosters_ = false;
  return true;
}

bool HtmlTreeBuilder::end_in_table_modes(HtmlTag tag, std::string_view name) {
  constexpr HtmlTags kIgnored(T::Body, T::Html, T::Caption, T::Col, T::Colgroup, T::Tbody, T::Td, T::Tfoot, T::Th, T::Thead, T::Tr);
  const auto again = [&] {
    if (mode_ >= Mode::InTable && mode_ <= Mode::InCell && end_in_table_modes(tag, name)) return true;
    end_in_body(tag, name);
    return true;
  };
  switch (mode_) {
    case Mode::InCell:
      if (kCells(tag)) {
        if (!has_in_scope(tag, Scope::Table)) return true;
        generate_implied_end_tags();
        pop_until(tag);
        clear_formatting_to_marker();
        mode_ = Mode::InRow;
        return true;
      }
      if (tag == T::Table || tag == T::Tr || kSections(tag)) {
        if (!has_in_scope(tag, Scope::Table)) return true;
        close_cell();
        return again();
      }
      return kIgnored(tag);
    case Mode::InCaption:
      if (tag == T::Caption || tag == T::Table) {
        if (!has_in_scope(T::Caption, Scope::Table)) return true;
        generate_implied_end_tags();
        pop_until(T::Caption);
        clear_formatting_to_marker();
        mode_ = Mode::InTable;
        return tag == T::Caption ? true : again();
      }
      return kIgnored(tag);
    case Mode::InColumnGroup:
      if (tag == T::Col) return true;
      if (current_tag() != T::Colgroup) return true;
      open_.pop_back();
      mode_ = Mode::InTable;
      return tag == T::Colgroup ? true : again();
    case Mode::InRow:
      if (tag == T::Tr || tag == T::Table || kSections(tag)) {
        if (!has_in_scope(tag == T::Table ? T::Tr : tag, Scope::Table)) return true;
        clear_stack_to(HtmlTags(T::Tr, T::Html));
        if (current_tag() == T::Tr) open_.pop_back();
        mode_ = Mode::InTableBody;
        return tag == T::Tr ? true : again();
      }
      break;
    case Mode::InTableBody:
      if (kSections(tag) || tag == T::Table) {
        if (!has_in_scope(tag == T::Table ? kSections : HtmlTags(tag), Scope::Table)) return true;
        clear_stack_to(HtmlTags(T::Tbody, T::Tfoot, T::Thead, T::Html));
        if (kSections(current_tag())) open_.pop_back();
        mode_ = Mode::InTable;
        return tag == T::Table ? again() : true;
      }
      break;
    default:
      break;
  }
  if (tag == T::Table) {
    if (!has_in_scope(T::Table, Scope::Table)) return true;
    pop_until(T::Table);
    reset_mode();
    return true;
  }
  if (kIgnored(tag)) return true;
  fosters_ = true;
  end_in_body(tag, name);
  fosters_ = false;
  return true;
}

}  // namespace corollary
