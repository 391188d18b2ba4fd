#include "corpus/web/html_tree.h"

#include <algorithm>

#include "base/error.h"
#include "corpus/web/html_tree_builder.h"

namespace corollary {

HtmlTree::HtmlTree(std::string_view utf8) {
  check(utf8.size() < kMaxBytes, "a page of ", utf8.size(), " bytes: the limit is ", kMaxBytes);
  source_.reserve(utf8.size());
  // Line ends as the standard's preprocessing makes them; NUL bytes vanish.
  for (std::size_t at = 0; at < utf8.size();) {
    std::size_t end = std::min(utf8.find('\r', at), utf8.size());
    source_.append(utf8, at, end - at);
    if (end < utf8.size() && (end + 1 == utf8.size() || utf8[end + 1] != '\n')) source_ += '\n';
    at = end + 1;
  }
  if (source_.find('\0') != std::string::npos) std::erase(source_, '\0');
  nodes_.reserve(64 + source_.size() / 24);
  attributes_.reserve(64 + source_.size() / 48);
  HtmlTreeBuilder(*this, source_).run();
}

std::string_view HtmlNode::name() const {
  const HtmlTag kind = tag();
  return kind == HtmlTag::Other ? tree_->nodes_[index_].text : html_tag_name(kind);
}

std::string_view HtmlNode::text() const { return is_text() ? tree_->nodes_[index_].text : std::string_view(); }

std::string_view HtmlNode::attribute(std::string_view name) const {
  if (index_ == 0) return {};
  const HtmlTree::Node& node = tree_->nodes_[index_];
  for (std::uint32_t i = 0; i < node.attributes; ++i) {
    const HtmlAttribute& at = tree_->attributes_[node.first_attribute + i];
    if (at.name == name) return at.value;
  }
  return {};
}

bool HtmlNode::has_attribute(std::string_view name) const {
  if (index_ == 0) return false;
  const HtmlTree::Node& node = tree_->nodes_[index_];
  const auto first = tree_->attributes_.begin() + node.first_attribute;
  return std::any_of(first, first + node.attributes, [&](const HtmlAttribute& at) { return at.name == name; });
}

bool has_token(std::string_view list, std::string_view token) {
  for (std::size_t at = list.find(token); at != std::string_view::npos; at = list.find(token, at + 1)) {
    const std::size_t end = at + token.size();
    const auto is_blank = [&](std::size_t i) { return list[i] == ' ' || list[i] == '\t' || list[i] == '\n'; };
    if ((at == 0 || is_blank(at - 1)) && (end == list.size() || is_blank(end))) return true;
  }
  return false;
}

}  // namespace corollary
