#include "tokenizer/corpus_files.h"

#include <simdjson.h>

#include <algorithm>
#include <map>

#include "base/digest.h"
#include "base/error.h"
#include "base/manifest.h"

namespace corollary {
namespace {

/// The name without .jsonl and compression; nullopt if it is not JSON Lines.
std::optional<std::string> json_lines_name(const fs::path& path) {
  std::string name = path.filename().string();
  for (const std::string_view ending : {".zst", ".gz"})
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  if (!name.ends_with(".jsonl") || name == "rejected.jsonl" || name == "contaminated.jsonl") return std::nullopt;
  return name.substr(0, name.size() - 6);
}

}  // namespace

std::vector<CorpusSet> corpus_sets(const fs::path& corpus) {
  check(fs::exists(corpus), "no corpus at ", corpus.string(), ": give a folder of SUBSET/SPLIT.jsonl.zst, or one .jsonl file");
  if (!fs::is_directory(corpus)) {
    const auto name = json_lines_name(corpus);
    return {{name ? *name : corpus.stem().string(), "train", {corpus}}};
  }
  std::map<std::pair<std::string, std::string>, CorpusSet> sets;
  for (const fs::path& path : list_files(corpus)) {
    const auto name = json_lines_name(path);
    if (!name) continue;
    const fs::path folders = path.parent_path().lexically_relative(corpus);
    const std::vector<fs::path> parts(folders.begin(), folders.end());
    if (!parts.empty() && parts[0].string().size() > 1 && parts[0].string()[0] == '.') continue;  // a build's .work
    std::string subset, split;
    if (folders == ".") {
      subset = *name, split = "train";
    } else if (parts.size() == 1) {
      subset = parts[0].string(), split = *name;
    } else if (parts.size() == 2) {
      subset = parts[0].string(), split = parts[1].string();
    } else {
      continue;
    }
    CorpusSet& set = sets[{subset, split}];
    set.subset = subset, set.split = split;
    set.files.push_back(path);
  }
  check(!sets.empty(), "no documents in ", corpus.string(), ": expected SUBSET/SPLIT.jsonl, .jsonl.zst or .jsonl.gz there");
  std::vector<CorpusSet> out;
  for (auto& [key, set] : sets) out.push_back(std::move(set));
  return out;
}

Json corpus_digests(const fs::path& corpus, const std::vector<CorpusSet>& sets) {
  Json known = Json::object();
  if (fs::is_directory(corpus) && fs::exists(corpus / "manifest.json")) known = read_manifest(corpus).outputs;
  Json digests = Json::object();
  for (const CorpusSet& set : sets) {
    for (const fs::path& path : set.files) {
      const fs::path below = path.lexically_relative(corpus);
      const std::string name = (below == "." ? path.filename() : below).generic_string();
      const Json about = known.value(name, Json::object());
      const bool is_listed =
          about.is_object() && about.value("bytes", std::uintmax_t{0}) == fs::file_size(path) && about.contains("sha256");
      digests[name] = is_listed ? about["sha256"] : Json(sha256_file(path));
    }
  }
  return digests;
}

struct DocumentParser::State {
  simdjson::dom::parser parser;
  std::string padded, why;
};

DocumentParser::DocumentParser() : state_(std::make_unique<State>()) {}
DocumentParser::~DocumentParser() = default;
const std::string& DocumentParser::why() const { return state_->why; }

std::optional<std::string_view> DocumentParser::text(std::string_view line) {
  State& s = *state_;
  const auto rejected = [&](const char* reason) {
    s.why = reason;
    return std::nullopt;
  };
  s.padded.assign(line);
  s.padded.append(simdjson::SIMDJSON_PADDING, ' ');
  simdjson::dom::element document, text;
  if (s.parser.parse(s.padded.data(), line.size(), false).get(document) != simdjson::SUCCESS) return rejected("not JSON");
  simdjson::dom::object object;
  if (document.get(object) != simdjson::SUCCESS) return rejected("not a JSON object");
  if (object.at_key("text").get(text) != simdjson::SUCCESS) return rejected("no \"text\"");
  std::string_view out;
  if (text.get(out) != simdjson::SUCCESS) return rejected("\"text\" is not a string");
  return out;
}

}  // namespace corollary
