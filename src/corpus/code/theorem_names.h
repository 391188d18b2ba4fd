#pragma once
#include <string>
#include <string_view>

namespace corollary {

/// The head of an Isabelle theorem, "lemma (in monoid) foo [simp]: ...".
struct IsabelleHead {
  bool is_theorem = false;     ///< whether a command stands there
  std::string_view name = {};  ///< "" if the theorem has none
};
/// Reads the head of the theorem whose command begins at text[at].
IsabelleHead isabelle_head(std::string_view text, std::size_t at);

/// The name after the "theorem" or "lemma" of Lean that ends at text[at], without universes and "_root_."; "" if there is none.
std::string_view lean_name(std::string_view text, std::size_t at);

/// Text without white space.
std::string squeezed(std::string_view text);

/// Where the next blank line begins, at the newline that ends the line before it; text.size() if there is none.
std::size_t next_blank_line(std::string_view text, std::size_t at);

bool is_isabelle_letter(char c);  ///< of names and commands; bytes of other scripts count
bool is_lean_letter(char c);

}  // namespace corollary
