#include "corpus/web/mathml_symbols.h"

#include <algorithm>
#include <array>

namespace corollary {
namespace {

struct Symbol {
  char32_t code_point;
  const char* latex;
};

constexpr Symbol kSymbols[] = {
    {'#', "\\#"},
    {'$', "\\$"},
    {'%', "\\%"},
    {'&', "\\&"},
    {'\\', "\\backslash"},
    {'^', "\\wedge"},
    {'_', "\\_"},
    {'`', "`"},
    {'{', "\\{"},
    {'}', "\\}"},
    {'~', "\\sim"},
    {0xA0, "~"},
    {0xA3, "\\pounds"},
    {0xA5, "\\yen"},
    {0xA7, "\\S"},
    {0xAC, "\\neg"},
    {0xAD, ""},
    {0xAF, "^{-}"},
    {0xB0, "^{\\circ}"},
    {0xB1, "\\pm"},
    {0xB2, "^{2}"},
    {0xB3, "^{3}"},
    {0xB6, "\\P"},
    {0xB7, "\\cdot"},
    {0xB9, "^{1}"},
    {0xD7, "\\times"},
    {0xF0, "\\eth"},
    {0xF7, "\\div"},
    {0x127, "\\hbar"},
    {0x131, "\\imath"},
    {0x237, "\\jmath"},
    {0x2C6, "\\wedge"},
    {0x2D9, "\\cdot"},
    {0x2DC, "\\sim"},
    {0x391, "A"},
    {0x392, "B"},
    {0x393, "\\Gamma"},
    {0x394, "\\Delta"},
    {0x395, "E"},
    {0x396, "Z"},
    {0x397, "H"},
    {0x398, "\\Theta"},
    {0x399, "I"},
    {0x39A, "K"},
    {0x39B, "\\Lambda"},
    {0x39C, "M"},
    {0x39D, "N"},
    {0x39E, "\\Xi"},
    {0x39F, "O"},
    {0x3A0, "\\Pi"},
    {0x3A1, "P"},
    {0x3A3, "\\Sigma"},
    {0x3A4, "T"},
    {0x3A5, "\\Upsilon"},
    {0x3A6, "\\Phi"},
    {0x3A7, "X"},
    {0x3A8, "\\Psi"},
    {0x3A9, "\\Omega"},
    {0x3B1, "\\alpha"},
    {0x3B2, "\\beta"},
    {0x3B3, "\\gamma"},
    {0x3B4, "\\delta"},
    {0x3B5, "\\varepsilon"},
    {0x3B6, "\\zeta"},
    {0x3B7, "\\eta"},
    {0x3B8, "\\theta"},
    {0x3B9, "\\iota"},
    {0x3BA, "\\kappa"},
    {0x3BB, "\\lambda"},
    {0x3BC, "\\mu"},
    {0x3BD, "\\nu"},
    {0x3BE, "\\xi"},
    {0x3BF, "o"},
    {0x3C0, "\\pi"},
    {0x3C1, "\\rho"},
    {0x3C2, "\\varsigma"},
    {0x3C3, "\\sigma"},
    {0x3C4, "\\tau"},
    {0x3C5, "\\upsilon"},
    {0x3C6, "\\varphi"},
    {0x3C7, "\\chi"},
    {0x3C8, "\\psi"},
    {0x3C9, "\\omega"},
    {0x3D1, "\\vartheta"},
    {0x3D2, "\\Upsilon"},
    {0x3D5, "\\phi"},
    {0x3D6, "\\varpi"},
    {0x3DD, "\\digamma"},
    {0x3F0, "\\varkappa"},
    {0x3F1, "\\varrho"},
    {0x3F5, "\\epsilon"},
    {0x3F6, "\\backepsilon"},
    {0x2000, "\\enspace"},
    {0x2001, "\\quad"},
    {0x2002, "\\enspace"},
    {0x2003, "\\quad"},
    {0x2004, "\\;"},
    {0x2005, "\\:"},
    {0x2006, "\\,"},
    {0x2007, "~"},
    {0x2008, "\\,"},
    {0x2009, "\\,"},
    {0x200A, ""},
    {0x200B, ""},
    {0x200C, ""},
    {0x200D, ""},
    {0x200E, ""},
    {0x200F, ""},
    {0x2010, "-"},
    {0x2011, "-"},
    {0x2012, "-"},
    {0x2013, "-"},
    {0x2014, "-"},
    {0x2015, "-"},
    {0x2016, "\\|"},
    {0x2018, "`"},
    {0x2019, "'"},
    {0x2020, "\\dagger"},
    {0x2021, "\\ddagger"},
    {0x2022, "\\bullet"},
    {0x2025, ".."},
    {0x2026, "\\ldots"},
    {0x202F, "\\,"},
    {0x2030, "\\permil"},
    {0x2032, "'"},
    {0x2033, "''"},
    {0x2034, "'''"},
    {0x2035, "\\backprime"},
    {0x203E, "^{-}"},
    {0x2044, "/"},
    {0x2057, "''''"},
    {0x205F, "\\:"},
    {0x2060, ""},
    {0x2061, ""},
    {0x2062, ""},
    {0x2063, ""},
    {0x2064, ""},
    {0x2070, "^{0}"},
    {0x2074, "^{4}"},
    {0x2075, "^{5}"},
    {0x2076, "^{6}"},
    {0x2077, "^{7}"},
    {0x2078, "^{8}"},
    {0x2079, "^{9}"},
    {0x207A, "^{+}"},
    {0x207B, "^{-}"},
    {0x207F, "^{n}"},
    {0x2080, "_{0}"},
    {0x2081, "_{1}"},
    {0x2082, "_{2}"},
    {0x2083, "_{3}"},
    {0x2084, "_{4}"},
    {0x2085, "_{5}"},
    {0x2086, "_{6}"},
    {0x2087, "_{7}"},
    {0x2088, "_{8}"},
    {0x2089, "_{9}"},
    {0x20D7, "\\rightarrow"},
    {0x210E, "h"},
    {0x210F, "\\hbar"},
    {0x2111, "\\Im"},
    {0x2113, "\\ell"},
    {0x2116, "\\#"},
    {0x2118, "\\wp"},
    {0x211C, "\\Re"},
    {0x2126, "\\Omega"},
    {0x2127, "\\mho"},
    {0x2132, "\\Finv"},
    {0x2135, "\\aleph"},
    {0x2136, "\\beth"},
    {0x2137, "\\gimel"},
    {0x2138, "\\daleth"},
    {0x2141, "\\Game"},
    {0x2190, "\\leftarrow"},
    {0x2191, "\\uparrow"},
    {0x2192, "\\to"},
    {0x2193, "\\downarrow"},
    {0x2194, "\\leftrightarrow"},
    {0x2195, "\\updownarrow"},
    {0x2196, "\\nwarrow"},
    {0x2197, "\\nearrow"},
    {0x2198, "\\searrow"},
    {0x2199, "\\swarrow"},
    {0x219A, "\\nleftarrow"},
    {0x219B, "\\nrightarrow"},
    {0x219D, "\\rightsquigarrow"},
    {0x219E, "\\twoheadleftarrow"},
    {0x21A0, "\\twoheadrightarrow"},
    {0x21A2, "\\leftarrowtail"},
    {0x21A3, "\\rightarrowtail"},
    {0x21A6, "\\mapsto"},
    {0x21A9, "\\hookleftarrow"},
    {0x21AA, "\\hookrightarrow"},
    {0x21AB, "\\looparrowleft"},
    {0x21AC, "\\looparrowright"},
    {0x21AD, "\\leftrightsquigarrow"},
    {0x21AE, "\\nleftrightarrow"},
    {0x21B0, "\\Lsh"},
    {0x21B1, "\\Rsh"},
    {0x21B6, "\\curvearrowleft"},
    {0x21B7, "\\curvearrowright"},
    {0x21BA, "\\circlearrowleft"},
    {0x21BB, "\\circlearrowright"},
    {0x21BC, "\\leftharpoonup"},
    {0x21BD, "\\leftharpoondown"},
    {0x21BE, "\\upharpoonright"},
    {0x21BF, "\\upharpoonleft"},
    {0x21C0, "\\rightharpoonup"},
    {0x21C1, "\\rightharpoondown"},
    {0x21C2, "\\downharpoonright"},
    {0x21C3, "\\downharpoonleft"},
    {0x21C4, "\\rightleftarrows"},
    {0x21C6, "\\leftrightarrows"},
    {0x21C7, "\\leftleftarrows"},
    {0x21C8, "\\upuparrows"},
    {0x21C9, "\\rightrightarrows"},
    {0x21CA, "\\downdownarrows"},
    {0x21CB, "\\leftrightharpoons"},
    {0x21CC, "\\rightleftharpoons"},
    {0x21CD, "\\nLeftarrow"},
    {0x21CE, "\\nLeftrightarrow"},
    {0x21CF, "\\nRightarrow"},
    {0x21D0, "\\Leftarrow"},
    {0x21D1, "\\Uparrow"},
    {0x21D2, "\\Rightarrow"},
    {0x21D3, "\\Downarrow"},
    {0x21D4, "\\Leftrightarrow"},
    {0x21D5, "\\Updownarrow"},
    {0x21DA, "\\Lleftarrow"},
    {0x21DB, "\\Rrightarrow"},
    {0x21DD, "\\rightsquigarrow"},
    {0x21E0, "\\dashleftarrow"},
    {0x21E2, "\\dashrightarrow"},
    {0x2200, "\\forall"},
    {0x2201, "\\complement"},
    {0x2202, "\\partial"},
    {0x2203, "\\exists"},
    {0x2204, "\\nexists"},
    {0x2205, "\\emptyset"},
    {0x2206, "\\Delta"},
    {0x2207, "\\nabla"},
    {0x2208, "\\in"},
    {0x2209, "\\notin"},
    {0x220A, "\\in"},
    {0x220B, "\\ni"},
    {0x220C, "\\not\\ni"},
    {0x220D, "\\ni"},
    {0x220E, "\\blacksquare"},
    {0x220F, "\\prod"},
    {0x2210, "\\coprod"},
    {0x2211, "\\sum"},
    {0x2212, "-"},
    {0x2213, "\\mp"},
    {0x2214, "\\dotplus"},
    {0x2215, "/"},
    {0x2216, "\\setminus"},
    {0x2217, "*"},
    {0x2218, "\\circ"},
    {0x2219, "\\bullet"},
    {0x221A, "\\surd"},
    {0x221D, "\\propto"},
    {0x221E, "\\infty"},
    {0x221F, "\\llcorner"},
    {0x2220, "\\angle"},
    {0x2221, "\\measuredangle"},
    {0x2222, "\\sphericalangle"},
    {0x2223, "\\mid"},
    {0x2224, "\\nmid"},
    {0x2225, "\\parallel"},
    {0x2226, "\\nparallel"},
    {0x2227, "\\wedge"},
    {0x2228, "\\vee"},
    {0x2229, "\\cap"},
    {0x222A, "\\cup"},
    {0x222B, "\\int"},
    {0x222C, "\\iint"},
    {0x222D, "\\iiint"},
    {0x222E, "\\oint"},
    {0x222F, "\\oiint"},
    {0x2230, "\\oiiint"},
    {0x2234, "\\therefore"},
    {0x2235, "\\because"},
    {0x2236, ":"},
    {0x2237, "::"},
    {0x223C, "\\sim"},
    {0x223D, "\\backsim"},
    {0x2240, "\\wr"},
    {0x2241, "\\nsim"},
    {0x2242, "\\eqsim"},
    {0x2243, "\\simeq"},
    {0x2244, "\\not\\simeq"},
    {0x2245, "\\cong"},
    {0x2247, "\\ncong"},
    {0x2248, "\\approx"},
    {0x2249, "\\not\\approx"},
    {0x224A, "\\approxeq"},
    {0x224D, "\\asymp"},
    {0x224E, "\\Bumpeq"},
    {0x224F, "\\bumpeq"},
    {0x2250, "\\doteq"},
    {0x2251, "\\doteqdot"},
    {0x2252, "\\fallingdotseq"},
    {0x2253, "\\risingdotseq"},
    {0x2254, ":="},
    {0x2255, "=:"},
    {0x2256, "\\eqcirc"},
    {0x2257, "\\circeq"},
    {0x225C, "\\triangleq"},
    {0x225D, "\\overset{\\text{def}}{=}"},
    {0x225F, "\\overset{?}{=}"},
    {0x2260, "\\neq"},
    {0x2261, "\\equiv"},
    {0x2262, "\\not\\equiv"},
    {0x2264, "\\leq"},
    {0x2265, "\\geq"},
    {0x2266, "\\leqq"},
    {0x2267, "\\geqq"},
    {0x2268, "\\lneqq"},
    {0x2269, "\\gneqq"},
    {0x226A, "\\ll"},
    {0x226B, "\\gg"},
    {0x226C, "\\between"},
    {0x226D, "\\not\\asymp"},
    {0x226E, "\\nless"},
    {0x226F, "\\ngtr"},
    {0x2270, "\\nleq"},
    {0x2271, "\\ngeq"},
    {0x2272, "\\lesssim"},
    {0x2273, "\\gtrsim"},
    {0x2276, "\\lessgtr"},
    {0x2277, "\\gtrless"},
    {0x227A, "\\prec"},
    {0x227B, "\\succ"},
    {0x227C, "\\preccurlyeq"},
    {0x227D, "\\succcurlyeq"},
    {0x227E, "\\precsim"},
    {0x227F, "\\succsim"},
    {0x2280, "\\nprec"},
    {0x2281, "\\nsucc"},
    {0x2282, "\\subset"},
    {0x2283, "\\supset"},
    {0x2284, "\\not\\subset"},
    {0x2285, "\\not\\supset"},
    {0x2286, "\\subseteq"},
    {0x2287, "\\supseteq"},
    {0x2288, "\\nsubseteq"},
    {0x2289, "\\nsupseteq"},
    {0x228A, "\\subsetneq"},
    {0x228B, "\\supsetneq"},
    {0x228E, "\\uplus"},
    {0x228F, "\\sqsubset"},
    {0x2290, "\\sqsupset"},
    {0x2291, "\\sqsubseteq"},
    {0x2292, "\\sqsupseteq"},
    {0x2293, "\\sqcap"},
    {0x2294, "\\sqcup"},
    {0x2295, "\\oplus"},
    {0x2296, "\\ominus"},
    {0x2297, "\\otimes"},
    {0x2298, "\\oslash"},
    {0x2299, "\\odot"},
    {0x229A, "\\circledcirc"},
    {0x229B, "\\circledast"},
    {0x229D, "\\circleddash"},
    {0x229E, "\\boxplus"},
    {0x229F, "\\boxminus"},
    {0x22A0, "\\boxtimes"},
    {0x22A1, "\\boxdot"},
    {0x22A2, "\\vdash"},
    {0x22A3, "\\dashv"},
    {0x22A4, "\\top"},
    {0x22A5, "\\bot"},
    {0x22A7, "\\models"},
    {0x22A8, "\\vDash"},
    {0x22A9, "\\Vdash"},
    {0x22AA, "\\Vvdash"},
    {0x22AC, "\\nvdash"},
    {0x22AD, "\\nvDash"},
    {0x22AE, "\\nVdash"},
    {0x22AF, "\\nVDash"},
    {0x22B2, "\\vartriangleleft"},
    {0x22B3, "\\vartriangleright"},
    {0x22B4, "\\trianglelefteq"},
    {0x22B5, "\\trianglerighteq"},
    {0x22B8, "\\multimap"},
    {0x22BA, "\\intercal"},
    {0x22BB, "\\veebar"},
    {0x22BC, "\\barwedge"},
    {0x22C0, "\\bigwedge"},
    {0x22C1, "\\bigvee"},
    {0x22C2, "\\bigcap"},
    {0x22C3, "\\bigcup"},
    {0x22C4, "\\diamond"},
    {0x22C5, "\\cdot"},
    {0x22C6, "\\star"},
    {0x22C7, "\\divideontimes"},
    {0x22C8, "\\bowtie"},
    {0x22C9, "\\ltimes"},
    {0x22CA, "\\rtimes"},
    {0x22CB, "\\leftthreetimes"},
    {0x22CC, "\\rightthreetimes"},
    {0x22CE, "\\curlyvee"},
    {0x22CF, "\\curlywedge"},
    {0x22D0, "\\Subset"},
    {0x22D1, "\\Supset"},
    {0x22D2, "\\Cap"},
    {0x22D3, "\\Cup"},
    {0x22D4, "\\pitchfork"},
    {0x22D6, "\\lessdot"},
    {0x22D7, "\\gtrdot"},
    {0x22D8, "\\lll"},
    {0x22D9, "\\ggg"},
    {0x22DA, "\\lesseqgtr"},
    {0x22DB, "\\gtreqless"},
    {0x22DE, "\\curlyeqprec"},
    {0x22DF, "\\curlyeqsucc"},
    {0x22E0, "\\npreceq"},
    {0x22E1, "\\nsucceq"},
    {0x22E6, "\\lnsim"},
    {0x22E7, "\\gnsim"},
    {0x22EA, "\\ntriangleleft"},
    {0x22EB, "\\ntriangleright"},
    {0x22EC, "\\ntrianglelefteq"},
    {0x22ED, "\\ntrianglerighteq"},
    {0x22EE, "\\vdots"},
    {0x22EF, "\\cdots"},
    {0x22F0, "\\iddots"},
    {0x22F1, "\\ddots"},
    {0x2300, "\\varnothing"},
    {0x2305, "\\barwedge"},
    {0x2308, "\\lceil"},
    {0x2309, "\\rceil"},
    {0x230A, "\\lfloor"},
    {0x230B, "\\rfloor"},
    {0x231C, "\\ulcorner"},
    {0x231D, "\\urcorner"},
    {0x231E, "\\llcorner"},
    {0x231F, "\\lrcorner"},
    {0x2322, "\\frown"},
    {0x2323, "\\smile"},
    {0x2329, "\\langle"},
    {0x232A, "\\rangle"},
    {0x23B0, "\\lmoustache"},
    {0x23B1, "\\rmoustache"},
    {0x2500, "-"},
    {0x25A0, "\\blacksquare"},
    {0x25A1, "\\square"},
    {0x25AA, "\\blacksquare"},
    {0x25B2, "\\blacktriangle"},
    {0x25B3, "\\triangle"},
    {0x25B4, "\\blacktriangle"},
    {0x25B5, "\\triangle"},
    {0x25B6, "\\blacktriangleright"},
    {0x25B7, "\\triangleright"},
    {0x25B8, "\\blacktriangleright"},
    {0x25B9, "\\triangleright"},
    {0x25BC, "\\blacktriangledown"},
    {0x25BD, "\\bigtriangledown"},
    {0x25BE, "\\blacktriangledown"},
    {0x25BF, "\\triangledown"},
    {0x25C0, "\\blacktriangleleft"},
    {0x25C1, "\\triangleleft"},
    {0x25C2, "\\blacktriangleleft"},
    {0x25C3, "\\triangleleft"},
    {0x25CA, "\\lozenge"},
    {0x25CB, "\\bigcirc"},
    {0x25EF, "\\bigcirc"},
    {0x25FB, "\\square"},
    {0x25FC, "\\blacksquare"},
    {0x2605, "\\bigstar"},
    {0x2660, "\\spadesuit"},
    {0x2661, "\\heartsuit"},
    {0x2662, "\\diamondsuit"},
    {0x2663, "\\clubsuit"},
    {0x266D, "\\flat"},
    {0x266E, "\\natural"},
    {0x266F, "\\sharp"},
    {0x2713, "\\checkmark"},
    {0x2720, "\\maltese"},
    {0x27C2, "\\perp"},
    {0x27E6, "\\llbracket"},
    {0x27E7, "\\rrbracket"},
    {0x27E8, "\\langle"},
    {0x27E9, "\\rangle"},
    {0x27EE, "\\lgroup"},
    {0x27EF, "\\rgroup"},
    {0x27F5, "\\longleftarrow"},
    {0x27F6, "\\longrightarrow"},
    {0x27F7, "\\longleftrightarrow"},
    {0x27F8, "\\Longleftarrow"},
    {0x27F9, "\\implies"},
    {0x27FA, "\\iff"},
    {0x27FC, "\\longmapsto"},
    {0x29B5, "\\circ"},
    {0x29EB, "\\blacklozenge"},
    {0x29F5, "\\setminus"},
    {0x29F8, "/"},
    {0x2A00, "\\bigodot"},
    {0x2A01, "\\bigoplus"},
    {0x2A02, "\\bigotimes"},
    {0x2A03, "\\bigcupdot"},
    {0x2A04, "\\biguplus"},
    {0x2A05, "\\bigsqcap"},
    {0x2A06, "\\bigsqcup"},
    {0x2A0C, "\\iiiint"},
    {0x2A1D, "\\Join"},
    {0x2A2F, "\\times"},
    {0x2A3F, "\\amalg"},
    {0x2A5E, "\\doublebarwedge"},
    {0x2A74, "::="},
    {0x2A75, "=="},
    {0x2A7D, "\\leqslant"},
    {0x2A7E, "\\geqslant"},
    {0x2A85, "\\lessapprox"},
    {0x2A86, "\\gtrapprox"},
    {0x2A87, "\\lneq"},
    {0x2A88, "\\gneq"},
    {0x2A89, "\\lnapprox"},
    {0x2A8A, "\\gnapprox"},
    {0x2A8B, "\\lesseqqgtr"},
    {0x2A8C, "\\gtreqqless"},
    {0x2A95, "\\eqslantless"},
    {0x2A96, "\\eqslantgtr"},
    {0x2AAF, "\\preceq"},
    {0x2AB0, "\\succeq"},
    {0x2AB5, "\\precneqq"},
    {0x2AB6, "\\succneqq"},
    {0x2AB7, "\\precapprox"},
    {0x2AB8, "\\succapprox"},
    {0x2AB9, "\\precnapprox"},
    {0x2ABA, "\\succnapprox"},
    {0x2AC5, "\\subseteqq"},
    {0x2AC6, "\\supseteqq"},
    {0x2ACB, "\\subsetneqq"},
    {0x2ACC, "\\supsetneqq"},
    {0x2B1D, "\\centerdot"},
    {0x2B2E, "\\blacklozenge"},
    {0x3008, "\\langle"},
    {0x3009, "\\rangle"},
    {0x301A, "\\llbracket"},
    {0x301B, "\\rrbracket"},
    {0xFEFF, ""},
    {0xFF08, "("},
    {0xFF09, ")"},
    {0xFF0B, "+"},
    {0xFF0C, ","},
    {0xFF1A, ":"},
    {0xFF1B, ";"},
    {0xFF1C, "<"},
    {0xFF1D, "="},
    {0xFF1E, ">"},
    {0xFF5C, "|"},
};
static_assert(std::is_sorted(std::begin(kSymbols), std::end(kSymbols),
                             [](const Symbol& a, const Symbol& b) { return a.code_point < b.code_point; }));

/// Letters that lie outside the block U+1D400, where their places are empty.
constexpr struct {
  char32_t code_point;
  char letter;
  MathFont font;
} kLetterlike[] = {
    {0x2102, 'C', MathFont::kDoubleStruck}, {0x210A, 'g', MathFont::kScript},       {0x210B, 'H', MathFont::kScript},
    {0x210C, 'H', MathFont::kFraktur},      {0x210D, 'H', MathFont::kDoubleStruck}, {0x2110, 'I', MathFont::kScript},
    {0x2112, 'L', MathFont::kScript},       {0x2115, 'N', MathFont::kDoubleStruck}, {0x2119, 'P', MathFont::kDoubleStruck},
    {0x211A, 'Q', MathFont::kDoubleStruck}, {0x211B, 'R', MathFont::kScript},       {0x211D, 'R', MathFont::kDoubleStruck},
    {0x2124, 'Z', MathFont::kDoubleStruck}, {0x2128, 'Z', MathFont::kFraktur},      {0x212C, 'B', MathFont::kScript},
    {0x212D, 'C', MathFont::kFraktur},      {0x212F, 'e', MathFont::kScript},       {0x2130, 'E', MathFont::kScript},
    {0x2131, 'F', MathFont::kScript},       {0x2133, 'M', MathFont::kScript},       {0x2134, 'o', MathFont::kScript},
    {0x2145, 'D', MathFont::kNormal},       {0x2146, 'd', MathFont::kNormal},       {0x2147, 'e', MathFont::kNormal},
    {0x2148, 'i', MathFont::kNormal},       {0x2149, 'j', MathFont::kNormal},
};

constexpr std::array kLatinFonts = {MathFont::kBold,       MathFont::kItalic,   MathFont::kBoldItalic,   MathFont::kScript,
                                    MathFont::kBoldScript, MathFont::kFraktur,  MathFont::kDoubleStruck, MathFont::kBoldFraktur,
                                    MathFont::kSans,       MathFont::kSansBold, MathFont::kSansItalic,   MathFont::kSansBoldItalic,
                                    MathFont::kMonospace};
constexpr std::array kGreekFonts = {MathFont::kBold, MathFont::kItalic, MathFont::kBoldItalic, MathFont::kSansBold,
                                    MathFont::kSansBoldItalic};
constexpr std::array kDigitFonts = {MathFont::kBold, MathFont::kDoubleStruck, MathFont::kSans, MathFont::kSansBold,
                                    MathFont::kMonospace};
/// The last seven of each 58 Greek ones: nabla ends the capitals at 25, these follow the small letters.
constexpr char32_t kGreekTail[] = {0x2202, 0x3F5, 0x3D1, 0x3F0, 0x3D5, 0x3F1, 0x3D6};

constexpr struct {
  std::string_view name;
  const char* command;
  bool takes_limits;
} kFunctions[] = {
    {"Pr", "\\Pr", true},         {"arccos", "\\arccos", false}, {"arcsin", "\\arcsin", false},   {"arctan", "\\arctan", false},
    {"arg", "\\arg", false},      {"cos", "\\cos", false},       {"cosh", "\\cosh", false},       {"cot", "\\cot", false},
    {"coth", "\\coth", false},    {"csc", "\\csc", false},       {"deg", "\\deg", false},         {"det", "\\det", true},
    {"dim", "\\dim", false},      {"exp", "\\exp", false},       {"gcd", "\\gcd", true},          {"hom", "\\hom", false},
    {"inf", "\\inf", true},       {"inj lim", "\\injlim", true}, {"ker", "\\ker", false},         {"lg", "\\lg", false},
    {"lim", "\\lim", true},       {"lim inf", "\\liminf", true}, {"lim sup", "\\limsup", true},   {"liminf", "\\liminf", true},
    {"limsup", "\\limsup", true}, {"ln", "\\ln", false},         {"log", "\\log", false},         {"max", "\\max", true},
    {"min", "\\min", true},       {"mod", "\\bmod", false},      {"proj lim", "\\projlim", true}, {"sec", "\\sec", false},
    {"sin", "\\sin", false},      {"sinh", "\\sinh", false},     {"sup", "\\sup", true},          {"tan", "\\tan", false},
    {"tanh", "\\tanh", false},
};

const auto* find_function(std::string_view name) {
  const auto* at = std::lower_bound(std::begin(kFunctions), std::end(kFunctions), name,
                                    [](const auto& entry, std::string_view wanted) { return entry.name < wanted; });
  return at != std::end(kFunctions) && at->name == name ? at : nullptr;
}

}  // namespace

MathFont math_font(std::string_view variant) {
  constexpr struct {
    std::string_view name;
    MathFont font;
  } kNames[] = {{"normal", MathFont::kNormal},
                {"bold", MathFont::kBold},
                {"italic", MathFont::kItalic},
                {"bold-italic", MathFont::kBoldItalic},
                {"double-struck", MathFont::kDoubleStruck},
                {"script", MathFont::kScript},
                {"bold-script", MathFont::kBoldScript},
                {"fraktur", MathFont::kFraktur},
                {"bold-fraktur", MathFont::kBoldFraktur},
                {"sans-serif", MathFont::kSans},
                {"bold-sans-serif", MathFont::kSansBold},
                {"sans-serif-italic", MathFont::kSansItalic},
                {"sans-serif-bold-italic", MathFont::kSansBoldItalic},
                {"monospace", MathFont::kMonospace},
                {"-tex-caligraphic", MathFont::kScript},
                {"-tex-calligraphic", MathFont::kScript},
                {"-tex-bold-calligraphic", MathFont::kBoldScript},
                {"-tex-mathit", MathFont::kItalic},
                {"-tex-oldstyle", MathFont::kNormal}};
  for (const auto& [name, font] : kNames)
    if (name == variant) return font;
  return MathFont::kDefault;
}

std::string_view font_command(MathFont font) {
  switch (font) {
    case MathFont::kDefault:
      return {};
    case MathFont::kNormal:
      return "\\mathrm{";
    case MathFont::kItalic:
      return "\\mathit{";
    case MathFont::kBold:
      return "\\mathbf{";
    case MathFont::kBoldItalic:
      return "\\boldsymbol{";
    case MathFont::kScript:
      return "\\mathcal{";
    case MathFont::kBoldScript:
      return "\\boldsymbol{\\mathcal{";
    case MathFont::kFraktur:
      return "\\mathfrak{";
    case MathFont::kBoldFraktur:
      return "\\boldsymbol{\\mathfrak{";
    case MathFont::kDoubleStruck:
      return "\\mathbb{";
    case MathFont::kSans:
    case MathFont::kSansItalic:
      return "\\mathsf{";
    case MathFont::kSansBold:
    case MathFont::kSansBoldItalic:
      return "\\boldsymbol{\\mathsf{";
    case MathFont::kMonospace:
      return "\\mathtt{";
  }
  return {};
}

StyledLetter plain_letter(char32_t c) {
  if (c < 0x2102) return {c, MathFont::kDefault};
  if (c < 0x2150) {
    for (const auto& entry : kLetterlike)
      if (entry.code_point == c) return {static_cast<char32_t>(entry.letter), entry.font};
    return {c, MathFont::kDefault};
  }
  if (c < 0x1D400 || c > 0x1D7FF) return {c, MathFont::kDefault};
  if (c < 0x1D6A4) {
    const char32_t at = c - 0x1D400, letter = at % 52;
    return {letter < 26 ? 'A' + letter : 'a' + (letter - 26), kLatinFonts[at / 52]};
  }
  if (c == 0x1D6A4) return {0x131, MathFont::kItalic};
  if (c == 0x1D6A5) return {0x237, MathFont::kItalic};
  if (c >= 0x1D6A8 && c < 0x1D7CA) {
    const char32_t at = c - 0x1D6A8, letter = at % 58;
    const char32_t plain = letter == 17   ? 0x398
                           : letter < 25  ? 0x391 + letter
                           : letter == 25 ? 0x2207
                           : letter < 51  ? 0x3B1 + (letter - 26)
                                          : kGreekTail[letter - 51];
    return {plain, kGreekFonts[at / 58]};
  }
  if (c >= 0x1D7CE) return {'0' + (c - 0x1D7CE) % 10, kDigitFonts[(c - 0x1D7CE) / 10]};
  return {c, MathFont::kDefault};
}

std::string_view math_symbol(char32_t c) {
  if (c < 0x80 && c != '#' && c != '$' && c != '%' && c != '&' && c != '\\' && c != '^' && c != '_' && c != '{' && c != '}' &&
      c != '~')
    return {};
  const auto* at = std::lower_bound(std::begin(kSymbols), std::end(kSymbols), c,
                                    [](const Symbol& entry, char32_t wanted) { return entry.code_point < wanted; });
  return at != std::end(kSymbols) && at->code_point == c ? std::string_view(at->latex) : std::string_view();
}

bool is_large_operator(char32_t c) {
  return (c >= 0x220F && c <= 0x2211) || (c >= 0x22C0 && c <= 0x22C3) || (c >= 0x2A00 && c <= 0x2A06);
}

bool is_integral(char32_t c) { return (c >= 0x222B && c <= 0x2233) || (c >= 0x2A0B && c <= 0x2A1C); }

std::string_view function_command(std::string_view name) {
  const auto* function = find_function(name);
  return function != nullptr ? std::string_view(function->command) : std::string_view();
}

bool takes_limits(std::string_view name) {
  const auto* function = find_function(name);
  return function != nullptr && function->takes_limits;
}

Accent accent_above(char32_t c) {
  switch (c) {
    case '^':
    case 0x2C6:
    case 0x302:
      return {"\\hat", "\\widehat"};
    case 0xAF:
    case 0x2C9:
    case 0x304:
    case 0x305:
    case 0x332:
    case 0x203E:
    case 0x2015:
    case 0x2013:
    case '_':
    case '-':
    case 0x2212:
      return {"\\bar", "\\overline"};
    case '~':
    case 0x2DC:
    case 0x303:
    case 0x223C:
      return {"\\tilde", "\\widetilde"};
    case '.':
    case 0x2D9:
    case 0x307:
      return {"\\dot", "\\dot"};
    case 0xA8:
    case 0x308:
      return {"\\ddot", "\\ddot"};
    case 0x20DB:
      return {"\\dddot", "\\dddot"};
    case 0x20DC:
      return {"\\ddddot", "\\ddddot"};
    case 0x2C7:
    case 0x30C:
      return {"\\check", "\\check"};
    case 0x2D8:
    case 0x306:
      return {"\\breve", "\\breve"};
    case 0xB4:
    case 0x2CA:
    case 0x301:
      return {"\\acute", "\\acute"};
    case '`':
    case 0x2CB:
    case 0x300:
      return {"\\grave", "\\grave"};
    case 0x2DA:
    case 0x30A:
      return {"\\mathring", "\\mathring"};
    case 0x20D7:
    case 0x2192:
    case 0x27F6:
      return {"\\vec", "\\overrightarrow"};
    case 0x20D6:
    case 0x2190:
    case 0x27F5:
      return {"\\overleftarrow", "\\overleftarrow"};
    case 0x2194:
    case 0x20E1:
      return {"\\overleftrightarrow", "\\overleftrightarrow"};
    case 0x21C0:
      return {"\\overrightharpoon", "\\overrightharpoon"};
    case 0x23DE:
    case 0xFE37:
      return {"\\overbrace", "\\overbrace"};
    case 0x23B4:
      return {"\\overbracket", "\\overbracket"};
    case 0x23DC:
    case 0x2322:
      return {"\\overset{\\frown}", "\\overset{\\frown}"};
    default:
      return {};
  }
}

Accent accent_below(char32_t c) {
  switch (c) {
    case '_':
    case 0x332:
    case 0xAF:
    case 0x2C9:
    case 0x203E:
    case 0x2015:
    case 0x2013:
    case '-':
    case 0x2212:
      return {"\\underline", "\\underline"};
    case 0x23DF:
    case 0xFE38:
      return {"\\underbrace", "\\underbrace"};
    case 0x23B5:
      return {"\\underbracket", "\\underbracket"};
    case 0x2192:
      return {"\\underrightarrow", "\\underrightarrow"};
    case 0x2190:
      return {"\\underleftarrow", "\\underleftarrow"};
    case 0x2194:
      return {"\\underleftrightarrow", "\\underleftrightarrow"};
    default:
      return {};
  }
}

const char* extensible_arrow(char32_t c) {
  switch (c) {
    case 0x2192:
    case 0x27F6:
      return "\\xrightarrow";
    case 0x2190:
    case 0x27F5:
      return "\\xleftarrow";
    case 0x2194:
    case 0x27F7:
      return "\\xleftrightarrow";
    case 0x21D2:
    case 0x27F9:
      return "\\xRightarrow";
    case 0x21D0:
    case 0x27F8:
      return "\\xLeftarrow";
    case 0x21D4:
    case 0x27FA:
      return "\\xLeftrightarrow";
    case 0x21A6:
      return "\\xmapsto";
    case 0x21AA:
      return "\\xhookrightarrow";
    case 0x21CC:
      return "\\xrightleftharpoons";
    default:
      return nullptr;
  }
}

char32_t closing_delimiter(char32_t c) {
  switch (c) {
    case '(':
      return ')';
    case '[':
      return ']';
    case '{':
      return '}';
    case 0x2308:
      return 0x2309;
    case 0x230A:
      return 0x230B;
    case 0x2329:
      return 0x232A;
    case 0x27E6:
      return 0x27E7;
    case 0x27E8:
      return 0x27E9;
    case 0x27EE:
      return 0x27EF;
    case 0x3008:
      return 0x3009;
    case 0x301A:
      return 0x301B;
    default:
      return 0;
  }
}

bool is_closing_delimiter(char32_t c) {
  switch (c) {
    case ')':
    case ']':
    case '}':
    case 0x2309:
    case 0x230B:
    case 0x232A:
    case 0x27E7:
    case 0x27E9:
    case 0x27EF:
    case 0x3009:
    case 0x301B:
      return true;
    default:
      return false;
  }
}

}  // namespace corollary
