#pragma once
#include <cstddef>
#include <memory>
#include <string_view>

namespace corollary {

/// A node of an HtmlTree: a view, valid while the tree lives. A default one is no node, and gives no node and "" to every question.
class HtmlNode {
 public:
  HtmlNode() = default;
  explicit operator bool() const { return node_ != nullptr; }
  bool is_text() const;
  bool is_element() const;                                  ///< neither text nor comment nor doctype
  std::string_view name() const;                            ///< "p", "math"; lower case as the HTML standard has it
  std::string_view text() const;                            ///< of a text node, character references resolved
  std::string_view attribute(std::string_view name) const;  ///< "" if absent
  bool has_attribute(std::string_view name) const;
  HtmlNode first_child() const;
  HtmlNode next() const;  ///< sibling
  HtmlNode parent() const;

 private:
  friend class HtmlTree;
  HtmlNode(void* node, void* tree) : node_(node), tree_(tree) {}
  void *node_ = nullptr, *tree_ = nullptr;
};

/// The tree the HTML standard prescribes for UTF-8 text, whatever its faults (MyHTML; the only place that knows it). Hostile pages
/// cannot make it costly: once more than kMaxDepth elements are open, or more than kMaxFormatting formatting elements, or the tree
/// has kMaxNodes, the rest of the page is dropped and was_cut() tells. Not for two threads at once.
class HtmlTree {
 public:
  static constexpr std::size_t kMaxDepth = 400, kMaxFormatting = 200, kMaxNodes = 2'000'000;
  explicit HtmlTree(std::string_view utf8);
  ~HtmlTree();
  HtmlTree(const HtmlTree&) = delete;
  HtmlTree& operator=(const HtmlTree&) = delete;
  HtmlNode root() const;  ///< the html element
  bool was_cut() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

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

/// 1 to 6 for "h1" to "h6", else 0.
inline int heading_level(std::string_view name) {
  return name.size() == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6' ? name[1] - '0' : 0;
}

}  // namespace corollary
