#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/web/html_tags.h"

namespace corollary {

class HtmlTree;

/// A node of an HtmlTree: a view, valid while the tree lives. A default one is no node, and gives no node and "" to every question.
class HtmlNode {
 public:
  HtmlNode() = default;
  explicit operator bool() const { return index_ != 0; }
  HtmlTag tag() const;
  bool is_text() const { return tag() == HtmlTag::Text; }
  bool is_element() const { return tag() > HtmlTag::Text; }
  std::string_view name() const;                            ///< "p", "math"; lower case, also of SVG's elements
  std::string_view text() const;                            ///< of a text node, character references resolved
  std::string_view attribute(std::string_view name) const;  ///< "" if absent; `name` in lower case
  bool has_attribute(std::string_view name) const;
  HtmlNode first_child() const;
  HtmlNode next() const;  ///< sibling
  HtmlNode previous() const;
  HtmlNode parent() const;
  std::size_t index() const { return index_; }  ///< below HtmlTree::size(); no two nodes of a tree share one
  friend bool operator==(HtmlNode a, HtmlNode b) { return a.index_ == b.index_; }

 private:
  friend class HtmlTree;
  HtmlNode(const HtmlTree* tree, std::uint32_t index) : tree_(tree), index_(index) {}
  const HtmlTree* tree_ = nullptr;
  std::uint32_t index_ = 0;
};

struct HtmlAttribute {
  std::string_view name, value;
};

/// The tree the HTML standard prescribes for UTF-8 text, whatever its faults, as a browser with scripts builds it (13.2.6), but
/// that comments are left out, neighbouring text nodes are not joined, <template> and <frameset> are containers as any other (what
/// is in them is part of the page, recipe 9.2), and NUL bytes vanish. Hostile pages cannot make it costly: at more than kMaxDepth
/// open elements, kMaxFormatting formatting elements (<b>, <a>, ... not closed), or more nodes than bytes (a formatting element
/// can be opened again in each paragraph), the rest of the page is dropped and was_cut() tells; of an element's attributes the
/// first kMaxAttributes count.
class HtmlTree {
 public:
  static constexpr std::size_t kMaxDepth = 400, kMaxFormatting = 200, kMaxAttributes = 200, kMaxBytes = std::size_t{1} << 31;
  explicit HtmlTree(std::string_view utf8);
  HtmlTree(const HtmlTree&) = delete;
  HtmlTree& operator=(const HtmlTree&) = delete;
  HtmlNode root() const { return {this, root_}; }  ///< the html element
  HtmlNode body() const { return {this, body_}; }
  bool was_cut() const { return was_cut_; }
  std::size_t size() const { return nodes_.size(); }
  HtmlNode at(std::size_t index) const { return {this, static_cast<std::uint32_t>(index)}; }

 private:
  friend class HtmlNode;
  friend class HtmlTreeBuilder;
  enum class Space : std::uint8_t { Html, Svg, Math };
  struct Node {
    std::uint32_t parent = 0, first_child = 0, last_child = 0, next = 0, previous = 0;
    std::uint32_t first_attribute = 0, attributes = 0;
    HtmlTag tag = HtmlTag::None;
    Space space = Space::Html;
    std::string_view text;  ///< of a text node; an element's name if its tag is Other
  };
  std::string source_;
  std::vector<std::unique_ptr<std::string>> decoded_;  ///< texts that hold character references
  std::vector<Node> nodes_;                            ///< 0 is the document
  std::vector<HtmlAttribute> attributes_;
  std::uint32_t root_ = 0, body_ = 0;
  bool was_cut_ = false;
};

inline HtmlTag HtmlNode::tag() const { return tree_ != nullptr ? tree_->nodes_[index_].tag : HtmlTag::None; }
inline HtmlNode HtmlNode::first_child() const {
  return tree_ != nullptr ? HtmlNode(tree_, tree_->nodes_[index_].first_child) : HtmlNode();
}
inline HtmlNode HtmlNode::next() const { return tree_ != nullptr ? HtmlNode(tree_, tree_->nodes_[index_].next) : HtmlNode(); }
inline HtmlNode HtmlNode::previous() const {
  return tree_ != nullptr ? HtmlNode(tree_, tree_->nodes_[index_].previous) : HtmlNode();
}
inline HtmlNode HtmlNode::parent() const { return tree_ != nullptr ? HtmlNode(tree_, tree_->nodes_[index_].parent) : HtmlNode(); }

/// Whether the blank-separated `list` has `token` as a whole.
bool has_token(std::string_view list, std::string_view token);
inline bool has_class(HtmlNode node, std::string_view name) { return has_token(node.attribute("class"), name); }

/// The first element below `node`, in the page's order, of which `wanted` is true.
template <class F>
HtmlNode find_first(HtmlNode node, const F& wanted) {
  for (HtmlNode child = node.first_child(); child; child = child.next()) {
    if (!child.is_element()) continue;
    if (wanted(child)) return child;
    if (HtmlNode found = find_first(child, wanted)) return found;
  }
  return {};
}

inline int heading_level(std::string_view name) { return heading_level(html_tag(name)); }

}  // namespace corollary
