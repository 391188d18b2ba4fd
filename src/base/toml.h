#pragma once
#include <filesystem>

#include "base/json.h"

namespace corollary {

/// A TOML file as JSON (tables to objects in the order of their keys, dates to strings). Error names file, line and column.
Json read_toml_file(const std::filesystem::path& path);

}  // namespace corollary
