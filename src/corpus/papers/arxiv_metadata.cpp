#include "corpus/papers/arxiv_metadata.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/compress.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"

namespace corollary {
namespace {

constexpr std::string_view kMagic = "arxivmd1";

struct Place {
  std::uint64_t hash;
  std::int64_t offset;
};
static_assert(sizeof(Place) == 16);

std::string text_of(const Json& json, const char* name) {
  return json.contains(name) && json[name].is_string() ? json[name].get<std::string>() : std::string();
}

std::string first_version(const Json& json) {
  if (json.contains("versions") && json["versions"].is_array() && !json["versions"].empty() && json["versions"][0].is_object())
    if (std::string created = text_of(json["versions"][0], "created"); !created.empty()) return created;
  return text_of(json, "update_date");
}

std::string one_line(std::string text) {
  std::string out;
  for (const char c : text)
    if (c != '\n' && c != '\r')
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  return out;
}

}  // namespace

ArxivMetadataCounts build_arxiv_metadata(const fs::path& snapshot, const fs::path& lookup) {
  ArxivMetadataCounts counts;
  std::vector<Place> places;
  AtomicFile out(lookup);
  out.write(kMagic);
  constexpr std::size_t kLongestLine = std::size_t{1} << 24;
  LineReader lines(snapshot, kLongestLine);
  while (const auto line = lines.next()) {
    Json json;
    try {
      json = parse_json(*line, "arXiv metadata");
    } catch (const Error&) {
    }
    const std::string id = json.is_object() ? text_of(json, "id") : "";
    if (id.empty()) {
      ++counts.unreadable_lines;
      continue;
    }
    places.push_back({hash64(id), out.size_bytes()});
    out.write(to_line({{"id", id},
                       {"license", text_of(json, "license")},
                       {"categories", text_of(json, "categories")},
                       {"timestamp", first_version(json)},
                       {"title", one_line(text_of(json, "title"))}}));
    out.write("\n");
  }
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.hash < b.hash; });
  const std::int64_t padding = (8 - out.size_bytes() % 8) % 8;
  out.write(std::string(static_cast<std::size_t>(padding), '\0'));
  const std::int64_t table = out.size_bytes(), papers = static_cast<std::int64_t>(places.size());
  out.write(places.data(), places.size() * sizeof(Place));
  out.write(&papers, sizeof papers);
  out.write(&table, sizeof table);
  out.commit();
  counts.papers = papers;
  return counts;
}

ArxivMetadata::ArxivMetadata(const fs::path& lookup) : file_(lookup), where_(lookup.string()) {
  const std::string_view bytes = file_.text();
  constexpr std::size_t kTail = 16;
  check(bytes.size() >= kMagic.size() + kTail && bytes.starts_with(kMagic), "no lookup file of arXiv metadata: ", where_,
        ": make one of the snapshot with build_arxiv_metadata");
  std::memcpy(&papers_, bytes.data() + bytes.size() - 16, 8);
  std::memcpy(&table_, bytes.data() + bytes.size() - 8, 8);
  const auto size = static_cast<std::int64_t>(bytes.size() - kTail);
  check(papers_ >= 0 && table_ >= static_cast<std::int64_t>(kMagic.size()) && table_ <= size && papers_ == (size - table_) / 16 &&
            (size - table_) % 16 == 0,
        "lookup file of arXiv metadata ", where_, " is damaged or truncated: make it again");
}

std::optional<ArxivRecord> ArxivMetadata::find(std::string_view id) const {
  const std::string_view bytes = file_.text();
  const auto place = [&](std::int64_t i) {
    Place at;
    std::memcpy(&at, bytes.data() + table_ + 16 * i, 16);
    return at;
  };
  const std::uint64_t wanted = hash64(id);
  std::int64_t low = 0, high = papers_;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    (place(middle).hash < wanted ? low : high) = place(middle).hash < wanted ? middle + 1 : middle;
  }
  for (; low < papers_ && place(low).hash == wanted; ++low) {
    const std::int64_t offset = place(low).offset;
    check(offset >= 0 && offset < table_, "lookup file of arXiv metadata ", where_, " is damaged: make it again");
    const std::string_view rest = bytes.substr(static_cast<std::size_t>(offset), static_cast<std::size_t>(table_ - offset));
    const Json json = parse_json(rest.substr(0, rest.find('\n')), where_);
    if (text_of(json, "id") != id) continue;
    return ArxivRecord{text_of(json, "license"), text_of(json, "categories"), text_of(json, "timestamp"), text_of(json, "title")};
  }
  return std::nullopt;
}

bool wants_category(std::string_view wanted, std::string_view categories) {
  const auto words = [](std::string_view text) {
    std::vector<std::string_view> found;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find_first_of(" ,", at), text.size());
      if (end > at) found.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return found;
  };
  const auto list = words(wanted), own = words(categories);
  return list.empty() || std::any_of(own.begin(), own.end(), [&](std::string_view category) {
           return std::any_of(list.begin(), list.end(), [&](std::string_view want) {
             return category == want || (category.starts_with(want) && category[want.size()] == '.');
           });
         });
}

}  // namespace corollary
