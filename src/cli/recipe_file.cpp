#include "cli/recipe_file.h"

#include <charconv>

#include "base/error.h"
#include "base/toml.h"

namespace corollary {

fs::path find_recipe_file(const fs::path& recipe) {
  if (fs::is_directory(recipe)) {
    check(fs::is_regular_file(recipe / "recipe.toml"), "no recipe.toml in ", recipe.string(),
          ": give a folder that holds one, or the file");
    return recipe / "recipe.toml";
  }
  check(fs::exists(recipe), "no recipe at ", recipe.string(), ": give a folder that holds recipe.toml, or the file");
  return recipe;
}

void apply_setting(Json& recipe, const std::string& setting) {
  const std::size_t equals = setting.find('=');
  check(equals != std::string::npos && equals > 0, "--set ", setting, ": write it as table.field=value");
  const std::string key = setting.substr(0, equals), text = setting.substr(equals + 1);
  Json* at = &recipe;
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t end = std::min(key.find('.', begin), key.size());
    const std::string part = key.substr(begin, end - begin);
    check(!part.empty(), "--set ", setting, ": an empty name in ", key);
    begin = end + 1;
    if (at->is_array()) {
      std::size_t index = 0;
      const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), index);
      check(error == std::errc() && stop == part.data() + part.size() && index < at->size(), "--set ", setting, ": ", part,
            " is no index of a list of ", at->size());
      at = &(*at)[index];
    } else {
      if (at->is_null()) *at = Json::object();
      check(at->is_object(), "--set ", setting, ": what stands before ", part, " is a value, not a table");
      at = &(*at)[part];
    }
  }
  try {
    *at = parse_json(text, "--set");
  } catch (const Error&) {
    *at = text;
  }
}

Json read_recipe_file(const fs::path& file, const std::vector<std::string>& settings) {
  Json recipe = read_toml_file(file);
  for (const std::string& setting : settings) apply_setting(recipe, setting);
  return recipe;
}

}  // namespace corollary
