#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "corpus/sources/source.h"

namespace corollary {

struct ParquetConfig {
  std::string text_field = "text";                    ///< the column that is the document's text: strings or bytes
  std::int64_t shard = 0, shards = 1;                 ///< which of so many shares of the row groups, each share contiguous
  std::int64_t max_record_bytes = 64 << 20;           ///< larger texts come as rejections
  std::int64_t memory_bytes = std::int64_t{2} << 30;  ///< that DuckDB may use; a row group that needs more is a rejection
};

/// The rows of a Parquet file, in order, each a document {text, meta}: all other columns go to meta, under their names (numbers and
/// truth values as such, lists, structs and maps as JSON, dates, times, decimals and other bytes as text, nulls left out); a column
/// "meta" that holds a JSON object is merged into it, as Proof-Pile-2 has it. Paths are NAME:ROW, from 1. Shares together are the
/// file. Read by DuckDB (duckdb.h) on one thread; it is told of this file alone. Throws Error if there is no library, or the file
/// is no Parquet, or has no such column; damage further in is a last record with rejection "damaged_parquet".
std::unique_ptr<Source> open_parquet(const fs::path& path, const ParquetConfig& config = {});

/// Rows of each row group, from the file's footer. Errors as above.
std::vector<std::int64_t> parquet_row_groups(const fs::path& path);

}  // namespace corollary
