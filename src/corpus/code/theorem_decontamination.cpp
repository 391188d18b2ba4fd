#include "corpus/code/theorem_decontamination.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/compress.h"
#include "base/error.h"
#include "base/json.h"
#include "corpus/code/theorem_names.h"
#include "corpus/code/word_finder.h"
#include "corpus/sources/archive.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kNone = std::string_view::npos;
using Removal = TheoremDecontaminator::Removal;
using Result = TheoremDecontaminator::Result;

// --- reading the lists ---

std::string string_of(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

void add_record(const Json& record, TestTheorems& theorems) {
  if (record.is_array() && record.size() == 2 && record[0].is_string() && record[1].is_string()) {
    theorems.isabelle.push_back(record[1].get<std::string>());
    return;
  }
  if (record.is_object()) {
    const std::string statement = string_of(record, "statement"), full_name = string_of(record, "full_name"),
                      file_path = string_of(record, "file_path"), name = string_of(record, "name");
    if (!full_name.empty()) {
      theorems.lean.push_back({file_path.starts_with("MiniF2F/") ? "" : file_path, full_name});
      return;
    }
    if (!statement.empty() && record.contains("thy")) {
      theorems.isabelle.push_back(statement);
      return;
    }
    if (!name.empty()) {
      theorems.isabelle.push_back("theorem " + name + ":");
      theorems.lean.push_back({"", name});
      return;
    }
  }
  ++theorems.unknown_records;
}

void add_json(std::string_view bytes, const std::string& where, TestTheorems& theorems) {
  const Json json = parse_json(bytes, where);
  if (!json.is_array()) return add_record(json, theorems);
  for (const Json& record : json) add_record(record, theorems);
}

void add_json_lines(const fs::path& path, TestTheorems& theorems) {
  LineReader lines(path);
  while (const auto line = lines.next())
    if (!trim(*line).empty()) add_record(parse_json(*line, path.string() + ":" + std::to_string(lines.line_number())), theorems);
}

void add_archive(const fs::path& path, TestTheorems& theorems) {
  constexpr std::int64_t kMaxEntryBytes = std::int64_t{1} << 30;
  ArchiveReader archive(path);
  while (const auto entry = archive.next()) {
    if (!entry->path.ends_with(".json")) continue;
    check(entry->bytes <= kMaxEntryBytes, "an entry of ", entry->bytes, " bytes is no list of theorems: ", path.string(), ": ",
          entry->path);
    add_json(archive.read(), path.string() + ": " + entry->path, theorems);
  }
}

// --- removing ---

/// Puts the text together again without [begin, end) of each removal; these are by offset and do not overlap.
std::string without(std::string_view text, const std::vector<Removal>& removed) {
  std::string out;
  std::size_t at = 0;
  for (const Removal& removal : removed) {
    out.append(text, at, static_cast<std::size_t>(removal.offset) - at);
    at = static_cast<std::size_t>(removal.offset + removal.bytes);
  }
  return out.append(text, at, kNone);
}

/// Upstream's way: find the first occurrence, cut, go on with what is left.
class Cutter {
 public:
  explicit Cutter(std::string_view text) { result_.text = text; }
  bool cut(const std::string& what) {
    const std::size_t at = result_.text.find(what);
    if (at == kNone) return false;
    const std::size_t end = std::min(result_.text.find("\n\n", at), result_.text.size());
    result_.text.erase(at, end - at);
    // Where it lay in the text as it came: what was cut before it lies between.
    auto offset = static_cast<std::int64_t>(at);
    std::size_t place = 0;
    while (place < cuts_.size() && cuts_[place].offset <= offset) offset += cuts_[place++].bytes;
    const auto bytes = static_cast<std::int64_t>(end - at);
    result_.removed.push_back({what, offset, bytes});
    cuts_.insert(cuts_.begin() + static_cast<std::ptrdiff_t>(place), {what, offset, bytes});
    return true;
  }
  Result result() && {
    std::stable_sort(result_.removed.begin(), result_.removed.end(),
                     [](const Removal& a, const Removal& b) { return a.offset < b.offset; });
    return std::move(result_);
  }

 private:
  Result result_;
  std::vector<Removal> cuts_;  ///< by offset
};

/// "lemma foo [simp]:" of a statement, as upstream cuts it.
std::string published_name(const std::string& statement) { return statement.substr(0, statement.find(':')) + ":"; }

/// Files of a dependency are the same files in their own repository.
std::string_view without_dependency_folder(std::string_view path) {
  for (const std::string_view folder : {"_target/deps/", "lake-packages/", ".lake/packages/"}) {
    const std::size_t at = path.find(folder);
    if (at == kNone) continue;
    const std::size_t package = path.find('/', at + folder.size());
    if (package != kNone) return path.substr(package + 1);
  }
  return path;
}

/// All of "a.b.c", "b.c" and "c".
void each_suffix(std::string_view name, auto&& visit) {
  for (;;) {
    visit(name);
    const std::size_t dot = name.find('.');
    if (dot == kNone) return;
    name.remove_prefix(dot + 1);
  }
}

/// Attributes and modifiers before the keyword on its line belong to the theorem.
std::size_t start_of_lean_theorem(std::string_view text, std::size_t keyword) {
  const std::size_t line = keyword == 0 ? 0 : text.rfind('\n', keyword - 1) + 1;  // npos + 1 is 0
  const std::string_view before = trim(text.substr(line, keyword - line));
  for (const std::string_view modifier :
       {"@[", "protected", "private", "nonrec", "local", "scoped", "noncomputable", "unsafe", "partial"})
    if (before.starts_with(modifier)) return line;
  return keyword;
}

constexpr std::size_t kMaxStatementBytes = 1 << 14;  // of an unnamed theorem, compared without white space

}  // namespace

void add_test_theorems(const fs::path& path, TestTheorems& theorems) {
  const std::string name = path.filename().string();
  if (fs::is_directory(path)) {
    std::vector<fs::path> files = list_files(path);
    const auto is_leandojo = [](const fs::path& file) { return file.filename() == "val.json" || file.filename() == "test.json"; };
    if (std::any_of(files.begin(), files.end(), is_leandojo))
      std::erase_if(files, [&](const fs::path& file) { return !is_leandojo(file); });
    for (const fs::path& file : files)
      if (file.extension() == ".json" || file.filename().string().find(".jsonl") != std::string::npos)
        add_test_theorems(file, theorems);
  } else if (name.find(".tar") != std::string::npos || name.ends_with(".tgz")) {
    add_archive(path, theorems);
  } else if (name.find(".jsonl") != std::string::npos) {
    add_json_lines(path, theorems);
  } else {
    add_json(read_file(path), path.string(), theorems);
  }
}

struct TheoremDecontaminator::Names {
  bool as_published = false;
  // Isabelle
  WordFinder commands;                                                ///< what begins a theorem
  std::unordered_set<std::string> names;                              ///< of theorems that have one
  std::unordered_map<std::string, std::vector<std::string>> unnamed;  ///< squeezed statements by their first kKeyBytes
  WordFinder statements;                                              ///< squeezed, or as published the statements themselves
  std::vector<std::string> statement_texts;                           ///< what `statements` was made of
  WordFinder published;                                               ///< upstream's names
  // Lean
  WordFinder lean_commands;
  std::unordered_map<std::string, std::unordered_map<std::string, std::string>> of_file;  ///< path, part of a name -> full name
  std::unordered_map<std::string, std::string> anywhere;                                  ///< part of a name -> full name
  WordFinder files;                                                                       ///< upstream's, in its order
  std::vector<std::string> last_of_file;                                                  ///< the name of each of `files`

  static constexpr std::size_t kKeyBytes = 12;
};

TheoremDecontaminator::TheoremDecontaminator(TheoremDecontaminator&&) noexcept = default;
TheoremDecontaminator& TheoremDecontaminator::operator=(TheoremDecontaminator&&) noexcept = default;
TheoremDecontaminator::~TheoremDecontaminator() = default;

TheoremDecontaminator::TheoremDecontaminator(const TestTheorems& theorems, bool as_published) {
  auto made = std::make_unique<Names>();
  made->as_published = as_published;
  made->commands = WordFinder({"lemma", "theorem", "corollary", "proposition", "schematic_goal"});
  made->lean_commands = WordFinder({"theorem", "lemma"});
  std::vector<std::string> published, statements;
  std::unordered_set<std::string> seen;
  for (const std::string& statement : theorems.isabelle) {
    if (std::string name = published_name(statement); seen.insert(name).second) published.push_back(std::move(name));
    const bool is_name_alone = !statement.empty() && statement.back() == ':' && statement.find('"') == kNone;  // miniF2F's
    if (!is_name_alone) {
      made->statement_texts.push_back(statement);
      statements.push_back(as_published ? statement : squeezed(statement));
    }
    const IsabelleHead head = isabelle_head(statement, 0);
    if (!head.name.empty()) {
      made->names.insert(std::string(head.name));
    } else {
      const std::string text = squeezed(statement);
      if (text.size() >= Names::kKeyBytes) made->unnamed[text.substr(0, Names::kKeyBytes)].push_back(text);
    }
  }
  made->published = WordFinder(std::move(published));
  made->statements = WordFinder(std::move(statements));

  std::vector<std::string> files;
  std::unordered_map<std::string, std::size_t> place;
  for (const auto& theorem : theorems.lean) {
    const auto [at, is_new] = place.try_emplace(theorem.file_path, files.size());
    if (is_new) {
      files.push_back(theorem.file_path);
      made->last_of_file.push_back(theorem.full_name);
    } else {
      made->last_of_file[at->second] = theorem.full_name;
    }
    auto& names =
        theorem.file_path.empty() ? made->anywhere : made->of_file[std::string(without_dependency_folder(theorem.file_path))];
    each_suffix(theorem.full_name, [&](std::string_view part) { names.try_emplace(std::string(part), theorem.full_name); });
  }
  made->files = WordFinder(std::move(files));
  names_ = std::move(made);
}

Result TheoremDecontaminator::isabelle(std::string_view text) const {
  if (names_->as_published) {
    // A cut joins two places only at a blank line, so a name without one that is not there before is not there later.
    std::vector<bool> is_there(names_->published.words().size());
    for (std::size_t i = 0; i < is_there.size(); ++i) is_there[i] = names_->published.words()[i].find("\n\n") != kNone;
    for (const WordFinder::Hit& hit : names_->published.all(text)) is_there[hit.word] = true;
    Cutter cutter(text);
    for (std::size_t i = 0; i < is_there.size(); ++i)
      if (is_there[i]) cutter.cut(names_->published.words()[i]);
    return std::move(cutter).result();
  }
  Result result;
  std::size_t end = 0;
  for (const WordFinder::Hit& hit : names_->commands.all(text)) {
    if (hit.offset < end) continue;
    const IsabelleHead head = isabelle_head(text, hit.offset);
    if (!head.is_theorem) continue;
    std::string name;
    if (!head.name.empty()) {
      if (names_->names.contains(std::string(head.name))) name = head.name;
    } else {
      // What no test begins with need not be squeezed as a whole.
      const std::string start = squeezed(text.substr(hit.offset, 64));
      const auto candidates = names_->unnamed.find(start.substr(0, Names::kKeyBytes));
      if (candidates == names_->unnamed.end()) continue;
      const std::string statement = squeezed(text.substr(hit.offset, kMaxStatementBytes));
      for (const std::string& test : candidates->second)
        if (statement.starts_with(test)) name = test;
    }
    if (name.empty()) continue;
    end = next_blank_line(text, hit.offset);
    result.removed.push_back({name, static_cast<std::int64_t>(hit.offset), static_cast<std::int64_t>(end - hit.offset)});
  }
  result.text = without(text, result.removed);
  return result;
}

Result TheoremDecontaminator::lean(std::string_view text, std::string_view path) const {
  if (names_->as_published) {
    std::vector<std::size_t> files;
    for (const WordFinder::Hit& hit : names_->files.all(path)) files.push_back(hit.word);
    // A test without a file is in every path, the empty string is in all.
    for (std::size_t i = 0; i < names_->files.words().size(); ++i)
      if (names_->files.words()[i].empty()) files.push_back(i);
    std::sort(files.begin(), files.end());
    files.erase(std::unique(files.begin(), files.end()), files.end());
    Cutter cutter(text);
    for (const std::size_t file : files) {
      const std::string& name = names_->last_of_file[file];
      for (const char* prefix : {"theorem ", "lemma "})
        for (std::size_t dot = name.rfind('.'); dot != kNone && !cutter.cut(prefix + name.substr(dot + 1) + " ");)
          dot = dot == 0 ? kNone : name.rfind('.', dot - 1);
    }
    return std::move(cutter).result();
  }
  Result result;
  std::vector<const std::unordered_map<std::string, std::string>*> tables;
  if (!names_->anywhere.empty()) tables.push_back(&names_->anywhere);
  constexpr int kMaxFolders = 256;
  std::string_view rest = path.substr(path.size() - std::min<std::size_t>(path.size(), 4096));
  for (int folders = 0; folders < kMaxFolders; ++folders) {
    const auto found = names_->of_file.find(std::string(rest));
    if (found != names_->of_file.end()) tables.push_back(&found->second);
    const std::size_t slash = rest.find('/');
    if (slash == kNone) break;
    rest.remove_prefix(slash + 1);
  }
  if (!tables.empty()) {
    std::size_t end = 0;
    for (const WordFinder::Hit& hit : names_->lean_commands.all(text)) {
      if (hit.offset < end || (hit.offset > 0 && is_lean_letter(text[hit.offset - 1]))) continue;
      const std::string_view name = lean_name(text, hit.offset + names_->lean_commands.words()[hit.word].size());
      if (name.empty()) continue;
      for (const auto* table : tables) {
        const auto found = table->find(std::string(name));
        if (found == table->end()) continue;
        const std::size_t begin = std::max(end, start_of_lean_theorem(text, hit.offset));
        end = next_blank_line(text, hit.offset);
        result.removed.push_back({found->second, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end - begin)});
        break;
      }
    }
  }
  result.text = without(text, result.removed);
  return result;
}

std::optional<std::string> TheoremDecontaminator::isabelle_hit(std::string_view text) const {
  if (names_->as_published) {
    if (const auto hit = names_->statements.first(text)) return names_->statement_texts[hit->word];
    return std::nullopt;
  }
  for (const WordFinder::Hit& hit : names_->commands.all(text)) {
    const IsabelleHead head = isabelle_head(text, hit.offset);
    if (!head.is_theorem) continue;
    if (!head.name.empty() && names_->names.contains(std::string(head.name))) return std::string(head.name);
    break;  // the theorem's own; later commands stand in its states and steps
  }
  if (const auto hit = names_->statements.first(squeezed(text))) return names_->statement_texts[hit->word];
  return std::nullopt;
}

}  // namespace corollary
