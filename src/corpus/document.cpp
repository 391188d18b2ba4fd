#include "corpus/document.h"

#include "base/error.h"

namespace corollary {

std::string document_to_line(const Document& document) { return to_line({{"text", document.text}, {"meta", document.meta}}); }

Document document_from_line(std::string_view line, const std::string& where) {
  Json json = parse_json(line, where);
  check(json.is_object(), "not a document: ", where, " must be an object {\"text\", \"meta\"}");
  check(json.contains("text") && json["text"].is_string(), "not a document: ", where, " has no string \"text\"");
  Document document;
  document.text = json["text"].get<std::string>();
  if (json.contains("meta")) {
    Json& meta = json["meta"];
    if (meta.is_string()) meta = parse_json(meta.get<std::string>(), where + " \"meta\"");
    check(meta.is_object() || meta.is_null(), "not a document: ", where, " has a \"meta\" that is no object");
    if (meta.is_object()) document.meta = std::move(meta);
  }
  for (auto& [key, value] : json.items())
    if (key != "text" && key != "meta" && !document.meta.contains(key)) document.meta[key] = std::move(value);
  return document;
}

}  // namespace corollary
