#pragma once
#include <cstdint>
#include <string_view>

namespace corollary {

/// The elements that the HTML standard's parser or our extraction treats in a way of its own. Spelled and ordered as kHtmlTagNames.
enum class HtmlTag : std::uint8_t {
  None,
  Text,
  Other,  // no node, a text node, an element not in this list
  A,
  Abbr,
  Address,
  Annotation,
  AnnotationXml,
  Applet,
  Area,
  Article,
  Aside,
  Audio,
  B,
  Base,
  Basefont,
  Bgsound,
  Big,
  Blockquote,
  Body,
  Br,
  Button,
  Canvas,
  Caption,
  Center,
  Cite,
  Code,
  Col,
  Colgroup,
  Datalist,
  Dd,
  Del,
  Desc,
  Details,
  Dfn,
  Dialog,
  Dir,
  Div,
  Dl,
  Dt,
  Em,
  Embed,
  Fieldset,
  Figcaption,
  Figure,
  Font,
  Footer,
  ForeignObject,
  Form,
  Frame,
  Frameset,
  H1,
  H2,
  H3,
  H4,
  H5,
  H6,
  Head,
  Header,
  Hgroup,
  Hr,
  Html,
  I,
  Iframe,
  Image,
  Img,
  Input,
  Kbd,
  Keygen,
  Label,
  Legend,
  Li,
  Link,
  Listing,
  Main,
  Malignmark,
  Map,
  Mark,
  Marquee,
  Math,
  Mathjax,
  Menu,
  Meta,
  Mglyph,
  Mi,
  Mn,
  Mo,
  Ms,
  Mtext,
  Nav,
  Nobr,
  Noembed,
  Noframes,
  Noscript,
  Object,
  Ol,
  Optgroup,
  Option,
  P,
  Param,
  Picture,
  Plaintext,
  Pre,
  Q,
  Rb,
  Rp,
  Rt,
  Rtc,
  Ruby,
  S,
  Samp,
  Script,
  Search,
  Section,
  Select,
  Small,
  Source,
  Span,
  Strike,
  Strong,
  Style,
  Sub,
  Summary,
  Sup,
  Svg,
  Table,
  Tbody,
  Td,
  Template,
  Textarea,
  Tfoot,
  Th,
  Thead,
  Time,
  Title,
  Tr,
  Track,
  Tt,
  U,
  Ul,
  Var,
  Video,
  Wbr,
  Xmp,
  kCount
};

/// "p" for HtmlTag::P; "" for None, Text and Other.
std::string_view html_tag_name(HtmlTag tag);
/// Of a lower-case name; Other if it is not in the list.
HtmlTag html_tag(std::string_view name);

/// 1 to 6 for h1 to h6, else 0.
inline int heading_level(HtmlTag tag) {
  return tag >= HtmlTag::H1 && tag <= HtmlTag::H6 ? static_cast<int>(tag) - static_cast<int>(HtmlTag::H1) + 1 : 0;
}

/// A set of tags, tested in one step.
struct HtmlTags {
  std::uint64_t bits[4] = {};
  template <class... T>
  constexpr explicit HtmlTags(T... tags) {
    (add(tags), ...);
  }
  constexpr void add(HtmlTag tag) {
    bits[static_cast<unsigned>(tag) / 64] |= std::uint64_t{1} << (static_cast<unsigned>(tag) % 64);
  }
  constexpr bool operator()(HtmlTag tag) const {
    return (bits[static_cast<unsigned>(tag) / 64] >> (static_cast<unsigned>(tag) % 64) & 1) != 0;
  }
};

}  // namespace corollary
