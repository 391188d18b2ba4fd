#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"

namespace corollary {

/// What arXiv says of a paper.
struct ArxivRecord {
  std::string licence;     ///< an address, "http://creativecommons.org/licenses/by/4.0/"; empty: arXiv's own non-exclusive licence
  std::string categories;  ///< "math.AG math.NT", the primary one first
  std::string timestamp;   ///< of the first version if the snapshot says so, else of the last update
  std::string title;
};

/// Makes a lookup file of arXiv's metadata snapshot: JSON Lines (plain, .gz or .zst) with id, license, categories, title and
/// versions or update_date. Memory while it is made: 16 bytes a paper. Lines that are no such object are counted, not used.
/// Layout (little endian): "arxivmd1", then the records as JSON lines, then for each paper {hash64(id), offset of its line} sorted
/// by hash, then the number of papers and the offset of that table. Returns how many papers it holds.
struct ArxivMetadataCounts {
  std::int64_t papers = 0, unreadable_lines = 0;
};
ArxivMetadataCounts build_arxiv_metadata(const fs::path& snapshot, const fs::path& lookup);

/// Such a file, mapped: lookups cost a binary search and no memory. Thread-safe.
class ArxivMetadata {
 public:
  /// Throws Error if it is none, or truncated.
  explicit ArxivMetadata(const fs::path& lookup);
  /// `id` as in "1812.05995" or "math/0301001", no version.
  std::optional<ArxivRecord> find(std::string_view id) const;
  std::int64_t papers() const { return papers_; }

 private:
  MappedFile file_;
  std::string where_;
  std::int64_t papers_ = 0, table_ = 0;
};

/// Whether one of a paper's categories is wanted: `wanted` lists categories ("math.AG") and whole archives ("math"), blanks
/// between; empty wants all.
bool wants_category(std::string_view wanted, std::string_view categories);

}  // namespace corollary
