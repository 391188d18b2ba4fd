#include "corpus/papers/latex_macros.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "corpus/papers/latex_scan.h"

namespace corollary::latex {
namespace {

constexpr std::size_t kLongestDefinition = 1 << 16;
constexpr std::size_t kLongestValue = 4000;  ///< what is longer is a program or a piece of text, and stays where it is

/// Commands that make a value a program: what they do depends on TeX's state, or is layout that reads worse than the macro's name.
const std::unordered_set<std::string_view>& program_words() {
  static const std::unordered_set<std::string_view> words = {"def",
                                                             "edef",
                                                             "gdef",
                                                             "xdef",
                                                             "let",
                                                             "global",
                                                             "futurelet",
                                                             "newcommand",
                                                             "renewcommand",
                                                             "providecommand",
                                                             "csname",
                                                             "endcsname",
                                                             "expandafter",
                                                             "noexpand",
                                                             "if",
                                                             "else",
                                                             "fi",
                                                             "or",
                                                             "ifx",
                                                             "ifnum",
                                                             "ifdim",
                                                             "ifcase",
                                                             "ifcat",
                                                             "ifodd",
                                                             "ifmmode",
                                                             "ifvmode",
                                                             "ifhmode",
                                                             "ifinner",
                                                             "ifvoid",
                                                             "ifhbox",
                                                             "ifvbox",
                                                             "ifeof",
                                                             "iftrue",
                                                             "iffalse",
                                                             "ifdefined",
                                                             "ifthenelse",
                                                             "ifstrempty",
                                                             "ifblank",
                                                             "ifdef",
                                                             "ifundef",
                                                             "iftoggle",
                                                             "ifbool",
                                                             "loop",
                                                             "repeat",
                                                             "catcode",
                                                             "begingroup",
                                                             "endgroup",
                                                             "bgroup",
                                                             "egroup",
                                                             "aftergroup",
                                                             "afterassignment",
                                                             "vskip",
                                                             "hskip",
                                                             "mskip",
                                                             "kern",
                                                             "mkern",
                                                             "advance",
                                                             "setbox",
                                                             "settoheight",
                                                             "settowidth",
                                                             "settodepth",
                                                             "addtolength",
                                                             "setlength",
                                                             "setcounter",
                                                             "stepcounter",
                                                             "refstepcounter",
                                                             "addtocounter",
                                                             "value",
                                                             "the",
                                                             "rule",
                                                             "raisebox",
                                                             "mathchoice",
                                                             "mathpalette",
                                                             "mathaccent",
                                                             "write",
                                                             "immediate",
                                                             "special",
                                                             "unskip",
                                                             "penalty",
                                                             "everypar",
                                                             "halign",
                                                             "valign",
                                                             "noalign",
                                                             "vbox",
                                                             "vtop",
                                                             "vcenter",
                                                             "hss",
                                                             "hfil",
                                                             "hfill",
                                                             "vrule",
                                                             "hrule",
                                                             "rotatebox",
                                                             "scalebox",
                                                             "resizebox",
                                                             "reflectbox",
                                                             "tikz",
                                                             "tikzpicture",
                                                             "marginpar",
                                                             "wd",
                                                             "ht",
                                                             "dp",
                                                             "dimen",
                                                             "copy",
                                                             "lower",
                                                             "raise",
                                                             "llap",
                                                             "rlap",
                                                             "clap",
                                                             "mathllap",
                                                             "mathrlap",
                                                             "mathclap",
                                                             "ooalign",
                                                             "lineskip",
                                                             "baselineskip",
                                                             "picture",
                                                             "includegraphics",
                                                             "newpage",
                                                             "clearpage",
                                                             "vspace",
                                                             "rtwocell",
                                                             "lineskiplimit",
                                                             "nulldelimiterspace",
                                                             "todo",
                                                             "fbox",
                                                             "message",
                                                             "typeout",
                                                             "input",
                                                             "usepackage",
                                                             "newcounter",
                                                             "newlength",
                                                             "vfill",
                                                             "makebox",
                                                             "framebox",
                                                             "parbox",
                                                             "smash",
                                                             "ensurestackMath",
                                                             "stackrel@",
                                                             "endinput",
                                                             "thinmuskip",
                                                             "medmuskip",
                                                             "thickmuskip"};
  return words;
}

/// Names whose meaning the text keeps: redefining them changes how they look.
bool is_kept_name(std::string_view name) {
  static const std::unordered_set<std::string_view> names = {"item",
                                                             "label",
                                                             "ref",
                                                             "eqref",
                                                             "pageref",
                                                             "cite",
                                                             "citep",
                                                             "citet",
                                                             "caption",
                                                             "footnote",
                                                             "emph",
                                                             "textbf",
                                                             "textit",
                                                             "texttt",
                                                             "textrm",
                                                             "par",
                                                             "thanks",
                                                             "qed",
                                                             "qedsymbol",
                                                             "qedhere",
                                                             "author",
                                                             "date",
                                                             "and",
                                                             "left",
                                                             "right",
                                                             "frac",
                                                             "sqrt",
                                                             "tableofcontents",
                                                             "bibitem",
                                                             "index",
                                                             "proof",
                                                             "endproof",
                                                             "bibname",
                                                             "refname",
                                                             "includegraphics",
                                                             "today",
                                                             "arraystretch",
                                                             "baselinestretch",
                                                             "hline",
                                                             "footnotesize",
                                                             "small",
                                                             "large",
                                                             "textsc",
                                                             "textsf",
                                                             "it",
                                                             "bf",
                                                             "rm",
                                                             "sc",
                                                             "tt"};
  return names.contains(name);
}

struct Content {
  bool is_program = false, has_at = false, has_comment = false;
};
Content look_into(std::string_view body, bool at_letter) {
  Content content;
  static const ByteSet kMarks = byte_set("\\#");
  for (std::size_t at = 0; (at = find_byte(body, at, kMarks)) < body.size();) {
    if (body[at] == '#') {
      if (at + 1 < body.size() && body[at + 1] == '#') content.is_program = true;
      ++at;
      continue;
    }
    const std::size_t end = name_end(body, at + 1, at_letter);
    const std::string_view word = body.substr(at + 1, end - at - 1);
    if (program_words().contains(word)) content.is_program = true;
    if (word.find('@') != kNone) content.has_at = true;
    if (word == "comment") content.has_comment = true;
    at = std::max(end, at + 2);
  }
  return content;
}

/// \mathop{\mathrm{lim}}\nolimits is \operatorname{lim}.
void name_operators(std::string& value) {
  for (const std::string_view font : {"\\mathop{\\mathrm{", "\\mathop{\\rm "}) {
    if (!value.starts_with(font)) continue;
    const std::size_t close = value.find('}');
    const std::string name = value.substr(font.size(), close - font.size());
    if (close == kNone || name.empty() || !std::all_of(name.begin(), name.end(), is_ascii_letter)) return;
    const std::string rest = value.substr(close + (font.back() == '{' ? 2 : 1));
    if (font.back() == '{' && value.compare(close, 2, "}}") != 0) return;
    if (rest == "\\nolimits")
      value = "\\operatorname{" + name + "}";
    else if (rest.empty() || rest == "\\limits")
      value = "\\operatorname*{" + name + "}";
    return;
  }
}

/// \bgroup and \egroup in pairs are braces that may stand in a macro.
void brace_groups(std::string& value) {
  for (const auto& [word, brace] : {std::pair{"\\bgroup", "{"}, std::pair{"\\egroup", "}"}})
    for (std::size_t at = 0; (at = value.find(word, at)) != kNone; ++at)
      if (at + 7 >= value.size() || !is_ascii_letter(value[at + 7])) value.replace(at, 7, brace);
}

/// Commands in values that leave no text: spacing, colour, marks for the table of contents.
void strip_layout(std::string& value) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kCommands = {{{"xspace", ""},
                                                                                       {"protect", ""},
                                                                                       {"phantomsection", ""},
                                                                                       {"leavevmode", ""},
                                                                                       {"hspace", "sm"},
                                                                                       {"color", "om"},
                                                                                       {"markright", "m"},
                                                                                       {"markboth", "mm"},
                                                                                       {"addcontentsline", "mmm"}}};
  for (std::size_t at = 0; (at = value.find('\\', at)) != kNone;) {
    const std::size_t end = name_end(value, at + 1);
    const std::string_view name = std::string_view(value).substr(at + 1, end - at - 1);
    const auto* known =
        std::find_if(kCommands.begin(), kCommands.end(), [&](const auto& command) { return command.first == name; });
    const auto behind = known != kCommands.end() ? skip_arguments(value, end, known->second, true) : std::nullopt;
    if (behind)  // a blank behind it would now begin the group
      value.erase(at, *behind - at + (*behind < value.size() && value[*behind] == ' ' && at > 0 && value[at - 1] == '{'));
    else
      at = std::max(end, at + 2);
  }
  if (value.size() > 1 && value[0] == ' ') value.erase(0, 1);
}

void set_body(Macro& macro, std::string_view raw, bool at_letter) {
  macro.body = tidy_value(raw);
  macro.at_letter = at_letter;
  if (macro.body.size() > kLongestValue) macro.body.clear(), macro.is_exotic = true;
  if (std::count(macro.body.begin(), macro.body.end(), 'g') >= 2 && macro.body.find("\\bgroup") < macro.body.find("\\egroup") &&
      macro.body.find("\\egroup") != kNone)
    brace_groups(macro.body);
  strip_layout(macro.body);
  name_operators(macro.body);
  const Content content = look_into(macro.body, at_letter);
  macro.is_exotic |= content.is_program;
  macro.has_at = content.has_at;
}

/// Reads one definition from left to right; `ok` is false once something did not fit.
struct Reader {
  std::string_view text;
  std::size_t at;
  bool at_letter;
  bool ok = true;

  char peek() {
    at = skip_blanks(text, at);
    return at < text.size() ? text[at] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at;
    return true;
  }
  /// What stands between the braces; a single token if there are none.
  std::string_view group() {
    const char c = peek();
    if (c == '{') {
      const auto end = group_end(text, at, kLongestDefinition);
      if (!end) return ok = false, std::string_view();
      const std::string_view inside = text.substr(at + 1, *end - at - 2);
      at = *end;
      return inside;
    }
    if (c != '\\') return ok = false, std::string_view();
    const std::size_t begin = at;
    at = std::min(std::max(name_end(text, at + 1, at_letter), at + 2), text.size());
    return text.substr(begin, at - begin);
  }
  /// \name or {\name}; control symbols too. Empty name: not one.
  std::string_view control_sequence() {
    const bool in_braces = take('{');
    if (peek() != '\\' || at + 1 >= text.size()) return ok = false, std::string_view();
    const std::size_t begin = at + 1;
    at = std::max(name_end(text, begin, at_letter), begin + 1);
    const std::string_view name = text.substr(begin, at - begin);
    if (in_braces && !take('}')) ok = false;
    return name;
  }
  std::optional<std::string_view> bracket() {
    if (peek() != '[') return std::nullopt;
    const auto end = bracket_end(text, at, kLongestDefinition);
    if (!end) return ok = false, std::nullopt;
    const std::string_view inside = text.substr(at + 1, *end - at - 2);
    at = *end;
    return inside;
  }
  /// [n][default] as \newcommand has them.
  std::vector<Parameter> numbered() {
    std::vector<Parameter> parameters;
    const auto count = bracket();
    if (!count) return parameters;
    const std::string_view digits = trim(*count);
    if (digits.size() != 1 || digits[0] < '0' || digits[0] > '9') return ok = false, parameters;
    parameters.resize(static_cast<std::size_t>(digits[0] - '0'));
    if (const auto given = bracket(); given && !parameters.empty())
      parameters[0] = {Parameter::Kind::optional, std::string(*given)};
    return parameters;
  }
};

/// The parameter text of \def: "#1:#2\end". Nothing if it is stranger than that.
std::optional<std::vector<Parameter>> pattern_parameters(std::string_view pattern) {
  constexpr std::size_t kLongestPattern = 200;
  if (pattern.size() > kLongestPattern) return std::nullopt;
  std::vector<Parameter> parameters;
  std::size_t at = std::min(pattern.find('#'), pattern.size());
  if (!trim(pattern.substr(0, at)).empty())
    parameters.push_back({Parameter::Kind::literal, std::string(trim(pattern.substr(0, at)))});
  for (int number = 1; at < pattern.size(); ++number) {
    if (at + 1 >= pattern.size() || pattern[at + 1] != static_cast<char>('0' + number) || number > 9) return std::nullopt;
    const std::size_t next = std::min(pattern.find('#', at + 2), pattern.size());
    std::string_view mark = pattern.substr(at + 2, next - at - 2);
    if (mark.find('\\') != kNone) mark = trim(mark);
    parameters.push_back({mark.empty() ? Parameter::Kind::mandatory : Parameter::Kind::delimited, std::string(mark)});
    at = next;
  }
  return parameters;
}

/// xparse: m, +m, o, O{default}, s; nothing if there are others.
std::optional<std::vector<Parameter>> xparse_parameters(std::string_view specification) {
  std::vector<Parameter> parameters;
  for (std::size_t at = 0; at < specification.size(); ++at) {
    const char c = specification[at];
    if (is_ascii_space(c) || c == '+' || c == '!') continue;
    if (c == 'm') {
      parameters.push_back({});
    } else if (c == 's') {
      parameters.push_back({Parameter::Kind::star, {}});
    } else if (c == 'o') {
      parameters.push_back({Parameter::Kind::optional, "-NoValue-"});
    } else if (c == 'O' && at + 1 < specification.size() && specification[at + 1] == '{') {
      const auto end = group_end(specification, at + 1, specification.size());
      if (!end) return std::nullopt;
      parameters.push_back({Parameter::Kind::optional, std::string(specification.substr(at + 2, *end - at - 3))});
      at = *end - 1;
    } else {
      return std::nullopt;
    }
    if (parameters.size() > 9) return std::nullopt;
  }
  return parameters;
}

/// An environment that only stands for another with the same content, \begin{thm}[..] or the like.
bool is_another_name(std::string_view begin, std::string_view end, std::string_view name) {
  constexpr std::size_t kLongest = 80;
  constexpr std::array<std::string_view, 8> kBoxes = {"tcolorbox", "mdframed", "minipage", "list",
                                                      "trivlist",  "tikz",     "framed",   "center"};
  if (!begin.starts_with("\\begin{") || begin.size() > kLongest || end.size() > kLongest) return false;
  const std::size_t close = begin.find('}');
  if (close == kNone) return false;
  const std::string_view other = begin.substr(7, close - 7);
  if (other == name || other.find('\\') != kNone || begin.substr(close).find('\\') != kNone) return false;
  if (std::any_of(kBoxes.begin(), kBoxes.end(), [&](std::string_view box) { return other.starts_with(box); })) return false;
  return end == "\\end{" + std::string(other) + "}";
}

Definition read_environment(Reader& reader) {
  Definition definition;
  reader.take('*');
  definition.name = trim(reader.group());
  definition.macro.parameters = reader.numbered();
  const std::string_view begin = reader.group(), end = reader.group();
  if (!reader.ok) return definition;
  set_body(definition.macro, begin, reader.at_letter);
  definition.end = tidy_value(end);
  if (look_into(begin, reader.at_letter).has_comment)
    definition.what = Definition::What::comment_environment;
  else if (!definition.macro.is_exotic && is_another_name(definition.macro.body, definition.end, definition.name))
    definition.what = Definition::What::expanding_environment;
  return definition;
}

Definition read_def(Reader& reader, std::string_view command) {
  Definition definition;
  reader.at = skip_blanks(reader.text, reader.at);
  if (reader.at + 1 >= reader.text.size() || reader.text[reader.at] != '\\') return reader.ok = false, definition;
  definition.name = reader.control_sequence();
  const std::size_t begin = reader.at, brace = reader.text.find('{', begin);
  constexpr std::size_t kFarthestBrace = 400;
  if (brace == kNone || brace - begin > kFarthestBrace) return reader.ok = false, definition;
  const auto parameters = pattern_parameters(tidy_value(reader.text.substr(begin, brace - begin)));
  reader.at = brace;
  set_body(definition.macro, reader.group(), reader.at_letter);
  definition.what = Definition::What::macro;
  if (parameters)
    definition.macro.parameters = *parameters;
  else
    definition.macro.is_exotic = true;
  definition.is_expanded = command == "edef" || command == "xdef";
  return definition;
}

Definition read_let(Reader& reader) {
  Definition definition;
  definition.what = Definition::What::let;
  definition.name = reader.control_sequence();
  reader.take('=');
  if (reader.peek() == '\\') {
    const std::size_t begin = reader.at + 1;
    reader.at = std::min(std::max(name_end(reader.text, begin, reader.at_letter), begin + 1), reader.text.size());
    definition.target = reader.text.substr(begin, reader.at - begin);
  } else if (reader.at < reader.text.size()) {
    definition.macro.body = reader.text[reader.at++];
    definition.macro.is_exotic = static_cast<unsigned char>(definition.macro.body[0]) >= 0x80 || definition.macro.body == "{" ||
                                 definition.macro.body == "}";
  }
  reader.ok &= !definition.target.empty() || !definition.macro.body.empty();
  return definition;
}

Definition read_pair(Reader& reader, bool has_parameters) {
  Definition definition;
  definition.what = Definition::What::macro;
  definition.name = reader.control_sequence();
  if (has_parameters) definition.macro.parameters = reader.numbered();
  definition.macro.kind = Macro::Kind::delimiters;
  definition.macro.body = tidy_value(reader.group());
  definition.macro.right = tidy_value(reader.group());
  if (has_parameters) (void)reader.group(), definition.macro.is_exotic = true;
  return definition;
}

Definition read_command(Reader& reader, std::string_view command) {
  Definition definition;
  definition.what = Definition::What::macro;
  const bool has_star = reader.take('*');
  definition.name = reader.control_sequence();
  if (command == "DeclareMathOperator") {
    const std::string value = tidy_value(reader.group());
    set_body(definition.macro, (has_star ? "\\operatorname*{" : "\\operatorname{") + value + "}", reader.at_letter);
  } else if (command.ends_with("DocumentCommand")) {
    const auto parameters = xparse_parameters(reader.group());
    set_body(definition.macro, reader.group(), reader.at_letter);
    if (parameters)
      definition.macro.parameters = *parameters;
    else
      definition.macro.is_exotic = true;
  } else if (command == "newcommandx" || command == "renewcommandx") {
    (void)reader.bracket(), (void)reader.bracket();
    (void)reader.group();
    definition.macro.is_exotic = true;
  } else {
    definition.macro.parameters = reader.numbered();
    set_body(definition.macro, reader.group(), reader.at_letter);
  }
  definition.is_provided = command == "providecommand" || command == "ProvideDocumentCommand";
  return definition;
}

}  // namespace

bool is_defining(std::string_view command) {
  static const std::unordered_set<std::string_view> commands(kDefiningCommands.begin(), kDefiningCommands.end());
  return commands.contains(command);
}

std::optional<Definition> read_definition(std::string_view text, std::size_t at, std::string_view command, bool at_letter,
                                          std::size_t* end) {
  Reader reader{text, at, at_letter};
  Definition definition;
  if (command == "def" || command == "gdef" || command == "edef" || command == "xdef") {
    definition = read_def(reader, command);
  } else if (command == "let") {
    definition = read_let(reader);
  } else if (command == "newif") {
    definition.name = reader.control_sequence();
    reader.ok &= definition.name.starts_with("if") && definition.name.size() > 2;
    if (reader.ok) definition.name.erase(0, 2);
    definition.what = Definition::What::flag;
  } else if (command == "excludecomment") {
    definition.name = reader.group();
    definition.what = Definition::What::comment_environment;
  } else if (command == "DefineVerbatimEnvironment") {
    definition.name = reader.group();
    (void)reader.group(), (void)reader.group();
    definition.what = Definition::What::verbatim_environment;
  } else if (command == "lstnewenvironment") {
    definition.name = reader.group();
    (void)reader.numbered(), (void)reader.group(), (void)reader.group();
    definition.what = Definition::What::verbatim_environment;
  } else if (command == "NewDocumentEnvironment") {
    definition.name = reader.group();
    (void)reader.group(), (void)reader.group(), (void)reader.group();
  } else if (command.ends_with("environment")) {
    definition = read_environment(reader);
  } else if (command.starts_with("DeclarePairedDelimiter")) {
    definition = read_pair(reader, command != "DeclarePairedDelimiter");
    if (command.ends_with("PP")) (void)reader.group(), (void)reader.group();
  } else {
    definition = read_command(reader, command);
  }
  if (!reader.ok || definition.name.empty()) return std::nullopt;
  if (is_kept_name(definition.name)) definition.what = Definition::What::nothing;
  *end = reader.at;
  return definition;
}

void put_arguments(std::string_view body, const std::vector<std::string>& arguments, std::string& out) {
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t mark = std::min(body.find('#', at), body.size());
    if (mark > at) {
      if (is_ascii_letter(body[at]) && ends_with_control_word(out)) out += ' ';
      out.append(body, at, mark - at);
    }
    if (mark == body.size()) return;
    const char digit = mark + 1 < body.size() ? body[mark + 1] : '\0';
    const bool is_escaped = mark > 0 && body[mark - 1] == '\\';
    const std::size_t number = digit >= '1' && digit <= '9' ? static_cast<std::size_t>(digit - '1') : 9;
    if (is_escaped || number >= arguments.size()) {
      out += '#';
      at = mark + 1;
      continue;
    }
    const std::string& argument = arguments[number];
    if (!argument.empty() && is_ascii_letter(argument[0]) && ends_with_control_word(out)) out += ' ';
    out += argument;
    at = mark + 2;
  }
}

}  // namespace corollary::latex
