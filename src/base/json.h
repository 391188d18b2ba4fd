#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace corollary {

using Json = nlohmann::ordered_json;  ///< keys keep their order: files diff well and digests are stable

/// Parses text; an Error names `where` (a file or a place in one) and the byte offset.
Json parse_json(std::string_view text, const std::string& where);
Json read_json_file(const std::filesystem::path& path);
/// Indented, newline at end, written under a temporary name, fsync, rename.
void write_json_file(const std::filesystem::path& path, const Json& json);

/// One line of JSON; invalid UTF-8 is replaced by U+FFFD instead of throwing.
std::string to_line(const Json& json);

}  // namespace corollary
