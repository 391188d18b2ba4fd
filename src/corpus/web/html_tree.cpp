#include "corpus/web/html_tree.h"

// Not api.h, which excludes the headers that show the tree's inside.
#include <myhtml/callback.h>
#include <myhtml/myhtml.h>
#include <myhtml/tree.h>

#include <algorithm>

#include "base/error.h"

namespace corollary {
namespace {

/// The state of tree construction is looked at between slices: what one slice of bytes can do in between is bounded.
constexpr std::size_t kSlice = 4096;

/// Where the slice that starts at `at` ends. MyHTML leaves a character reference cut in two unresolved, so slices end before a '<',
/// best one that follows a tag or a blank; text without '<' opens nothing, however long.
std::size_t slice_end(std::string_view html, std::size_t at) {
  const std::size_t first = html.find('<', std::min(at + kSlice, html.size()));
  for (std::size_t end = first; end < html.size() && end < at + 2 * kSlice; end = html.find('<', end + 1))
    if (const char before = html[end - 1]; before == '>' || before == ' ' || before == '\n') return end;
  return std::min(first, html.size());
}

myhtml_tree_node_t* raw(void* node) { return static_cast<myhtml_tree_node_t*>(node); }

/// MyHTML's tables of tags, made once per thread.
struct Parser {
  myhtml_t* handle = myhtml_create();
  Parser() {
    check(handle != nullptr && myhtml_init(handle, MyHTML_OPTIONS_PARSE_MODE_SINGLE, 1, 0) == MyHTML_STATUS_OK,
          "out of memory for MyHTML");
  }
  ~Parser() { myhtml_destroy(handle); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
};

Parser& parser() {
  thread_local Parser instance;
  return instance;
}

}  // namespace

bool HtmlNode::is_text() const { return node_ != nullptr && myhtml_node_tag_id(raw(node_)) == MyHTML_TAG__TEXT; }
bool HtmlNode::is_element() const {
  if (node_ == nullptr) return false;
  const auto tag = myhtml_node_tag_id(raw(node_));
  return tag != MyHTML_TAG__TEXT && tag != MyHTML_TAG__COMMENT && tag != MyHTML_TAG__DOCTYPE && tag != MyHTML_TAG__UNDEF;
}

std::string_view HtmlNode::name() const {
  if (node_ == nullptr) return {};
  std::size_t length = 0;
  const char* text = myhtml_tag_name_by_id(static_cast<myhtml_tree_t*>(tree_), myhtml_node_tag_id(raw(node_)), &length);
  return text != nullptr ? std::string_view(text, length) : std::string_view();
}

std::string_view HtmlNode::text() const {
  if (node_ == nullptr) return {};
  std::size_t length = 0;
  const char* text = myhtml_node_text(raw(node_), &length);
  return text != nullptr ? std::string_view(text, length) : std::string_view();
}

std::string_view HtmlNode::attribute(std::string_view name) const {
  if (node_ == nullptr) return {};
  for (auto* at = myhtml_node_attribute_first(raw(node_)); at != nullptr; at = myhtml_attribute_next(at)) {
    std::size_t length = 0;
    const char* key = myhtml_attribute_key(at, &length);
    if (key == nullptr || std::string_view(key, length) != name) continue;
    const char* value = myhtml_attribute_value(at, &length);
    return value != nullptr ? std::string_view(value, length) : std::string_view();
  }
  return {};
}

bool HtmlNode::has_attribute(std::string_view name) const {
  if (node_ == nullptr) return false;
  for (auto* at = myhtml_node_attribute_first(raw(node_)); at != nullptr; at = myhtml_attribute_next(at)) {
    std::size_t length = 0;
    if (const char* key = myhtml_attribute_key(at, &length); key != nullptr && std::string_view(key, length) == name) return true;
  }
  return false;
}

HtmlNode HtmlNode::first_child() const { return node_ ? HtmlNode(myhtml_node_child(raw(node_)), tree_) : HtmlNode(); }
HtmlNode HtmlNode::next() const { return node_ ? HtmlNode(myhtml_node_next(raw(node_)), tree_) : HtmlNode(); }
HtmlNode HtmlNode::parent() const { return node_ ? HtmlNode(myhtml_node_parent(raw(node_)), tree_) : HtmlNode(); }

struct HtmlTree::State {
  myhtml_tree_t* tree = myhtml_tree_create();
  bool was_cut = false;
  ~State() { myhtml_tree_destroy(tree); }
};

HtmlTree::HtmlTree(std::string_view utf8) : state_(std::make_unique<State>()) {
  myhtml_tree_t* tree = state_->tree;
  check(tree != nullptr && myhtml_tree_init(tree, parser().handle) == MyHTML_STATUS_OK, "out of memory for MyHTML");
  myhtml_encoding_set(tree, MyENCODING_UTF_8);
  if (utf8.empty()) utf8 = "\n";  // MyHTML crashes at the end of no bytes at all
  std::size_t nodes = 0;
  const auto count_node = [](myhtml_tree_t*, myhtml_tree_node_t*, void* count) { ++*static_cast<std::size_t*>(count); };
  myhtml_callback_tree_node_insert_set(tree, count_node, &nodes);
  for (std::size_t at = 0, end = 0; at < utf8.size(); at = end) {
    end = slice_end(utf8, at);
    const std::string_view slice = utf8.substr(at, end - at);
    check(myhtml_parse_chunk_single(tree, slice.data(), slice.size()) == MyHTML_STATUS_OK, "out of memory for MyHTML");
    if (tree->open_elements->length > kMaxDepth || tree->active_formatting->length > kMaxFormatting || nodes > kMaxNodes) {
      state_->was_cut = true;
      break;
    }
  }
  check(myhtml_parse_chunk_end(tree) == MyHTML_STATUS_OK, "out of memory for MyHTML");
  myhtml_callback_tree_node_insert_set(tree, nullptr, nullptr);
}

HtmlTree::~HtmlTree() = default;
HtmlNode HtmlTree::root() const { return {myhtml_tree_get_node_html(state_->tree), state_->tree}; }
bool HtmlTree::was_cut() const { return state_->was_cut; }

bool has_token(std::string_view list, std::string_view token) {
  for (std::size_t at = list.find(token); at != std::string_view::npos; at = list.find(token, at + 1)) {
    const std::size_t end = at + token.size();
    const auto is_blank = [&](std::size_t i) { return list[i] == ' ' || list[i] == '\t' || list[i] == '\n'; };
    if ((at == 0 || is_blank(at - 1)) && (end == list.size() || is_blank(end))) return true;
  }
  return false;
}

}  // namespace corollary
