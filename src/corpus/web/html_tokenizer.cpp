#include "corpus/web/html_tokenizer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "corpus/text.h"

namespace corollary {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\f'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool same_letters(std::string_view a, std::string_view lower_case) {
  return a.size() == lower_case.size() &&
         std::equal(a.begin(), a.end(), lower_case.begin(), [](char x, char y) { return lower(x) == y; });
}

HtmlTag tag_of(std::string_view name) {
  std::array<char, 16> buffer{};
  if (name.size() > buffer.size()) return HtmlTag::Other;
  for (std::size_t i = 0; i < name.size(); ++i) buffer[i] = lower(name[i]);
  return html_tag({buffer.data(), name.size()});
}

}  // namespace

void HtmlTokenizer::emit_text(std::size_t end, bool is_raw) {
  token_.kind = HtmlToken::Kind::Text;
  token_.text = page_.substr(at_, end - at_);
  token_.is_raw = is_raw;
  at_ = end;
}

/// Offset of the next "</name" that is followed by what ends a tag's name; the page's size if none.
std::size_t HtmlTokenizer::find_end_tag(std::size_t from) const {
  for (std::size_t i = page_.find('<', from); i != std::string_view::npos; i = page_.find('<', i + 1)) {
    const std::size_t after = i + 2 + end_name_.size();
    if (i + 1 >= page_.size() || page_[i + 1] != '/' || after >= page_.size()) continue;
    if (!same_letters(page_.substr(i + 2, end_name_.size()), end_name_)) continue;
    if (is_blank(page_[after]) || page_[after] == '/' || page_[after] == '>') return i;
  }
  return page_.size();
}

/// "<!--" ... "<script" hides the next "</script", until "-->".
std::size_t HtmlTokenizer::end_of_script() const {
  std::size_t end = find_end_tag(at_);
  for (std::size_t from = at_;;) {
    const std::size_t comment = page_.substr(0, end).find("<!--", from);
    if (comment == std::string_view::npos) return end;
    std::size_t close = page_.find("-->", comment + 2);
    if (close == std::string_view::npos) close = page_.size();
    std::size_t i = comment + 4;
    while (true) {  // the start tags and end tags inside the comment
      std::size_t open = page_.find('<', i);
      const auto is_script = [&](std::size_t at) {
        return at + 6 < page_.size() && same_letters(page_.substr(at, 6), "script") &&
               (is_blank(page_[at + 6]) || page_[at + 6] == '/' || page_[at + 6] == '>');
      };
      while (open < close && !is_script(open + 1) && open < end) open = page_.find('<', open + 1);
      if (open >= close || open >= end || end >= close) break;
      i = end + 9;  // the hidden end tag
      end = find_end_tag(std::min(i, page_.size()));
      if (i >= close) break;
    }
    if (close >= end) return end;
    from = close;
  }
}

bool HtmlTokenizer::text_only() {
  const Content content = content_;
  content_ = Content::Data;
  const std::size_t end = content == Content::Plain    ? page_.size()
                          : content == Content::Script ? end_of_script()
                                                       : find_end_tag(at_);
  if (end == at_) return false;
  emit_text(end, content != Content::EscapableText);
  return true;
}

void HtmlTokenizer::bogus_comment(std::size_t from) { at_ = std::min(page_.find('>', from), page_.size() - 1) + 1; }

bool HtmlTokenizer::markup() {
  if (at_ + 1 >= page_.size()) return false;
  const char c = page_[at_ + 1];
  if (is_ascii_letter(c)) return start_or_end_tag(at_ + 1, false), true;
  if (c == '/') {
    if (at_ + 2 >= page_.size()) return false;
    if (is_ascii_letter(page_[at_ + 2]))
      start_or_end_tag(at_ + 2, true);
    else
      bogus_comment(at_ + 2);
    return true;
  }
  if (c == '?') return bogus_comment(at_ + 2), true;
  if (c != '!') return false;
  const std::string_view rest = page_.substr(at_ + 2);
  if (rest.starts_with("--")) {
    const std::size_t body = at_ + 4;
    if (page_.substr(body).starts_with(">")) return at_ = body + 1, true;
    if (page_.substr(body).starts_with("->")) return at_ = body + 2, true;
    for (std::size_t i = page_.find("--", body); i != std::string_view::npos; i = page_.find("--", i + 1)) {
      if (i + 2 < page_.size() && page_[i + 2] == '>') return at_ = i + 3, true;
      if (i + 3 < page_.size() && page_[i + 2] == '!' && page_[i + 3] == '>') return at_ = i + 4, true;
    }
    return at_ = page_.size(), true;
  }
  if (is_foreign_ && rest.starts_with("[CDATA[")) {
    at_ += 9;
    const std::size_t end = std::min(page_.find("]]>", at_), page_.size());
    emit_text(end, true);
    at_ = std::min(end + 3, page_.size());
    return true;
  }
  if (rest.size() >= 7 && same_letters(rest.substr(0, 7), "doctype")) {
    token_.kind = HtmlToken::Kind::Doctype;
    const std::size_t end = std::min(page_.find('>', at_), page_.size());
    token_.text = page_.substr(at_ + 9, end - at_ - 9);
    at_ = std::min(end + 1, page_.size());
    return true;
  }
  return bogus_comment(at_ + 2), true;
}

void HtmlTokenizer::start_or_end_tag(std::size_t name_at, bool is_end) {
  std::size_t i = name_at;
  while (i < page_.size() && !is_blank(page_[i]) && page_[i] != '/' && page_[i] != '>') ++i;
  token_.name = page_.substr(name_at, i - name_at);
  token_.tag = tag_of(token_.name);
  token_.is_self_closing = false;
  token_.attributes.clear();
  for (;;) {
    while (i < page_.size() && (is_blank(page_[i]) || page_[i] == '/')) {
      token_.is_self_closing = page_[i] == '/' && i + 1 < page_.size() && page_[i + 1] == '>';
      ++i;
    }
    if (i >= page_.size()) break;  // cut off inside a tag: there is no tag
    if (page_[i] == '>') {
      at_ = i + 1;
      token_.kind = is_end ? HtmlToken::Kind::EndTag : HtmlToken::Kind::StartTag;
      return;
    }
    HtmlAttribute attribute;
    const std::size_t name = i++;  // a first '=' belongs to the name
    while (i < page_.size() && !is_blank(page_[i]) && page_[i] != '/' && page_[i] != '>' && page_[i] != '=') ++i;
    attribute.name = page_.substr(name, i - name);
    while (i < page_.size() && is_blank(page_[i])) ++i;
    if (i < page_.size() && page_[i] == '=') {
      ++i;
      while (i < page_.size() && is_blank(page_[i])) ++i;
      if (i >= page_.size()) break;
      const char quote = page_[i];
      if (quote == '"' || quote == '\'') {
        const std::size_t end = page_.find(quote, i + 1);
        if (end == std::string_view::npos) break;
        attribute.value = page_.substr(i + 1, end - i - 1);
        i = end + 1;
      } else {
        const std::size_t first = i;
        while (i < page_.size() && !is_blank(page_[i]) && page_[i] != '>') ++i;
        attribute.value = page_.substr(first, i - first);
      }
    }
    if (token_.attributes.size() < HtmlTree::kMaxAttributes) token_.attributes.push_back(attribute);
  }
  at_ = page_.size();
  token_.kind = HtmlToken::Kind::End;
}

const HtmlToken& HtmlTokenizer::next() {
  if (content_ != Content::Data && text_only()) return token_;
  token_.kind = HtmlToken::Kind::End;
  while (at_ < page_.size()) {
    if (page_[at_] == '<') {
      const std::size_t before = at_;
      token_.kind = HtmlToken::Kind::End;
      if (markup()) {
        if (token_.kind != HtmlToken::Kind::End || at_ >= page_.size()) return token_;
        continue;  // a comment
      }
      at_ = before;
    }
    std::size_t end = at_ + 1;  // a '<' that opens nothing is text
    for (;; ++end) {
      end = std::min(page_.find('<', end), page_.size());
      if (end + 1 >= page_.size()) {
        end = page_.size();
        break;
      }
      const char c = page_[end + 1];
      if (is_ascii_letter(c) || c == '/' || c == '!' || c == '?') break;
    }
    emit_text(end, false);
    return token_;
  }
  return token_;
}

}  // namespace corollary
