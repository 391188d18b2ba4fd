#include "corpus/web/latex_writer.h"

#include <algorithm>

#include "corpus/text.h"

namespace corollary {
namespace {

bool ends_in_control_word(std::string_view piece) {
  std::size_t at = piece.size();
  while (at > 0 && is_ascii_letter(piece[at - 1])) --at;
  return at > 0 && at < piece.size() && piece[at - 1] == '\\' && (at < 2 || piece[at - 2] != '\\');
}

}  // namespace

void LatexWriter::put(std::string_view piece) {
  if (piece.empty()) return;
  if (ends_in_word_ && is_ascii_letter(piece.front())) out_ += ' ';
  out_ += piece;
  // One letter ends no control word, and most pieces are one.
  ends_in_word_ = piece.size() > 1 && ends_in_control_word(piece);
}

void LatexWriter::put_letters(MathFont font, std::string_view letters) {
  const std::string_view command = font_command(font);
  if (command.empty()) return put(letters);
  const std::string_view closing = std::string_view("}}").substr(std::count(command.begin(), command.end(), '{') == 2 ? 0 : 1);
  if (letters_end_ != 0 && letters_end_ == out_.size() && letters_font_ == font && is_ascii_letter(letters.front()))
    out_.resize(out_.size() - closing.size());
  else {
    letters_start_ = out_.size();
    put(command);
  }
  put(letters);
  put(closing);
  letters_end_ = out_.size();
  letters_font_ = font;
}

std::size_t LatexWriter::mark() {
  letters_end_ = 0;
  return out_.size();
}

void LatexWriter::take_back(std::size_t at) {
  out_.resize(at);
  letters_end_ = 0;
  ends_in_word_ = ends_in_control_word(std::string_view(out_).substr(at - std::min<std::size_t>(at, 40)));
}

std::string LatexWriter::finish() {
  if (insertions_.empty()) return std::move(out_);
  std::sort(insertions_.begin(), insertions_.end(),
            [](const Insertion& a, const Insertion& b) { return a.at != b.at ? a.at < b.at : a.order > b.order; });
  std::string merged;
  merged.reserve(out_.size() + inserted_bytes_);
  std::size_t done = 0;
  for (const Insertion& insertion : insertions_) {
    merged.append(out_, done, insertion.at - done);
    merged += insertion.text;
    done = insertion.at;
  }
  merged.append(out_, done, std::string::npos);
  return merged;
}

}  // namespace corollary
