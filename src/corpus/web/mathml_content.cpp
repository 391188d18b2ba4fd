// Content MathML: what pages and computer algebra systems use of it.
#include "corpus/text.h"
#include "corpus/web/mathml_converter.h"

namespace corollary::mathml {
namespace {

constexpr int kRelation = 1, kSum = 3, kProduct = 4, kPrefix = 5, kPower = 6;

struct Infix {
  std::string_view name, sign;
  int precedence;
};
constexpr Infix kInfix[] = {
    {"plus", "+", kSum},
    {"minus", "-", kSum},
    {"times", "", kProduct},
    {"eq", "=", kRelation},
    {"neq", "\\neq", kRelation},
    {"lt", "<", kRelation},
    {"gt", ">", kRelation},
    {"leq", "\\leq", kRelation},
    {"geq", "\\geq", kRelation},
    {"equivalent", "\\equiv", kRelation},
    {"approx", "\\approx", kRelation},
    {"factorof", "\\mid", kRelation},
    {"tendsto", "\\to", kRelation},
    {"in", "\\in", kRelation},
    {"notin", "\\notin", kRelation},
    {"subset", "\\subseteq", kRelation},
    {"prsubset", "\\subset", kRelation},
    {"notsubset", "\\nsubseteq", kRelation},
    {"notprsubset", "\\not\\subset", kRelation},
    {"implies", "\\Rightarrow", 0},
    {"and", "\\wedge", 2},
    {"or", "\\vee", 2},
    {"xor", "\\oplus", 2},
    {"union", "\\cup", kSum},
    {"intersect", "\\cap", kSum},
    {"setdiff", "\\setminus", kSum},
    {"cartesianproduct", "\\times", kProduct},
    {"vectorproduct", "\\times", kProduct},
    {"scalarproduct", "\\cdot", kProduct},
    {"outerproduct", "\\otimes", kProduct},
    {"rem", "\\bmod", kProduct},
    {"compose", "\\circ", kProduct},
};

constexpr std::pair<std::string_view, std::string_view> kConstants[] = {{"pi", "\\pi"},
                                                                        {"infinity", "\\infty"},
                                                                        {"exponentiale", "e"},
                                                                        {"imaginaryi", "i"},
                                                                        {"emptyset", "\\emptyset"},
                                                                        {"reals", "\\mathbb{R}"},
                                                                        {"integers", "\\mathbb{Z}"},
                                                                        {"rationals", "\\mathbb{Q}"},
                                                                        {"naturalnumbers", "\\mathbb{N}"},
                                                                        {"complexes", "\\mathbb{C}"},
                                                                        {"primes", "\\mathbb{P}"},
                                                                        {"eulergamma", "\\gamma"},
                                                                        {"true", "\\mathrm{true}"},
                                                                        {"false", "\\mathrm{false}"},
                                                                        {"notanumber", "\\mathrm{NaN}"},
                                                                        {"ident", "\\mathrm{id}"}};

constexpr std::pair<std::string_view, std::string_view> kFunctions[] = {{"sin", "\\sin"},
                                                                        {"cos", "\\cos"},
                                                                        {"tan", "\\tan"},
                                                                        {"sec", "\\sec"},
                                                                        {"csc", "\\csc"},
                                                                        {"cot", "\\cot"},
                                                                        {"sinh", "\\sinh"},
                                                                        {"cosh", "\\cosh"},
                                                                        {"tanh", "\\tanh"},
                                                                        {"coth", "\\coth"},
                                                                        {"arcsin", "\\arcsin"},
                                                                        {"arccos", "\\arccos"},
                                                                        {"arctan", "\\arctan"},
                                                                        {"ln", "\\ln"},
                                                                        {"gcd", "\\gcd"},
                                                                        {"max", "\\max"},
                                                                        {"min", "\\min"},
                                                                        {"determinant", "\\det"},
                                                                        {"arg", "\\arg"},
                                                                        {"real", "\\Re"},
                                                                        {"imaginary", "\\Im"},
                                                                        {"lcm", "\\operatorname{lcm}"},
                                                                        {"grad", "\\nabla"},
                                                                        {"divergence", "\\operatorname{div}"},
                                                                        {"curl", "\\operatorname{curl}"},
                                                                        {"laplacian", "\\nabla^2"},
                                                                        {"arcsinh", "\\operatorname{arcsinh}"},
                                                                        {"arccosh", "\\operatorname{arccosh}"},
                                                                        {"arctanh", "\\operatorname{arctanh}"},
                                                                        {"sech", "\\operatorname{sech}"},
                                                                        {"csch", "\\operatorname{csch}"},
                                                                        {"domain", "\\operatorname{dom}"},
                                                                        {"codomain", "\\operatorname{cod}"},
                                                                        {"image", "\\operatorname{im}"},
                                                                        {"mean", "\\operatorname{mean}"},
                                                                        {"sdev", "\\sigma"},
                                                                        {"variance", "\\operatorname{Var}"},
                                                                        {"median", "\\operatorname{median}"},
                                                                        {"mode", "\\operatorname{mode}"}};

template <class Table>
std::string_view look_up(const Table& table, std::string_view name) {
  for (const auto& [key, value] : table)
    if (key == name) return value;
  return {};
}

const Infix* find_infix(std::string_view name) {
  for (const Infix& infix : kInfix)
    if (infix.name == name) return &infix;
  return nullptr;
}

bool is_qualifier(std::string_view name) {
  for (const std::string_view qualifier :
       {"bvar", "lowlimit", "uplimit", "degree", "logbase", "condition", "domainofapplication", "momentabout"})
    if (name == qualifier) return true;
  return false;
}

HtmlNode qualifier(HtmlNode head, std::string_view wanted) {
  for (HtmlNode part = head ? next_part(head) : HtmlNode(); part; part = next_part(part))
    if (local_name(part) == wanted) return part;
  return {};
}

/// The first operand from `part` on.
HtmlNode operand_from(HtmlNode part) {
  while (part && is_qualifier(local_name(part))) part = next_part(part);
  return part;
}
HtmlNode operand_after(HtmlNode part) { return part ? operand_from(next_part(part)) : HtmlNode(); }

/// How tightly what an element becomes is bound; kPower for what needs no parentheses ever.
int precedence_of(HtmlNode node) {
  if (local_name(node) == "cn") return token_text(node).starts_with('-') ? kSum : kPower + 1;
  if (local_name(node) != "apply" && local_name(node) != "reln") return kPower + 1;
  const HtmlNode head = first_part(node);
  const std::string_view name = local_name(head);
  if (name == "minus" && !operand_after(operand_after(head))) return kSum;
  if (const Infix* infix = find_infix(name)) return operand_after(operand_after(head)) ? infix->precedence : kPower + 1;
  if (name == "power" || name == "factorial" || name == "transpose" || name == "exp" || name == "inverse") return kPower;
  for (const std::string_view spread : {"sum", "product", "int", "limit", "forall", "exists", "lambda"})
    if (name == spread) return 2;
  if (name == "not") return kPrefix;
  return look_up(kFunctions, name).empty() ? kPower + 1 : kPrefix;
}

}  // namespace

bool Converter::is_content(std::string_view name) const {
  for (const std::string_view element :
       {"apply",     "reln",      "ci",        "cn",     "csymbol", "bvar",   "lowlimit", "uplimit",
        "degree",    "condition", "interval",  "set",    "list",    "vector", "matrix",   "matrixrow",
        "piecewise", "piece",     "otherwise", "lambda", "declare", "fn",     "cs",       "bind"})
    if (name == element) return true;
  return find_infix(name) != nullptr || !look_up(kConstants, name).empty() || !look_up(kFunctions, name).empty();
}

void Converter::operand(HtmlNode node, int precedence) {
  if (!node) return;
  const bool needs_parentheses = precedence_of(node) <= precedence;
  if (!needs_parentheses) {
    element(node);
    return;
  }
  const std::size_t start = out_.mark();
  const std::int64_t tall = tall_;
  out_.put("(");
  element(node);
  if (tall_ != tall) {
    out_.insert(start, "\\left");
    out_.put("\\right");
  }
  out_.put(")");
}

void Converter::infix(HtmlNode first, std::string_view sign, int precedence) {
  bool is_first = true;
  for (HtmlNode part = operand_from(first); part && !was_cut_; part = operand_after(part)) {
    // Two numbers side by side would be one.
    if (!is_first) out_.put(sign.empty() ? (local_name(part) == "cn" ? "\\cdot" : "") : sign);
    // A sum's first operand may be a sum: (a - b) + c needs no parentheses.
    operand(part, is_first && precedence == kSum ? precedence - 1 : precedence);
    is_first = false;
  }
}

Piece Converter::content(HtmlNode node, std::string_view name) {
  const HtmlNode first = first_part(node);
  const auto listed = [&](std::string_view open, std::string_view close) {
    out_.put(open);
    infix(first, ",", -1);
    out_.put(close);
    return Piece::kAtom;
  };
  if (name == "apply" || name == "reln" || name == "bind") return apply(node);
  if (name == "ci" || name == "csymbol" || name == "cs") {
    if (first && first.is_element()) return row(first);
    const std::string text = token_text(node);
    const std::string_view type = node.attribute("type");
    return text.empty() ? Piece::kNothing : identifier(text, type == "vector" || type == "matrix" ? MathFont::kBold : font_, node);
  }
  if (name == "cn") {
    const std::string_view type = node.attribute("type");
    HtmlNode separator = first;
    while (separator && local_name(separator) != "sep") separator = next_part(separator);
    if (!separator || !first.is_text()) return first && first.is_element() ? row(first) : number(token_text(node), font_);
    const HtmlNode second = next_part(separator);
    const std::string left(trim(first.text())), right(second.is_text() ? trim(second.text()) : std::string_view());
    if (type == "rational") {
      out_.put("\\frac{");
      number(left, font_);
      out_.put("}{");
      number(right, font_);
      out_.put("}");
      ++tall_;
      return Piece::kAtom;
    }
    number(left, font_);
    if (type == "e-notation") {
      out_.put("\\times10^{");
      number(right, font_);
      out_.put("}");
    } else if (type == "complex-cartesian") {
      out_.put("+");
      number(right, font_);
      out_.put("i");
    } else if (type == "complex-polar") {
      out_.put("e^{");
      number(right, font_);
      out_.put("i}");
    }
    return Piece::kRow;
  }
  if (name == "interval") {
    const std::string_view closure = node.attribute("closure");
    return listed(closure == "open" || closure == "open-closed" ? "(" : "[",
                  closure == "open" || closure == "closed-open" ? ")" : "]");
  }
  if (name == "set") {
    const HtmlNode condition = first ? (local_name(first) == "bvar" ? qualifier(first, "condition") : HtmlNode()) : HtmlNode();
    if (!condition) return listed("\\{", "\\}");
    out_.put("\\{");
    if (const HtmlNode member = operand_from(first))
      element(member);
    else
      row(first_part(first));
    out_.put("\\mid");
    row(first_part(condition));
    out_.put("\\}");
    return Piece::kAtom;
  }
  if (name == "list") return listed("[", "]");
  if (name == "vector" || name == "matrix") {
    out_.put("\\begin{pmatrix}");
    bool is_first = true;
    for (HtmlNode part = first; part && !was_cut_; part = next_part(part)) {
      if (!is_first) out_.put("\\\\");
      is_first = false;
      if (local_name(part) == "matrixrow")
        infix(first_part(part), "&", -1);
      else
        element(part);
    }
    out_.put("\\end{pmatrix}");
    ++tall_;
    return Piece::kAtom;
  }
  if (name == "piecewise") {
    out_.put("\\begin{cases}");
    bool is_first = true;
    for (HtmlNode part = first; part && !was_cut_; part = next_part(part)) {
      if (!is_first) out_.put("\\\\");
      is_first = false;
      const HtmlNode value = first_part(part), when = value ? next_part(value) : HtmlNode();
      if (value) element(value);
      out_.put("&");
      if (when) {
        out_.put("\\text{if }");
        element(when);
      } else {
        out_.put("\\text{otherwise}");
      }
    }
    out_.put("\\end{cases}");
    ++tall_;
    return Piece::kAtom;
  }
  if (name == "lambda") {
    HtmlNode body = operand_from(first);
    if (first && local_name(first) == "bvar") row(first_part(first));
    out_.put("\\mapsto");
    if (body) element(body);
    return Piece::kRow;
  }
  if (const auto constant = look_up(kConstants, name); !constant.empty()) {
    out_.put(constant);
    return Piece::kToken;
  }
  if (const auto function = look_up(kFunctions, name); !function.empty()) {
    out_.put(function);
    return Piece::kToken;
  }
  if (const Infix* sign = find_infix(name)) {
    out_.put(sign->sign.empty() ? "\\cdot" : sign->sign);
    return Piece::kToken;
  }
  return row(first);
}

Piece Converter::apply(HtmlNode node) {
  const HtmlNode head = first_part(node);
  if (!head) return Piece::kNothing;
  const std::string_view name = local_name(head);
  const HtmlNode first = operand_after(head), second = operand_after(first);
  const auto inside = [&](HtmlNode holder) {  // of a qualifier
    if (holder) row(first_part(holder));
  };
  const auto between = [&](std::string_view open, std::string_view close) {
    out_.put(open);
    if (first) element(first);
    out_.put(close);
    return Piece::kAtom;
  };
  if (name == "minus" && first && !second) {
    out_.put("-");
    operand(first, kSum);
    return Piece::kRow;
  }
  if (name == "divide" || name == "quotient") {
    out_.put(name == "quotient" ? "\\left\\lfloor\\frac" : "\\frac");
    group(first);
    group(second);
    if (name == "quotient") out_.put("\\right\\rfloor");
    ++tall_;
    return Piece::kAtom;
  }
  if (const Infix* sign = find_infix(name)) {
    infix(first, sign->sign, sign->precedence);
    return Piece::kRow;
  }
  if (name == "power") {
    operand(first, kPower);
    script('^', second);
    return Piece::kScripted;
  }
  if (name == "exp") {
    out_.put("e");
    script('^', first);
    return Piece::kScripted;
  }
  if (name == "root") {
    out_.put("\\sqrt");
    if (const HtmlNode degree = qualifier(head, "degree"); degree && token_text(degree) != "2") {
      out_.put("[");
      inside(degree);
      out_.put("]");
    }
    group(first);
    return Piece::kAtom;
  }
  if (name == "abs") return between("|", "|");
  if (name == "card") return between("|", "|");
  if (name == "floor") return between("\\lfloor", "\\rfloor");
  if (name == "ceiling") return between("\\lceil", "\\rceil");
  if (name == "conjugate") return between("\\overline{", "}");
  if (name == "factorial" || name == "transpose" || name == "inverse") {
    operand(first, kPower);
    out_.put(name == "factorial" ? "!" : name == "transpose" ? "^T" : "^{-1}");
    return name == "factorial" ? Piece::kRow : Piece::kScripted;
  }
  if (name == "selector") {
    if (first) base(first);
    out_.put("_{");
    if (second) infix(second, ",", -1);
    out_.put("}");
    return Piece::kScripted;
  }
  if (name == "not") {
    out_.put("\\neg");
    operand(first, kRelation);
    return Piece::kRow;
  }
  if (name == "forall" || name == "exists") {
    out_.put(name == "forall" ? "\\forall" : "\\exists");
    inside(qualifier(head, "bvar"));
    if (const HtmlNode condition = qualifier(head, "condition")) {
      out_.put(",");
      inside(condition);
    }
    if (first) {
      out_.put(":");
      element(first);
    }
    return Piece::kRow;
  }
  if (name == "sum" || name == "product" || name == "int" || name == "limit") {
    out_.put(name == "sum" ? "\\sum" : name == "product" ? "\\prod" : name == "int" ? "\\int" : "\\lim");
    const HtmlNode variable = qualifier(head, "bvar"), low = qualifier(head, "lowlimit"), up = qualifier(head, "uplimit"),
                   condition = qualifier(head, "condition"), domain = qualifier(head, "domainofapplication");
    if (low || condition || domain) {
      out_.put("_{");
      if (low && name != "int" && variable) {
        inside(variable);
        out_.put(name == "limit" ? "\\to" : "=");
      }
      inside(low ? low : condition ? condition : domain);
      out_.put("}");
    }
    if (up) {
      out_.put("^{");
      inside(up);
      out_.put("}");
    }
    ++tall_;
    operand(first, name == "int" ? -1 : kRelation + 1);
    if (name == "int" && variable) {
      out_.put("\\,d");
      inside(variable);
    }
    return Piece::kRow;
  }
  if (name == "diff" || name == "partialdiff") {
    const HtmlNode variable = qualifier(head, "bvar");
    const std::string_view sign = name == "diff" ? "d" : "\\partial";
    const auto degree_of = [](HtmlNode bvar) {
      for (HtmlNode part = bvar ? first_part(bvar) : HtmlNode(); part; part = next_part(part))
        if (local_name(part) == "degree") return part;
      return HtmlNode();
    };
    if (!variable) {
      operand(first, kPower);
      out_.put("'");
      return Piece::kScripted;
    }
    const auto power = [&](HtmlNode degree) {
      if (!degree) return;
      out_.put("^{");
      inside(degree);
      out_.put("}");
    };
    HtmlNode total = qualifier(head, "degree");
    int variables = 0;
    for (HtmlNode part = variable; part; part = next_part(part)) variables += local_name(part) == "bvar";
    out_.put("\\frac{");
    out_.put(sign);
    if (total || variables == 1)
      power(total ? total : degree_of(variable));
    else
      out_.put("^{" + std::to_string(variables) + "}");
    operand(first, kRelation + 1);
    out_.put("}{");
    for (HtmlNode part = variable; part && !was_cut_; part = next_part(part)) {
      if (local_name(part) != "bvar") continue;
      out_.put(sign);
      if (const HtmlNode what = first_part(part); what && local_name(what) != "degree") element(what);
      power(degree_of(part));
    }
    out_.put("}");
    ++tall_;
    return Piece::kAtom;
  }
  if (name == "log") {
    out_.put("\\log");
    if (const HtmlNode logbase = qualifier(head, "logbase")) {
      out_.put("_{");
      inside(logbase);
      out_.put("}");
    }
  } else {
    operand(head, kPrefix);
  }
  // A function and its arguments.
  const std::size_t start = out_.mark();
  const std::int64_t tall = tall_;
  out_.put("(");
  infix(first, ",", -1);
  if (tall_ != tall) {
    out_.insert(start, "\\left");
    out_.put("\\right");
  }
  out_.put(")");
  return Piece::kRow;
}

}  // namespace corollary::mathml
