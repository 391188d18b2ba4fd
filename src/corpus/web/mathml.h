#pragma once
#include <cstddef>
#include <string>

#include "corpus/web/html_tree.h"

namespace corollary {

struct MathmlOptions {
  bool use_annotation = true;                    ///< a TeX annotation of the whole formula is its LaTeX
  std::size_t max_nodes = 200'000;               ///< looked at
  std::size_t max_bytes = std::size_t{1} << 20;  ///< of LaTeX
  int max_depth = 400;                           ///< elements inside elements
};

/// The LaTeX of a <math> element, without delimiters: presentation MathML and the common part of content MathML, names with or
/// without a prefix such as "mml:". Braces, \left and \right only where needed. docs/formats/mathml.md states what becomes what.
/// Faulty MathML gives what can be read of it; "" if there is nothing, or more than the options allow: half a formula is none. Time
/// is linear in the element. Never throws but for want of memory.
std::string mathml_to_latex(HtmlNode math, const MathmlOptions& options = {});

}  // namespace corollary
