#include "cli/stage_command.h"

#include <iostream>

#include "base/log.h"
#include "base/toml.h"
#include "cli/recipe_file.h"

namespace corollary {

Json recipe_table(const fs::path& recipe, const std::string& name) {
  const Json whole = read_toml_file(find_recipe_file(recipe));
  return whole.contains(name) ? whole[name] : Json();
}

void say_stage_result(const StageResult& result, const fs::path& out, bool as_json) {
  const Manifest& manifest = result.manifest;
  if (as_json)
    std::cout << Json{{"stage", manifest.stage},
                      {"up_to_date", result.was_up_to_date},
                      {"seconds", manifest.seconds},
                      {"counts", manifest.counts}}
                     .dump(2)
              << "\n";
  else if (result.was_up_to_date)
    log_info("{}: up to date, nothing to do in {}", manifest.stage, out.string());
  else
    log_info("{}: done in {}, see {}", manifest.stage, format_seconds(manifest.seconds), (out / "manifest.json").string());
}

}  // namespace corollary
