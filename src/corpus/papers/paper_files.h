#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/document.h"
#include "corpus/papers/latex.h"

namespace corollary {

/// What unpacking a submission may cost. Memory: max_unpacked_bytes for the archive, and as much again for the files kept.
struct PaperLimits {
  std::int64_t max_unpacked_bytes = std::int64_t{1} << 28;  ///< of all files together, figures too
  std::int64_t max_text_bytes = std::int64_t{1} << 26;      ///< of the files that may be TeX
  std::int64_t max_files = 20'000;
  static void each(auto& limits, auto&& visit) {
    visit("max_unpacked_bytes", limits.max_unpacked_bytes);
    visit("max_text_bytes", limits.max_text_bytes);
    visit("max_files", limits.max_files);
  }
};

struct PaperFile {
  std::string path;   ///< inside the archive; "paper.tex" if the submission is a single file
  std::string bytes;  ///< as shipped
};

struct UnpackedPaper {
  std::vector<PaperFile> files;        ///< those that may be TeX, in the archive's order
  std::optional<Rejection> rejection;  ///< set: no paper; files is empty
};

/// The TeX files of a submission as arXiv ships it: a tar, a gzipped tar or a gzipped (or plain) single file. Links, devices and
/// paths that lead outside are passed over; figures and other binaries are not kept. Rejections: "pdf_only", "postscript_only",
/// "not_tex", "withdrawn", "damaged_archive", "too_large" (a bomb too: sizes are checked before bytes are read), "too_many_files".
UnpackedPaper unpack_paper(std::string_view bytes, const PaperLimits& limits = {});

/// The files as text: UTF-8 where they are; else as their inputenc or CJK option says, else windows-1252. Newlines "\n".
LatexFiles decode_paper(const std::vector<PaperFile>& files);

/// The files a paper starts at, in the order of their names: those that 00README says are top level; else those with \documentclass
/// (or \documentstyle) and no other file including them; else, for plain TeX, those that no other includes. Files that 00README or
/// "%auto-ignore" takes out are none. Empty: there is no TeX.
std::vector<std::string> main_files(const LatexFiles& files);

}  // namespace corollary
