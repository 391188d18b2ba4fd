#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "base/error.h"
#include "corpus/papers/latex_expander.h"
#include "corpus/papers/paper_files.h"
#include "corpus/text.h"

namespace corollary {
namespace {

using latex::kNone;

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }  // kNone + 1 is 0

/// The first place from `at` on where the command stands, not in a comment.
std::size_t find_live(std::string_view tex, std::string_view command, std::size_t at = 0) {
  for (; (at = tex.find(command, at)) != kNone; ++at) {
    const std::size_t line = tex.rfind('\n', at) + 1, end = at + command.size();
    std::size_t percent = tex.substr(0, at).find('%', line);
    while (percent != kNone && percent > line && tex[percent - 1] == '\\') percent = tex.substr(0, at).find('%', percent + 1);
    if (percent == kNone && (end >= tex.size() || !is_ascii_letter(tex[end]))) return at;
  }
  return kNone;
}

bool is_tex_name(std::string_view path) {
  const std::string low = ascii_lower(file_name(path));
  return low.ends_with(".tex") || low.ends_with(".ltx") || low.ends_with(".latex") || low.find('.') == kNone;
}

/// What 00README says of the files: older ones have lines "ms.tex toplevelfile", newer ones are JSON.
struct Readme {
  std::vector<std::string> top;
  std::set<std::string, std::less<>> ignored;
};

void read_lines(std::string_view text, Readme& readme) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = latex::line_end(text, at);
    const std::string_view line = trim(text.substr(at, end - at));
    at = end + 1;
    const std::size_t blank = line.find_first_of(" \t");
    if (blank == kNone) continue;
    const std::string name(line.substr(0, blank)), what = ascii_lower(trim(line.substr(blank)));
    if (what == "toplevelfile") readme.top.push_back(name);
    if (what == "ignore" || what == "include" || what == "append") readme.ignored.insert(name);
  }
}

void read_json(const std::string& text, Readme& readme) {
  Json json;
  try {
    json = parse_json(text, "00README.json");
  } catch (const Error&) {
    return;
  }
  if (!json.is_object() || !json.contains("sources") || !json["sources"].is_array()) return;
  for (const Json& source : json["sources"]) {
    if (!source.is_object() || !source.contains("filename") || !source["filename"].is_string()) continue;
    const std::string name = source["filename"].get<std::string>();
    const std::string usage = source.contains("usage") && source["usage"].is_string() ? source["usage"].get<std::string>() : "";
    if (usage == "toplevel") readme.top.push_back(name);
    if (usage == "ignore" || usage == "include" || usage == "append") readme.ignored.insert(name);
  }
}

Readme read_readme(const LatexFiles& files) {
  constexpr std::size_t kLargest = 1 << 20;
  Readme readme;
  for (const auto& [path, text] : files) {
    if (!path.starts_with("00README") || text.size() > kLargest) continue;
    if (path == "00README.json")
      read_json(text, readme);
    else
      read_lines(text, readme);
  }
  return readme;
}

/// A file's name as \input may give it: without folder and ".tex", in small letters.
std::string stem_of(std::string_view path) {
  std::string stem = ascii_lower(file_name(trim(path)));
  if (stem.ends_with(".tex")) stem.resize(stem.size() - 4);
  return stem;
}

/// Stems of what a file includes.
std::set<std::string> included_by(std::string_view tex) {
  std::set<std::string> stems;
  for (const std::string_view command :
       {"\\input", "\\include", "\\subfile", "\\subfileinclude", "\\import", "\\subimport", "\\InputIfFileExists"})
    for (std::size_t at = 0; (at = find_live(tex, command, at)) != kNone;) {
      at = latex::skip_blanks(tex, at + command.size());
      if (at >= tex.size()) break;
      constexpr std::size_t kLongestName = 1000;
      const std::string_view rest = tex.substr(at, kLongestName);
      if (rest[0] != '{') {
        stems.insert(stem_of(rest.substr(0, rest.find_first_of(" \t\n\\}%"))));
        continue;
      }
      std::size_t open = 1, close = rest.find('}');
      if (close != kNone && command.ends_with("import")) {  // {folder}{name}
        open = rest.find('{', close) + 1;
        close = rest.find('}', close + 1);
      }
      if (open > 0 && close != kNone && open < close) stems.insert(stem_of(rest.substr(open, close - open)));
    }
  return stems;
}

struct TexFile {
  std::string path, stem;
  std::set<std::string> includes;
  bool has_class = false, is_part = false, is_included = false;
};

TexFile look_at(const std::string& path, std::string_view tex) {
  TexFile file{path, stem_of(path), included_by(tex)};
  std::size_t at = find_live(tex, "\\documentclass");
  if (at == kNone) at = find_live(tex, "\\documentstyle");
  file.has_class = at != kNone;
  const std::string_view head = file.has_class ? tex.substr(at, 200) : "";
  file.is_part = head.find("{subfiles}") != kNone || head.find("{standalone}") != kNone;
  return file;
}

/// The file with a \documentclass that a file is or includes, directly or not; null if there is none.
const TexFile* class_file(const TexFile& file, const std::vector<TexFile>& all) {
  std::set<std::string_view> seen = {file.stem};
  std::vector<const TexFile*> open = {&file};
  while (!open.empty()) {
    const TexFile& next = *open.back();
    open.pop_back();
    if (next.has_class) return &next;
    for (const TexFile& other : all)
      if (next.includes.contains(other.stem) && seen.insert(other.stem).second) open.push_back(&other);
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> main_files(const LatexFiles& files) {
  const Readme readme = read_readme(files);
  std::vector<std::string> top;
  for (const std::string& name : readme.top)
    if (files.contains(name) && std::find(top.begin(), top.end(), name) == top.end()) top.push_back(name);
  if (!top.empty()) return top;

  constexpr std::size_t kMostFiles = 2000;  // class_file looks at all pairs
  std::vector<TexFile> all;
  for (const auto& [path, tex] : files) {
    if (path.starts_with("00README") || readme.ignored.contains(path) || tex.starts_with("%auto-ignore")) continue;
    if (is_tex_name(path) && tex.find('\\') != kNone && all.size() < kMostFiles) all.push_back(look_at(path, tex));
  }
  std::map<std::string_view, int> includers;
  for (const TexFile& file : all)
    for (const std::string& stem : file.includes) includers[stem] += stem != file.stem;
  for (TexFile& file : all) file.is_included = includers.contains(file.stem) && includers[file.stem] > 0;

  // Roots that lead to a class; then parts that could stand alone; then roots of plain TeX; then, if all include one another, the
  // first. Of several that wrap the same file (one paper size each) the first stands for all.
  std::vector<std::string> mains, parts, plain;
  std::set<const TexFile*> wrapped;
  for (const TexFile& file : all) {
    if (file.is_included) continue;
    const TexFile* of_class = class_file(file, all);
    if (of_class == nullptr)
      plain.push_back(file.path);
    else if (wrapped.insert(of_class).second)
      (file.is_part ? parts : mains).push_back(file.path);
  }
  for (std::vector<std::string>* list : {&mains, &parts, &plain})
    if (!list->empty()) return *list;
  for (const TexFile& file : all)
    if (file.has_class) return {file.path};
  return all.empty() ? std::vector<std::string>() : std::vector<std::string>{all.front().path};
}

}  // namespace corollary
