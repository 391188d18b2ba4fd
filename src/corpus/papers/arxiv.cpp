#include "corpus/papers/arxiv.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "corpus/papers/redpajama.h"
#include "corpus/text.h"

namespace corollary {
namespace {

bool are_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_ascii_digit); }

Rejection rejection_of(std::string reason, std::string detail = {}) { return Rejection{std::move(reason), 0, std::move(detail)}; }

/// Several main files make one text; one that repeats another (a second paper size) is left out.
void clean_all(const LatexFiles& files, const ArxivConfig& config, ArxivPaper& paper) {
  const std::vector<std::string> mains = main_files(files);
  if (mains.empty()) {
    paper.rejection = rejection_of("no_main_file");
    return;
  }
  constexpr std::size_t kMostMains = 20, kSmallPart = 500;
  const bool has_title = paper.document.meta.contains("title");
  std::size_t input = 0, bytes = 0, longest = 0;
  for (const auto& [path, text] : files) input += text.size();
  std::vector<std::pair<std::string, CleanLatex>> parts;
  std::set<std::string_view> texts;
  parts.reserve(std::min(mains.size(), kMostMains));
  for (std::size_t i = 0; i < mains.size() && i < kMostMains && bytes <= 8 * input + (1 << 16); ++i) {
    parts.emplace_back(mains[i], clean_latex(files, mains[i], config.latex));
    const CleanLatex& clean = parts.back().second;
    bytes += clean.text.size();
    if (clean.text.empty() || !texts.insert(clean.text).second) {
      parts.pop_back();
    } else if (clean.text.size() > longest) {
      longest = clean.text.size();
      if (!has_title && !clean.title.empty()) paper.document.meta["title"] = clean.title;
    }
  }
  Json used = Json::array(), missing = Json::array(), repeated = Json::array();
  for (auto& [main, clean] : parts) {
    if (clean.text.size() < kSmallPart && clean.text.size() < longest / 20) continue;  // a cover, a letter to the editor's class
    if (!paper.document.text.empty()) paper.document.text += '\n';
    paper.document.text += clean.text;
    used.push_back(main);
    for (std::string& name : clean.missing) missing.push_back(std::move(name));
    for (std::string& name : clean.repeated) repeated.push_back(std::move(name));
  }
  if (paper.document.text.empty()) {
    paper.rejection = rejection_of("nothing_left");
    return;
  }
  paper.document.meta["main"] = std::move(used);
  if (!missing.empty()) paper.document.meta["missing_inputs"] = std::move(missing);
  if (!repeated.empty()) paper.document.meta["repeated_inputs"] = std::move(repeated);
}

}  // namespace

std::optional<ArxivId> arxiv_id_of(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  for (const std::string_view ending : {".gz", ".tar", ".tgz", ".pdf", ".tex"})
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
  ArxivId id;
  if (const std::size_t v = name.rfind('v'); v != std::string_view::npos && are_digits(name.substr(v + 1))) {
    id.version = name.substr(v);
    name.remove_suffix(name.size() - v);
  }
  std::size_t letters = 0;
  while (letters < name.size() && (is_ascii_letter(name[letters]) || name[letters] == '-')) ++letters;
  const std::string_view number = name.substr(letters);
  if (letters > 0) {  // until March 2007: archive, year, month, number
    constexpr std::size_t kDigits = 7;
    if (number.size() != kDigits || !are_digits(number)) return std::nullopt;
    id.id = std::string(name.substr(0, letters)) + "/" + std::string(number);
  } else {
    if (number.size() < 9 || number.size() > 10 || number[4] != '.' || !are_digits(number.substr(0, 4)) ||
        !are_digits(number.substr(5)))
      return std::nullopt;
    id.id = number;
  }
  id.yymm = number.substr(0, 4);
  const int month = (number[2] - '0') * 10 + (number[3] - '0');
  if (month < 1 || month > 12) return std::nullopt;
  return id;
}

ArxivPaper arxiv_document(std::string_view path, std::string_view bytes, const ArxivConfig& config, const ArxivMetadata* metadata) {
  ArxivPaper paper;
  Json& meta = paper.document.meta;
  const auto id = arxiv_id_of(path);
  std::optional<ArxivRecord> record;
  if (id) {
    meta["arxiv_id"] = id->id;
    meta["yymm"] = id->yymm;
    meta["url"] = "https://arxiv.org/abs/" + id->id;
    if (!id->version.empty()) meta["version"] = id->version;
    if (metadata != nullptr) record = metadata->find(id->id);
  }
  meta["source"] = "arxiv";
  if (record) {
    if (!record->timestamp.empty()) meta["timestamp"] = record->timestamp;
    meta["licence"] = record->licence.empty() ? "http://arxiv.org/licenses/nonexclusive-distrib/1.0/" : record->licence;
    if (!record->categories.empty()) meta["categories"] = record->categories;
    if (!record->title.empty()) meta["title"] = record->title;
  }
  if (!config.categories.empty()) {
    if (!record) return paper.rejection = rejection_of("unknown_category"), paper;
    if (!wants_category(config.categories, record->categories))
      return paper.rejection = rejection_of("category", record->categories), paper;
  }
  UnpackedPaper unpacked = unpack_paper(bytes, config.limits);
  if (unpacked.rejection) return paper.rejection = std::move(unpacked.rejection), paper;
  if (config.as_published) {
    RedPajamaText text = redpajama_clean(unpacked.files);
    paper.document.text = std::move(text.text);
    paper.rejection = std::move(text.rejection);
    return paper;
  }
  clean_all(decode_paper(unpacked.files), config, paper);
  return paper;
}

}  // namespace corollary
