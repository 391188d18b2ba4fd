#pragma once
#include <string_view>

namespace corollary::web {

/// What the report page holds inline, put into the program by web/embed.cmake at build time.
extern const std::string_view katex_css;       ///< KaTeX's style sheet, fonts as data URIs
extern const std::string_view katex_js;        ///< defines `katex`
extern const std::string_view auto_render_js;  ///< defines `renderMathInElement`
extern const std::string_view uplot_css, uplot_js;
extern const std::string_view katex_licence, uplot_licence;
extern const std::string_view early_js;               ///< ours, first in the page: notes errors on <html data-errors>
extern const std::string_view report_js, report_css;  ///< ours

}  // namespace corollary::web
