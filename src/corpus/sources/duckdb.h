#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace corollary {

/// DuckDB through its C library, which is looked for when first needed and is no dependency of the program: $COROLLARY_DUCKDB (the
/// file or its folder), <cache>/duckdb/libduckdb.so (where scripts/install_duckdb.sh puts it), then wherever the loader finds
/// libduckdb.so. Empty if it is there, else what was tried and how to get it.
std::string why_no_duckdb();

/// A database in memory of one thread and so much memory, which reads one local file, installs and loads nothing and writes nothing
/// (unless may_write, for tests).
class DuckDb {
 public:
  /// file_path: may be read by queries as readable_path(); nothing else may. Throws Error if there is no library or no file.
  DuckDb(const fs::path& file_path, std::int64_t memory_bytes);
  /// For tests: anything may be read and written.
  explicit DuckDb(std::int64_t memory_bytes);
  ~DuckDb();
  DuckDb(const DuckDb&) = delete;
  DuckDb& operator=(const DuckDb&) = delete;

  /// A name of the file that needs no quoting, holds no pattern and cannot be moved away under us: /proc/self/fd/N.
  const std::string& readable_path() const { return readable_path_; }

 private:
  friend class DuckDbRows;
  void open(std::int64_t memory_bytes);
  void* database_ = nullptr;
  void* connection_ = nullptr;
  int fd_ = -1;
  std::string readable_path_;
};

/// A column's type as far as rows can be read here; others are for the query to cast.
enum class DuckDbType { boolean, bigint, ubigint, real, text, other };

/// The rows of a query, some 2,048 at a time.
class DuckDbRows {
 public:
  /// parameters replace the query's '?' in order. Throws Error with DuckDB's words.
  DuckDbRows(DuckDb& database, const std::string& query, const std::vector<std::string>& parameters = {});
  ~DuckDbRows();
  DuckDbRows(const DuckDbRows&) = delete;
  DuckDbRows& operator=(const DuckDbRows&) = delete;

  std::size_t columns() const;
  std::string column_name(std::size_t column) const;
  DuckDbType column_type(std::size_t column) const;  ///< blobs are text: their bytes
  int column_type_id(std::size_t column) const;      ///< DuckDB's own number

  /// The next row; false at the end. Throws Error with DuckDB's words.
  bool next();
  bool is_null(std::size_t column) const;
  /// Of the current row; the column must be of that type and not null. Views live until next().
  bool boolean(std::size_t column) const;
  std::int64_t bigint(std::size_t column) const;
  std::uint64_t ubigint(std::size_t column) const;
  double real(std::size_t column) const;
  std::string_view text(std::size_t column) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace corollary
