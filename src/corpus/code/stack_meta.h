#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/document.h"

namespace corollary {

/// Where a file of code is from, read from whichever columns its meta has: the Stack's (of its most starred copy, else the one with
/// most issues, else with most forks), AlgebraicStack's of GitHub (author, repo, sha, path), or ours (repo, path, commit, licence).
struct Provenance {
  std::string owner, repo;            ///< "leanprover-community", "mathlib"; "" if not known
  std::string path, commit, ext;      ///< ext without dot: the column, else of the path
  std::vector<std::string> licences;  ///< as they are spelt there
  std::int64_t stars = -1;            ///< -1: not known
};
Provenance provenance_of(const Json& meta);

/// A row of the Stack as a document: column "content" is the text, all others are the meta, as AlgebraicStack keeps them. nullopt
/// if there is no such string.
std::optional<Document> document_from_stack_row(Json row);

/// Drops what may not be used: reason "licence" unless the meta names licences and each matches one of `allowed` (case aside;
/// "BSD-*" matches as in a shell). An empty list allows all. detail names the licence that is not allowed, or "none".
std::optional<Rejection> judge_licence(const Json& meta, const std::vector<std::string>& allowed);

}  // namespace corollary
