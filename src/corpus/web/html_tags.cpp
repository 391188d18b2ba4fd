#include "corpus/web/html_tags.h"

#include <array>
#include <cstring>

namespace corollary {
namespace {

constexpr auto kHtmlTagNames = std::to_array<std::string_view>(
    {"",         "",         "",           "a",          "abbr",     "address",   "annotation", "annotation-xml",
     "applet",   "area",     "article",    "aside",      "audio",    "b",         "base",       "basefont",
     "bgsound",  "big",      "blockquote", "body",       "br",       "button",    "canvas",     "caption",
     "center",   "cite",     "code",       "col",        "colgroup", "datalist",  "dd",         "del",
     "desc",     "details",  "dfn",        "dialog",     "dir",      "div",       "dl",         "dt",
     "em",       "embed",    "fieldset",   "figcaption", "figure",   "font",      "footer",     "foreignobject",
     "form",     "frame",    "frameset",   "h1",         "h2",       "h3",        "h4",         "h5",
     "h6",       "head",     "header",     "hgroup",     "hr",       "html",      "i",          "iframe",
     "image",    "img",      "input",      "kbd",        "keygen",   "label",     "legend",     "li",
     "link",     "listing",  "main",       "malignmark", "map",      "mark",      "marquee",    "math",
     "mathjax",  "menu",     "meta",       "mglyph",     "mi",       "mn",        "mo",         "ms",
     "mtext",    "nav",      "nobr",       "noembed",    "noframes", "noscript",  "object",     "ol",
     "optgroup", "option",   "p",          "param",      "picture",  "plaintext", "pre",        "q",
     "rb",       "rp",       "rt",         "rtc",        "ruby",     "s",         "samp",       "script",
     "search",   "section",  "select",     "small",      "source",   "span",      "strike",     "strong",
     "style",    "sub",      "summary",    "sup",        "svg",      "table",     "tbody",      "td",
     "template", "textarea", "tfoot",      "th",         "thead",    "time",      "title",      "tr",
     "track",    "tt",       "u",          "ul",         "var",      "video",     "wbr",        "xmp"});
static_assert(kHtmlTagNames.size() == static_cast<std::size_t>(HtmlTag::kCount));
static_assert(kHtmlTagNames[static_cast<std::size_t>(HtmlTag::H1)] == "h1" &&
              kHtmlTagNames[static_cast<std::size_t>(HtmlTag::Table)] == "table");

constexpr std::size_t kSlots = 1024;
constexpr std::size_t slot_of(std::string_view name) {
  std::uint32_t hash = static_cast<std::uint32_t>(name.size()) * 0x9E3779B1U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193U;
  return (hash ^ hash >> 15) % kSlots;
}

/// Open addressing; 0 is an empty slot.
constexpr auto kTable = [] {
  std::array<std::uint8_t, kSlots> table{};
  for (std::size_t i = 3; i < kHtmlTagNames.size(); ++i) {
    std::size_t slot = slot_of(kHtmlTagNames[i]);
    while (table[slot] != 0) slot = (slot + 1) % kSlots;
    table[slot] = static_cast<std::uint8_t>(i);
  }
  return table;
}();

}  // namespace

std::string_view html_tag_name(HtmlTag tag) { return kHtmlTagNames[static_cast<std::size_t>(tag)]; }

HtmlTag html_tag(std::string_view name) {
  if (name.empty() || name.size() > 16) return HtmlTag::Other;
  for (std::size_t slot = slot_of(name); kTable[slot] != 0; slot = (slot + 1) % kSlots)
    if (kHtmlTagNames[kTable[slot]] == name) return static_cast<HtmlTag>(kTable[slot]);
  return HtmlTag::Other;
}

}  // namespace corollary
