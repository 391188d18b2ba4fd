#include "corpus/document_head.h"

#include <simdjson.h>

#include "corpus/text.h"

namespace corollary {
namespace {

std::string string_at(const simdjson::dom::object& object, std::string_view key) {
  std::string_view value;
  return object.at_key(key).get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
}

/// "https://www.example.org:80/x" -> "example.org".
std::string domain_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return "";
  std::string_view host = url.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  if (const auto at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  host = host.substr(0, host.find(':'));
  std::string name = ascii_lower(host);
  return name.starts_with("www.") ? name.substr(4) : name;
}

}  // namespace

struct DocumentHeadReader::State {
  simdjson::dom::parser parser, meta_parser;
  std::string padded, why;
};

DocumentHeadReader::DocumentHeadReader() : state_(std::make_unique<State>()) {}
DocumentHeadReader::~DocumentHeadReader() = default;
const std::string& DocumentHeadReader::why() const { return state_->why; }

std::optional<DocumentHead> DocumentHeadReader::read(std::string_view line) {
  State& s = *state_;
  const auto rejected = [&](const char* reason) {
    s.why = reason;
    return std::nullopt;
  };
  s.padded.assign(line);
  s.padded.append(simdjson::SIMDJSON_PADDING, ' ');
  simdjson::dom::object document, meta;
  if (s.parser.parse(s.padded.data(), line.size(), false).get(document) != simdjson::SUCCESS) return rejected("not a JSON object");
  DocumentHead head;
  if (document.at_key("text").get(head.text) != simdjson::SUCCESS) return rejected("no string \"text\"");
  simdjson::dom::element given;
  if (document.at_key("meta").get(given) != simdjson::SUCCESS) return head;
  if (std::string_view packed; given.get(packed) == simdjson::SUCCESS) {  // as the published Proof-Pile-2 has it
    if (s.meta_parser.parse(packed.data(), packed.size()).get(meta) != simdjson::SUCCESS) return head;
  } else if (given.get(meta) != simdjson::SUCCESS) {
    return head;
  }
  head.language = string_at(meta, "language");
  if (head.language.empty()) head.language = string_at(meta, "lang");
  head.subset = string_at(meta, "subset");
  head.source = string_at(meta, "source");
  head.repo = string_at(meta, "repo");
  head.path = string_at(meta, "path");
  std::string url = string_at(meta, "url");
  if (simdjson::dom::object record; url.empty() && meta.at_key("record").get(record) == simdjson::SUCCESS) {
    url = string_at(record, "url");
    if (head.repo.empty()) head.repo = string_at(record, "repo");
  }
  head.domain = domain_of(url);
  return head;
}

}  // namespace corollary
