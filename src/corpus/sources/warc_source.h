#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "corpus/sources/http_response.h"
#include "corpus/sources/source.h"
#include "corpus/sources/warc.h"

namespace corollary {

/// The pages of a WARC file (responses with status 200 of type text/html or application/xhtml+xml, the body as it came from the
/// server) and the texts of a WET file (conversion records; is_document). path is "FILE@OFFSET", with "+INNER" behind it where a
/// member holds several records. meta: url, date, content_type, charset (if the header names one), is_damaged (if so), record_id,
/// warc {file, offset, bytes} (bytes 0: not known), content_type of WET as its record says.
/// Damage is a rejection as WarcRecord's; a response that is no HTTP or whose coding cannot be undone is one too, as
/// read_http_response says. A file that is no WARC is one rejection.
class WarcSource : public Source {
 public:
  /// `name` stands for FILE. options.max_record_bytes also bounds a page after decoding.
  WarcSource(const fs::path& path, std::string name, const WarcOptions& options = {});
  std::optional<RawRecord> next() override;

  /// What was passed over, by kind: "request", "warcinfo", "status 404", "type image/png", ...: at most 1,000 kinds, then "other".
  const std::map<std::string, std::int64_t>& passed_over() const { return passed_over_; }

 private:
  std::optional<RawRecord> read(const WarcRecord& record);
  void pass_over(std::string kind);

  std::string name_;
  WarcOptions options_;
  std::unique_ptr<WarcReader> reader_;
  std::optional<RawRecord> failure_;
  HttpResponse response_;
  std::map<std::string, std::int64_t> passed_over_;
};

}  // namespace corollary
