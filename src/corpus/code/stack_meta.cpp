#include "corpus/code/stack_meta.h"

#include <algorithm>

#include "base/files.h"
#include "corpus/text.h"

namespace corollary {
namespace {

std::string string_of(const Json& meta, const std::string& key) {
  const auto at = meta.find(key);
  return at != meta.end() && at->is_string() ? at->get<std::string>() : "";
}

/// "MIT", ["MIT", "Apache-2.0"] or "MIT; Apache-2.0".
void add_licences(const Json& meta, const std::string& key, std::vector<std::string>& licences) {
  const auto at = meta.find(key);
  if (at == meta.end()) return;
  const auto add = [&](std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(';'), text.size());
      const std::string_view one = trim(text.substr(0, end));
      if (!one.empty()) licences.emplace_back(one);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  };
  if (at->is_string()) add(at->get_ref<const std::string&>());
  if (!at->is_array()) return;
  for (const Json& licence : *at)
    if (licence.is_string()) add(licence.get_ref<const std::string&>());
}

void set_repo(Provenance& provenance, const std::string& full_name) {
  const std::size_t slash = full_name.rfind('/');
  provenance.repo = slash == std::string::npos ? full_name : full_name.substr(slash + 1);
  if (slash != std::string::npos) provenance.owner = full_name.substr(0, slash);
}

}  // namespace

Provenance provenance_of(const Json& meta) {
  Provenance provenance;
  if (!meta.is_object()) return provenance;
  set_repo(provenance, string_of(meta, "repo"));
  if (provenance.owner.empty()) provenance.owner = string_of(meta, "author");
  provenance.path = string_of(meta, "path");
  provenance.commit = string_of(meta, "commit");
  if (provenance.commit.empty()) provenance.commit = string_of(meta, "sha");
  add_licences(meta, "licence", provenance.licences);
  add_licences(meta, "license", provenance.licences);
  for (const std::string event : {"max_stars", "max_issues", "max_forks"}) {
    const std::string prefix = event + "_repo_", name = string_of(meta, prefix + "name");
    if (name.empty()) continue;
    set_repo(provenance, name);
    provenance.path = string_of(meta, prefix + "path");
    provenance.commit = string_of(meta, prefix + "head_hexsha");
    provenance.licences.clear();
    add_licences(meta, prefix + "licenses", provenance.licences);
    break;
  }
  if (const auto stars = meta.find("max_stars_count"); stars != meta.end() && stars->is_number())
    provenance.stars = static_cast<std::int64_t>(std::clamp(stars->get<double>(), 0.0, 1e15));
  provenance.ext = string_of(meta, "ext");
  const std::size_t dot = provenance.path.rfind('.'), slash = provenance.path.rfind('/');
  if (provenance.ext.empty() && dot != std::string::npos && (slash == std::string::npos || dot > slash))
    provenance.ext = provenance.path.substr(dot + 1);
  return provenance;
}

std::optional<Document> document_from_stack_row(Json row) {
  if (!row.is_object() || !row.contains("content") || !row["content"].is_string()) return std::nullopt;
  Document document;
  document.text = std::move(row["content"].get_ref<std::string&>());
  row.erase("content");
  document.meta = std::move(row);
  return document;
}

std::optional<Rejection> judge_licence(const Json& meta, const std::vector<std::string>& allowed) {
  if (allowed.empty()) return std::nullopt;
  const Provenance provenance = provenance_of(meta);
  if (provenance.licences.empty()) return Rejection{"licence", 0, "none"};
  for (const std::string& licence : provenance.licences) {
    const std::string name = ascii_lower(licence);
    if (std::none_of(allowed.begin(), allowed.end(), [&](const std::string& one) { return glob_match(ascii_lower(one), name); }))
      return Rejection{"licence", 0, licence};
  }
  return std::nullopt;
}

}  // namespace corollary
