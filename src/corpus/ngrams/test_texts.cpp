#include "corpus/ngrams/test_texts.h"

#include "base/compress.h"
#include "base/error.h"

namespace corollary {
namespace {

constexpr std::uintmax_t kMaxArrayBytes = std::uintmax_t{1} << 31;

std::string short_name(const fs::path& file) { return (file.parent_path().filename() / file.filename()).string(); }

/// Whether a .json file is one array rather than an object a line.
bool is_array(const fs::path& file) {
  LineReader lines(file);
  const auto line = lines.next();
  const auto at = line ? line->find_first_not_of(" \t\r") : std::string_view::npos;
  return at != std::string_view::npos && (*line)[at] == '[';
}

}  // namespace

std::vector<std::string> strings_at(const Json& record, std::string_view path) {
  const Json* at = &record;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    if (!at->is_object()) return {};
    const auto next = at->find(std::string(path.substr(begin, end - begin)));
    if (next == at->end()) return {};
    at = &*next;
    begin = end + 1;
  }
  std::vector<std::string> strings;
  if (at->is_string()) strings.push_back(at->get<std::string>());
  if (at->is_array())
    for (const Json& item : *at)
      if (item.is_string()) strings.push_back(item.get<std::string>());
  return strings;
}

TestTexts read_test_texts(const std::vector<std::string>& files, const std::vector<std::string>& fields, bool keep_records) {
  TestTexts all;
  std::int64_t item = 0;
  const auto add = [&](const fs::path& file, std::int64_t line, Json record) {
    check(record.is_object(), "", file.string(), " line ", line, " is no JSON object");
    for (const std::string& field : fields)
      for (std::string& text : strings_at(record, field)) {
        all.texts.push_back(std::move(text));
        all.names.push_back(short_name(file) + ":" + std::to_string(line) + " " + field);
        all.items.push_back(item);
      }
    if (keep_records) all.records.push_back(std::move(record));
    ++item;
  };
  for (const std::string& name : files) {
    const fs::path file = name;
    check(fs::is_regular_file(file), "no test file ", name, ": give JSON Lines files of test items");
    const std::size_t before = all.texts.size();
    if (file.extension() == ".json" && is_array(file)) {
      check(fs::file_size(file) <= kMaxArrayBytes, "", name, " is one array of more than 2 GiB: convert it to JSON Lines");
      std::int64_t number = 0;
      for (Json& record : parse_json(read_file(file), name)) add(file, ++number, std::move(record));
    } else {
      LineReader lines(file);
      while (const auto line = lines.next())
        if (!line->empty())
          add(file, lines.line_number(), parse_json(*line, name + " line " + std::to_string(lines.line_number())));
    }
    std::string known;
    for (const std::string& field : fields) known += " " + field;
    check(all.texts.size() > before, "no record of ", name, " has any of the fields", known, ": name its text fields");
  }
  return all;
}

}  // namespace corollary
