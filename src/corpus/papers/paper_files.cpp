#include "corpus/papers/paper_files.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/compress.h"
#include "base/error.h"
#include "corpus/papers/latex_scan.h"
#include "corpus/sources/archive.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

UnpackedPaper rejected(std::string reason, std::string detail = {}) {
  UnpackedPaper paper;
  paper.rejection = Rejection{std::move(reason), 0, std::move(detail)};
  return paper;
}

/// The header of a tar archive carries its own sum.
bool is_tar(std::string_view bytes) {
  if (bytes.size() < 512) return false;
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i) sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(bytes[i]);
  unsigned stated = 0;
  std::size_t at = 148;
  while (at < 156 && bytes[at] == ' ') ++at;
  for (; at < 156 && bytes[at] >= '0' && bytes[at] <= '7'; ++at) stated = 8 * stated + static_cast<unsigned>(bytes[at] - '0');
  return bytes[0] != '\0' && stated == sum;
}

std::string extension_of(std::string_view path) {
  const std::size_t dot = path.rfind('.'), slash = path.rfind('/');
  return dot == kNone || (slash != kNone && dot < slash) ? std::string() : ascii_lower(path.substr(dot));
}

/// Names of files that are never read as TeX.
bool is_other_kind(std::string_view path) {
  constexpr std::array<std::string_view, 47> kOthers = {
      ".pdf",  ".eps", ".ps",  ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".svg", ".epsi",
      ".epsf", ".bib", ".bst", ".cls", ".clo", ".zip",  ".tar", ".gz",  ".tgz", ".bz2",  ".xz",  ".rar",
      ".7z",   ".fig", ".dvi", ".aux", ".log", ".out",  ".toc", ".ind", ".idx", ".mp4",  ".mov", ".avi",
      ".mpg",  ".mp3", ".csv", ".dat", ".m",   ".py",   ".c",   ".nb",  ".ttf", ".otf",  ".pfb"};
  const std::string extension = extension_of(path);
  return std::find(kOthers.begin(), kOthers.end(), extension) != kOthers.end();
}

bool looks_binary(std::string_view bytes) {
  return std::memchr(bytes.data(), '\0', std::min<std::size_t>(bytes.size(), 4096)) != nullptr;
}

/// What a file that is no TeX is; empty if it may be TeX.
std::string other_kind(std::string_view bytes) {
  const std::string_view head = trim(bytes.substr(0, 1024));
  if (head.starts_with("%PDF")) return "pdf_only";
  if (head.starts_with("%!PS") || head.starts_with("\x04%!PS")) return "postscript_only";
  const std::string low = ascii_lower(head.substr(0, 16));
  if (low.starts_with("<html") || low.starts_with("<!doctype") || low.starts_with("<?xml")) return "not_tex";
  return looks_binary(bytes) || head.empty() ? "not_tex" : "";
}

bool is_ignored(std::string_view text) { return text.starts_with("%auto-ignore"); }

/// arXiv keeps of a withdrawn paper a few lines that say so.
bool is_withdrawn(std::string_view text) {
  constexpr std::size_t kLongestNote = 2000;
  if (text.size() > kLongestNote) return false;
  const std::string low = ascii_lower(text);
  return low.find("withdrawn") != kNone && (is_ignored(low) || low.find("\\section") == kNone);
}

UnpackedPaper unpack_tar(std::string_view bytes, const PaperLimits& limits) {
  UnpackedPaper paper;
  std::int64_t total = 0, text = 0, count = 0;
  bool has_pdf = false, has_postscript = false;
  try {
    ArchiveReader archive(bytes, false, "paper");
    while (const auto entry = archive.next()) {
      if (++count > limits.max_files) return rejected("too_many_files", "more than " + std::to_string(limits.max_files));
      if (entry->bytes > limits.max_unpacked_bytes - total)
        return rejected("too_large", "unpacks to more than " + std::to_string(limits.max_unpacked_bytes) + " bytes");
      total += entry->bytes;
      const std::string extension = extension_of(entry->path);
      has_pdf |= extension == ".pdf";
      has_postscript |= extension == ".ps" || extension == ".eps";
      if (is_other_kind(entry->path)) continue;
      if (entry->bytes > limits.max_text_bytes - text)
        return rejected("too_large", "more than " + std::to_string(limits.max_text_bytes) + " bytes of text");
      PaperFile file{entry->path, archive.read()};
      if (looks_binary(file.bytes)) continue;
      text += entry->bytes;
      paper.files.push_back(std::move(file));
    }
  } catch (const Error& error) {
    return rejected("damaged_archive", error.what());
  }
  const auto is_tex = [](const PaperFile& file) { return other_kind(file.bytes).empty() && file.bytes.find('\\') != kNone; };
  if (std::none_of(paper.files.begin(), paper.files.end(), is_tex)) {
    const bool is_note =
        std::any_of(paper.files.begin(), paper.files.end(), [](const PaperFile& file) { return is_withdrawn(file.bytes); });
    return rejected(is_note ? "withdrawn" : has_pdf ? "pdf_only" : has_postscript ? "postscript_only" : "not_tex");
  }
  return paper;
}

/// An option of inputenc or CJK as a charset iconv knows; empty: none needed.
std::string charset_of(std::string_view option) {
  constexpr std::array<std::pair<std::string_view, const char*>, 28> kCharsets = {
      {{"latin1", "windows-1252"}, {"latin2", "ISO-8859-2"},   {"latin3", "ISO-8859-3"},   {"latin4", "ISO-8859-4"},
       {"latin5", "ISO-8859-9"},   {"latin9", "ISO-8859-15"},  {"latin10", "ISO-8859-16"}, {"ansinew", "windows-1252"},
       {"cp1252", "windows-1252"}, {"cp1250", "windows-1250"}, {"cp1251", "windows-1251"}, {"cp1257", "windows-1257"},
       {"cp437", "CP437"},         {"cp850", "CP850"},         {"cp852", "CP852"},         {"cp865", "CP865"},
       {"cp866", "CP866"},         {"koi8-r", "KOI8-R"},       {"koi8-u", "KOI8-U"},       {"applemac", "MACINTOSH"},
       {"macce", "MACINTOSH"},     {"GBK", "GB18030"},         {"GB", "GB18030"},          {"Bg5", "BIG5"},
       {"JIS", "EUC-JP"},          {"KS", "EUC-KR"},           {"EUC-JP", "EUC-JP"},       {"SJIS", "SHIFT_JIS"}}};
  for (const auto& [name, charset] : kCharsets)
    if (option == name) return charset;
  return "";
}

std::string stated_charset(std::string_view bytes) {
  for (const auto& [before, after] : {std::pair<std::string_view, std::string_view>{"[", "]{inputenc}"},
                                      {"\\inputencoding{", "}"},
                                      {"\\begin{CJK}{", "}"},
                                      {"\\begin{CJK*}{", "}"}}) {
    std::size_t at = before == "[" ? bytes.find(after) : bytes.find(before);
    if (at == kNone) continue;
    if (before == "[") {
      const std::size_t open = bytes.rfind('[', at);
      if (open == kNone || at - open > 64) continue;
      const std::string charset = charset_of(trim(bytes.substr(open + 1, at - open - 1)));
      if (!charset.empty()) return charset;
    } else {
      at += before.size();
      const std::size_t close = bytes.find(after, at);
      const std::string charset = close == kNone ? "" : charset_of(bytes.substr(at, close - at));
      if (!charset.empty()) return charset;
    }
  }
  return "";
}

}  // namespace

UnpackedPaper unpack_paper(std::string_view bytes, const PaperLimits& limits) {
  constexpr int kMostWraps = 3;  // some submissions were gzipped twice
  std::string unpacked;
  for (int wraps = 0; bytes.starts_with("\x1f\x8b"); ++wraps) {
    if (wraps == kMostWraps) return rejected("damaged_archive", "gzip within gzip");
    try {
      unpacked = gzip_decompress(bytes, static_cast<std::size_t>(limits.max_unpacked_bytes), "paper");
    } catch (const Error& error) {
      const std::string_view what = error.what();
      return rejected(what.find("more than") != kNone ? "too_large" : "damaged_archive", std::string(what));
    }
    bytes = unpacked;
  }
  if (is_tar(bytes)) return unpack_tar(bytes, limits);
  if (const std::string kind = other_kind(bytes); !kind.empty()) return rejected(kind);
  if (is_withdrawn(bytes)) return rejected("withdrawn");
  if (static_cast<std::int64_t>(bytes.size()) > limits.max_text_bytes)
    return rejected("too_large", std::to_string(bytes.size()) + " bytes of text");
  UnpackedPaper paper;
  paper.files.push_back({"paper.tex", std::string(bytes)});
  return paper;
}

LatexFiles decode_paper(const std::vector<PaperFile>& files) {
  std::string charset;
  for (const PaperFile& file : files)
    if (charset.empty()) charset = stated_charset(file.bytes);
  if (charset.empty()) charset = "windows-1252";
  LatexFiles decoded;
  for (const PaperFile& file : files) {
    std::string text = invalid_utf8_at(file.bytes) ? to_utf8(file.bytes, charset) : file.bytes;
    if (text.find('\r') != kNone || text.find('\0') != kNone || text.starts_with("\xEF\xBB\xBF")) text = normalize_newlines(text);
    decoded.insert_or_assign(file.path, std::move(text));
  }
  return decoded;
}

}  // namespace corollary
