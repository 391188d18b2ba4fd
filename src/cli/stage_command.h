#pragma once
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "base/manifest.h"

namespace corollary {

// What the subcommands that run one stage of a recipe have in common.

/// One table of a recipe.toml, given by its folder or itself; null if the recipe has none of that name.
Json recipe_table(const fs::path& recipe, const std::string& name);

/// What became of a stage: counts as JSON on stdout if asked for, else a line in the log.
void say_stage_result(const StageResult& result, const fs::path& out, bool as_json);

}  // namespace corollary
