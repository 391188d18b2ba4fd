#include <algorithm>
#include <array>
#include <unordered_set>

#include "corpus/papers/latex_expander.h"

namespace corollary::latex {

enum class Expander::Command : std::uint8_t {
  begin,
  end,
  define,
  drop_0,
  drop_m,
  drop_om,
  drop_mm,
  drop_mmm,
  drop_smomo,
  drop_omo,
  drop_omm,
  drop_token,
  title,
  abstract,
  maketitle,
  heading,
  appendix,
  bibliography,
  bye,
  verb,
  inline_code,
  url,
  pari_program,
  document_class,
  use_package,
  input,
  endinput,
  at_letter,
  at_other,
  if_true,
  if_false,
  if_equal,
  if_other,
  else_or_fi,
  prefix,
  ensuremath,
  xspace,
  textcolor,
  conditional_argument,
  text_in_math
};

namespace {

constexpr std::size_t kLongestGroup = 1 << 16;

/// Environments whose text TeX does not read as TeX.
bool is_verbatim(std::string_view name) {
  static const std::unordered_set<std::string_view> names = {"verbatim",  "verbatim*",  "Verbatim", "Verbatim*", "BVerbatim",
                                                             "LVerbatim", "lstlisting", "minted",   "Sinput",    "Soutput",
                                                             "Scode",     "spverbatim", "asy"};
  return names.contains(name);
}
bool is_unprinted(std::string_view name) {
  return name == "comment" || name == "filecontents" || name == "filecontents*" || name == "verbatimwrite";
}
bool is_formula(std::string_view name) {
  static const std::unordered_set<std::string_view> names = {"equation", "align",    "alignat", "gather",
                                                             "multline", "eqnarray", "flalign", "displaymath",
                                                             "math",     "xalignat", "dmath",   "IEEEeqnarray"};
  if (name.ends_with('*')) name.remove_suffix(1);
  return names.contains(name);
}
bool is_bibliography(std::string_view name) { return name == "thebibliography" || name == "references" || name == "REFERENCES"; }

/// Files that draw: text only for the program that reads them.
bool is_drawing(std::string_view name) {
  for (const char* ending :
       {".pgf", ".pstex_t", ".pdftex_t", ".pdf_t", ".pdf_tex", ".eps_tex", ".ps_tex", ".eepic", ".pic", ".tikz"})
    if (name.ends_with(ending)) return true;
  return false;
}

/// A package of the authors' own, not one of CTAN's, which redefines what everybody knows.
bool is_own_package(std::string_view text) {
  constexpr std::size_t kLargest = 1 << 16, kLettersPerAt = 200;
  return text.size() <= kLargest &&
         static_cast<std::size_t>(std::count(text.begin(), text.end(), '@')) <= 4 + text.size() / kLettersPerAt;
}

bool opens_branch(std::string_view word) {
  static const std::unordered_set<std::string_view> words = {
      "if",       "ifx",        "ifnum",  "ifdim",   "ifcase",   "ifcat",    "ifodd",    "ifmmode", "ifvmode",
      "ifhmode",  "ifinner",    "ifvoid", "ifhbox",  "ifvbox",   "ifeof",    "iftrue",   "iffalse", "ifdefined",
      "ifcsname", "iffontchar", "ifpdf",  "ifxetex", "ifluatex", "ifpdftex", "ifPDFTeX", "ifXeTeX", "ifLuaTeX"};
  return words.contains(word);
}

}  // namespace

const NameTable<Expander::Command>& Expander::commands() {
  static const NameTable<Command>* const table = [] {
    auto* made = new NameTable<Command>;
    const auto add = [&](Command command, std::initializer_list<const char*> names) {
      for (const char* name : names) made->set(name, command);
    };
    add(Command::begin, {"begin"});
    add(Command::end, {"end"});
    for (const std::string_view name : kDefiningCommands) made->set(name, Command::define);
    add(Command::drop_0, {"BooleanTrue", "BooleanFalse", "allowdisplaybreaks", "makeindex", "UseAllTwocells", "UseTwocells",
                          "frontmatter", "mainmatter", "backmatter", "ExplSyntaxOn", "ExplSyntaxOff", "tableofcontents",
                          "listoffigures", "listoftables", "protect", "phantomsection", "parttoc", "minitoc", "cleardoublepage"});
    add(Command::drop_m, {"theoremstyle",   "hypersetup",     "geometry",    "graphicspath",  "pagestyle",
                          "thispagestyle",  "usetikzlibrary", "tikzset",     "tikzcdset",     "lstset",
                          "pgfplotsset",    "sisetup",        "hyphenation", "newlength",     "newsavebox",
                          "newtoggle",      "newboolean",     "includeonly", "pagenumbering", "DeclareGraphicsExtensions",
                          "mathtoolsset",   "color",          "markright",   "nocite",        "xyoption",
                          "includecomment", "setstretch",     "linespread",  "newread",       "newwrite",
                          "newdimen",       "newskip",        "newbox",      "newtoks"});
    add(Command::drop_om, {"newcounter", "captionsetup", "externaldocument", "pagecolor", "setlist", "tcbset"});
    add(Command::drop_mm, {"setlength", "addtolength", "setcounter", "addtocounter", "PassOptionsToPackage",
                           "DeclareUnicodeCharacter", "setboolean", "markboth", "newfont", "settowidth"});
    add(Command::drop_mmm,
        {"definecolor", "colorlet", "crefname", "Crefname", "DeclareMathSymbol", "DeclareSymbolFont", "DeclareMathAlphabet",
         "SetMathAlphabet", "SetSymbolFont", "titleformat", "titlespacing", "DeclareFontFamily", "addcontentsline"});
    add(Command::drop_smomo, {"newtheorem", "declaretheorem", "newaliascnt", "spnewtheorem"});
    add(Command::drop_omm, {"numberwithin", "aliascntresetthe"});
    add(Command::drop_token, {"mathchardef", "chardef"});
    add(Command::title, {"title"});
    add(Command::abstract, {"abstract"});
    add(Command::maketitle, {"maketitle"});
    add(Command::heading, {"part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph"});
    add(Command::appendix, {"appendix", "appendices"});
    add(Command::bibliography, {"bibliography", "printbibliography"});
    add(Command::bye, {"bye"});
    add(Command::verb, {"verb"});
    add(Command::inline_code, {"lstinline", "mintinline", "Verb"});
    add(Command::url, {"url", "href", "nolinkurl", "path", "urlstyle"});
    add(Command::pari_program, {"bprog"});
    add(Command::document_class, {"documentclass", "documentstyle", "LoadClass"});
    add(Command::use_package, {"usepackage", "RequirePackage"});
    add(Command::input, {"input", "include", "subfile", "subfileinclude", "import", "subimport", "inputfrom", "includefrom",
                         "subinputfrom", "InputIfFileExists", "IfFileExists", "loadfile", "@input"});
    add(Command::endinput, {"endinput"});
    add(Command::at_letter, {"makeatletter"});
    add(Command::at_other, {"makeatother"});
    add(Command::if_true, {"iftrue", "ifpdf", "ifpdftex", "ifPDFTeX"});
    add(Command::if_false, {"iffalse", "ifxetex", "ifluatex", "ifXeTeX", "ifLuaTeX"});
    add(Command::if_equal, {"if"});
    add(Command::if_other, {"ifx", "ifnum", "ifdim", "ifcase", "ifcat", "ifodd", "ifmmode", "ifvmode", "ifhmode", "ifinner",
                            "ifvoid", "ifhbox", "ifvbox", "ifeof", "ifdefined", "ifcsname", "iffontchar"});
    add(Command::else_or_fi, {"else", "fi"});
    add(Command::prefix, {"long", "global", "protected", "outer"});
    add(Command::ensuremath, {"ensuremath"});
    add(Command::xspace, {"xspace"});
    add(Command::textcolor, {"textcolor", "colorbox"});
    add(Command::conditional_argument, {"IfNoValueTF", "IfNoValueT", "IfNoValueF", "IfValueTF", "IfValueT", "IfValueF",
                                        "IfBooleanTF", "IfBooleanT", "IfBooleanF"});
    add(Command::text_in_math, {"text", "mbox", "hbox", "textrm", "textit", "textbf", "textsf", "texttt", "textnormal", "intertext",
                                "footnote", "tag", "label", "makebox", "fbox"});
    return made;
  }();
  return *table;
}

void Expander::carry_out(Command command, Frame& frame, std::size_t begin, std::string_view name) {
  switch (command) {
    case Command::begin:
      return begin_environment(frame, begin);
    case Command::end:
      return end_environment(frame, begin);
    case Command::define:
      return define(frame, name);
    case Command::drop_0:
      return end_line_if_blank(frame);
    case Command::drop_m:
      return drop_arguments(frame, begin, "m");
    case Command::drop_om:
      return drop_arguments(frame, begin, "omo");
    case Command::drop_mm:
      return drop_arguments(frame, begin, "mm");
    case Command::drop_mmm:
      return drop_arguments(frame, begin, name.starts_with("DeclareMath") || name.starts_with("DeclareSym") ? "mmmm" : "mmm");
    case Command::drop_smomo:
      return drop_arguments(frame, begin, name == "declaretheorem" ? "omo" : "smomo");
    case Command::drop_omo:
      return drop_arguments(frame, begin, "omo");
    case Command::drop_omm:
      return drop_arguments(frame, begin, "omm");
    case Command::drop_token: {
      while (frame.at < frame.text.size() && !is_ascii_space(frame.text[frame.at])) ++frame.at;
      return end_line_if_blank(frame);
    }
    case Command::title:
      return take_title(frame, name);
    case Command::abstract:
      return take_title(frame, name);
    case Command::maketitle:
      end_line_if_blank(frame);
      after_title_ = out_.size();
      return;
    case Command::heading:
      return heading(frame), write_word(name);
    case Command::appendix:
      if (options_.keep_appendix || (frame.at < frame.text.size() && frame.text[frame.at] == '{')) return write_word(name);
      if (!end_of_text(frame, begin)) write_word(name);
      return;
    case Command::bibliography:
      if (name == "bibliography" && (frame.at >= frame.text.size() || frame.text[frame.at] != '{')) return write_word(name);
      if (options_.keep_appendix && start_ != kNone) return drop_arguments(frame, begin, name == "bibliography" ? "m" : "o");
      if (!end_of_text(frame, begin)) write_word(name);
      return;
    case Command::bye:
      is_over_ = true;
      return;
    case Command::verb:
    case Command::inline_code:
    case Command::pari_program:
      if (!copy_verbatim(frame, begin)) write_word(name);
      return;
    case Command::url: {
      // '%' is no comment in an address, if the address stands on one line.
      constexpr std::size_t kLongestAddress = 2000;
      const std::string_view rest = frame.text.substr(frame.at, kLongestAddress);
      const std::size_t close = rest.find_first_of("}\n");
      if (rest.starts_with('{') && close != kNone && rest[close] == '}' && rest.substr(1, close - 1).find_first_of("{\\#") == kNone)
        return copy_until(frame, begin, frame.at + close + 1);
      return write_word(name);
    }
    case Command::document_class:
      if (in_body_) frame.is_standalone = true;
      return drop_arguments(frame, begin, "omo");
    case Command::use_package:
      return use_packages(frame);
    case Command::input:
      return include(frame, begin, name);
    case Command::endinput: {
      std::size_t file = depth_ - 1;
      while (file > base_ && !frames_[file]->is_file) --file;
      if (!frames_[file]->is_file) return;
      for (std::size_t i = file; i < depth_; ++i) frames_[i]->at = frames_[i]->text.size();
      return;
    }
    case Command::at_letter:
    case Command::at_other:
      for (std::size_t i = depth_; i-- > 0;) {
        frames_[i]->at_letter = command == Command::at_letter;
        if (frames_[i]->is_file) break;
      }
      return end_line_if_blank(frame);
    case Command::if_true:
      return test(frame, begin, true);
    case Command::if_false:
      return test(frame, begin, false);
    case Command::if_equal: {
      const std::size_t first = skip_blanks(frame.text, frame.at), second = skip_blanks(frame.text, first + 1);
      if (second >= frame.text.size() || frame.text[first] == '\\') return test(frame, begin, std::nullopt);
      const bool is_equal = frame.text[first] == frame.text[second];
      if (frame.text[second] != '\\') frame.at = second + 1;
      return test(frame, begin, is_equal);
    }
    case Command::if_other:
      return test(frame, begin, std::nullopt);
    case Command::else_or_fi:
      return else_or_fi(frame, name);
    case Command::prefix: {
      const std::size_t next = skip_blanks(frame.text, frame.at);
      const std::size_t end =
          next < frame.text.size() && frame.text[next] == '\\' ? name_end(frame.text, next + 1, frame.at_letter) : next;
      if (end > next && is_defining(frame.text.substr(next + 1, end - next - 1))) {
        frame.at = next;
        return;
      }
      return write_word(name);
    }
    case Command::ensuremath: {
      const std::size_t before = frame.at;
      const auto value = group_argument(frame);
      if (!value || value->find('$') != kNone || !spend(value->size())) {
        frame.at = before;
        return write_word(name);
      }
      if (!in_math()) return push_text('$' + *value + '$', frame);
      if (!is_ascii_letter(value->empty() ? ' ' : (*value)[0]) || !ends_with_control_word(out_)) return push_text(*value, frame);
      out_ += ' ';
      return push_text(*value, frame);
    }
    case Command::xspace:
      return;
    case Command::textcolor: {
      const auto end =
          failed_groups_ < kMaxFailedSearches ? skip_arguments(frame.text, frame.at, "om", frame.at_letter) : std::nullopt;
      if (!end) ++failed_groups_;
      if (!end || skip_blanks(frame.text, *end) >= frame.text.size() || frame.text[skip_blanks(frame.text, *end)] != '{')
        return write_word(name);
      frame.at = skip_blanks(frame.text, *end);
      const auto value = group_argument(frame);
      if (value && spend(value->size())) return push_text(*value, frame);
      frame.at = begin + 1 + name.size();
      return write_word(name);
    }
    case Command::conditional_argument:
      return conditional_argument(frame, begin, name);
    case Command::text_in_math:
      write_word(name);
      if (tracks_math_ && frame.at < frame.text.size() && frame.text[frame.at] == '{' && in_math()) {
        texts_in_math_.push_back({braces_, math_});
        math_ = Math::none;
      }
      return;
  }
}

void Expander::drop_arguments(Frame& frame, std::size_t begin, std::string_view signature) {
  if (const auto end =
          failed_groups_ < kMaxFailedSearches ? skip_arguments(frame.text, frame.at, signature, frame.at_letter) : std::nullopt) {
    frame.at = *end;
    const bool begins_group = !out_.empty() && out_.back() == '{';  // {\color{red} text}
    if (begins_group && frame.at < frame.text.size() && frame.text[frame.at] == ' ') ++frame.at;
    return end_line_if_blank(frame);
  }
  ++failed_groups_;
  out_.append(frame.text, begin, frame.at - begin);
}

std::optional<std::string> Expander::group_argument(Frame& frame) {
  const std::size_t begin = skip_blanks(frame.text, frame.at);
  if (begin >= frame.text.size() || failed_groups_ >= kMaxFailedSearches) return std::nullopt;
  if (frame.text[begin] == '\\') {
    frame.at = std::min(std::max(name_end(frame.text, begin + 1, frame.at_letter), begin + 2), frame.text.size());
    return std::string(frame.text.substr(begin, frame.at - begin));
  }
  if (frame.text[begin] != '{') return std::nullopt;
  const auto end = group_end(frame.text, begin, kLongestGroup);
  if (!end) return ++failed_groups_, std::nullopt;
  frame.at = *end;
  return std::string(frame.text.substr(begin + 1, *end - begin - 2));
}

void Expander::define(Frame& frame, std::string_view name) {
  std::size_t end = 0;
  const auto definition =
      failed_groups_ < kMaxFailedSearches ? read_definition(frame.text, frame.at, name, frame.at_letter, &end) : std::nullopt;
  if (!definition) {
    ++failed_groups_;
    return write_word(name);
  }
  if (!spend(end - frame.at)) return write_word(name);
  frame.at = end;
  if (definition->is_expanded && !definition->macro.is_exotic && definition->macro.parameters.empty()) {
    Definition now = *definition;
    now.macro.body = expand_apart(definition->macro.body, frame);
    install(now);
  } else {
    install(*definition);
  }
  end_line_if_blank(frame);
}

void Expander::install(const Definition& definition) {
  const std::string& name = definition.name;
  const bool is_environment = definition.what == Definition::What::comment_environment ||
                              definition.what == Definition::What::expanding_environment ||
                              definition.what == Definition::What::verbatim_environment;
  if (is_environment) {
    environments_.set(name, Environment{definition.macro, definition.end, definition.what});
    return;
  }
  if (definition.what == Definition::What::flag) {
    bool* flag = &flags_.emplace_back(false);
    const auto flag_macro = [&](Macro::Kind kind, bool value) {
      Macro macro;
      macro.kind = kind, macro.flag = flag, macro.value = value;
      return macro;
    };
    macros_.set("if" + name, flag_macro(Macro::Kind::test_flag, false));
    macros_.set(name + "true", flag_macro(Macro::Kind::set_flag, true));
    macros_.set(name + "false", flag_macro(Macro::Kind::set_flag, false));
    return;
  }
  const bool is_command = commands().find(name) != nullptr;  // LaTeX's own stay what they are
  if (definition.what == Definition::What::nothing || is_command || !is_ascii_letter(name[0])) {
    if (!(name.size() > 1 && name[0] == '@') || is_command) return;
  }
  Macro* known = macros_.find(name);
  if (definition.is_provided && known != nullptr) return;
  if (definition.what == Definition::What::let && !definition.target.empty()) {
    if (definition.target == "undefined") return macros_.forget(name);
    if (const Macro* target = macros_.find(definition.target)) {
      Macro copy = *target;
      copy.active = 0;
      macros_.set(name, std::move(copy));
      return;
    }
    Macro alias;
    alias.kind = Macro::Kind::alias;
    alias.body = definition.target;
    alias.is_exotic = definition.target.find('@') != kNone;
    if (definition.target == "relax") alias = {};
    macros_.set(name, std::move(alias));
    return;
  }
  if (known != nullptr && known->body == "\\" + name) return;
  // \lim newly defined as \operatorname{lim}: the name says it better.
  if (definition.macro.body == "\\operatorname{" + name + "}" || definition.macro.body == "\\operatorname*{" + name + "}") {
    static const std::unordered_set<std::string_view> standard = {"lim", "det", "dim", "ker", "hom", "deg",    "gcd",
                                                                  "inf", "sup", "max", "min", "arg", "exp",    "log",
                                                                  "ln",  "sin", "cos", "tan", "Pr",  "limsup", "liminf"};
    if (standard.contains(name)) return macros_.forget(name);
  }
  macros_.set(name, definition.macro);
}

void Expander::copy_until(Frame& frame, std::size_t begin, std::size_t end) {
  out_.append(frame.text, begin, end - begin);
  frame.at = end;
}

/// \verb|..| and its kin, PARI's programs, Sweave's chunks: copied, if they end.
bool Expander::copy_verbatim(Frame& frame, std::size_t begin) {
  const std::string_view text = frame.text;
  if (text[begin] == '<') {  // <<options>>= ... @, only at the beginning of a line
    if (!text.substr(begin).starts_with("<<") || (begin > 0 && text[begin - 1] != '\n')) return false;
    const std::size_t head = line_end(text, begin);
    if (text.substr(begin, head - begin).find(">>=") == kNone) return false;
    for (std::size_t line = head; line < text.size(); line = line_end(text, line + 1))
      if (line + 1 < text.size() && text[line + 1] == '@') return copy_until(frame, begin, line + 1), true;
    return copy_until(frame, begin, text.size()), true;
  }
  if (text.compare(begin, 6, "\\bprog") == 0) {
    if (failed_verbatim_ >= kMaxFailedSearches) return false;
    const std::size_t close = std::min(text.find("@eprog", begin), text.find("\\eprog", begin));
    if (close == kNone) return ++failed_verbatim_, false;
    return copy_until(frame, begin, close + 6), true;
  }
  std::size_t at = frame.at;
  if (at < text.size() && text[at] == '*') ++at;
  if (text.compare(begin, 5, "\\verb") != 0) {
    if (const auto end = skip_arguments(text, at, "o", false)) at = *end;
    if (text.compare(begin, 5, "\\mint") == 0)
      if (const auto end = skip_arguments(text, at, "m", false)) at = *end;
  }
  if (at >= text.size() || is_ascii_letter(text[at]) || is_ascii_space(text[at])) return false;
  const char mark = text[at] == '{' ? '}' : text[at];
  constexpr std::size_t kLongest = 1000;
  const std::string_view rest = text.substr(at + 1, kLongest);
  const std::size_t close = rest.find(mark);
  if (close == kNone || rest.find('\n') < close) return false;
  return copy_until(frame, begin, at + close + 2), true;
}

void Expander::begin_environment(Frame& frame, std::size_t begin) {
  const std::string_view text = frame.text;
  const std::size_t open = skip_blanks(text, frame.at);
  constexpr std::size_t kLongestName = 80;
  const std::size_t close =
      open < text.size() && text[open] == '{' ? text.substr(0, std::min(text.size(), open + kLongestName)).find('}', open) : kNone;
  if (close == kNone) return write_word("begin");
  const std::string name(trim(text.substr(open + 1, close - open - 1)));
  const Environment* own = environments_.find(name);
  const bool is_comment = is_unprinted(name) || (own != nullptr && own->what == Definition::What::comment_environment);
  if (is_comment || is_verbatim(name) || (own != nullptr && own->what == Definition::What::verbatim_environment)) {
    int& failed = is_comment ? failed_comments_ : failed_verbatim_;
    const std::string mark = "\\end{" + name + "}";
    const std::size_t end = failed < kMaxFailedSearches ? text.find(mark, close) : kNone;
    if (end == kNone) {
      ++failed;
      return copy_until(frame, begin, close + 1);
    }
    if (!is_comment) return copy_until(frame, begin, end + mark.size());
    frame.at = end + mark.size();
    return end_line_if_blank(frame);
  }
  if (name == "document") {
    frame.at = close + 1;
    return begin_document(frame);
  }
  if (is_bibliography(name)) {
    frame.at = close + 1;
    if (options_.keep_appendix && start_ != kNone) {
      const std::string mark = "\\end{" + name + "}";
      const std::size_t end = failed_comments_ < kMaxFailedSearches ? text.find(mark, close) : kNone;
      if (end != kNone) {
        frame.at = end + mark.size();
        return end_line_if_blank(frame);
      }
      ++failed_comments_;
    }
    if (!end_of_text(frame, begin)) out_.append(text, begin, close + 1 - begin);
    return;
  }
  if (name == "abstract" && start_ == kNone) start_ = out_.size();
  if (tracks_math_ && is_formula(name)) {
    math_ = Math::other;
    texts_in_math_.clear();
    math_begin_ = out_.size();
  }
  if (own != nullptr && own->what == Definition::What::expanding_environment && depth_ < kMaxDepth &&
      own->begin.active < kMaxActive) {
    frame.at = close + 1;
    std::vector<std::string> arguments;
    std::string value;
    Macro& macro = environments_.find(name)->begin;
    if (read_parameters(macro, arguments)) {
      put_arguments(macro.body, arguments, value);
      if (write_value(macro, value, true, name.size() + 8)) return;
    }
    frame.at = close + 1;
  }
  copy_until(frame, begin, close + 1);
}

void Expander::end_environment(Frame& frame, std::size_t begin) {
  const std::string_view text = frame.text;
  const std::size_t open = skip_blanks(text, frame.at);
  constexpr std::size_t kLongestName = 80;
  const std::size_t close =
      open < text.size() && text[open] == '{' ? text.substr(0, std::min(text.size(), open + kLongestName)).find('}', open) : kNone;
  if (close == kNone) return write_word("end");
  const std::string name(trim(text.substr(open + 1, close - open - 1)));
  if (name == "document") {
    std::size_t file = depth_ - 1;
    while (file > base_ && !frames_[file]->is_file) --file;
    if (frames_[file]->is_standalone)
      frame.at = frames_[file]->at = frames_[file]->text.size();
    else
      is_over_ = true;
    return;
  }
  if (tracks_math_ && is_formula(name)) math_ = Math::none;
  Environment* own = environments_.find(name);
  if (own != nullptr && own->what == Definition::What::expanding_environment && depth_ < kMaxDepth) {
    frame.at = close + 1;
    if (write_value(own->begin, own->end, true, name.size() + 6)) return;
  }
  copy_until(frame, begin, close + 1);
}

void Expander::begin_document(Frame& frame) {
  std::size_t file = depth_ - 1;
  while (file > 0 && !frames_[file]->is_file) --file;
  if (in_body_) {  // a file that could stand alone: its preamble has been carried out and goes
    if (frames_[file]->is_standalone && frames_[file]->output_begin <= out_.size()) out_.resize(frames_[file]->output_begin);
    return end_line_if_blank(frame);
  }
  in_body_ = true;
  out_.clear();
  for (std::size_t i = 0; i < depth_; ++i) frames_[i]->output_begin = 0;
  start_ = after_title_ = soft_end_ = kNone;
  math_ = Math::none;
  texts_in_math_.clear();
  braces_ = 0;
  end_line_if_blank(frame);
}

void Expander::heading(Frame& frame) {
  math_ = Math::none;
  texts_in_math_.clear();
  const char next = frame.at < frame.text.size() ? frame.text[frame.at] : ' ';
  if (start_ == kNone && next != '}' && next != ']' && next != ',') start_ = out_.size();
}

/// An appendix or bibliography. Where no heading came yet the text may still begin: then the place is noted, unless a letter's
/// worth of text lies behind us.
bool Expander::end_of_text(Frame&, std::size_t) {
  constexpr std::size_t kLetter = 2000;
  if (start_ == kNone) {
    if (soft_end_ == kNone) soft_end_ = out_.size();
    const std::size_t begin = after_title_ != kNone ? after_title_ : in_body_ ? 0 : kNone;
    if (begin == kNone || out_.size() - begin < kLetter) return false;
  }
  is_over_ = true;
  return true;
}

void Expander::test(Frame& frame, std::size_t begin, std::optional<bool> value) {
  const bool is_decided = value.has_value();
  if (!is_decided) {
    out_.append(frame.text, begin, frame.at - begin);
    tests_.push_back(false);
    return;
  }
  if (*value) {
    tests_.push_back(true);
    return end_line_if_blank(frame);
  }
  if (!skip_branch(frame, true)) return;  // never closed: the text goes on
  end_line_if_blank(frame);
}

/// To behind the \fi (or \else) of the branch we stand in; false if the text has none.
bool Expander::skip_branch(Frame& frame, bool stop_at_else) {
  static const ByteSet kMarks = byte_set("\\%");
  if (failed_branches_ >= kMaxFailedSearches) return false;
  const std::string_view text = frame.text;
  int depth = 0;
  for (std::size_t at = frame.at; (at = find_byte(text, at, kMarks)) < text.size();) {
    if (text[at] == '%') {
      at = line_end(text, at);
      continue;
    }
    const std::size_t end = name_end(text, at + 1, frame.at_letter);
    const std::string_view word = text.substr(at + 1, end - at - 1);
    at = std::max(end, at + 2);
    if (word == "fi" && depth-- == 0) {
      frame.at = at;
      return true;
    }
    if (word == "else" && depth == 0 && stop_at_else) {
      frame.at = at;
      tests_.push_back(true);
      return true;
    }
    if (word.starts_with("if")) {
      const Macro* macro = macros_.find(word);
      depth += macro != nullptr ? macro->kind == Macro::Kind::test_flag : opens_branch(word);
    }
  }
  ++failed_branches_;
  return false;
}

void Expander::else_or_fi(Frame& frame, std::string_view name) {
  if (tests_.empty()) return write_word(name);
  if (!tests_.back()) {
    if (name == "fi") tests_.pop_back();
    return write_word(name);
  }
  tests_.pop_back();
  if (name == "else") skip_branch(frame, false);
  end_line_if_blank(frame);
}

/// xparse's tests of what an argument was.
void Expander::conditional_argument(Frame& frame, std::size_t begin, std::string_view name) {
  const bool asks_value = name.find("Value") != kNone;
  const std::size_t after = frame.at;
  const auto give_up = [&] {
    frame.at = after;
    out_.append(frame.text, begin, after - begin);
  };
  const auto argument = group_argument(frame);
  if (!argument) return give_up();
  bool holds = asks_value ? *argument != "-NoValue-" : *argument == "\\BooleanTrue";
  if (name.find("NoValue") != kNone) holds = !holds;
  std::string chosen;
  for (const char branch : name.substr(name.find_last_not_of("TF") + 1)) {
    const auto text = group_argument(frame);
    if (!text) return give_up();
    if ((branch == 'T') == holds) chosen = *text;
  }
  if (!spend(chosen.size())) return give_up();
  push_text(chosen, frame);
}

/// \title{..} is kept apart; so is an \abstract{..} of the preamble, as some classes want it.
void Expander::take_title(Frame& frame, std::string_view name) {
  const bool is_title = name == "title";
  std::size_t at = skip_blanks(frame.text, frame.at);
  if (!is_title && in_body_) {
    if (start_ == kNone) start_ = out_.size();
    return write_word(name);
  }
  if (is_title)
    if (const auto end = skip_arguments(frame.text, at, "so", frame.at_letter)) at = skip_blanks(frame.text, *end);
  const auto end = at < frame.text.size() && frame.text[at] == '{' && failed_groups_ < kMaxFailedSearches
                       ? group_end(frame.text, at, kLongestGroup)
                       : std::nullopt;
  if (!end || !spend(*end - at)) {
    ++failed_groups_;
    if (!is_title && start_ == kNone) start_ = out_.size();
    return write_word(name);
  }
  const std::string_view value = frame.text.substr(at + 1, *end - at - 2);
  frame.at = *end;
  std::string text = depth_ < kMaxDepth ? expand_apart(value, frame) : std::string(value);
  (is_title ? body_.title : body_.abstract) = std::move(text);
  end_line_if_blank(frame);
}

bool Expander::include_file(std::string_view name, std::string_view folder, std::string_view extension, bool must_exist) {
  if (by_lower_name_.empty())
    for (const auto& file : *files_) by_lower_name_.emplace(ascii_lower(file.first), &file);
  const auto note = [&](std::vector<std::string>& list) {
    if (must_exist && list.size() < kMaxListed) list.emplace_back(name.substr(0, kLongestGroup / 256));
    return false;
  };
  // Where TeX looks (the main file's folder), what \import said, the file's own folder; with the extension first.
  std::size_t current = depth_ - 1;
  while (current > 0 && !frames_[current]->is_file) --current;
  const std::string own = folder_of(frames_[current]->path);
  const LatexFiles::value_type* found = nullptr;
  for (const std::string& place : {std::string(folder), root_folder_, import_folder_, own}) {
    for (const std::string& candidate : {std::string(name) + std::string(extension), std::string(name)}) {
      const auto path = join_path(place, candidate);
      if (!path || found != nullptr) continue;
      if (const auto exact = files_->find(*path); exact != files_->end()) found = &*exact;
    }
    for (const std::string& candidate : {std::string(name) + std::string(extension), std::string(name)}) {
      const auto path = join_path(place, candidate);
      if (!path || found != nullptr) continue;
      if (const auto like = by_lower_name_.find(ascii_lower(*path)); like != by_lower_name_.end()) found = like->second;
    }
  }
  if (found == nullptr) return note(body_.missing);
  for (std::size_t i = 0; i < depth_; ++i)
    if (frames_[i]->is_file && frames_[i]->path == found->first) return note(body_.repeated);
  if (depth_ >= kMaxDepth || is_drawing(found->first) || !grow(found->second.size(), 0)) return note(body_.missing);
  if (!must_exist) return true;
  push_file(found->first, found->second, extension == ".sty");
  return true;
}

void Expander::push_file(const std::string& path, const std::string& text, bool at_letter) {
  Frame& frame = push();
  frame.text = text;
  frame.path = path;
  frame.is_file = true;
  frame.at_letter = at_letter;
}

void Expander::include(Frame& frame, std::size_t begin, std::string_view name) {
  const std::size_t after = frame.at;
  const auto leave = [&] {
    frame.at = after;
    out_.append(frame.text, begin, after - begin);
  };
  if (files_ == nullptr) return leave();
  const bool has_folder = name.find("import") != kNone || name.ends_with("from");
  const bool has_branches = name == "InputIfFileExists" || name == "IfFileExists";
  std::string folder, file;
  const std::size_t at = skip_blanks(frame.text, frame.at);
  if (at < frame.text.size() && frame.text[at] != '{' && name == "input") {  // plain TeX: up to a blank
    std::size_t end = at;
    while (end < frame.text.size() && !is_ascii_space(frame.text[end]) && frame.text[end] != '\\' && frame.text[end] != '}' &&
           frame.text[end] != '%')
      ++end;
    if (end == at) return leave();
    file = frame.text.substr(at, end - at);
    frame.at = end;
  } else {
    if (frame.at < frame.text.size() && frame.text[frame.at] == '*') ++frame.at;
    if (has_folder) {
      const auto given = group_argument(frame);
      if (!given) return leave();
      folder = *given;
      if (!folder.empty() && !folder.ends_with('/')) folder += '/';
    }
    const auto given = group_argument(frame);
    if (!given) return leave();
    file = *given;
  }
  if (file.find('\\') != kNone && depth_ < kMaxDepth) file = expand_apart(file, frame);
  std::string_view plain = trim(file);
  if (plain.size() > 1 && plain.front() == '"' && plain.back() == '"') plain = plain.substr(1, plain.size() - 2);
  file = plain;
  if (name.starts_with("sub") && has_folder) {
    std::size_t current = depth_ - 1;
    while (current > 0 && !frames_[current]->is_file) --current;
    folder = folder_of(frames_[current]->path) + folder;
  }
  if (has_branches) {
    const auto then = group_argument(frame), otherwise = group_argument(frame);
    if (!then || !otherwise) return leave();
    const bool exists = include_file(file, folder, ".tex", false);
    if (const std::string& chosen = exists ? *then : *otherwise; spend(chosen.size()) && depth_ < kMaxDepth)
      push_text(chosen, frame);
    if (exists && name == "InputIfFileExists") include_file(file, folder, ".tex", true);
    return;
  }
  if (has_folder && !folder.empty()) import_folder_ = folder;
  end_line_if_blank(frame);
  include_file(file, folder, ".tex", true);
}

void Expander::use_packages(Frame& frame) {
  const std::size_t begin = frame.at;
  if (const auto options = skip_arguments(frame.text, frame.at, "o", frame.at_letter)) frame.at = *options;
  const auto names = group_argument(frame);
  if (!names) {
    frame.at = begin;
    return write_word("usepackage");
  }
  if (const auto end = skip_arguments(frame.text, frame.at, "o", frame.at_letter)) frame.at = *end;
  end_line_if_blank(frame);
  if (files_ == nullptr) return;
  std::vector<std::string> own;
  for (std::size_t at = 0; at <= names->size();) {
    const std::size_t end = std::min(names->find(',', at), names->size());
    const std::string name(trim(std::string_view(*names).substr(at, end - at)));
    at = end + 1;
    for (const std::string& place : {root_folder_, std::string()})
      if (const auto file = files_->find(place + name + ".sty"); file != files_->end() && is_own_package(file->second)) {
        own.push_back(name);
        break;
      }
  }
  for (std::size_t i = own.size(); i-- > 0;) include_file(own[i], root_folder_, ".sty", true);  // the first is read first
}

}  // namespace corollary::latex
