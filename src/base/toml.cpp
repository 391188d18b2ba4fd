#include "base/toml.h"

#include <sstream>

#include "base/error.h"
#include "base/files.h"

// Two habits of toml++ 3.3 that a file must not be able to use. It asserts that what follows '[' begins a key: "[$" ended a Debug
// build, and with NDEBUG clang was told to assume it; its assumptions are checked in every build and, broken, are an Error like any
// other. And where it asks whether a character is a blank, it tells the compiler that the letters U+00A1 to U+0499 do not occur;
// there the answer becomes no.
#undef NDEBUG
#define TOML_ASSERT(expr) ((expr) ? void() : ::corollary::fail("not valid TOML, toml++ expected " #expr))
#include <toml++/impl/forward_declarations.h>
#define __builtin_unreachable() return false
#include <toml++/impl/unicode.h>
#undef __builtin_unreachable
#include <toml++/toml.h>

namespace corollary {
namespace {

Json to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json object = Json::object();
    for (const auto& [key, value] : *table) object[std::string(key.str())] = to_json(value);
    return object;
  }
  if (const auto* array = node.as_array()) {
    Json list = Json::array();
    for (const auto& item : *array) list.push_back(to_json(item));
    return list;
  }
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* whole = node.as_integer()) return whole->get();
  if (const auto* real = node.as_floating_point()) return real->get();
  if (const auto* flag = node.as_boolean()) return flag->get();
  std::ostringstream out;
  if (const auto* date = node.as_date()) out << date->get();
  if (const auto* time = node.as_time()) out << time->get();
  if (const auto* moment = node.as_date_time()) out << moment->get();
  return out.str();
}

}  // namespace

Json read_toml_file(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  try {
    return to_json(toml::parse(text, path.string()));
  } catch (const toml::parse_error& error) {
    fail("not valid TOML: ", path.string(), " line ", error.source().begin.line, " column ", error.source().begin.column, ": ",
         error.description());
  } catch (const Error& error) {
    fail("not valid TOML: ", path.string(), ": ", error.what());
  }
}

}  // namespace corollary
