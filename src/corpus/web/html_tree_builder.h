#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "corpus/web/html_tokenizer.h"
#include "corpus/web/html_tree.h"

namespace corollary {

/// Tree construction (HTML standard 13.2.6): the names below are its own.
class HtmlTreeBuilder {
 public:
  HtmlTreeBuilder(HtmlTree& tree, std::string_view page) : tree_(tree), tokens_(page) {}
  void run();

 private:
  using Id = std::uint32_t;  ///< index of a node; 0 none, or a marker in the list of active formatting elements
  using Space = HtmlTree::Space;
  enum class Mode : std::uint8_t {
    Initial,
    BeforeHtml,
    BeforeHead,
    InHead,
    AfterHead,
    InBody,
    InTable,
    InCaption,
    InColumnGroup,
    InTableBody,
    InRow,
    InCell,
    InSelect,
    AfterBody
  };
  enum class Scope : std::uint8_t { Plain, ListItem, Button, Table };

  void text(std::string_view text);
  void text_in_body(std::string_view text);
  void start_tag(const HtmlToken& token);
  void end_tag(const HtmlToken& token);
  bool leave_early_modes(const HtmlToken& token);
  void start_in_head(const HtmlToken& token);
  void start_in_body(const HtmlToken& token);
  void end_in_body(HtmlTag tag, std::string_view name);
  void end_of_any_other(HtmlTag tag, std::string_view name);
  bool start_in_table_modes(const HtmlToken& token);
  bool end_in_table_modes(HtmlTag tag, std::string_view name);
  void start_in_foreign(const HtmlToken& token);
  void end_in_foreign(const HtmlToken& token);
  void start_in_select(const HtmlToken& token);
  bool is_foreign_now(const HtmlToken& token) const;

  HtmlTree::Node& node(Id id) { return tree_.nodes_[id]; }
  HtmlTag tag(Id id) const { return tree_.nodes_[id].tag; }
  bool is_html(Id id) const { return tree_.nodes_[id].space == Space::Html; }
  Id current() const { return open_.back(); }
  HtmlTag current_tag() const { return is_html(open_.back()) ? tag(open_.back()) : HtmlTag::Other; }
  Id create(HtmlTag tag, Space space);
  Id create(const HtmlToken& token, Space space);
  void append(Id parent, Id child);
  void insert_before(Id sibling, Id child);
  void detach(Id child);
  Id clone(Id id);
  void place(Id child);  ///< at the appropriate place for inserting a node
  Id insert(const HtmlToken& token, Space space = Space::Html);
  Id insert(HtmlTag tag);
  void insert_void(const HtmlToken& token) { insert(token), open_.pop_back(); }
  void insert_text(std::string_view text);
  std::string_view unescaped(std::string_view text, bool is_attribute);

  bool has_in_scope(HtmlTags tags, Scope scope) const;
  bool has_in_scope(HtmlTag tag, Scope scope = Scope::Plain) const { return has_in_scope(HtmlTags(tag), scope); }
  void pop_until(HtmlTags tags);
  void pop_until(HtmlTag tag) { pop_until(HtmlTags(tag)); }
  void clear_stack_to(HtmlTags tags);
  void generate_implied_end_tags(HtmlTag except = HtmlTag::None);
  void close_p();
  void close_cell();
  void reconstruct_formatting();
  void push_formatting(Id id);
  void clear_formatting_to_marker();
  void run_adoption_agency(HtmlTag subject);
  void reset_mode();
  void text_element(const HtmlToken& token, HtmlTokenizer::Content content);

  HtmlTree& tree_;
  HtmlTokenizer tokens_;
  std::vector<Id> open_, formatting_;
  Mode mode_ = Mode::Initial;
  Id head_ = 0, form_ = 0;
  bool is_quirky_ = true, fosters_ = false, skips_newline_ = false;
};

}  // namespace corollary
