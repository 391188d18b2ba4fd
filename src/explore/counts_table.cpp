#include "explore/counts_table.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/log.h"

namespace corollary {
namespace {

constexpr int kMaxDepth = 6;
constexpr std::size_t kMaxRows = 400, kMaxColumns = 16;

bool is_leaf(const Json& value) { return !value.is_object() && !value.is_array(); }

/// Objects that stand side by side and hold something: the rows of one table.
std::vector<std::string> object_keys(const Json& counts) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : counts.items())
    if (value.is_object() && !value.empty()) keys.push_back(key);
  return keys;
}

std::vector<std::string> leaf_names(const Json& objects, const std::vector<std::string>& keys) {
  std::vector<std::string> names;
  for (const std::string& key : keys)
    for (const auto& [name, value] : objects[key].items())
      if (is_leaf(value) && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

Html table_start(const std::string& caption) {
  Html out;
  return out << "<div class=\"wide counts\"><table><caption>"_html << words(caption) << "</caption>\n"_html;
}

/// Rows are the objects, columns the names of their numbers; turned when there are more names than fit side by side.
Html matrix(const std::string& caption, const Json& objects, const std::vector<std::string>& keys,
            const std::vector<std::string>& names) {
  const bool is_turned = names.size() > 3 && names.size() > keys.size();
  const auto& rows = is_turned ? names : keys;
  const auto& columns = is_turned ? keys : names;
  Html out = table_start(caption);
  out << "<thead><tr><td></td>"_html;
  for (const std::string& column : columns) out << "<th scope=\"col\">"_html << words(column) << "</th>"_html;
  out << "</tr></thead>\n<tbody>\n"_html;
  for (const std::string& row : rows) {
    out << "<tr><th scope=\"row\">"_html << words(row) << "</th>"_html;
    for (const std::string& column : columns) {
      const Json& object = objects[is_turned ? column : row];
      const std::string& name = is_turned ? row : column;
      const bool has = object.contains(name) && is_leaf(object[name]);
      out << "<td>"_html << (has ? readable(name, object[name]) : "–") << "</td>"_html;
    }
    out << "</tr>\n"_html;
  }
  return out << "</tbody></table></div>\n"_html;
}

Html pairs(const std::string& caption, const Json& object) {
  Html out = table_start(caption);
  out << "<tbody>\n"_html;
  std::size_t rows = 0;
  for (const auto& [name, value] : object.items()) {
    if (!is_leaf(value) || ++rows > kMaxRows) continue;
    out << "<tr><th scope=\"row\">"_html << words(name) << "</th><td>"_html << readable(name, value) << "</td></tr>\n"_html;
  }
  if (rows > kMaxRows)
    out << "<tr><th scope=\"row\">more</th><td>"_html << static_cast<std::int64_t>(rows - kMaxRows) << " rows</td></tr>"_html;
  return rows == 0 ? Html() : out << "</tbody></table></div>\n"_html;
}

Html objects_tables(const std::string& caption, const Json& counts, int depth);

/// A cell's text: {"too short": 3, "duplicate": 1} reads "too short 3, duplicate 1".
std::string cell_text(const std::string& name, const Json& value) {
  if (is_leaf(value)) return readable(name, value);
  if (!value.is_object()) return to_line(value);
  std::string text;
  for (const auto& [key, part] : value.items()) {
    if (!text.empty()) text += ", ";
    text.append(words(key)).append(" ").append(is_leaf(part) ? readable(key, part) : to_line(part));
  }
  return text;
}

/// Digests and paths of this machine: the provenance has them, a table of counts is better without.
bool is_for_provenance(const Json& value) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  return text.starts_with("/") || (text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos);
}

/// [{"language": "coq", "documents": 3}, ...]: a row each.
Html list(const std::string& caption, const Json& rows) {
  std::vector<std::string> names;
  for (const Json& row : rows) {
    if (!row.is_object()) return {};
    for (const auto& [name, value] : row.items())
      if (names.size() < kMaxColumns && !is_for_provenance(value) && std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
  }
  if (names.empty()) return {};
  const auto column_class = [&](const std::string& name) {  // numbers stand right, words left
    const bool is_number = std::all_of(rows.begin(), rows.end(), [&](const Json& row) {
      return !row.contains(name) || row[name].is_number() || row[name].is_null();
    });
    return is_number ? ""_html : " class=\"words\""_html;
  };
  Html out = table_start(caption);
  out << "<thead><tr>"_html;
  for (const std::string& name : names)
    out << "<th scope=\"col\""_html << column_class(name) << ">"_html << words(name) << "</th>"_html;
  out << "</tr></thead>\n<tbody>\n"_html;
  for (std::size_t i = 0; i < std::min(rows.size(), kMaxRows); ++i) {
    out << "<tr>"_html;
    for (const std::string& name : names)
      out << "<td"_html << column_class(name) << ">"_html
          << (rows[i].contains(name) && !is_for_provenance(rows[i][name]) ? cell_text(name, rows[i][name]) : "–") << "</td>"_html;
    out << "</tr>\n"_html;
  }
  out << "</tbody></table>"_html;
  if (rows.size() > kMaxRows)
    out << "<p class=\"note\">"_html << with_commas(static_cast<std::int64_t>(rows.size() - kMaxRows)) << " more.</p>"_html;
  return out << "</div>\n"_html;
}

Html tables(const std::string& caption, const Json& counts, int depth) {
  Html out;
  if (!counts.is_object() || depth > kMaxDepth) return out;
  out << pairs(caption, counts) << objects_tables(caption, counts, depth);
  for (const auto& [name, value] : counts.items())
    if (value.is_array()) out << list(caption + ": " + name, value);
  return out;
}

Html objects_tables(const std::string& caption, const Json& counts, int depth) {
  Html out;
  const auto keys = object_keys(counts);
  if (keys.empty()) return out;
  const std::string inner_caption = caption + ": ";
  if (keys.size() == 1) return out << tables(inner_caption + keys[0], counts[keys[0]], depth + 1);
  const auto names = leaf_names(counts, keys);
  // Objects with nothing in common are tables of their own; otherwise they are rows of one.
  const bool are_alike =
      keys.size() > 1 && std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return std::count_if(keys.begin(), keys.end(), [&](const auto& key) { return counts[key].contains(name); }) > 1;
      });
  if (!are_alike && !names.empty()) {
    for (const std::string& key : keys) out << tables(inner_caption + key, counts[key], depth + 1);
    return out;
  }
  if (!names.empty()) out << matrix(caption, counts, keys, names);
  // What lies deeper, gathered under its own name: {"code": {"rejected": {...}}, "web": {"rejected": {...}}} -> "rejected", a
  // column each.
  Json deeper = Json::object();
  for (const std::string& key : keys)
    for (const auto& [name, value] : counts[key].items())
      if (value.is_object() && !value.empty()) deeper[name][key] = value;
  for (const auto& [name, objects] : deeper.items()) out << tables(inner_caption + name, objects, depth + 1);
  return out;
}

}  // namespace

std::string with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  return digits;
}

std::string whole(double number) {
  if (!std::isfinite(number)) return "–";
  return std::abs(number) < 1e15 ? with_commas(std::llround(number)) : fmt::format("{:.6g}", number);
}

std::string fixed(double number, int digits) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return "infinite";
  return fmt::format("{:.{}f}", number, digits);
}

std::string words(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

std::string readable(const std::string& name, const Json& value) {
  if (value.is_null()) return "–";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number()) return to_line(value);
  const double number = value.get<double>();
  if (name.ends_with("bytes") && number >= 1000) return format_bytes(number);
  if (name.ends_with("seconds")) return format_seconds(number);
  if (value.is_number_integer() && std::abs(number) < 1e15) return with_commas(value.get<std::int64_t>());
  return fmt::format("{:.6g}", number);
}

Html counts_tables(const std::string& caption, const Json& counts) { return tables(caption, counts, 0); }

}  // namespace corollary
