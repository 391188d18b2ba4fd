#include "corpus/web/prefilter.h"

#include <algorithm>

#include "corpus/sources/header_block.h"
#include "corpus/text.h"
#include "corpus/web/math_marks.h"

namespace corollary {
namespace {

/// Walks over a page, from one piece of text to the next, once.
class TextPieces {
 public:
  explicit TextPieces(std::string_view html) : html_(html) {}

  /// [begin, end) of the next piece outside tags, comments, scripts and styles; nullopt at the end.
  std::optional<std::pair<std::size_t, std::size_t>> next() {
    while (at_ < html_.size()) {
      const std::size_t begin = at_, tag = std::min(html_.find('<', at_), html_.size());
      at_ = tag == html_.size() ? tag : after_markup(tag);
      if (tag > begin) return std::pair(begin, tag);
    }
    return std::nullopt;
  }

 private:
  std::size_t find_or_end(std::string_view what, std::size_t from) const {
    const std::size_t at = html_.find(what, from);
    return at == std::string_view::npos ? html_.size() : at + what.size();
  }

  std::size_t after_markup(std::size_t tag) {
    const std::string_view rest = html_.substr(tag + 1);
    if (rest.starts_with("!--")) return find_or_end("-->", tag + 4);
    const bool is_tag = !rest.empty() && (is_ascii_letter(rest[0]) || rest[0] == '/' || rest[0] == '!' || rest[0] == '?');
    if (!is_tag) return tag + 1;  // "a < b"
    const std::size_t end = end_of_tag(tag + 1);
    for (const std::string_view raw : {"script", "style"})
      if (equals_ignoring_case(rest.substr(0, raw.size()), raw) && rest.size() > raw.size() && !is_ascii_letter(rest[raw.size()]))
        return after_raw(raw, end);
    return end;
  }

  /// Quoted '>' do not end a tag. A quote that is never closed would swallow the page: then the next '>' ends it.
  std::size_t end_of_tag(std::size_t at) const {
    const std::size_t simple = find_or_end(">", at);
    char quote = 0;
    const std::size_t limit = std::min(html_.size(), at + kMaxTagBytes);
    for (std::size_t i = at; i < limit; ++i) {
      const char c = html_[i];
      if (quote != 0)
        quote = c == quote ? '\0' : quote;
      else if (c == '>')
        return i + 1;
      else if ((c == '"' || c == '\'') && html_[i - 1] == '=')
        quote = c;
    }
    return simple;
  }

  std::size_t after_raw(std::string_view name, std::size_t from) const {
    for (;;) {
      from = find_or_end("</", from);
      if (from == html_.size()) return from;
      if (equals_ignoring_case(html_.substr(from, name.size()), name)) return find_or_end(">", from);
    }
  }

  static constexpr std::size_t kMaxTagBytes = std::size_t{64} << 10;
  std::string_view html_;
  std::size_t at_ = 0;
};

MathHit command_in(std::string_view text, std::int64_t from) {
  for (;;) {
    const MathHit hit = find_math_mark(text, from);
    if (hit.offset < 0 || hit.mark == MathMark::command) return hit;
    from = std::max(hit.offset, from) + 1;
  }
}

std::int64_t characters(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; });
}

}  // namespace

std::string page_text(std::string_view html) {
  std::string text;
  TextPieces pieces(html);
  while (const auto piece = pieces.next()) {
    if (!text.empty()) text += ' ';
    text += html.substr(piece->first, piece->second - piece->first);
  }
  return text;
}

PrefilterVerdict prefilter_page(std::string_view html, const PrefilterConfig& config, const TextOfPage& text_of,
                                const MathScore& score_of) {
  std::string converted;
  if (html.starts_with("\xff\xfe") || html.starts_with("\xfe\xff")) {
    converted = to_utf8(html, "UTF-16");
    html = converted;
  }
  bool has_backslash = false;
  std::optional<MathHit> command;
  std::optional<std::pair<std::size_t, std::size_t>> piece;
  TextPieces pieces(html);
  for (std::int64_t from = 0;;) {
    const MathHit hit = find_math_mark(html, from);
    if (hit.offset < 0) break;
    if (hit.mark == MathMark::marker) return {"marker", kMathMarkers[static_cast<std::size_t>(hit.which)], hit.offset, {}};
    has_backslash = true;
    from = hit.offset + 1;
    if (text_of || command || hit.mark != MathMark::command) continue;
    const auto at = static_cast<std::size_t>(hit.offset);
    if (!piece) piece = pieces.next();
    while (piece && piece->second <= at) piece = pieces.next();
    if (piece && piece->first <= at) command = hit;
  }
  std::optional<std::string> text;
  if (text_of && has_backslash) {
    text = text_of(html);
    const MathHit hit = command_in(*text, 0);
    if (hit.offset >= 0) command = hit;
  }
  if (command) return {"command", kMathCommands[static_cast<std::size_t>(command->which)], command->offset, {}};
  if (score_of && (has_backslash || !config.as_published)) {
    if (!text) text = text_of ? text_of(html) : page_text(html);
    if (characters(*text) > config.min_score_chars && score_of(*text) > config.min_math_score) return {"math_score", "", 0, {}};
  }
  return {"", "", 0, Rejection{"no_math", 0, has_backslash ? "a backslash, but no command in the text" : ""}};
}

}  // namespace corollary
