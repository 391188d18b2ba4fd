#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "corpus/web/html_tags.h"
#include "corpus/web/html_tree.h"

namespace corollary {

/// A piece of a page. Its views point into the page; names may have capitals, and nothing is unescaped.
struct HtmlToken {
  enum class Kind : std::uint8_t { Text, StartTag, EndTag, Doctype, End };
  Kind kind = Kind::End;
  HtmlTag tag = HtmlTag::Other;
  bool is_self_closing = false;
  bool is_raw = false;                    ///< of a text: no character references in it (script, style, CDATA)
  std::string_view name;                  ///< of a tag
  std::string_view text;                  ///< of a text, or what follows "<!doctype"
  std::vector<HtmlAttribute> attributes;  ///< of a start tag; all of them, values as they stand
};

/// The tokenizer of the HTML standard (13.2.5) over a whole page; comments are skipped. What an element's content is (text only, as
/// in <script> and <title>) the tree builder says after its start tag.
class HtmlTokenizer {
 public:
  explicit HtmlTokenizer(std::string_view page) : page_(page) {}
  enum class Content : std::uint8_t { Data, EscapableText, RawText, Script, Plain };
  /// Until the end tag of `name`.
  void expect(Content content, std::string_view name) {
    content_ = content;
    end_name_ = name;
  }
  void allow_cdata(bool is_foreign) { is_foreign_ = is_foreign; }
  /// The next token, valid until the next call.
  const HtmlToken& next();

 private:
  bool text_only();
  bool markup();  ///< at '<'; false: it is text
  void start_or_end_tag(std::size_t name_at, bool is_end);
  void bogus_comment(std::size_t from);
  std::size_t find_end_tag(std::size_t from) const;
  std::size_t end_of_script() const;
  void emit_text(std::size_t end, bool is_raw);

  std::string_view page_, end_name_;
  std::size_t at_ = 0;
  Content content_ = Content::Data;
  bool is_foreign_ = false;
  HtmlToken token_;
};

}  // namespace corollary
