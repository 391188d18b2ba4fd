#include "corpus/code/language_evidence.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "corpus/text.h"

namespace corollary {
namespace {

using Evidence = std::optional<Rejection>;
constexpr std::size_t kNone = std::string_view::npos;

Evidence says(std::size_t offset, std::string detail) {
  return Rejection{"not_the_language", static_cast<std::int64_t>(offset), std::move(detail)};
}

/// Languages that may pass for one another: C headers are labelled C++ by half of their editors.
std::string_view family(std::string_view language) {
  if (language == "cpp") return "c";
  return language;
}

struct Name {
  std::string_view name, language;
};

/// Interpreters, by the start of their name: "python3.11" is "python".
constexpr Name kInterpreters[] = {
    {"python", "python"},  {"ipython", "python"}, {"pypy", "python"},     {"sage", "python"},
    {"Rscript", "r"},      {"littler", "r"},      {"julia", "julia"},     {"runhaskell", "haskell"},
    {"runghc", "haskell"}, {"stack", "haskell"},  {"cabal", "haskell"},   {"gap", "gap"},
    {"maple", "maple"},    {"octave", "matlab"},  {"lean", "lean"},       {"bash", "shell"},
    {"sh", "shell"},       {"zsh", "shell"},      {"dash", "shell"},      {"ksh", "shell"},
    {"perl", "perl"},      {"ruby", "ruby"},      {"node", "javascript"}, {"php", "php"},
    {"tclsh", "tcl"},      {"wish", "tcl"},       {"swipl", "prolog"},    {"make", "make"},
    {"awk", "awk"},        {"gawk", "awk"},       {"lua", "lua"},         {"ocaml", "ocaml"},
    {"guile", "scheme"},   {"racket", "scheme"},  {"gnuplot", "gnuplot"}, {"wolframscript", "mathematica"}};

/// Modes of Emacs and file types of Vim that mean another language, or one of ours.
constexpr Name kModes[] = {{"agda", "agda"},
                           {"agda2", "agda"},
                           {"c", "c"},
                           {"c++", "c"},
                           {"cpp", "c"},
                           {"coq", "coq"},
                           {"fortran", "fortran"},
                           {"f90", "fortran"},
                           {"gap", "gap"},
                           {"haskell", "haskell"},
                           {"idris", "idris"},
                           {"isabelle", "isabelle"},
                           {"isar", "isabelle"},
                           {"julia", "julia"},
                           {"lean", "lean"},
                           {"maple", "maple"},
                           {"matlab", "matlab"},
                           {"octave", "matlab"},
                           {"python", "python"},
                           {"r", "r"},
                           {"ess", "r"},
                           {"tex", "tex"},
                           {"latex", "tex"},
                           {"plain-tex", "tex"},
                           {"verilog", "verilog"},
                           {"systemverilog", "verilog"},
                           {"vhdl", "vhdl"},
                           {"objc", "objective-c"},
                           {"objective-c", "objective-c"},
                           {"mercury", "mercury"},
                           {"prolog", "prolog"},
                           {"perl", "perl"},
                           {"cperl", "perl"},
                           {"mathematica", "mathematica"},
                           {"forth", "forth"},
                           {"antlr", "antlr"},
                           {"javascript", "javascript"},
                           {"js", "javascript"},
                           {"json", "json"},
                           {"xml", "xml"},
                           {"html", "xml"},
                           {"nxml", "xml"},
                           {"sh", "shell"},
                           {"shell-script", "shell"},
                           {"ruby", "ruby"},
                           {"lisp", "lisp"},
                           {"scheme", "scheme"},
                           {"java", "java"}};

bool is_word(char c) { return is_ascii_letter(c) || is_ascii_digit(c) || c == '_'; }
bool is_mode_letter(char c) { return is_word(c) || c == '+' || c == '-'; }

Evidence against(std::string_view language, std::string_view said, std::size_t offset, std::string_view how) {
  if (said.empty() || family(said) == family(language)) return std::nullopt;
  return says(offset, std::string(how) + " says " + std::string(said));
}

/// "#!/usr/bin/env -S python3 -u": the last part of the first path, or of the argument of env.
Evidence of_interpreter(const std::string& language, std::string_view text) {
  if (!text.starts_with("#!")) return std::nullopt;
  std::string_view line = text.substr(2, std::min<std::size_t>(text.find('\n'), 200));
  std::string_view program;
  for (;;) {
    const std::size_t begin = std::min(line.find_first_not_of(" \t\r\n"), line.size());
    line.remove_prefix(begin);
    if (line.empty()) break;
    const std::size_t end = std::min(line.find_first_of(" \t\r\n"), line.size());
    program = line.substr(0, end);
    line.remove_prefix(end);
    program = program.substr(program.rfind('/') == kNone ? 0 : program.rfind('/') + 1);
    if (program != "env" && !program.starts_with('-') && program.find('=') == kNone) break;
  }
  for (const Name& known : kInterpreters)
    if (program.starts_with(known.name) && (program.size() == known.name.size() || !is_ascii_letter(program[known.name.size()])))
      return against(language, known.language, 0, "the first line");
  return std::nullopt;
}

std::string_view language_of_mode(std::string_view mode) {
  const std::string lower = ascii_lower(mode);
  for (const Name& known : kModes)
    if (known.name == lower) return known.language;
  return {};
}

/// "-*- mode: verilog; tab-width: 2 -*-" or "-*- verilog -*-" in the first two lines, "vim: set ft=verilog" in the first or last
/// five.
Evidence of_mode_line(const std::string& language, std::string_view text) {
  std::size_t two_lines = std::min(text.find('\n'), text.size());
  two_lines = std::min({text.find('\n', std::min(two_lines + 1, text.size())), text.size(), std::size_t{1000}});
  const std::string_view head = text.substr(0, two_lines);
  const std::size_t begin = head.find("-*-"), end = begin == kNone ? kNone : head.find("-*-", begin + 3);
  if (end != kNone) {
    std::string_view inside = head.substr(begin + 3, end - begin - 3);
    if (inside.find(':') != kNone) {
      const std::string lower = ascii_lower(inside);
      const std::size_t mode = lower.find("mode:");
      inside = mode == kNone ? std::string_view() : inside.substr(mode + 5);
      inside = inside.substr(0, inside.find(';'));
    }
    if (auto evidence = against(language, language_of_mode(trim(inside)), begin, "the mode line")) return evidence;
  }
  constexpr std::size_t kEnds = 1000;
  for (const std::size_t from : {std::size_t{0}, text.size() > kEnds ? text.size() - kEnds : 0}) {
    const std::string_view part = text.substr(from, kEnds);
    const std::size_t vim = part.find("vim:");
    if (vim == kNone) continue;
    const std::string_view line = part.substr(vim, part.find('\n', vim) - vim);
    for (const std::string_view key : {"ft=", "filetype=", "syntax="}) {
      const std::size_t at = line.find(key);
      if (at == kNone) continue;
      std::size_t stop = at + key.size();
      while (stop < line.size() && is_mode_letter(line[stop])) ++stop;
      const std::string_view mode = line.substr(at + key.size(), stop - at - key.size());
      if (auto evidence = against(language, language_of_mode(mode), from + vim, "the mode line")) return evidence;
    }
  }
  return std::nullopt;
}

/// What starts like data: no language here begins with {" or [{ or a tag of XML.
Evidence of_data(std::string_view text) {
  std::string_view start = text.substr(0, 4096);
  if (start.starts_with("\xEF\xBB\xBF")) start.remove_prefix(3);
  while (!start.empty() && is_ascii_space(start.front())) start.remove_prefix(1);
  const auto after_blanks = [&](std::size_t at) {
    while (at < start.size() && is_ascii_space(start[at])) ++at;
    return at < start.size() ? start[at] : '\0';
  };
  if (start.starts_with('{') && after_blanks(1) == '"') {
    const std::size_t quote = start.find('"'), close = start.find('"', quote + 1);
    if (close != kNone && after_blanks(close + 1) == ':') return says(0, "JSON");
  }
  if (start.starts_with('[') && after_blanks(1) == '{') return says(0, "JSON");
  const std::string head = ascii_lower(start.substr(0, 16));
  for (const std::string_view tag : {"<?xml", "<!doctype", "<html", "<svg"})
    if (head.starts_with(tag)) return says(0, "XML");
  return std::nullopt;
}

/// Lines without the blanks before them, up to a limit; stops when visit returns false.
void each_line(std::string_view text, std::size_t max_bytes, auto&& visit) {
  text = text.substr(0, max_bytes);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    if (!line.empty() && !visit(line, static_cast<std::size_t>(line.data() - text.data()))) return;
    at = end + 1;
  }
}

/// Words that start a line in another language of the same extension.
struct Mark {
  std::string_view language;  ///< ours
  std::string_view starts;    ///< of a line
  std::string_view means;
};
constexpr Mark kMarks[] = {{"matlab", ":- module", "Mercury"},
                           {"matlab", ":- interface", "Mercury"},
                           {"matlab", ":- pred", "Mercury"},
                           {"matlab", "(* ::", "Mathematica"},
                           {"matlab", "BeginPackage[", "Mathematica"},
                           {"matlab", "Begin[\"", "Mathematica"},
                           {"matlab", "(* Content-type:", "Mathematica"},
                           {"matlab", "@protocol", "Objective-C"},
                           {"matlab", "@class ", "Objective-C"},
                           {"matlab", "end intrinsic", "Magma"},
                           {"matlab", "freeze;", "Magma"},
                           {"coq", "`timescale", "Verilog"},
                           {"coq", "`include", "Verilog"},
                           {"coq", "`define", "Verilog"},
                           {"coq", "fn main()", "V"},
                           {"gap", "grammar ", "ANTLR"},
                           {"gap", "parser grammar ", "ANTLR"},
                           {"gap", "lexer grammar ", "ANTLR"},
                           {"gap", "class_name ", "GDScript"},
                           {"gap", "func _", "GDScript"},
                           {"r", "REBOL [", "Rebol"},
                           {"r", "REBOL[", "Rebol"},
                           {"prolog", "use strict", "Perl"},
                           {"prolog", "#!/usr/bin/perl", "Perl"},
                           {"perl", ":- module(", "Prolog"},
                           {"perl", ":- use_module", "Prolog"}};

Evidence of_marks(const std::string& language, std::string_view text) {
  if (std::none_of(std::begin(kMarks), std::end(kMarks), [&](const Mark& mark) { return mark.language == language; }))
    return std::nullopt;
  Evidence found;
  each_line(text, std::size_t{1} << 16, [&](std::string_view line, std::size_t offset) {
    for (const Mark& mark : kMarks)
      if (mark.language == language && line.starts_with(mark.starts) && (mark.means != "ANTLR" || line.ends_with(';')))
        found = says(offset, std::string(mark.means));
    return !found;
  });
  return found;
}

/// Tool paths: most lines are G, M or T and a number.
Evidence of_gcode(std::string_view text) {
  std::int64_t lines = 0, codes = 0;
  each_line(text, 8192, [&](std::string_view line, std::size_t) {
    if (line.front() == ';' || line.front() == '(' || line.front() == '%') return true;
    ++lines;
    codes += line.size() > 1 && std::string_view("GMTN").find(line.front()) != kNone && is_ascii_digit(line[1]);
    return true;
  });
  if (lines >= 5 && codes > lines * 8 / 10) return says(0, "G-code");
  return std::nullopt;
}

/// Forth: words defined by ": name", and nothing that ends a unit of Fortran.
Evidence of_forth(std::string_view text) {
  std::int64_t definitions = 0;
  bool is_fortran = false;
  each_line(text, 16384, [&](std::string_view line, std::size_t) {
    definitions += line.starts_with(": ");
    const std::string lower = ascii_lower(line.substr(0, 16));
    for (const std::string_view word : {"end", "subroutine", "program", "function", "module", "call ", "integer", "real", "double"})
      is_fortran = is_fortran || lower.starts_with(word);
    return !is_fortran;
  });
  if (definitions >= 2 && !is_fortran) return says(0, "Forth");
  return std::nullopt;
}

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != kNone; at = text.find(word, at + 1)) {
    const std::size_t after = at + word.size();
    if ((at == 0 || !is_word(text[at - 1])) && (after >= text.size() || !is_word(text[after]))) return true;
  }
  return false;
}

}  // namespace

std::optional<Rejection> wrong_language(const std::string& language, std::string_view path, std::string_view text) {
  const bool is_known = language == "cpp" || std::any_of(std::begin(kModes), std::end(kModes),
                                                         [&](const Name& mode) { return mode.language == language; });
  if (!is_known) return std::nullopt;
  if (auto evidence = of_interpreter(language, text)) return evidence;
  if (auto evidence = of_mode_line(language, text)) return evidence;
  if (auto evidence = of_data(text)) return evidence;
  if (auto evidence = of_marks(language, text)) return evidence;
  if (language == "gap" && path.ends_with(".g")) return of_gcode(text);
  if (language == "fortran" && (path.ends_with(".f") || path.ends_with(".for"))) return of_forth(text);
  if (language == "isabelle" && !has_word(text, "theory")) return says(0, "no theory");
  if (language == "tex" && text.find('\\') == kNone) return says(0, "no command");
  return std::nullopt;
}

}  // namespace corollary
