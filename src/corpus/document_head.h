#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace corollary {

/// What sorting and counting a document needs of its line, without holding its text twice.
struct DocumentHead {
  std::string_view text;                             ///< unescaped; valid until the next call of the reader
  std::string subset, language, source, repo, path;  ///< of meta; "" if it does not say. language also under "lang"
  std::string domain;                                ///< host of meta.url, without "www."
};

/// Reads lines as build_corpus writes them, and any {"text", "meta"} line. Fast (simdjson). Not for two threads at once.
class DocumentHeadReader {
 public:
  DocumentHeadReader();
  ~DocumentHeadReader();
  /// nullopt with the reason in why() if the line is no object with a string "text".
  std::optional<DocumentHead> read(std::string_view line);
  const std::string& why() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace corollary
