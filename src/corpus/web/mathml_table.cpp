// Tables: matrices by their delimiters, equations by their alignment.
#include "corpus/text.h"
#include "corpus/web/mathml_converter.h"

namespace corollary::mathml {
namespace {

/// A row's first cell; a labelled row begins with its label.
HtmlNode first_cell(HtmlNode row) {
  const HtmlNode first = first_part(row);
  return first && local_name(row) == "mlabeledtr" ? next_part(first) : first;
}

struct Shape {
  int rows = 0, columns = 0;
};

Shape shape_of(HtmlNode table) {
  Shape shape;
  for (HtmlNode row = first_part(table); row; row = next_part(row)) {
    ++shape.rows;
    if (shape.rows > 64) continue;  // enough to know the kind
    int columns = 0;
    for (HtmlNode cell = first_cell(row); cell && columns < 64; cell = next_part(cell)) ++columns;
    shape.columns = std::max(shape.columns, columns);
  }
  return shape;
}

const char* matrix_kind(Delimiters fences) {
  if (fences.open == '(' && fences.close == ')') return "pmatrix";
  if (fences.open == '[' && fences.close == ']') return "bmatrix";
  if (fences.open == '{' && fences.close == '}') return "Bmatrix";
  if (fences.open == '{' && fences.close == 0) return "cases";
  if (fences.open == 0 && fences.close == '}') return "rcases";
  if (is_bar(fences.open) && fences.open == fences.close)
    return fences.open == '|' || fences.open == 0x2223 ? "vmatrix" : "Vmatrix";
  return nullptr;
}

/// "rl" of "right left", the last repeated for all columns.
std::string column_letters(std::string_view align, int columns) {
  std::string letters;
  std::size_t at = 0;
  while (static_cast<int>(letters.size()) < columns) {
    while (at < align.size() && is_ascii_space(align[at])) ++at;
    const std::size_t end = std::min(align.find_first_of(" \t\n", at), align.size());
    const std::string_view word = align.substr(std::min(at, end), end - std::min(at, end));
    if (word.empty()) {
      letters += letters.empty() ? 'c' : letters.back();
    } else {
      letters += word == "left" ? 'l' : word == "right" ? 'r' : 'c';
      at = end;
    }
  }
  return letters;
}

/// "right left": of the table, else of its first row's cells.
std::string alignment_of(HtmlNode table) {
  std::string align(table.attribute("columnalign"));
  if (!align.empty()) return align;
  const HtmlNode row = first_part(table);
  int columns = 0;
  for (HtmlNode cell = row ? first_cell(row) : HtmlNode(); cell && columns < 64; cell = next_part(cell), ++columns) {
    const std::string_view own = cell.attribute("columnalign"), style = cell.attribute("style");
    const bool is_right = own == "right" || style.find("text-align: right") != std::string_view::npos;
    const bool is_left = own == "left" || style.find("text-align: left") != std::string_view::npos;
    if (columns == 0 && !is_right && !is_left) return {};
    align += is_right ? "right " : is_left ? "left " : "center ";
  }
  return align;
}

bool alternates(const std::string& letters) {
  if (letters.size() < 2) return letters == "r" || letters == "l";
  for (std::size_t i = 0; i < letters.size(); ++i)
    if (letters[i] != (i % 2 == 0 ? 'r' : 'l')) return false;
  return true;
}

}  // namespace

void Converter::table_rows(HtmlNode table) {
  bool is_first_row = true;
  const std::size_t table_start = out_.mark();
  for (HtmlNode row = first_part(table); row && !was_cut_; row = next_part(row)) {
    if (!spend()) return;
    if (!is_first_row) out_.put("\\\\");
    is_first_row = false;
    const std::size_t start = out_.mark();
    const std::string_view name = local_name(row);
    if (name != "mtr" && name != "mlabeledtr" && name != "tr") {  // MathML 1 let a row of one cell go unsaid
      element(row);
      continue;
    }
    bool is_first_cell = true;
    for (HtmlNode cell = first_cell(row); cell && !was_cut_; cell = next_part(cell)) {
      if (!is_first_cell) out_.put("&");
      is_first_cell = false;
      out_.mark();
      if (!spend()) return;
      const std::string_view cell_name = local_name(cell);
      if (cell_name == "mtd" || cell_name == "td")
        this->row(first_part(cell), true);
      else
        element(cell);
    }
    // \\[ and \\* would be commands.
    if (start != table_start && (out_.since(start).starts_with('[') || out_.since(start).starts_with('*')))
      out_.insert(start, "{}");
    if (name == "mlabeledtr")
      if (const std::string label = token_text(first_part(row)); !label.empty()) {
        std::string_view inner = label;
        if (inner.size() > 2 && inner.front() == '(' && inner.back() == ')') inner = inner.substr(1, inner.size() - 2);
        out_.put("\\tag{");
        characters(inner, MathFont::kDefault);
        out_.put("}");
      }
  }
}

Piece Converter::table(HtmlNode node, Delimiters fences) {
  if (depth_ >= options_.max_depth) was_cut_ = true;
  if (!spend()) return Piece::kNothing;
  ++depth_;
  ++tall_;
  const Shape shape = shape_of(node);
  const std::string align = alignment_of(node);
  const std::string letters = column_letters(align, std::max(shape.columns, 1));
  const bool has_lines = node.attribute("columnlines").find("solid") != std::string_view::npos ||
                         node.attribute("columnlines").find("dashed") != std::string_view::npos;
  std::string environment, columns;
  bool is_fenced = fences.open != 0 || fences.close != 0;
  if (shape.rows == 1 && local_name(first_part(node)) == "mlabeledtr" && !is_fenced && shape.columns == 1) {
    // A numbered equation: no table to its author.
  } else if (const char* kind = matrix_kind(fences); kind != nullptr && !has_lines) {
    environment = kind;
    is_fenced = false;
  } else if (is_script_ && shape.columns <= 1 && !is_fenced) {
    environment = "substack";
  } else if (has_lines) {
    environment = "array";
    for (std::size_t i = 0; i < letters.size(); ++i) {
      std::string_view lines = node.attribute("columnlines");
      columns += letters[i];
      if (i + 1 < letters.size() && (i == 0 || lines.find("none") == std::string_view::npos)) columns += '|';
    }
  } else if (!is_fenced && !align.empty() && alternates(letters)) {
    environment = "aligned";
  } else if (!is_fenced && shape.columns <= 1 && node.attribute("displaystyle") == "true") {
    environment = "gathered";
  } else if (!align.empty() && letters.find_first_not_of('c') != std::string::npos) {
    environment = "array";
    columns = letters;
  } else {
    environment = "matrix";
  }
  if (is_fenced) {
    out_.put(fences.open == 0 ? "\\left." : "\\left");
    if (fences.open != 0) delimiter(fences.open);
  }
  const bool outer = is_script_;
  is_script_ = false;
  if (environment == "substack") {
    out_.put("\\substack{");
    table_rows(node);
    out_.put("}");
  } else if (environment.empty()) {
    table_rows(node);
  } else {
    out_.put("\\begin{" + environment + "}");
    if (!columns.empty()) out_.put("{" + columns + "}");
    out_.mark();
    table_rows(node);
    out_.put("\\end{" + environment + "}");
  }
  is_script_ = outer;
  if (is_fenced) {
    out_.put(fences.close == 0 ? "\\right." : "\\right");
    if (fences.close != 0) delimiter(fences.close);
  }
  --depth_;
  return Piece::kAtom;
}

}  // namespace corollary::mathml
