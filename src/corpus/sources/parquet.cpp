#include "corpus/sources/parquet.h"

#include <algorithm>

#include "base/error.h"
#include "corpus/sources/duckdb.h"

namespace corollary {
namespace {

constexpr int kFirstInteger = 2, kLastInteger = 7, kUbigintId = 9, kFloatId = 10, kDoubleId = 11, kBooleanId = 1, kVarcharId = 17,
              kBlobId = 18;
constexpr int kListId = 24, kStructId = 25, kMapId = 26, kUnionId = 28, kArrayId = 33;

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

/// How a column of DuckDB's type is asked for, so that one of DuckDbType's comes.
std::string asked(const std::string& name, int type, bool& is_json) {
  const std::string column = quoted(name);
  is_json = false;
  if (type == kBooleanId || type == kUbigintId || type == kDoubleId || type == kVarcharId) return column;
  if ((type >= kFirstInteger && type <= kLastInteger) || type == 8) return column + "::BIGINT";
  if (type == kFloatId) return column + "::DOUBLE";
  is_json = type == kListId || type == kStructId || type == kMapId || type == kUnionId || type == kArrayId;
  return is_json ? "to_json(" + column + ")::VARCHAR" : column + "::VARCHAR";
}

/// A file of 4 bytes "PAR1", something, its length and "PAR1" again: what can be said without DuckDB.
void check_magic(const fs::path& path) {
  const MappedFile file(path);
  const std::string_view text = file.text();
  check(text.size() >= 12 && text.starts_with("PAR1") && text.ends_with("PAR1"), "not a Parquet file: ", path.string(), " (",
        text.size(), " bytes): it is another format, encrypted or truncated; fetch it again");
}

std::vector<std::int64_t> row_groups(DuckDb& database, const fs::path& path) {
  try {
    std::vector<std::int64_t> rows;
    DuckDbRows groups(
        database,
        "SELECT row_group_id::BIGINT, any_value(row_group_num_rows)::BIGINT FROM parquet_metadata(?) GROUP BY 1 ORDER BY 1",
        {database.readable_path()});
    while (groups.next()) {
      check(!groups.is_null(0) && !groups.is_null(1) && groups.bigint(1) >= 0 && groups.bigint(0) == std::ssize(rows),
            "row groups out of order");
      rows.push_back(groups.bigint(1));
    }
    return rows;
  } catch (const Error& error) {
    fail("cannot read Parquet file ", path.string(), ": ", error.what());
  }
}

class ParquetSource : public Source {
 public:
  ParquetSource(const fs::path& path, const ParquetConfig& config)
      : path_(path), name_(path.filename().string()), config_(config), database_(path, config.memory_bytes) {
    check(config.shards >= 1 && config.shard >= 0 && config.shard < config.shards, "no shard ", config.shard, " of ",
          config.shards);
    const std::vector<std::int64_t> groups = row_groups(database_, path);
    const auto share = [&](std::int64_t i) { return std::ssize(groups) * i / config.shards; };
    std::int64_t last = 0;
    for (std::int64_t g = 0; g < share(config.shard + 1); ++g) {
      if (g < share(config.shard)) row_ += groups[static_cast<std::size_t>(g)];
      last += groups[static_cast<std::size_t>(g)];
    }
    is_over_ = row_ == last;
    try {
      std::string query = "SELECT " + columns();
      query += " FROM read_parquet(?, file_row_number = true) WHERE file_row_number >= " + std::to_string(row_) +
               " AND file_row_number < " + std::to_string(last);
      if (!is_over_) rows_ = std::make_unique<DuckDbRows>(database_, query, std::vector{database_.readable_path()});
    } catch (const Error& error) {
      fail("cannot read Parquet file ", path.string(), ": ", error.what());
    }
  }

  std::optional<RawRecord> next() override {
    if (is_over_) return std::nullopt;
    RawRecord record;
    try {
      if (!rows_->next()) {
        is_over_ = true;
        return std::nullopt;
      }
      record.path = name_ + ":" + std::to_string(++row_);
      read_row(record);
    } catch (const Error& error) {  // nothing can follow
      is_over_ = true;
      record = RawRecord();
      record.path = name_ + ":" + std::to_string(row_ + 1);
      record.rejection = Rejection{"damaged_parquet", 0, error.what()};
    }
    return record;
  }

 private:
  /// The query's columns: the text, then the others; fills names_ and is_json_.
  std::string columns() {
    DuckDbRows head(database_, "SELECT * FROM read_parquet(?) LIMIT 0", {database_.readable_path()});
    std::string text, others, known;
    for (std::size_t i = 0; i < head.columns(); ++i) {
      const std::string name = head.column_name(i);
      const int type = head.column_type_id(i);
      known += (known.empty() ? "" : ", ") + name;
      if (name == config_.text_field) {
        check(type == kVarcharId || type == kBlobId, "column \"", name, "\" holds no text: choose another as text_field");
        text = quoted(name);
        continue;
      }
      bool is_json = false;
      others += ", " + asked(name, type, is_json);
      names_.push_back(name);
      is_json_.push_back(is_json);
    }
    check(!text.empty(), "no column \"", config_.text_field, "\": set text_field to one of ", known);
    return text + others;
  }

  void read_row(RawRecord& record) {
    if (rows_->is_null(0)) {
      record.rejection = Rejection{"no_text", 0, "the column " + config_.text_field + " is null"};
      return;
    }
    const std::string_view text = rows_->text(0);
    if (static_cast<std::int64_t>(text.size()) > config_.max_record_bytes) {
      record.rejection = Rejection{"too_large", 0, std::to_string(text.size()) + " bytes"};
      return;
    }
    record.bytes = text;
    record.is_document = true;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const std::size_t column = i + 1;
      if (rows_->is_null(column)) continue;
      switch (rows_->column_type(column)) {
        case DuckDbType::boolean:
          record.meta[names_[i]] = rows_->boolean(column);
          break;
        case DuckDbType::bigint:
          record.meta[names_[i]] = rows_->bigint(column);
          break;
        case DuckDbType::ubigint:
          record.meta[names_[i]] = rows_->ubigint(column);
          break;
        case DuckDbType::real:
          record.meta[names_[i]] = rows_->real(column);
          break;
        default:
          put_text(record.meta, i, rows_->text(column));
      }
    }
  }

  void put_text(Json& meta, std::size_t i, std::string_view text) const {
    const bool is_meta = names_[i] == "meta" && text.starts_with('{');
    if (is_json_[i] || is_meta) {
      try {
        Json json = parse_json(text, name_);
        if (!is_meta || !json.is_object()) {
          meta[names_[i]] = std::move(json);
          return;
        }
        for (auto& [key, value] : json.items()) meta[key] = value;
        return;
      } catch (const Error&) {  // then it is text like other text
      }
    }
    meta[names_[i]] = std::string(text);
  }

  fs::path path_;
  std::string name_;
  ParquetConfig config_;
  DuckDb database_;
  std::unique_ptr<DuckDbRows> rows_;
  std::vector<std::string> names_;
  std::vector<bool> is_json_;
  std::int64_t row_ = 0;
  bool is_over_ = false;
};

}  // namespace

std::unique_ptr<Source> open_parquet(const fs::path& path, const ParquetConfig& config) {
  check_magic(path);
  return std::make_unique<ParquetSource>(path, config);
}

std::vector<std::int64_t> parquet_row_groups(const fs::path& path) {
  check_magic(path);
  DuckDb database(path, 256 << 20);
  return row_groups(database, path);
}

}  // namespace corollary
