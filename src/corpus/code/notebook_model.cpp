#include "corpus/code/notebook_model.h"

#include <simdjson.h>

#include <algorithm>
#include <memory>
#include <set>

#include "corpus/text.h"

namespace corollary {
namespace {

using Element = simdjson::dom::element;
using Type = simdjson::dom::element_type;
using Maybe = std::optional<Element>;

/// The value of the last member of that name, as Python reads objects.
Maybe member(const Maybe& object, std::string_view name) {
  simdjson::dom::object members;
  if (!object || object->get(members) != simdjson::SUCCESS) return std::nullopt;
  Maybe found;
  for (const auto field : members)
    if (field.key == name) found = field.value;
  return found;
}

std::optional<std::string_view> string_of(const Maybe& value) {
  std::string_view text;
  if (!value || value->get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}
bool is(const Maybe& value, Type type) { return value && value->type() == type; }
bool is_object(const Maybe& value) { return is(value, Type::OBJECT); }
bool is_count_or_null(const Maybe& value) {
  std::int64_t count = 0;
  return is(value, Type::NULL_VALUE) || is(value, Type::UINT64) || (value && value->get(count) == simdjson::SUCCESS && count >= 0);
}

/// A string, or a list of them. Version 3's lists may lack their newlines, which then show by the first line.
std::optional<std::string> joined(const Maybe& value, bool may_lack_newlines) {
  if (const auto text = string_of(value)) return std::string(*text);
  simdjson::dom::array lines;
  if (!value || value->get(lines) != simdjson::SUCCESS) return std::nullopt;
  std::string text;
  std::string_view between;
  bool is_first = true;
  for (const Element line : lines) {
    const auto part = string_of(line);
    if (!part) return std::nullopt;
    if (is_first && may_lack_newlines && !part->ends_with('\n') && !part->ends_with('\r')) between = "\n";
    if (!is_first) text += between;
    text += *part;
    is_first = false;
  }
  return text;
}

/// Whether Python's lenient base64 reader takes it.
bool is_base64(std::string_view text) {
  std::int64_t digits = 0, pads = 0;
  for (const char c : text) {
    if (c == '=') {
      ++pads;
      if (digits % 4 >= 2 && digits % 4 + pads >= 4) return true;  // what follows is not looked at
      if (digits % 4 == 0) pads = 0;
    } else if (is_ascii_letter(c) || is_ascii_digit(c) || c == '+' || c == '/') {
      ++digits, pads = 0;
    }
  }
  return digits % 4 == 0;
}

/// str.splitlines() and " ".join: a heading is one line.
std::string one_line(std::string_view text) {
  std::string line;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    std::size_t bytes = 0;
    if (c == '\r' && text.substr(at).starts_with("\r\n"))
      bytes = 2;
    else if ((c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E))
      bytes = 1;
    else if (text.substr(at).starts_with("\xC2\x85"))
      bytes = 2;
    else if (text.substr(at).starts_with("\xE2\x80\xA8") || text.substr(at).starts_with("\xE2\x80\xA9"))
      bytes = 3;
    if (bytes == 0) {
      line += text[at];
    } else {
      at += bytes - 1;
      if (at + 1 < text.size()) line += ' ';
    }
  }
  return line;
}

/// Walks the JSON and keeps the first fault.
class Reader {
 public:
  Reader(Notebook& notebook, int version) : notebook_(notebook), version_(version) {}

  void read(const Element& root) {
    read_all(root);
    if (notebook_.fault.empty()) notebook_.fault = hard_fault_;
  }

 private:
  void read_all(const Element& root) {
    const Maybe metadata = member(root, "metadata"), given = member(root, "nbformat_minor");
    std::int64_t minor = -1;
    need(given && given->get(minor) == simdjson::SUCCESS && minor >= 0 && (version_ == 4 || minor == 0), "nbformat_minor");
    read_metadata(metadata);
    if (version_ < 4) {
      minor_ = 5;  // upgraded to the newest
      each(member(root, "worksheets"), "worksheets",
           [&](const Maybe& sheet) { each(member(sheet, "cells"), "cells", [&](const Maybe& cell) { read_cell(cell); }); });
      return;
    }
    minor_ = minor;
    need(minor < 2 || !member(metadata, "title") || is(member(metadata, "title"), Type::STRING), "metadata.title");
    need(minor < 2 || !member(metadata, "authors") || is(member(metadata, "authors"), Type::ARRAY), "metadata.authors");
    each(member(root, "cells"), "cells", [&](const Maybe& cell) { read_cell(cell); });
  }

  void need(bool is_met, const char* what) {
    if (!is_met && notebook_.fault.empty()) notebook_.fault = what;
  }
  /// What stops Python's reader, even in outputs that are cleared later.
  void must(bool is_met, const char* what) {
    need(is_met, what);
    if (!is_met && hard_fault_.empty()) hard_fault_ = what;
  }
  void each(const Maybe& list, const char* what, auto&& visit) {
    simdjson::dom::array items;
    const bool is_list = list && list->get(items) == simdjson::SUCCESS;
    need(is_list, what);
    if (!is_list) return;
    for (const Element item : items) visit(Maybe(item));
  }

  void read_metadata(const Maybe& metadata) {
    need(is_object(metadata), "metadata");
    if (const Maybe kernel = member(metadata, "kernelspec")) {
      need(string_of(member(kernel, "name")) && string_of(member(kernel, "display_name")), "metadata.kernelspec");
      notebook_.kernel_language = std::string(string_of(member(kernel, "language")).value_or(""));
    }
    if (const Maybe info = member(metadata, "language_info")) {
      if (const auto name = string_of(member(info, "name"))) notebook_.language = std::string(*name);
      need(notebook_.language.has_value(), "metadata.language_info");
      for (const char* field : {"file_extension", "mimetype", "pygments_lexer"})
        need(!member(info, field) || string_of(member(info, field)), field);
      const Maybe mode = member(info, "codemirror_mode");
      need(!mode || string_of(mode) || is_object(mode), "codemirror_mode");
    }
    need(!member(metadata, "language") || string_of(member(metadata, "language")), "metadata.language");
  }

  void read_cell_metadata(const Maybe& metadata, bool is_code) {
    if (const Maybe name = member(metadata, "name")) {
      const auto text = string_of(name);
      need(text && !text->empty() && text->front() != '\n', "cell.metadata.name");
    }
    if (const Maybe tags = member(metadata, "tags")) {
      std::set<std::string_view> seen;
      each(tags, "cell.metadata.tags", [&](const Maybe& tag) {
        const auto text = string_of(tag);
        need(text && !text->empty() && text->find(',') == std::string_view::npos && seen.insert(*text).second,
             "cell.metadata.tags");
      });
    }
    need(minor_ < 3 || !member(metadata, "jupyter") || is_object(member(metadata, "jupyter")), "cell.metadata.jupyter");
    if (!is_code) return;
    const Maybe scrolled = member(metadata, "scrolled");
    need(!scrolled || is(scrolled, Type::BOOL) || string_of(scrolled) == "auto", "cell.metadata.scrolled");
    const Maybe execution = member(metadata, "execution");
    if (minor_ < 4 || !execution) return;
    need(is_object(execution), "cell.metadata.execution");
    simdjson::dom::object fields;
    if (execution->get(fields) != simdjson::SUCCESS) return;
    for (const auto field : fields) need(field.value.is_string(), "cell.metadata.execution");
  }

  void read_cell(const Maybe& value) {
    need(is_object(value), "cell");
    if (!is_object(value)) return;
    const Maybe metadata = member(value, "metadata");
    const auto type = string_of(member(value, "cell_type")).value_or("");
    NotebookCell cell;
    const bool is_code = type == "code";
    const auto source = joined(member(value, is_code && version_ < 4 ? "input" : "source"), version_ < 4);
    if (source) cell.source = *source;
    if (version_ < 4) {
      need(!metadata || is_object(metadata), "cell.metadata");
      // A code cell may lack its input; else a missing source breaks the schema.
      need(source || (is_code && !member(value, "input")) || (type == "heading" && !member(value, "source")), "cell.source");
    } else {
      need(is_object(metadata), "cell.metadata");
      need(source.has_value(), "cell.source");
      if (const Maybe id = member(value, "id"); id && minor_ >= 5) need(is_cell_id(string_of(id)), "cell.id");
    }
    read_cell_metadata(metadata, is_code);
    if (is_code) {
      read_code(value, metadata, cell);
    } else if (type == "markdown" || (version_ < 4 && type == "html")) {
      cell.kind = NotebookCell::Kind::kMarkdown;
    } else if (version_ < 4 && type == "heading") {
      cell.kind = NotebookCell::Kind::kMarkdown;
      std::int64_t level = 1;
      const Maybe given = member(value, "level");
      need(!given || given->get(level) == simdjson::SUCCESS, "cell.level");
      cell.source = std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(level, 0, 6)), '#') + " " + one_line(cell.source);
    } else if (type == "raw") {
      cell.kind = NotebookCell::Kind::kRaw;
      const Maybe raw_type = member(metadata, "raw_mimetype"), format = member(metadata, "format");
      need((!raw_type || string_of(raw_type)) && (!format || string_of(format)), "cell.metadata");
      cell.raw_type = ascii_lower(string_of(raw_type).value_or(""));
    } else {
      need(!type.empty() && version_ == 4 && minor_ > 5, "cell.cell_type");
    }
    if (const Maybe attachments = member(value, "attachments"); attachments && version_ == 4) {
      must(is_object(attachments), "cell.attachments");
      simdjson::dom::object files;
      if (attachments->get(files) == simdjson::SUCCESS)
        for (const auto file : files) must(file.value.is_object(), "cell.attachments");
    }
    notebook_.cells.push_back(std::move(cell));
  }

  static bool is_cell_id(std::optional<std::string_view> id) {
    return id && !id->empty() && id->size() <= 64 && std::all_of(id->begin(), id->end(), [](char c) {
             return is_ascii_letter(c) || is_ascii_digit(c) || c == '-' || c == '_';
           });
  }

  void read_code(const Maybe& value, const Maybe& metadata, NotebookCell& cell) {
    cell.kind = NotebookCell::Kind::kCode;
    const Maybe count = member(value, version_ < 4 ? "prompt_number" : "execution_count");
    need((version_ < 4 && !count) || is_count_or_null(count), "cell.execution_count");
    const Maybe collapsed = version_ < 4 && member(value, "collapsed") ? member(value, "collapsed") : member(metadata, "collapsed");
    need(!collapsed || is(collapsed, Type::BOOL), "cell.metadata.collapsed");
    const auto magics = string_of(member(metadata, "magics_language"));
    cell.has_magics_language = magics.has_value();
    cell.language = std::string(magics ? *magics : string_of(member(value, "language")).value_or(""));
    // Outputs that are cleared are cleared before the schema is asked.
    std::string fault_before = notebook_.fault;
    each(member(value, "outputs"), "cell.outputs", [&](const Maybe& output) { read_output(output, cell); });
    if (cell.has_png || cell.has_exception) notebook_.fault = std::move(fault_before);
  }

  void read_output(const Maybe& value, NotebookCell& cell) {
    must(is_object(value) && (version_ == 4 || string_of(member(value, "output_type"))), "output");
    const auto type = string_of(member(value, "output_type")).value_or("");
    NotebookOutput output;
    if (member(value, "ename") && member(value, "traceback")) cell.has_exception = true;
    if (type == "stream") {
      output.kind = NotebookOutput::Kind::kStream;
      const Maybe name = member(value, version_ < 4 ? "stream" : "name");
      auto text = joined(member(value, "text"), version_ < 4);
      need(text && (string_of(name) || (version_ < 4 && !name)), "output.stream");
      output.name = std::string(string_of(name).value_or("stdout"));
      output.text = std::move(text).value_or("");
    } else if (type == "display_data" || type == (version_ < 4 ? "pyout" : "execute_result")) {
      const bool is_result = type != "display_data";
      output.kind = is_result ? NotebookOutput::Kind::kResult : NotebookOutput::Kind::kDisplay;
      const Maybe count = member(value, version_ < 4 ? "prompt_number" : "execution_count"), metadata = member(value, "metadata");
      need(!is_result || (version_ < 4 && !count) || is_count_or_null(count), "output.execution_count");
      need((version_ < 4 && !metadata) || is_object(metadata), "output.metadata");
      const Maybe data = version_ < 4 ? value : member(value, "data");
      need(is_object(data), "output.data");
      must(!data || is_object(data), "output.data");
      read_data(data, output, cell);
    } else if (type == "error" || type == "pyerr") {
      cell.has_image_or_error = true;
      need(string_of(member(value, "ename")) && string_of(member(value, "evalue")) && is(member(value, "traceback"), Type::ARRAY),
           "output.error");
    } else {
      need(version_ == 4 && minor_ > 5 && !type.empty(), "output.output_type");
    }
    cell.outputs.push_back(std::move(output));
  }

  /// Version 3 keeps its data beside the output's other fields, under short names.
  static std::string_view media_type(std::string_view key) {
    constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
        {"text", "text/plain"}, {"html", "text/html"},   {"svg", "image/svg+xml"},     {"png", "image/png"},
        {"jpeg", "image/jpeg"}, {"latex", "text/latex"}, {"json", "application/json"}, {"javascript", "application/javascript"}};
    for (const auto& [alias, type] : kTypes)
      if (key == alias) return type;
    return key;
  }

  void read_data(const Maybe& data, NotebookOutput& output, NotebookCell& cell) {
    simdjson::dom::object fields;
    if (!data || data->get(fields) != simdjson::SUCCESS) return;
    for (const auto field : fields) {
      if (version_ < 4 && (field.key == "output_type" || field.key == "prompt_number" || field.key == "metadata")) continue;
      const std::string_view type = version_ < 4 ? media_type(field.key) : field.key;
      if (type.starts_with("image/") || type == "application/pdf") {
        const auto image = string_of(field.value);
        simdjson::dom::array lines;
        const bool has_lines = field.value.get(lines) == simdjson::SUCCESS && lines.size() > 0;
        if (type.starts_with("image/")) cell.has_image_or_error = true;
        if (type == "image/png") {
          need(image || is(field.value, Type::ARRAY) || is(field.value, Type::OBJECT), "output.image/png");
          if ((image && !image->empty()) || has_lines) cell.has_png = true;
        } else if (type != "image/svg+xml") {
          const auto whole = joined(field.value, false);
          need((type != "image/jpeg" && type != "application/pdf") || (whole && is_base64(*whole)), "output.image");
        }
        output.others.emplace_back(type);
      } else if (type == "text/plain" || type == "text/html" || type == "text/latex" || type == "text/markdown") {
        auto text = joined(field.value, version_ < 4);
        need(text || type == "text/plain" || type == "text/markdown", "output.text");
        std::erase_if(output.texts, [&](const auto& earlier) { return earlier.first == type; });
        if (text) output.texts.emplace_back(type, std::move(*text));
        if (!text) output.others.emplace_back(type);
      } else {
        output.others.emplace_back(type);
      }
    }
  }

  Notebook& notebook_;
  int version_;
  std::int64_t minor_ = 0;
  std::string hard_fault_;
};

/// What simdjson refuses and Python reads: NaN and Infinity become null, escapes of lone surrogates U+FFFD. Unless `strict` raw
/// control characters in strings are escaped, too.
std::string repaired(std::string_view bytes, bool strict) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 64);
  const auto unit_at = [&](std::size_t at) -> std::int64_t {  // of "\uXXXX", -1 if there is none
    if (at + 6 > bytes.size() || bytes[at] != '\\' || bytes[at + 1] != 'u') return -1;
    std::int64_t unit = 0;
    for (std::size_t i = at + 2; i < at + 6; ++i) {
      const char c = bytes[i];
      if (is_ascii_digit(c))
        unit = unit * 16 + (c - '0');
      else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        unit = unit * 16 + ((c | 0x20) - 'a' + 10);
      else
        return -1;
    }
    return unit;
  };
  bool is_inside = false;
  for (std::size_t at = 0; at < bytes.size();) {
    const char c = bytes[at];
    if (!is_inside) {
      const auto starts = [&](std::string_view word) { return bytes.substr(at).starts_with(word); };
      if (c == 'N' || c == 'I' || c == '-') {
        const std::size_t word = starts("NaN") ? 3 : starts("Infinity") ? 8 : starts("-Infinity") ? 9 : 0;
        if (word > 0) {
          out += "null";
          at += word;
          continue;
        }
      }
      is_inside = c == '"';
      out += c;
      ++at;
    } else if (c == '\\') {
      const std::int64_t unit = unit_at(at);
      if (unit >= 0xD800 && unit < 0xDC00) {
        const std::int64_t low = unit_at(at + 6);
        const bool is_pair = low >= 0xDC00 && low < 0xE000;
        out += is_pair ? bytes.substr(at, 12) : std::string_view("\\uFFFD");
        at += is_pair ? 12 : 6;
      } else if (unit >= 0xDC00 && unit < 0xE000) {
        out += "\\uFFFD";
        at += 6;
      } else {
        out += bytes.substr(at, 2);
        at += 2;
      }
    } else {
      is_inside = c != '"';
      if (!strict && static_cast<unsigned char>(c) < 0x20)
        out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : " ";
      else
        out += c;
      ++at;
    }
  }
  return out;
}

constexpr std::size_t kMaxBytes = std::size_t{1} << 31;          // simdjson counts in 32 bits
constexpr std::size_t kKeptParserBytes = std::size_t{16} << 20;  // what a thread keeps for the next notebook

/// A parser's buffers are several times the text: kept from one notebook to the next unless the text was huge.
struct Parsed {
  std::string padded;
  simdjson::dom::parser parser;
};

}  // namespace

bool NotebookOutput::has_data(std::string_view type) const {
  return std::any_of(texts.begin(), texts.end(), [&](const auto& text) { return text.first == type; }) ||
         std::find(others.begin(), others.end(), type) != others.end();
}

std::optional<Rejection> read_notebook(std::string_view bytes, bool strict, Notebook& notebook) {
  if (bytes.size() > kMaxBytes) return Rejection{"too_large", static_cast<std::int64_t>(kMaxBytes)};
  if (bytes.starts_with("\xEF\xBB\xBF")) {
    if (strict) return Rejection{"malformed_json", 0, "byte order mark"};
    bytes.remove_prefix(3);
  }
  thread_local std::unique_ptr<Parsed> kept;
  auto parsed = kept ? std::move(kept) : std::make_unique<Parsed>();
  const auto parse = [&](std::string_view text) {
    parsed->padded.assign(text);
    parsed->padded.append(simdjson::SIMDJSON_PADDING, ' ');
    Element root;
    const simdjson::error_code error = parsed->parser.parse(parsed->padded.data(), text.size(), false).get(root);
    return std::pair(error, root);
  };
  auto [error, root] = parse(bytes);
  if (error == simdjson::UTF8_ERROR) return Rejection{"invalid_utf8", invalid_utf8_at(bytes).value_or(0)};
  if (error == simdjson::STRING_ERROR || error == simdjson::TAPE_ERROR || error == simdjson::UNESCAPED_CHARS ||
      error == simdjson::NUMBER_ERROR || error == simdjson::N_ATOM_ERROR)
    std::tie(error, root) = parse(repaired(bytes, strict));
  if (error != simdjson::SUCCESS) return Rejection{"malformed_json", 0, simdjson::error_message(error)};
  if (!root.is_object()) return Rejection{"not_a_notebook", 0, "no object"};
  std::int64_t version = 0;
  const Maybe format = member(root, "nbformat");
  if (!format || format->get(version) != simdjson::SUCCESS) return Rejection{"not_a_notebook", 0, "no nbformat"};
  if (version < 2 || version > 4) return Rejection{"unsupported_version", 0, "nbformat " + std::to_string(version)};
  if (!is(member(root, version < 4 ? "worksheets" : "cells"), Type::ARRAY)) return Rejection{"not_a_notebook", 0, "no cells"};
  Reader(notebook, static_cast<int>(version)).read(root);
  if (bytes.size() <= kKeptParserBytes) kept = std::move(parsed);
  return std::nullopt;
}

}  // namespace corollary
