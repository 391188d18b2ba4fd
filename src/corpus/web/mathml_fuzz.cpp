#include <cstdint>
#include <string>
#include <vector>

#include "corpus/text.h"
#include "corpus/web/mathml.h"

std::vector<std::string> fuzz_seeds() {
  return {
      "<msup><mrow><mo>(</mo><mfrac><mi>a</mi><mn>12</mn></mfrac><mo>)</mo></mrow><mo>&#x2032;</mo></msup><msubsup><mo>&#x222b;</"
      "mo><mn>0"
      "</mn><mi "
      "mathvariant=bold>x</mi></msubsup><munder><mi>lim</mi><mrow><mi>x</mi><mo>&rarr;</mo><mi>&infin;</mi></mrow></munder>",
      "<mo>{</mo><mtable columnalign='right left'><mtr><mtd><mi>&#x1d538;</mi></mtd><mtd><mtext>if "
      "$</mtext></mtd></mtr><mlabeledtr><mtd>("
      "1)</mtd></mlabeledtr></mtable><mover><mi>x</mi><mo>&#xaf;</mo></mover><mmultiscripts><mi>R</mi><none/><mi>a</"
      "mi><mprescripts/><mi>"
      "b</mi></mmultiscripts><mfenced open='|' close=''><mi>x</mi><mi>y</mi></mfenced>",
      "<mml:apply><mml:int/><mml:bvar><mml:ci>x</mml:ci></mml:bvar><mml:lowlimit><mml:cn>0</mml:cn></"
      "mml:lowlimit><mml:apply><mml:times/>"
      "<mml:cn type='rational'>1<mml:sep/>2</mml:cn><mml:ci>x</mml:ci></mml:apply></mml:apply><mml:mspace "
      "width='-1em'/><mml:mi>y</mml:mi>",
      "<semantics><mroot><mi>x</mi><mn>3</mn></mroot><annotation encoding='application/x-tex'>x</annotation></semantics><mstyle "
      "mathvariant=fraktur><mi>sin</mi><mo>&#x2061;</mo></mstyle><menclose "
      "notation='box'><mphantom><ms>a</ms></mphantom></menclose>"};
}

/// Any bytes are the inside of a formula; what comes out is UTF-8 and within the bounds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string page = "<math>" + std::string(reinterpret_cast<const char*>(data), size) + "</math>";
  const corollary::HtmlTree tree(page);
  const auto math = corollary::find_first(tree.root(), [](corollary::HtmlNode node) { return node.name() == "math"; });
  corollary::MathmlOptions options;
  options.use_annotation = size % 2 == 0;
  options.max_bytes = 4096;
  const std::string latex = corollary::mathml_to_latex(math, options);
  if (latex.size() > options.max_bytes + size + 64) __builtin_trap();
  if (!corollary::invalid_utf8_at(page) && corollary::invalid_utf8_at(latex)) __builtin_trap();
  return 0;
}
