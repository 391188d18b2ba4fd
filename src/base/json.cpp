#include "base/json.h"

#include "base/error.h"
#include "base/files.h"

namespace corollary {

Json parse_json(std::string_view text, const std::string& where) {
  // The parser recurses on nesting: refuse what no honest file contains before the stack is at risk.
  constexpr int kMaxDepth = 256;
  const auto limit_depth = [&](int depth, Json::parse_event_t, Json&) {
    check(depth < kMaxDepth, "JSON nested deeper than 256 levels in ", where, ": not a file of ours");
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), limit_depth);
  } catch (const Json::parse_error& error) {
    fail("not valid JSON: ", where, " at byte ", error.byte, ": ", error.what());
  } catch (const Json::exception& error) {  // a number beyond double
    fail("not valid JSON: ", where, ": ", error.what());
  }
}

Json read_json_file(const std::filesystem::path& path) { return parse_json(read_file(path), path.string()); }

void write_json_file(const std::filesystem::path& path, const Json& json) {
  write_file(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::string to_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace corollary
