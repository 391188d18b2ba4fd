#pragma once
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"

namespace corollary {

/// The recipe.toml that `recipe` means: a folder that holds one, or the file itself. Error names what was looked for.
fs::path find_recipe_file(const fs::path& recipe);

/// Sets one field: "train.train_iters=100", "mixture.0.weight=3", "name=x". The value is read as JSON, else taken as a string;
/// missing tables are made; an index must exist. Error names the setting. Whether the field exists is for the recipe to say.
void apply_setting(Json& recipe, const std::string& setting);

/// The file as JSON with all settings applied, in their order.
Json read_recipe_file(const fs::path& file, const std::vector<std::string>& settings);

}  // namespace corollary
