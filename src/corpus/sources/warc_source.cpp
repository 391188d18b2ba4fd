#include "corpus/sources/warc_source.h"

#include "base/error.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxKinds = 1000, kMaxKindBytes = 80;

std::string clean(std::string_view text) { return replace_invalid_utf8(text); }

}  // namespace

WarcSource::WarcSource(const fs::path& path, std::string name, const WarcOptions& options)
    : name_(std::move(name)), options_(options) {
  try {
    reader_ = std::make_unique<WarcReader>(path, options);
  } catch (const Error& error) {
    failure_.emplace();
    failure_->path = name_;
    failure_->rejection = Rejection{"malformed_record", 0, error.what()};
  }
}

std::optional<RawRecord> WarcSource::next() {
  if (failure_) {
    auto failure = std::move(failure_);
    failure_.reset();
    return failure;
  }
  if (!reader_) return std::nullopt;
  while (const auto record = reader_->next())
    if (auto raw = read(*record)) return raw;
  return std::nullopt;
}

void WarcSource::pass_over(std::string kind) {
  kind = clean(kind.substr(0, kMaxKindBytes));
  if (passed_over_.size() >= kMaxKinds && !passed_over_.contains(kind)) kind = "other";
  ++passed_over_[kind];
}

std::optional<RawRecord> WarcSource::read(const WarcRecord& record) {
  RawRecord raw;
  raw.path = name_ + "@" + std::to_string(record.offset);
  if (record.inner_offset > 0) raw.path += "+" + std::to_string(record.inner_offset);
  raw.rejection = record.rejection;
  if (raw.rejection) return raw;
  const bool is_response = record.type == "response";
  if (!is_response && record.type != "conversion") {
    pass_over(std::string(record.type.substr(0, kMaxKindBytes)));
    return std::nullopt;
  }
  raw.meta["url"] = clean(record.target_uri);
  raw.meta["date"] = clean(record.date);
  if (is_response) {
    raw.rejection = read_http_response(record.payload, options_.max_record_bytes, response_);
    if (raw.rejection) {
      raw.meta = Json::object();
      return raw;
    }
    if (response_.status != 200 || (response_.content_type != "text/html" && response_.content_type != "application/xhtml+xml")) {
      pass_over(response_.status != 200 ? "status " + std::to_string(response_.status)
                                        : "type " + response_.content_type.substr(0, kMaxKindBytes));
      return std::nullopt;
    }
    raw.meta["content_type"] = response_.content_type;
    if (!response_.charset.empty()) raw.meta["charset"] = clean(response_.charset);
    if (response_.is_damaged || record.headers.find("WARC-Truncated")) raw.meta["is_damaged"] = true;
    raw.bytes.assign(response_.body);
  } else {
    raw.meta["content_type"] = clean(record.headers.find("Content-Type").value_or(""));
    raw.bytes = replace_invalid_utf8(record.payload);
    raw.is_document = true;
  }
  if (!record.id.empty()) raw.meta["record_id"] = clean(record.id);
  raw.meta["warc"] = {{"file", name_}, {"offset", record.offset}, {"bytes", record.packed_bytes}};
  if (record.inner_offset > 0) raw.meta["warc"]["inner_offset"] = record.inner_offset;
  return raw;
}

}  // namespace corollary
