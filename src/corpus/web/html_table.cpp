#include "corpus/web/html_table.h"

#include <algorithm>

#include "corpus/text.h"

namespace corollary {
namespace {

std::size_t span(std::string_view text, std::size_t most) {
  std::size_t n = 0;
  for (const char c : trim(text)) {
    if (!is_ascii_digit(c)) break;
    n = std::min<std::size_t>(n * 10 + static_cast<std::size_t>(c - '0'), 100'000);
  }
  return std::clamp<std::size_t>(n, 1, most);
}

}  // namespace

void TableGrid::begin_row() {
  for (std::size_t& left : reserved_) left -= left > 0 ? 1 : 0;
  rows_.emplace_back();
  column_ = 0;
}

void TableGrid::skip_spanned() {
  while (column_ < reserved_.size() && reserved_[column_] > 0) ++column_;
}

void TableGrid::add_cell(std::string text, std::string_view colspan, std::string_view rowspan) {
  skip_spanned();
  const std::size_t columns = colspan.empty() ? 1 : span(colspan, kMaxSpan), rows = rowspan.empty() ? 1 : span(rowspan, kMaxSpan);
  std::vector<std::string>& row = rows_.back();
  if (column_ + columns > kMaxColumns || cells_ > kMaxCells) {  // the text is kept, without its place
    row.push_back(std::move(text));
    return;
  }
  if (row.size() < column_ + 1) cells_ += column_ + 1 - row.size(), row.resize(column_ + 1);
  row[column_] = std::move(text);
  if (rows > 1) {
    if (reserved_.size() < column_ + columns) reserved_.resize(column_ + columns, 0);
    for (std::size_t i = 0; i < columns; ++i) reserved_[column_ + i] = std::max(reserved_[column_ + i], rows);
  }
  column_ += columns;
}

std::vector<std::string> TableGrid::lines() const {
  std::vector<char> has_text;
  for (const auto& row : rows_) {
    if (has_text.size() < row.size()) has_text.resize(row.size(), 0);
    for (std::size_t i = 0; i < row.size(); ++i)
      if (!row[i].empty()) has_text[i] = 1;
  }
  std::vector<std::string> lines;
  for (const auto& row : rows_) {
    std::string line;
    bool is_first = true, is_empty = true;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (has_text[i] == 0) continue;
      if (!is_first) line += " | ";
      is_first = false;
      line += row[i];
      is_empty = is_empty && row[i].empty();
    }
    if (!is_empty) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace corollary
