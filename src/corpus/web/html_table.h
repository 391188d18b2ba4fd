#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace corollary {

/// The cells of a table as rows of text: spans are expanded (at most 100 columns and rows, as recipe 9.2; the text stands in the
/// first cell, the others are empty), columns and rows without text dropped. Spans cannot make it large: kMaxCells.
class TableGrid {
 public:
  void begin_row();
  void add_cell(std::string text, std::string_view colspan, std::string_view rowspan);
  /// Each row's cells between " | ".
  std::vector<std::string> lines() const;

 private:
  static constexpr std::size_t kMaxSpan = 100, kMaxColumns = 1000, kMaxCells = 1'000'000;
  void skip_spanned();
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> reserved_;  ///< per column, rows still taken by a cell from above
  std::size_t column_ = 0, cells_ = 0;
};

}  // namespace corollary
