#include "base/error.h"
#include "base/log.h"
#include "corpus/sources/source.h"

namespace corollary {
namespace {

/// "deb:NAME", "hf://..." and such are no paths.
bool names_a_path(const std::string& uri) {
  const auto colon = uri.find(':'), slash = uri.find('/');
  return colon == std::string::npos || slash < colon;
}

std::string resolved(const std::string& path, const fs::path& folder) {
  return fs::path(path).is_relative() ? fs::absolute(folder / path).lexically_normal().string() : path;
}

}  // namespace

std::vector<SourceConfig> select_sources(std::vector<SourceConfig> sources, const fs::path& recipe_folder) {
  std::vector<SourceConfig> selected;
  int replaced = 0, absent = 0;
  for (SourceConfig& source : sources) {
    if (!source.unless.empty() && fs::exists(resolved(source.unless, recipe_folder))) {
      ++replaced;
      continue;
    }
    if (names_a_path(source.uri)) {
      source.uri = resolved(source.uri, recipe_folder);
      if (source.optional && !fs::exists(source.uri)) {
        ++absent;
        continue;
      }
    }
    source.unless.clear();  // decided: where the recipe lies must not matter to what comes after
    source.optional = false;
    selected.push_back(std::move(source));
  }
  if (replaced > 0) log_info("{} sources are left out: what stands for them is here", replaced);
  if (absent > 0) log_info("{} optional sources are left out: they are not here", absent);
  check(!selected.empty() || sources.empty(), "no source of the recipe in ", recipe_folder.string(), " is here");
  return selected;
}

}  // namespace corollary
