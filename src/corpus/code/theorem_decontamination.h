#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace corollary {

/// Theorems of test sets, which training texts must not hold.
struct TestTheorems {
  struct Lean {
    std::string file_path;  ///< inside its repository; "": looked for in every file
    std::string full_name;  ///< with its namespaces: "CategoryTheory.Iso.symm_inv"
  };
  std::vector<std::string> isabelle;  ///< statements from "lemma NAME:" on; or "lemma NAME:" alone
  std::vector<Lean> lean;
  std::int64_t unknown_records = 0;  ///< read, but of no shape known
};

/// Adds what a file, archive or folder holds. Read are, as JSON, JSON Lines (.gz, .zst) or tar archives and folders of such files:
///   PISA's universal_test_theorems        [[theory path, statement]], or {thy, statement}
///   LeanDojo's val.json and test.json     [{file_path, full_name, ...}]; of a folder of its kind only these two names
///   miniF2F                               {full_name, file_path: "MiniF2F/..."}: for every file; {name}: Isabelle and Lean alike
/// Throws Error naming the file if it cannot be read or is no JSON.
void add_test_theorems(const fs::path& path, TestTheorems& theorems);

/// Removes test theorems from sources. Immutable once made, so thread-safe; the time is linear in the text whatever the number of
/// theorems.
///
/// A theorem goes from its command up to, not including, the next blank line (or to the end), everywhere it occurs. Names are
/// compared as whole words: in Isabelle after lemma, theorem, corollary, proposition and schematic_goal, whatever the attributes
/// and the locale; theorems without a name by their statement, white space aside. In Lean after theorem and lemma, any trailing
/// part of the full name in a file whose path ends with the test's (below a dependency folder or not), attributes on the line too.
///
/// as_published: as AlgebraicStack's scripts do. Isabelle: the statement up to its first ':' as bytes, its first occurrence alone,
/// names in the order given (upstream's is that of a hash). Lean: of each file the last theorem alone, the last 1 to n-1
/// components of its name and a blank, the first hit for each of "theorem " and "lemma ".
class TheoremDecontaminator {
 public:
  struct Removal {
    std::string name;         ///< the test's
    std::int64_t offset = 0;  ///< byte in the text as it came
    std::int64_t bytes = 0;
  };
  struct Result {
    std::string text;
    std::vector<Removal> removed;  ///< by offset; empty: text is as it came
  };

  explicit TheoremDecontaminator(const TestTheorems& theorems, bool as_published = false);
  ~TheoremDecontaminator();
  TheoremDecontaminator(TheoremDecontaminator&&) noexcept;
  TheoremDecontaminator& operator=(TheoremDecontaminator&&) noexcept;

  Result isabelle(std::string_view text) const;
  Result lean(std::string_view text, std::string_view path) const;
  /// For Isabelle proof steps, of which the whole entry goes: the first test statement in the text (white space aside unless
  /// as_published), or by default the theorem's own name if a test has it.
  std::optional<std::string> isabelle_hit(std::string_view text) const;

 private:
  struct Names;
  std::unique_ptr<const Names> names_;
};

}  // namespace corollary
