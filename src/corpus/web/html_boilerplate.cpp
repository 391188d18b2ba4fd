#include "corpus/web/html_boilerplate.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_set>

#include "corpus/text.h"
#include "corpus/web/html_delimiters.h"

namespace corollary {
namespace {

using T = HtmlTag;
using Words = std::unordered_set<std::string_view>;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

/// Calls f with each blank-separated word until it says true; whether it did.
template <class F>
bool any_word(std::string_view list, F f) {
  for (std::size_t at = 0; at < list.size();) {
    while (at < list.size() && is_blank(list[at])) ++at;
    std::size_t end = at;
    while (end < list.size() && !is_blank(list[end])) ++end;
    if (end > at && f(list.substr(at, end - at))) return true;
    at = end;
  }
  return false;
}

Words words_of(std::string_view list) {
  Words words;
  any_word(list, [&](std::string_view word) { return words.insert(word), false; });
  return words;
}

constexpr HtmlTags kElements(T::Script, T::Style, T::Nav, T::Footer, T::Aside, T::Noscript, T::Iframe, T::Object, T::Embed,
                             T::Button, T::Select, T::Input, T::Option, T::Datalist, T::Svg, T::Canvas, T::Audio, T::Video, T::Head,
                             T::Dialog, T::Map, T::Textarea, T::Noembed, T::Noframes, T::Applet, T::Label, T::Link, T::Meta);

const Words kRoles = words_of(
    "navigation search banner contentinfo complementary button menu menubar dialog alert alertdialog tablist toolbar tooltip");

/// Whole names of classes and ids.
const Words kNames = words_of(
    // Sphinx, GAPDoc, Texinfo, Doxygen
    "headerlink related sidebar sphinxsidebar bd-sidebar bd-sidebar-primary bd-sidebar-secondary bd-toc toc toctree-wrapper navbar "
    "navigation breadcrumb breadcrumbs footer prev-next-bottom prev-next-area prev-next-footer wy-nav-side wy-nav-top "
    "rst-footer-buttons rst-versions header-article viewcode-link viewcode-back copybtn edit-this-page sphinx-version "
    "theme-version "
    "linenos linenodiv lineno gutter chlinktop chlinkbot chlinkprevnexttop chlinkprevnextbot foot nav-panel navpath summary-links "
    "anchorjs-link anchor-link header-anchor permalink book-summary sidebar-wrapper book-header MSearchSelectWindow "
    "MSearchResultsWindow "
    "main-nav titlearea dynheader "
    // MediaWiki
    "noprint navbox mw-editsection mw-jump-link catlinks printfooter mw-navigation mw-head mw-panel siteSub jump-to-nav searchbox "
    "navbar-main vector-menu vector-header mw-indicators sistersitebox side-box ambox mbox-small hatnote shortdescription "
    "mw-empty-elt "
    "nowraplinks authority-control portalbox mw-footer mw-revision mw-cite-backlink page-actions-menu minerva-footer "
    "mw-references-columns-none vector-toc vector-sticky-header mw-hidden-catlinks contentSub "
    // hidden for the eyes
    "skip-link sr-only screen-reader-text visually-hidden visuallyhidden screenreader-only element-invisible print-only "
    // Stack Exchange
    "js-vote-count js-voting-container votecell votecount-post-text post-signature user-info user-details user-gravatar32 "
    "js-post-menu "
    "post-menu comment-user comment-date comments-link js-show-link comment-actions comment-score js-filter-btn "
    "answers-subheader-controls "
    "s-sidebarwidget module sidebar-related sidebar-linked bottom-notice js-bottom-notice topbar left-sidebar site-footer "
    "post-taglist "
    "js-consent-banner js-dismissable-hero hero-container answer-hyperlink new-answer-form post-form js-mainbar-answer-form "
    "bottom-share-links "
    "community-bulletin newuser s-topbar special-status-bounty js-launch-popover-toggle js-accepted-answer-indicator s-notice "
    "js-post-issue "
    "tag-subscriptions answer-votes js-add-link feed-link-container mp0 flush-left privilege-notice hero-box no-js-fallback "
    "vote-count-post vote-count favoritecount fw-nowrap-s question-status js-post-notice post-notice share-tip js-share-link "
    // phpBB, vBulletin, XenForo, Invision, Discourse, Physics Forums
    "postprofile post-buttons signature back2top linklist topic-actions action-bar forum-nav postcontrols threadtools pagenav "
    "postbit_legacy_user "
    "smallfont message-userInfo message-attribution message-cell--user actionBar js-reactionsList reactionsBar p-footer p-nav "
    "p-navSticky "
    "p-breadcrumbs p-body-sidebar blockMessage similarthreads similar_threads userinfo postfoot forumfoot postlinking "
    "postbitlegacy_userinfo "
    "username_container ipsComment_controls cAuthorPane ipsColumn ipsLayout_sidebar topic-map topic-avatar post-menu-area "
    "suggested-topics "
    "message-lastEdit message-signature message-footer block-outer block-outer-main block-outer-opposite thread-similar "
    "ipsBreadcrumb ipsPagination ipsWidget elNavigationMore cPostShareMenu ipsReact ipsComment_meta ipsResponsive_hidePhone "
    // WordPress and other blogs
    "sharedaddy sd-sharing jp-relatedposts wpcnt entry-footer post-navigation nav-links nav-single widget widget-area "
    "sidebar-primary "
    "comments comment-respond commentlist comments-area respond disqus_thread comment-list wp-block-comments postmetadata "
    "nav-below "
    "nav-above author-box about-author post-tags tagcloud tag-cloud addtoany_share_save_container addthis_toolbox "
    "jetpack-likes-widget "
    "wp-block-search wp-block-buttons sfsi_widget a2a_kit pd-rating blog-pager post-footer post-icons "
    // CSDN, LibreTexts
    "csdn-side-toolbar blog-footer-bottom recommend-box recommend-right tool-active-list blog_container_aside more-toolbox "
    "mt-icon-pdf "
    "elm-header elm-footer elm-article-footer mt-breadcrumbs mt-article-pagination mt-page-summary mt-sortable-listing "
    "mt-title-toc "
    "autoattribution license-footer");

/// Words in such names: "site-footer", "shareButtons", "cookie_notice". Sure ones, and such as need a second sign.
const Words kSureWords = words_of(
    "breadcrumb breadcrumbs navbar navigation menu menus submenu topbar sidebar footer copyright login logout signin signup cookie "
    "cookies "
    "consent gdpr newsletter subscribe subscription sharebar sharer addthis upsell advert advertisement advertising adsense "
    "sponsored "
    "outbrain taboola pagination pager pagenav toolbar masthead offcanvas breadcrumbarea searchform searchbar captcha recaptcha "
    "paywall");
/// Those that also name what holds prose: a post in a "popup", a "social" group's text.
const Words kLikelyWords =
    words_of("nav social share sharing popup modal flyout overlay lightbox tooltip promo ads sponsor dropdown hidden");
const Words kDoubtfulWords = words_of(
    "related recommended recommend similar trending popular widget banner header head tags taglist tagcloud categories meta byline "
    "author avatar profile "
    "vote votes voting rating ratings likes follow followers rss feed buttons button controls tools actions links bookmark "
    "bookmarks print attachments "
    "signature comment comments respond reply disqus notice alert cta subnav toc legend aside");

/// "site-footer", "siteFooter", "site_footer" -> site, footer.
template <class F>
bool any_part(std::string_view names, F f) {
  std::array<char, 32> part;
  std::size_t length = 0;
  for (std::size_t i = 0; i <= names.size(); ++i) {
    const char c = i < names.size() ? names[i] : ' ';
    const bool is_capital = c >= 'A' && c <= 'Z';
    const bool is_lower = c >= 'a' && c <= 'z';
    const bool starts_part = is_capital && i > 0 && names[i - 1] >= 'a' && names[i - 1] <= 'z';
    if ((!is_capital && !is_lower) || starts_part) {
      if (length > 1 && length <= part.size() && f(std::string_view(part.data(), length))) return true;
      length = 0;
    }
    if (is_capital || is_lower) {
      if (length < part.size()) part[length] = static_cast<char>(c | 0x20);
      ++length;
    }
  }
  return false;
}

/// Wikipedia hides the formulas it has images for.
bool is_hidden(HtmlNode node, std::string_view classes) {
  if (node.has_attribute("hidden") && node.attribute("hidden") != "until-found") return true;
  const std::string_view style = node.attribute("style");
  if (style.size() < 12) return false;
  const bool may_hide = style.find("isplay") != std::string_view::npos || style.find("isibility") != std::string_view::npos;
  if (!may_hide) return false;
  std::string plain;
  for (const char c : ascii_lower(style))
    if (!is_ascii_space(c)) plain += c;
  if (plain.find("display:none") == std::string::npos && plain.find("visibility:hidden") == std::string::npos) return false;
  return classes.find("mwe-math") == std::string_view::npos;
}

/// A part that a page marks as its content is not to be lost to a word in its name.
bool is_content(HtmlNode node) {
  return node.tag() == T::Main || node.tag() == T::Article || node.tag() == T::Body || node.tag() == T::Html ||
         node.attribute("role") == "main";
}

std::uint32_t visible_bytes(std::string_view text) {
  std::uint32_t n = 0;
  for (const char c : text) n += static_cast<unsigned char>(c) > ' ' ? 1 : 0;
  return n;
}

}  // namespace

PageFacts::PageFacts(const HtmlTree& tree) : facts_(tree.size()) { gather(tree.root(), false, 0); }

PageFacts::Facts PageFacts::gather(HtmlNode node, bool in_link, int depth) {
  constexpr int kMaxDepth = 2000;
  constexpr HtmlTags kUnseen(T::Script, T::Style, T::Noscript, T::Iframe, T::Textarea, T::Head, T::Select, T::Option, T::Svg,
                             T::Noembed, T::Noframes);
  constexpr HtmlTags kBlocks(T::Table, T::Pre, T::Ul, T::Ol, T::Blockquote, T::H1, T::H2, T::H3, T::H4, T::H5, T::H6);
  Facts sum;
  for (HtmlNode child = node.first_child(); child && depth < kMaxDepth; child = child.next()) {
    const T tag = child.tag();
    if (tag == T::Text) {
      const std::string_view text = child.text();
      const std::uint32_t bytes = visible_bytes(text);
      sum.text_bytes += bytes;
      if (in_link) sum.link_bytes += bytes;
      if (text.find('\\') != std::string_view::npos) {
        sum.has_latex = sum.has_latex || has_latex_command(text);
        sum.has_formula = true;
      }
      continue;
    }
    ++sum.children;
    sum.has_term = sum.has_term || tag == T::Dt;
    const bool is_link = tag == T::A && child.has_attribute("href");
    if (tag == T::A) ++links;
    Facts below;
    if (tag == T::Script)
      below.has_formula = child.attribute("type").starts_with("math/");
    else if (!kUnseen(tag))
      below = gather(child, in_link || is_link, depth + 1);
    if (tag == T::Math || tag == T::Mathjax) below.has_formula = true;
    if (tag == T::Img && (has_class(child, "latex") || has_class(child, "tex"))) below.has_formula = true;
    facts_[child.index()] = below;
    sum.text_bytes += below.text_bytes;
    sum.link_bytes += below.link_bytes;
    sum.links += below.links + (is_link ? 1 : 0);
    sum.has_heading = sum.has_heading || below.has_heading || heading_level(tag) > 0;
    sum.has_code = sum.has_code || below.has_code || tag == T::Code || tag == T::Tt;
    sum.has_block = sum.has_block || below.has_block || kBlocks(tag);
    sum.has_formula = sum.has_formula || below.has_formula;
    sum.has_latex = sum.has_latex || below.has_latex;
  }
  facts_[node.index()] = sum;
  return sum;
}

bool is_boilerplate(HtmlNode node, std::string_view classes, const PageFacts& facts, std::uint32_t page_bytes) {
  const T tag = node.tag();
  if (kElements(tag)) return tag != T::Aside || !has_token(classes, "footnote");
  const PageFacts::Facts& at = facts[node];
  if (tag == T::Header && !at.has_heading) return true;
  const std::string_view id = node.attribute("id"), role = node.attribute("role");
  if (!role.empty() && kRoles.contains(role)) return true;
  if (is_hidden(node, classes)) return true;
  if (classes.empty() && id.empty()) return false;
  if (has_token(classes, "contents") && has_token(classes, "topic")) return true;
  if (has_token(classes, "header") && !at.has_heading) return true;
  const std::uint32_t prose = at.text_bytes - at.link_bytes;
  if (is_content(node) || prose > page_bytes / 2) return false;
  if (kNames.contains(id)) return true;
  if (any_word(classes, [](std::string_view word) { return kNames.contains(word); })) return true;
  if (prose > page_bytes / 4) return false;
  constexpr HtmlTags kBoxes(T::Div, T::Section, T::Ul, T::Ol, T::Li, T::Span, T::P, T::Table, T::Form, T::Header, T::Dl, T::Td,
                            T::A, T::H2, T::H3, T::H4, T::H5, T::Figure);
  if (!kBoxes(tag)) return false;
  bool is_doubtful = false, is_likely = false;
  const auto judge = [&](std::string_view word) {
    is_likely = is_likely || kLikelyWords.contains(word);
    is_doubtful = is_doubtful || kDoubtfulWords.contains(word);
    return kSureWords.contains(word);
  };
  if (any_part(classes, judge) || any_part(id, judge)) return !(at.has_formula && at.link_bytes * 4 < at.text_bytes);
  constexpr std::uint32_t kProse = 300;
  if (is_likely && !at.has_formula && at.text_bytes - at.link_bytes < kProse) return true;
  if (!is_doubtful || heading_level(tag) > 0 || at.has_formula) return false;
  // A second sign: mostly links, or next to nothing in it.
  return at.links > 0 && at.link_bytes * 2 > at.text_bytes && (at.links > 1 || at.text_bytes < 60);
}

bool is_link_cluster(HtmlNode node, const PageFacts& facts) {
  constexpr HtmlTags kClusters(T::Ul, T::Ol, T::Div, T::Span, T::Nav, T::Table, T::P);
  if (!kClusters(node.tag())) return false;
  const PageFacts::Facts& at = facts[node];
  return at.children >= 2 && at.links >= 2 && !at.has_formula && !at.has_code && at.link_bytes * 5 > at.text_bytes * 4;
}

}  // namespace corollary
