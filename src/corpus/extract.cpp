#include "corpus/extract.h"

#include "corpus/web/html_text.h"
#include "corpus/papers/latex.h"
#include "corpus/code/notebook.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxPageBytes = std::size_t{1} << 23;

Extraction rejected(std::string reason, std::int64_t offset = 0, std::string detail = {}) {
  Extraction extraction;
  extraction.rejection = Rejection{std::move(reason), offset, std::move(detail)};
  return extraction;
}

Extraction extract_plain(const RawRecord& record) {
  if (const auto at = invalid_utf8_at(record.bytes)) return rejected("invalid_utf8", *at);
  Extraction extraction;
  extraction.text = normalize_newlines(record.bytes);
  return extraction;
}

Extraction extract_html(const RawRecord& record) {
  if (record.bytes.size() > kMaxPageBytes) return rejected("too_large", 0, std::to_string(record.bytes.size()) + " bytes");
  HtmlText page = html_to_text(record.bytes);
  if (page.was_cut) return rejected("nested_too_deeply");
  if (5 * page.link_bytes > 3 * page.text_bytes) return rejected("mostly_links");
  Extraction extraction;
  extraction.text = std::move(page.text);
  if (!page.title.empty()) extraction.meta["title"] = std::move(page.title);
  extraction.meta["formulas"] = page.formulas;
  return extraction;
}

Extraction extract_latex(const RawRecord& record) {
  Extraction extraction = extract_plain(record);
  if (extraction.rejection) return extraction;
  extraction.text = clean_latex(extraction.text);
  if (extraction.text.empty()) return rejected("nothing_left");
  return extraction;
}

Extraction extract_notebook(const RawRecord& record) {
  auto markdown = notebook_to_markdown(record.bytes);
  if (!markdown) return rejected("not_a_notebook");
  Extraction extraction;
  extraction.text = std::move(*markdown);
  return extraction;
}

}  // namespace

Extractor extractor_for(const std::string& subset, const std::string& language, const CorpusConfig&) {
  Extraction (*of_file)(const RawRecord&) = extract_plain;
  if (language == "html")
    of_file = extract_html;
  else if (subset == "papers")
    of_file = extract_latex;
  else if (language == "jupyter-notebook")
    of_file = extract_notebook;
  return [of_file](const RawRecord& record) -> std::vector<Extraction> {
    return {record.is_document ? extract_plain(record) : of_file(record)};
  };
}

}  // namespace corollary
