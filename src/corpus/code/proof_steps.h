#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/code/theorem_decontamination.h"
#include "corpus/document.h"

namespace corollary {

struct ProofStepOptions {
  /// Lean: the tool's output as it is. Isabelle: upstream's reading of groups, its keys {proof, metadata} (proof_step_row).
  bool as_published = false;
  /// Isabelle: the layout of upstream's later branch: states as comments, the theorems of a theory in one document.
  bool execution_layout = false;
  /// Called on each document's text for meta's token count ("llama_tokens", "tokens"); empty: no such field.
  std::function<std::int64_t(std::string_view)> count_tokens = {};
};

struct ProofStepDocuments {
  std::vector<Document> documents;
  std::optional<Rejection> rejection;  ///< of the input as a whole: malformed_json, invalid_utf8, no_proof_steps
  std::int64_t theorems = 0;           ///< Isabelle: begun by an empty state
  std::int64_t steps = 0;              ///< in the documents
  std::int64_t malformed = 0;          ///< Lean: steps without goal or tactic; Isabelle: items that are no [state, step]
  std::int64_t other_commands = 0;     ///< Isabelle: begun by neither "lemma " nor "theorem "
  std::int64_t contaminated = 0;       ///< Isabelle: left out for a test theorem
  std::vector<std::string> hits;       ///< the tests' names or statements, one for each of `contaminated`
};

/// What `lake exe training_data NAME --proofstep` of lean-training-data printed for one file of Mathlib: for each tactic a line
/// "[GOAL]", the goals, a line "[PROOFSTEP]", the tactic. One document, meta {mathlib_filename}. Lines before the first goal (a
/// build's messages), goals without a tactic and tactics without text are left out and counted; line ends become "\n".
ProofStepDocuments lean_proof_steps(std::string_view output, const std::string& mathlib_filename,
                                    const ProofStepOptions& options = {});

/// "Mathlib.Algebra.Group.Basic" of "Mathlib/Algebra/Group/Basic.lean".
std::string lean_module_name(std::string_view path);

/// A file of PISA's extraction, JSON {"translations": [[state, step, ...], ...]}: a theorem begins where the state is empty, and
/// one that begins with "lemma " or "theorem " becomes a document
///   [STATEMENT]\n statement {\n[PROOF STATE]\n state \n[PROOF STEP]\n step}
/// with meta {file, length: number of steps}. `path` gives "file" (isabelle_file_name). Theorems in which `tests` has a hit are
/// left out.
ProofStepDocuments isabelle_proof_steps(std::string_view json, std::string_view path, const TheoremDecontaminator* tests = nullptr,
                                        const ProofStepOptions& options = {});

/// The name in ".../2022-12-06_thys_NAME.thy_output.json"; with execution_layout "THEORY/FILE.thy" of
/// "..thys_THEORY_FILE_ground.."; for other names the file's name.
std::string isabelle_file_name(std::string_view path, bool execution_layout);

/// A document as upstream's script writes it: {"proof": text, "metadata": {file, length}}.
Json published_proof_step_row(const Document& document);

}  // namespace corollary
